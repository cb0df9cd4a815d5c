import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.keyset import (
    KEYSET_TYPE,
    KeyRefusedError,
    Keyset,
    KeysetError,
    open_keyset,
    seal_keyset,
)
from edge.clearance.strict_json import parse_object
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE, grant_key

ROOT = Ed25519PrivateKey.generate()
KEY = Ed25519PrivateKey.generate()
KEYSET = Keyset(
    "root1",
    5,
    "production",
    NOW - timedelta(days=1),
    NOW + timedelta(days=20),
    {grant_key(KEY).key_id: grant_key(KEY)},
)


def opened(raw: bytes, **changes: Any) -> Keyset:
    given: dict[str, Any] = {
        "root_key_id": "root1",
        "root": ROOT.public_key(),
        "environment": "production",
        "now_utc": NOW,
    }
    return open_keyset(raw, **(given | changes))


def claims() -> dict[str, Any]:
    encoded = seal_keyset(KEYSET, ROOT).split(b".")[1]
    return parse_object(base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4)))


def signed(changed: dict[str, Any]) -> bytes:
    return seal(canonical_json(changed), typ=KEYSET_TYPE, key_id="root1", key=ROOT)


def test_round_trip() -> None:
    found = opened(seal_keyset(KEYSET, ROOT))
    key = found.key_for(grant_key(KEY).key_id, role="grant", issuer=AUTHORITY, site=SITE, lane=LANE, now_utc=NOW)
    assert key == KEY.public_key()
    assert replace(found, keys={}) == replace(KEYSET, keys={})


def test_a_keyset_of_another_environment_says_which() -> None:
    with pytest.raises(KeysetError, match=r"^environment: expected test, got production$"):
        opened(seal_keyset(KEYSET, ROOT), environment="test")


@pytest.mark.parametrize("life", [timedelta(seconds=2), timedelta(days=30)])
def test_a_keyset_lives_as_short_as_its_issuer_likes_and_for_thirty_days(life: timedelta) -> None:
    found = replace(KEYSET, issued=NOW - timedelta(seconds=1), expires=NOW - timedelta(seconds=1) + life)
    assert opened(seal_keyset(found, ROOT)).expires == found.expires


@pytest.mark.hazard("S12")
def test_a_version_seen_before_is_accepted_and_an_older_one_is_not() -> None:
    raw = seal_keyset(KEYSET, ROOT)
    assert opened(raw, highest_seen=5).version == 5
    with pytest.raises(KeysetError) as refusal:
        opened(raw, highest_seen=6)
    assert refusal.value.reason == "rolled_back"


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("root_key_id", {"root_key_id": "root2"}),
        ("signature_invalid", {"root": KEY.public_key()}),
        ("environment", {"environment": "simulated"}),
        ("environment", {"environment": "test"}),
        ("expired", {"now_utc": KEYSET.expires}),
    ],
)
def test_refused_for_where_and_when(reason: str, changes: dict[str, Any]) -> None:
    with pytest.raises(KeysetError) as refusal:
        opened(seal_keyset(KEYSET, ROOT), **changes)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("field_value", {"v": 2}),
        ("field_value", {"typ": "gate-grant+jws"}),
        ("field_value", {"version": 0}),
        ("field_value", {"version": True}),
        ("field_value", {"environment": "staging"}),
        ("field_value", {"expires": "soon"}),
        ("field_value", {"keys": {}}),
        ("field_unknown", {"comment": ""}),
        ("lifetime", {"expires": "2026-04-02T08:00:00Z"}),
        ("lifetime", {"expires": "2026-02-01T08:00:00Z"}),
    ],
)
def test_refused_for_its_claims(reason: str, changes: dict[str, Any]) -> None:
    with pytest.raises(KeysetError) as refusal:
        opened(signed(claims() | changes))
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("field_value", {"alg": "none"}),
        ("field_value", {"alg": "HS256"}),
        ("field_value", {"pub": "short"}),
        ("field_value", {"role": "admin"}),
        ("field_value", {"sites": []}),
        ("field_value", {"lanes": ["+"]}),
        ("field_value", {"status": "fine"}),
        ("field_value", {"d": "secret"}),
        ("key_bytes", {"pub": "=" * 43}),
        ("key_bytes", {"pub": "A" * 42 + "B"}),
    ],
)
def test_refused_for_one_key(reason: str, changes: dict[str, Any]) -> None:
    whole = claims()
    whole["keys"][0] |= changes
    with pytest.raises(KeysetError) as refusal:
        opened(signed(whole))
    assert refusal.value.reason == reason


def test_refused_for_two_keys_of_one_id() -> None:
    whole = claims()
    whole["keys"] *= 2
    with pytest.raises(KeysetError) as refusal:
        opened(signed(whole))
    assert refusal.value.reason == "duplicate_key_id"


@pytest.mark.parametrize("payload", [b"[]", b"{", b'{"v":1,"v":1}'])
def test_refused_for_its_json(payload: bytes) -> None:
    with pytest.raises(KeysetError):
        opened(seal(payload, typ=KEYSET_TYPE, key_id="root1", key=ROOT))


def test_a_grant_type_envelope_is_no_keyset() -> None:
    with pytest.raises(KeysetError) as refusal:
        opened(seal(b"{}", typ="gate-grant+jws", key_id="root1", key=ROOT))
    assert refusal.value.reason == "header_type"


def test_unknown_key_says_so() -> None:
    with pytest.raises(KeyRefusedError) as refusal:
        KEYSET.key_for("nobody", role="grant", issuer=AUTHORITY, site=SITE, lane=LANE, now_utc=NOW)
    assert refusal.value.reason == "key_unknown"
