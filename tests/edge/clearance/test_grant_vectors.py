"""Named negative vectors (hazards.md S1, S2, S3, S7, S20): each refused with its own reason, none accepted."""

import base64
import contextlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clearance.envelope import encode_base64url
from edge.clearance.grant import GRANT_TYPE, GrantRefusal, check_grant
from edge.clearance.keyset import Keyset
from edge.core.grant import Grant
from tests.support.clearance import AUTHORITY, GRANT, LANE, NOW, SITE, World, grant_key
from tests.support.grant_field_vectors import FIELD_VECTORS
from tests.support.grant_vectors import VECTORS, with_header

ALL_VECTORS = VECTORS | FIELD_VECTORS


def check(world: World, raw: bytes, **changes: Any) -> Grant | GrantRefusal:
    given: dict[str, Any] = {
        "retained": False,
        "authority": AUTHORITY,
        "keyset": world.keyset,
        "site": SITE,
        "lane": LANE,
        "now_utc": NOW,
    }
    return check_grant(raw, **(given | changes))


@pytest.mark.parametrize("name", ALL_VECTORS)
@pytest.mark.hazard("S1", "S2", "S3", "C8", "C9")
@pytest.mark.threat("masquerade", "grant")
def test_vector_is_refused_with_its_own_reason(world: World, name: str) -> None:
    reason, make = ALL_VECTORS[name]
    outcome = check(world, make(world))
    assert isinstance(outcome, GrantRefusal)
    assert outcome.reason == reason


def test_there_are_at_least_300_vectors() -> None:
    assert len(ALL_VECTORS) >= 300


def test_the_good_grant_is_accepted_whole(world: World) -> None:
    outcome = check(world, world.sign(world.claims()))
    assert outcome == replace(GRANT, key_id=world.authority_key_id)


@pytest.mark.parametrize("verdict", ["refer", "hold", "deny", "not_applicable"])
def test_every_verdict_is_read(world: World, verdict: str) -> None:
    target = "weigh" if verdict == "refer" else None
    outcome = check(world, world.sign(world.claims(verdict=verdict, target=target, note=None, reason="x")))
    assert isinstance(outcome, Grant)
    assert (outcome.verdict, outcome.target, outcome.note, outcome.reason) == (verdict, target, None, "x")


def test_header_order_and_spacing_of_another_signer_are_accepted(world: World) -> None:
    text = json.dumps({"typ": GRANT_TYPE, "kid": world.authority_key_id, "alg": "EdDSA"}).encode()
    assert isinstance(check(world, with_header(None, raw_header=text)(world)), Grant)


@pytest.mark.hazard("C6")
def test_retained_is_refused_before_anything_is_decoded(world: World) -> None:
    assert check(world, world.sign(world.claims()), retained=True) == GrantRefusal("retained")
    assert check(world, b"garbage", retained=True) == GrantRefusal("retained")


KEY_CASES: dict[str, dict[str, Any]] = {
    "key_role": {"role": "ops"},
    "key_revoked": {"status": "revoked"},
    "key_not_yet_valid": {"not_before": NOW + timedelta(seconds=1)},
    "key_expired": {"not_after": NOW},
    "key_authority": {"issuer": "port"},
}


@pytest.mark.parametrize("reason", KEY_CASES)
@pytest.mark.hazard("S20")
def test_key_that_may_not_sign_this(world: World, reason: str) -> None:
    keyset = one_key(world, **KEY_CASES[reason])
    assert check(world, world.sign(world.claims()), keyset=keyset) == GrantRefusal(reason)


@pytest.mark.parametrize("scope", [{"sites": ("other",)}, {"lanes": ("lane2",)}])
@pytest.mark.hazard("C8")
def test_key_whose_scope_is_elsewhere(world: World, scope: dict[str, Any]) -> None:
    outcome = check(world, world.sign(world.claims()), keyset=one_key(world, **scope))
    assert outcome == GrantRefusal("key_scope")


@pytest.mark.parametrize("changes", [{"sites": ("*",), "lanes": ("*",)}, {"status": "retired"}])
def test_key_that_may(world: World, changes: dict[str, Any]) -> None:
    """A retired key still verifies in its window: it signs nothing new but its last grants are in flight."""
    assert isinstance(check(world, world.sign(world.claims()), keyset=one_key(world, **changes)), Grant)


def test_expired_keyset_ends_all_grants(world: World) -> None:
    outcome = check(world, world.sign(world.claims()), now_utc=world.keyset.expires)
    assert outcome == GrantRefusal("keyset_expired")


def one_key(world: World, **changes: Any) -> Keyset:
    key = grant_key(world.authority_key, **changes)
    return replace(world.keyset, keys={key.key_id: key})


@settings(max_examples=400, deadline=None)
@given(position=st.integers(min_value=0), bit=st.integers(0, 7), cut=st.integers(0, 3))
@pytest.mark.hazard("S1")
@pytest.mark.threat("corruption", "grant")
def test_no_flipped_bit_is_accepted(world: World, position: int, bit: int, cut: int) -> None:
    good = bytearray(world.sign(world.claims()))
    good[position % len(good)] ^= 1 << bit
    assert isinstance(check(world, bytes(good[cut:])), GrantRefusal)


def test_no_single_flipped_bit_of_the_signature_is_accepted(world: World) -> None:
    good = world.sign(world.claims())
    head, encoded = good.rsplit(b".", 1)
    signature = base64.urlsafe_b64decode(encoded + b"==")
    for index in range(len(signature) * 8):
        changed = bytearray(signature)
        changed[index // 8] ^= 1 << index % 8
        assert check(world, head + b"." + encode_base64url(bytes(changed))) == GrantRefusal("signature_invalid")


@given(st.binary(max_size=400))
@pytest.mark.hazard("C19", "I18")
def test_any_bytes_are_refused_and_never_raise(world: World, noise: bytes) -> None:
    assert isinstance(check(world, noise), GrantRefusal)


@settings(max_examples=40, deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s), max_leaves=5))
@pytest.mark.hazard("S2", "C19")
def test_any_value_of_any_claim_is_judged(world: World, value: Any) -> None:
    for name, usual in world.claims().items():
        with contextlib.suppress(UnicodeEncodeError):
            outcome = check(world, world.sign(world.claims(**{name: value})))
            assert isinstance(outcome, GrantRefusal) or value is None or type(value) is type(usual)
