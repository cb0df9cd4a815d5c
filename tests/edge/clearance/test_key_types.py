"""The kind of a key is a plug: another one fits, is never taken for the first, and no keyset file can name it."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.envelope import EnvelopeError, canonical_json, encode_base64url, seal, split, verify
from edge.clearance.key_types import (
    ED25519,
    KEYSET_KEY_TYPES,
    PrivateKey,
    key_type_of,
    read_public_key,
)
from edge.clearance.keys import KeyFileError, key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import KEYSET_TYPE, Keyset, KeysetError, KeysetKey, open_keyset, seal_keyset
from edge.clearance.signed import SignedError, open_signed
from simulators.prove.signers import KEYED_HASH, hash_key
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE, grant_key

REAL, HASHED = Ed25519PrivateKey.from_private_bytes(bytes(range(32))), hash_key("customs")
BOTH = pytest.mark.parametrize("key", [REAL, HASHED], ids=["ed25519", "keyed_hash"])
TYP = "gate-grant+jws"
ROOT = Ed25519PrivateKey.from_private_bytes(bytes(32))


def entry(key: PrivateKey) -> KeysetKey:
    public = key.public_key()
    window = NOW - timedelta(days=1), NOW + timedelta(days=1)
    return KeysetKey(key_id_of(public), AUTHORITY, public, "grant", (SITE,), (LANE,), *window)


def keyset(*keys: PrivateKey) -> Keyset:
    entries = {one.key_id: one for one in map(entry, keys)}
    return Keyset("root", 1, "simulated", NOW - timedelta(hours=1), NOW + timedelta(days=1), entries)


def refusal(raw: bytes, trusted: Keyset) -> str:
    with pytest.raises(SignedError) as error:
        open_signed(
            raw,
            typ=TYP,
            role="grant",
            issuer=AUTHORITY,
            table={},
            keyset=trusted,
            site=SITE,
            lane=LANE,
            now_utc=NOW,
        )
    return error.value.reason


def renamed(raw: bytes, algorithm: object) -> bytes:
    """The same message, which says that it is signed by another algorithm."""
    header, payload, signature = raw.split(b".")
    said = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    return b".".join((encode_base64url(canonical_json(said | {"alg": algorithm})), payload, signature))


@BOTH
def test_whatever_the_kind_what_is_sealed_opens_and_says_its_algorithm(key: PrivateKey) -> None:
    envelope = split(seal(b'{"a":1}', typ=TYP, key_id="k", key=key), typ=TYP)
    assert envelope.algorithm == key_type_of(key).algorithm
    assert verify(envelope, key.public_key()) == b'{"a":1}'


@BOTH
def test_a_key_has_the_lengths_that_its_kind_says(key: PrivateKey) -> None:
    kind = key_type_of(key)
    assert key_type_of(key.public_key()) == kind
    assert len(key.public_key().public_bytes_raw()) == kind.public_bytes
    assert len(key.sign(b"")) == kind.signature_bytes


@pytest.mark.hazard("S1")
@pytest.mark.parametrize(("signs", "trusted"), [(REAL, HASHED), (HASHED, REAL)], ids=["real", "hashed"])
def test_a_message_is_checked_by_the_algorithm_of_the_key_and_not_by_its_own(
    signs: PrivateKey, trusted: PrivateKey
) -> None:
    """Each calls itself by the id of the other's key, under its own name of the algorithm and under the other's."""
    raw = seal(b"{}", typ=TYP, key_id=entry(trusted).key_id, key=signs)
    assert refusal(raw, keyset(REAL, HASHED)) == "header_algorithm"
    assert refusal(renamed(raw, key_type_of(trusted).algorithm), keyset(REAL, HASHED)) == "signature_invalid"


@pytest.mark.parametrize("algorithm", ["none", "", "HS512", "HS256", "SM2", "eddsa", "ES256"])
def test_a_good_signature_under_another_name_is_refused(algorithm: str) -> None:
    raw = seal(b"{}", typ=TYP, key_id=entry(REAL).key_id, key=REAL)
    assert refusal(renamed(raw, algorithm), keyset(REAL)) == "header_algorithm"


def test_a_public_key_used_as_the_secret_of_a_hash_signs_nothing() -> None:
    """The classic confusion: a verifier that lets the message choose would take the public bytes for a secret."""
    public = REAL.public_key().public_bytes_raw()
    forger = type(HASHED)(public)  # type: ignore[call-arg]
    raw = seal(b"{}", typ=TYP, key_id=entry(REAL).key_id, key=forger)
    assert refusal(raw, keyset(REAL)) == "header_algorithm"
    assert refusal(renamed(raw, ED25519.algorithm), keyset(REAL)) == "signature_invalid"


def test_who_is_unknown_is_told_before_what_it_says_of_its_algorithm() -> None:
    raw = seal(b"{}", typ=TYP, key_id="nobody", key=HASHED)
    assert refusal(raw, keyset(REAL)) == "key_unknown"


@pytest.mark.parametrize("algorithm", [["EdDSA"], None, 1, {"alg": "EdDSA"}])
def test_an_algorithm_that_is_no_name_has_no_form(algorithm: object) -> None:
    with pytest.raises(EnvelopeError, match="header_algorithm"):
        split(renamed(seal(b"{}", typ=TYP, key_id="k", key=REAL), algorithm), typ=TYP)


# --- the keyed hash of the simulation is none of the product ----------------------------------------------------


def test_a_keyset_file_may_name_only_ed25519() -> None:
    assert set(KEYSET_KEY_TYPES) == {"EdDSA"}
    assert KEYED_HASH not in KEYSET_KEY_TYPES.values()
    with pytest.raises(TypeError):
        KEYSET_KEY_TYPES["HS512"] = KEYED_HASH  # type: ignore[index]


def opened(raw: bytes) -> Keyset:
    return open_keyset(raw, root_key_id="root", root=ROOT.public_key(), environment="simulated", now_utc=NOW)


def test_a_keyset_file_with_the_keyed_hash_is_refused_even_with_the_roots_signature() -> None:
    assert opened(seal_keyset(keyset(REAL), ROOT)).keys == keyset(REAL).keys
    with pytest.raises(KeysetError) as error:
        opened(seal_keyset(keyset(REAL, HASHED), ROOT))
    assert error.value.reason == "field_value"


def test_a_keyset_that_the_keyed_hash_signed_is_refused_by_a_pinned_root() -> None:
    with pytest.raises(KeysetError) as error:
        opened(seal(b"{}", typ=KEYSET_TYPE, key_id="root", key=HASHED))
    assert error.value.reason == "header_algorithm"


def test_its_public_bytes_under_the_name_of_ed25519_are_a_key_that_it_cannot_sign_for() -> None:
    """Its bytes have the length; whatever they are as a point, no keyed hash verifies below them."""
    bytes_of = HASHED.public_key().public_bytes_raw()
    as_ed25519 = read_public_key("EdDSA", bytes_of)
    with pytest.raises(EnvelopeError, match="header_algorithm"):
        verify(split(seal(b"{}", typ=TYP, key_id="k", key=HASHED), typ=TYP), as_ed25519)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_bytes_of_another_length_are_no_key(length: int) -> None:
    with pytest.raises(ValueError, match=f"^expected 32 bytes, got {length}$"):
        read_public_key("EdDSA", bytes(length))


def test_no_key_file_holds_one(tmp_path: Path) -> None:
    path = tmp_path / "lane.key.pem"
    path.write_bytes(HASHED.sign(b"")[:32])
    path.chmod(0o600)
    for load in (load_private_key, load_public_key):
        with pytest.raises(KeyFileError, match="key_file_format"):
            load(path)


def test_grant_keys_of_the_tests_are_what_a_keyset_names() -> None:
    assert key_type_of(grant_key(REAL).public) is ED25519
