"""Central's signed "stored through seq N": who signed it, for which lane, and everything that is none."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from edge.clearance.acknowledgement import (
    ACK_TYPE,
    FALSE_BURST,
    FALSE_PER_S,
    Acknowledgements,
    open_acknowledgement,
)
from edge.clearance.envelope import canonical_json, encode_base64url, seal
from edge.clearance.grant import GRANT_TYPE
from edge.clearance.keys import create_keys, key_id_of, load_private_key, load_public_key, write_private_key
from edge.clearance.keyset import Keyset, open_keyset
from edge.clearance.signed import SignedError
from ops.cli import main as ops_main
from ops.envelope import Lane
from ops.signing import Acknowledger, SigningError
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE
from tests.support.clocks import StoodClock
from tests.support.signed_vectors import Vector, claims, raw, text, without

GOOD = {"v": 1, "typ": ACK_TYPE, "site": SITE, "lane": LANE, "epoch": 7, "seq": 40}


class Central:
    """A site whose lanes want signed acknowledgements, and all of its keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        made = create_keys(
            folder, site=SITE, lanes=[LANE], authorities=[AUTHORITY], environment="test", now_utc=NOW, central=True
        )
        root = load_public_key(made.root_public)
        self.keyset: Keyset = open_keyset(
            made.keyset.read_bytes(), root_key_id=key_id_of(root), root=root, environment="test", now_utc=NOW
        )
        self.key = load_private_key(folder / "ops-central.key.pem")
        self.key_id = key_id_of(self.key.public_key())

    def claims(self, **changes: Any) -> dict[str, Any]:
        return GOOD | changes

    def sign(self, found: dict[str, Any]) -> bytes:
        return self.sign_bytes(canonical_json(found))

    def sign_bytes(self, payload: bytes) -> bytes:
        return seal(payload, typ=ACK_TYPE, key_id=self.key_id, key=self.key)

    def by(self, name: str, *, typ: str = ACK_TYPE) -> bytes:
        """Sign good claims with another key of the site."""
        key = load_private_key(self.folder / f"{name}.key.pem")
        return seal(canonical_json(GOOD), typ=typ, key_id=key_id_of(key.public_key()), key=key)

    def opened(self, found: bytes, now: datetime = NOW, lane: str = LANE) -> tuple[int, int]:
        return open_acknowledgement(found, keyset=self.keyset, site=SITE, lane=lane, now_utc=now)


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Central:
    return Central(tmp_path_factory.mktemp("keys"))


def header(**changes: Any) -> Callable[[Central], bytes]:
    def make(world: Central) -> bytes:
        found = {"alg": "EdDSA", "typ": ACK_TYPE, "kid": world.key_id} | changes
        top = canonical_json({name: value for name, value in found.items() if value is not ...})
        signed = encode_base64url(top) + b"." + encode_base64url(canonical_json(GOOD))
        return signed + b"." + encode_base64url(world.key.sign(signed))

    return make


def by_stranger(world: Central) -> bytes:
    return seal(canonical_json(GOOD), typ=ACK_TYPE, key_id=world.key_id, key=Ed25519PrivateKey.generate())


def another_payload(world: Central) -> bytes:
    parts, other = (world.sign(GOOD | {"seq": seq}).split(b".") for seq in (40, 41))
    return b".".join([parts[0], other[1], parts[2]])


VECTORS: dict[str, tuple[Vector | Callable[[Central], bytes], str]] = {
    "unsigned": (lambda _world: b'{"epoch":7,"seq":40}', "not_compact"),
    "empty": (lambda _world: b"", "not_compact"),
    "large": (lambda _world: b"x" * 17_000, "too_large"),
    "no_signature": (raw(lambda good: good.rsplit(b".", 1)[0] + b"."), "base64_not_canonical"),
    "cut": (raw(lambda good: good[:-2]), "signature_length"),
    "alg_none": (header(alg="none"), "header_algorithm"),
    "alg_hs256": (header(alg="HS256"), "header_algorithm"),
    "jwk": (header(jwk={}), "header_forbidden"),
    "of_a_grant": (header(typ=GRANT_TYPE), "header_type"),
    "no_key": (header(kid=...), "header_fields"),
    "unknown_key": (header(kid="nobody"), "key_unknown"),
    "by_stranger": (by_stranger, "signature_invalid"),
    "another_payload": (another_payload, "signature_invalid"),
    "by_authority": (lambda world: world.by(f"authority-{AUTHORITY}"), "key_role"),
    "by_drill": (lambda world: world.by(f"drill-{AUTHORITY}"), "key_role"),
    "by_the_lane": (lambda world: world.by(f"lane-{LANE}"), "key_role"),
    "another_lane": (claims(lane="lane2"), "wrong_lane"),
    "another_site": (claims(site="port"), "wrong_lane"),
    "another_version": (claims(v=2), "version"),
    "another_type": (claims(typ=GRANT_TYPE), "type"),
    "seq_below": (claims(seq=-1), "field_value"),
    "seq_text": (claims(seq="40"), "field_value"),
    "seq_true": (claims(seq=True), "field_value"),
    "seq_part": (claims(seq=40.0), "field_value"),
    "epoch_below": (claims(epoch=-1), "field_value"),
    "epoch_none": (claims(epoch=None), "field_value"),
    "lane_wildcard": (claims(lane="#"), "field_value"),
    "more": (claims(more=1), "field_unknown"),
    "two_seqs": (text(b'"seq":40', b'"seq":40,"seq":41'), "duplicate_key"),
    "nan": (text(b'"seq":40', b'"seq":NaN'), "number"),
    **{f"without_{name}": (without(name), "field_missing") for name in ("site", "lane", "epoch", "seq")},
}


@pytest.mark.threat("masquerade", "corruption", "insertion", "ack")
@pytest.mark.parametrize("name", VECTORS)
def test_what_is_no_word_of_central_is_refused(central: Central, name: str):
    make, reason = VECTORS[name]
    with pytest.raises(SignedError) as refused:
        central.opened(make(central))  # type: ignore[arg-type]
    assert refused.value.reason == reason


def test_what_central_signs_is_what_the_lane_opens(central: Central):
    found = Acknowledger(central.folder / "ops-central.key.pem")(Lane(SITE, LANE), 7, 40)
    assert central.opened(found) == (7, 40)
    assert found == central.sign(GOOD)


def test_a_key_that_ended_was_revoked_or_is_for_other_lanes_signs_nothing(central: Central):
    good = central.sign(GOOD)
    with pytest.raises(SignedError, match="keyset_expired"):
        central.opened(good, NOW + timedelta(days=31))
    with pytest.raises(SignedError, match="key_scope"):
        central.opened(good, lane="lane2")
    key = central.keyset.keys[central.key_id]
    revoked = replace(central.keyset, keys={key.key_id: replace(key, status="revoked")})
    with pytest.raises(SignedError, match="key_revoked"):
        open_acknowledgement(good, keyset=revoked, site=SITE, lane=LANE, now_utc=NOW)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(central: Central, found: bytes):
    with pytest.raises(SignedError):
        central.opened(found)


@given(st.data())
def test_one_changed_bit_is_refused(central: Central, data: st.DataObject):
    good = bytearray(central.sign(GOOD))
    place = data.draw(st.integers(0, len(good) * 8 - 1))
    good[place // 8] ^= 1 << place % 8
    with pytest.raises(SignedError):
        central.opened(bytes(good))


def test_a_key_that_cannot_sign_is_named(tmp_path: Path):
    (tmp_path / "text.pem").write_text("no key")
    for name in ("text.pem", "missing.pem"):
        with pytest.raises(SigningError, match=name):
            Acknowledger(tmp_path / name)
    other = X25519PrivateKey.generate()
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "other.pem").write_bytes(pem)
    (tmp_path / "other.pem").chmod(0o600)
    with pytest.raises(SigningError, match="expected an Ed25519 key"):
        Acknowledger(tmp_path / "other.pem")
    arguments = ["--database", str(tmp_path / "ops.sqlite"), "--ack-key", str(tmp_path / "text.pem")]
    assert ops_main(arguments) == 75
    write_private_key(tmp_path / "good.pem", Ed25519PrivateKey.generate())
    Acknowledger(tmp_path / "good.pem")
    (tmp_path / "good.pem").chmod(0o640)
    with pytest.raises(SigningError, match="expected mode 0600, got 0640"):
        Acknowledger(tmp_path / "good.pem")


@pytest.mark.hazard("C20", "C22")
def test_a_storm_of_false_ones_costs_few_signatures_and_central_is_heard_in_it_and_after_it(central: Central) -> None:
    clock, looked = StoodClock(), 0

    def keyset() -> Keyset:
        nonlocal looked
        looked += 1
        return central.keyset

    found = Acknowledgements(keyset=keyset, site=SITE, lane=LANE, clock=clock)
    good, false = central.sign(GOOD), by_stranger(central)
    assert [found.opened(good) for _ in range(10 * FALSE_BURST)] == [(7, 40)] * 10 * FALSE_BURST
    assert found.opened(false) is None
    assert found.opened(good) == (7, 40)
    looked = 0
    heard = 0
    for number in range(60_000):
        clock.ms += 1
        heard += found.opened(good if number % 50 == 0 else false) is not None
    assert looked <= FALSE_BURST + 61 * FALSE_PER_S
    assert found.dropped == 60_000 - looked
    assert heard > 0
    clock.ms += 10_000
    assert [found.opened(good) for _ in range(3 * FALSE_BURST)] == [(7, 40)] * 3 * FALSE_BURST
