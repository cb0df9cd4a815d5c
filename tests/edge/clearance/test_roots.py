"""hazards.md 4.3: a root of three keys, of which two have to sign; one that is stolen signs nothing alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, permutations
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.envelope import EnvelopeError, encode_base64url, seal
from edge.clearance.keys import (
    KeyFileError,
    KeyFiles,
    create_keys,
    key_id_of,
    load_root,
    root_of,
    write_private_key,
    write_public_key,
)
from edge.clearance.keyset import KEYSET_TYPE, Keyset, KeysetError, open_keyset, seal_keyset
from edge.clearance.root_rotation import ROTATION_TYPE, open_rotation, seal_rotation
from edge.clearance.roots import Root, RootError, countersigned, payload_of, signed_by
from edge.clearance.trust import KEYSET_FILE, ROOT_FILE, ROTATION_FILE, Trust
from tests.support.pinned_root import PinnedSite

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
A, B, C, D, E, F, STRANGER = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in range(1, 8))
OURS, NEXT = (A, B, C), (D, E, F)


def named(key: Ed25519PrivateKey) -> str:
    return key_id_of(key.public_key())


def root(*keys: Ed25519PrivateKey) -> Root:
    return root_of(*(key.public_key() for key in keys))


SHARED = root(*OURS)
LASTING = NOW - timedelta(hours=1), NOW + timedelta(days=20)


def keyset(*signers: Ed25519PrivateKey, version: int = 1, of: Root = SHARED) -> bytes:
    made = Keyset(of.key_id, version, "test", *LASTING, {})
    raw = seal_keyset(made, signers[0], key_id=named(signers[0]))
    for signer in signers[1:]:
        raw = countersigned(raw, typ=KEYSET_TYPE, key_id=named(signer), key=signer)
    return raw


def rotation(*signers: Ed25519PrivateKey, to: tuple[Ed25519PrivateKey, ...] = NEXT) -> bytes:
    successors = (key.public_key() for key in to)
    raw = seal_rotation(*successors, environment="test", issued=NOW, key_id=named(signers[0]), root=signers[0])
    for signer in signers[1:]:
        raw = countersigned(raw, typ=ROTATION_TYPE, key_id=named(signer), key=signer)
    return raw


def opened(raw: bytes, of: Root = SHARED) -> Keyset:
    return open_keyset(raw, root_key_id=of.key_id, root=of, environment="test", now_utc=NOW)


def refusal(raw: bytes, of: Root = SHARED) -> str:
    with pytest.raises(KeysetError) as error:
        opened(raw, of)
    return error.value.reason


# --- who has to sign ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signers", [*permutations(OURS, 2), *permutations(OURS, 3)])
def test_two_of_three_keys_sign_a_keyset_in_any_order_and_so_do_three(signers: tuple[Ed25519PrivateKey, ...]) -> None:
    found = opened(keyset(*signers))
    assert (found.version, found.root_key_id) == (1, SHARED.key_id)


@pytest.mark.hazard("S1")
@pytest.mark.parametrize("signer", OURS)
def test_one_key_alone_signs_nothing(signer: Ed25519PrivateKey) -> None:
    assert refusal(keyset(signer)) == "root_threshold"


def test_one_key_does_not_sign_twice() -> None:
    raw = keyset(A)
    assert refusal(raw + b"\n" + raw) == "root_twice"
    assert refusal(b"\n".join([keyset(A, B), keyset(A, B)])) == "root_twice"
    with pytest.raises(RootError, match="root_twice"):
        countersigned(raw, typ=KEYSET_TYPE, key_id=named(A), key=A)


def test_a_stranger_is_no_second_signer_nor_a_third() -> None:
    assert refusal(keyset(A, STRANGER)) == "root_key_id"
    assert refusal(keyset(A, B, STRANGER)) == "root_key_id"
    assert refusal(keyset(STRANGER, D)) == "root_key_id"


@pytest.mark.hazard("S1")
def test_a_stranger_under_the_id_of_a_key_is_found_whatever_else_is_signed() -> None:
    for good in ((A,), (A, C)):
        raw = countersigned(keyset(*good), typ=KEYSET_TYPE, key_id=named(B), key=STRANGER)
        assert refusal(raw) == "signature_invalid"


def test_two_keys_that_signed_different_things_signed_nothing_together() -> None:
    assert refusal(keyset(A) + b"\n" + keyset(B, version=2)) == "root_payload"


def test_two_keys_that_signed_things_of_different_types_signed_nothing_together() -> None:
    raw = keyset(A)
    other = seal(payload_of(raw, typ=KEYSET_TYPE), typ=ROTATION_TYPE, key_id=named(B), key=B)
    assert refusal(raw + b"\n" + other) == "header_type"


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "end of line": lambda raw: raw + b"\n",
    "empty line": lambda raw: b"\n" + raw,
    "carriage return": lambda raw: raw.replace(b"\n", b"\r\n"),
    "one line": lambda raw: raw.replace(b"\n", b" "),
    "cut": lambda raw: raw[:-4],
    "fifty times": lambda raw: b"\n".join([raw] * 50),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_of_another_form_is_refused(how: str) -> None:
    spoilt = SPOILT[how](keyset(A, B))
    assert refusal(spoilt) in ("not_compact", "base64_not_canonical", "signature_length", "too_large")


def test_a_root_of_one_key_is_as_it_was() -> None:
    alone = root(A)
    assert (alone.key_id, alone.threshold, SHARED.threshold) == (named(A), 1, 2)
    assert opened(keyset(A, of=alone), alone).root_key_id == named(A)
    assert refusal(keyset(A, B, of=alone), alone) == "root_key_id"
    assert refusal(keyset(B, of=alone), alone) == "root_key_id"


def test_a_shared_root_has_one_id_in_whatever_order_its_keys_lie() -> None:
    assert {root(*keys).key_id for keys in permutations(OURS)} == {SHARED.key_id}
    assert SHARED.key_id not in {root(*NEXT).key_id, *map(named, OURS)}


# --- its file ----------------------------------------------------------------------------------------------------


def pinned(folder: Path, *keys: Ed25519PrivateKey) -> Path:
    write_public_key(folder / ROOT_FILE, *(key.public_key() for key in keys))
    return folder / ROOT_FILE


def test_a_file_holds_one_key_or_three(tmp_path: Path) -> None:
    assert load_root(pinned(tmp_path, A)) == root(A)
    assert load_root(pinned(tmp_path, *OURS)) == SHARED


@pytest.mark.parametrize("keys", [(A, B), (A, B, C, D), (A, A, B), (A, A)])
def test_a_file_of_another_number_of_keys_is_no_root(tmp_path: Path, keys: tuple[Ed25519PrivateKey, ...]) -> None:
    with pytest.raises(KeyFileError, match="one public key, or 3 different ones"):
        load_root(pinned(tmp_path, *keys))


def test_a_file_with_a_key_that_is_none_is_no_root(tmp_path: Path) -> None:
    path = pinned(tmp_path, *OURS)
    path.write_bytes(path.read_bytes().replace(b"MCow", b"MCox", 1))
    with pytest.raises(KeyFileError, match="key_file_format"):
        load_root(path)
    path.write_bytes(b"no key")
    with pytest.raises(KeyFileError, match="key_file_format"):
        load_root(path)


# --- the root that follows ---------------------------------------------------------------------------------------


@pytest.mark.hazard("S14")
@pytest.mark.parametrize("signers", [*combinations(OURS, 2), OURS])
def test_two_of_three_say_which_root_follows(tmp_path: Path, signers: tuple[Ed25519PrivateKey, ...]) -> None:
    site, following = PinnedSite(tmp_path, *OURS), root(*NEXT)
    site.put(KEYSET_FILE, keyset(A, B, version=2**40))
    running = site.trust()
    site.put(ROTATION_FILE, rotation(*signers))
    site.put(KEYSET_FILE, keyset(D, F, of=following))
    assert (running.current().version, running.current().root_key_id) == (1, following.key_id)
    site.put(KEYSET_FILE, keyset(B, C, version=2**41))
    assert site.refusal() == "root_key_id"
    (site.keys / ROTATION_FILE).unlink()
    assert site.refusal() == "root_retired"


@pytest.mark.hazard("S14")
@pytest.mark.parametrize("signer", OURS)
def test_one_stolen_key_of_three_brings_no_root_of_its_own(tmp_path: Path, signer: Ed25519PrivateKey) -> None:
    site = PinnedSite(tmp_path, *OURS)
    site.put(KEYSET_FILE, keyset(A, B))
    running = site.trust()
    site.put(ROTATION_FILE, rotation(signer, to=(STRANGER,)))
    site.put(KEYSET_FILE, keyset(STRANGER, version=9, of=root(STRANGER)))
    assert running.current().version == 1, "what was in force stays"
    assert site.refusal() == "root_threshold"


def test_a_root_of_one_key_is_followed_by_a_shared_one_and_a_shared_one_by_one(tmp_path: Path) -> None:
    site = PinnedSite(tmp_path, A)
    site.put(ROTATION_FILE, rotation(A))
    site.put(KEYSET_FILE, keyset(D, E, of=root(*NEXT)))
    assert site.trust().current().root_key_id == root(*NEXT).key_id
    other = tmp_path / "other"
    other.mkdir()
    site = PinnedSite(other, *OURS)
    site.put(ROTATION_FILE, rotation(A, C, to=(D,)))
    site.put(KEYSET_FILE, keyset(D, of=root(D)))
    assert site.trust().current().root_key_id == named(D)
    site.put(KEYSET_FILE, keyset(D, E, of=root(D)))
    assert site.refusal() == "root_key_id"


def test_a_rotation_by_a_stranger_beside_a_key_is_refused_and_one_of_another_root_is_none(tmp_path: Path) -> None:
    with pytest.raises(KeysetError, match="root_key_id"):
        open_rotation(rotation(A, STRANGER), root=SHARED, environment="test")
    assert open_rotation(rotation(STRANGER, D), root=SHARED, environment="test") == ()


@pytest.mark.hazard("S14")
def test_a_root_follows_whole(tmp_path: Path) -> None:
    """With a key in both it would not be clear which of them signed, and what is revoked would sign on."""
    with pytest.raises(KeysetError, match="root_overlaps"):
        open_rotation(rotation(A, B, to=(C, D, E)), root=SHARED, environment="test")
    with pytest.raises(KeysetError, match="root_overlaps"):
        rotation(A, B, to=(A, D, E))
    site = PinnedSite(tmp_path, *OURS)
    site.put(ROTATION_FILE, rotation(A, B, to=(C, D, E)))
    site.put(KEYSET_FILE, keyset(C, D, of=root(C, D, E)))
    assert site.refusal() == "root_overlaps"


@pytest.mark.parametrize("count", [0, 2, 4])
def test_a_rotation_to_another_number_of_keys_is_refused(count: int) -> None:
    with pytest.raises(KeysetError, match="field_value"):
        open_rotation(rotation(A, B, to=(D, E, F, STRANGER)[:count]), root=SHARED, environment="test")


def test_a_rotation_to_one_key_three_times_or_to_no_keys_is_refused() -> None:
    with pytest.raises(KeysetError, match="field_value"):
        open_rotation(rotation(A, B, to=(D, D, D)), root=SHARED, environment="test")
    raw = rotation(A, B, to=NEXT)
    payload = payload_of(raw, typ=ROTATION_TYPE)
    key = encode_base64url(D.public_key().public_bytes_raw())
    wrong = payload.replace(b'"' + key + b'"', b"7")
    assert wrong != payload
    spoilt = b"\n".join(seal(wrong, typ=ROTATION_TYPE, key_id=named(one), key=one) for one in (A, B))
    with pytest.raises(KeysetError, match="field_value"):
        open_rotation(spoilt, root=SHARED, environment="test")


# --- making it ---------------------------------------------------------------------------------------------------


def made(folder: Path, lanes: tuple[str, ...] = ("L1",)) -> KeyFiles:
    return create_keys(folder, site="yard", lanes=lanes, authorities=["customs"], environment="test", now_utc=NOW)


def test_what_one_holder_makes_counts_once_another_has_signed_it(tmp_path: Path) -> None:
    keys, state = tmp_path / "keys", tmp_path / "state"
    keys.mkdir()
    state.mkdir()
    pinned(keys, *OURS)
    write_private_key(keys / "root.key.pem", B)
    files = made(keys)
    assert load_root(files.root_public) == SHARED, "the shared root stays pinned"
    with pytest.raises(KeysetError, match="root_threshold"):
        Trust(keys, state, environment="test", utc=lambda: NOW)
    files.keyset.write_bytes(countersigned(files.keyset.read_bytes(), typ=KEYSET_TYPE, key_id=named(C), key=C))
    assert signed_by(files.keyset.read_bytes(), typ=KEYSET_TYPE) == (named(B), named(C))
    found = Trust(keys, state, environment="test", utc=lambda: NOW).current()
    assert (found.version, found.root_key_id) == (1, SHARED.key_id)
    assert made(keys).keyset_version == 1, "nothing is missing: nothing is signed anew"
    assert made(keys, ("L1", "L2")).keyset_version == 2
    with pytest.raises(KeysetError, match="root_threshold"):
        Trust(keys, state, environment="test", utc=lambda: NOW)


def test_who_has_no_key_of_the_shared_root_makes_nothing_below_it(tmp_path: Path) -> None:
    path = pinned(tmp_path, *OURS)
    before = path.read_bytes()
    write_private_key(tmp_path / "root.key.pem", STRANGER)
    with pytest.raises(KeyFileError, match="key_file_foreign"):
        made(tmp_path)
    assert path.read_bytes() == before
    assert not (tmp_path / KEYSET_FILE).exists()


def test_a_keyset_that_only_another_holder_signed_is_not_gone_below(tmp_path: Path) -> None:
    pinned(tmp_path, *OURS)
    write_private_key(tmp_path / "root.key.pem", A)
    made(tmp_path)
    write_private_key(tmp_path / "root.key.pem", B)
    with pytest.raises(KeyFileError, match="key_file_format"):
        made(tmp_path, ("L1", "L2"))


def test_no_form_is_no_payload() -> None:
    with pytest.raises(EnvelopeError):
        payload_of(b"", typ=KEYSET_TYPE)
    assert replace(opened(keyset(A, B)), keys={}).version == 1
