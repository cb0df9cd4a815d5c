"""Signed sampling plans: each wrong one refused with its own reason (S2, S12, S13)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.issued import IssuedContext, IssuedRefusal
from edge.clearance.offline_list import list_claims, seal_list
from edge.clearance.sampling_plan import (
    MAX_CLASSES,
    MAX_PLAN_LIFE,
    PLAN_TYPE,
    check_plan,
    plan_claims,
    plan_seed,
    seal_plan,
    seed_hash,
)
from edge.core.sampling_plan import SampledClass, SamplingPlan
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE, World, grant_key

SECRET = b"s" * 32
CLASSES = (SampledClass("aeo", 5, "weigh"), SampledClass("general", 80, "nii"))


def context(world: World, **changes: Any) -> IssuedContext:
    key = grant_key(world.authority_key, **changes.pop("key", {"role": "sampling"}))
    keyset = replace(world.keyset, keys={key.key_id: key})
    return replace(IssuedContext(AUTHORITY, SITE, LANE, SECRET, keyset, 0, NOW, 10_000), **changes)


def claims(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"secret": SECRET, "issued": NOW, "not_after": NOW + timedelta(days=7)}
    return plan_claims(AUTHORITY, SITE, LANE, 7, CLASSES, **given) | changes


def of_version(version: int) -> dict[str, Any]:
    """The claims that differ in another version."""
    return {"version": version, "seed_hash": seed_hash(plan_seed(SECRET, SITE, LANE, version))}


def one_class(**changes: Any) -> dict[str, Any]:
    return claims(classes=[claims()["classes"][0] | changes])


def signed(world: World, found: dict[str, Any]) -> bytes:
    return seal_plan(found, key_id=world.authority_key_id, key=world.authority_key)


def test_a_good_plan_is_read_whole_and_its_seed_is_not_in_it(world: World) -> None:
    raw = signed(world, claims())
    found = check_plan(raw, context(world, now_utc=NOW + timedelta(days=1)))
    seed = plan_seed(SECRET, SITE, LANE, 7)
    assert found == SamplingPlan(AUTHORITY, 7, seed, 10_000 + 6 * 86_400_000, CLASSES)
    assert seed not in canonical_json(claims()).decode()
    assert claims()["seed_hash"] == seed_hash(seed)


def test_each_lane_and_version_has_a_seed_of_its_own() -> None:
    seeds = {plan_seed(SECRET, SITE, lane, version) for lane in ("a", "b") for version in (1, 2)}
    assert len(seeds | {plan_seed(b"t" * 32, SITE, "a", 1)}) == 5


def test_a_clock_that_lags_does_not_lengthen_the_plan(world: World) -> None:
    longest = claims(not_after="2026-03-31T08:00:00Z")
    found = check_plan(signed(world, longest), context(world, now_utc=NOW - timedelta(seconds=30)))
    assert isinstance(found, SamplingPlan)
    assert found.until_ms == 10_000 + MAX_PLAN_LIFE // timedelta(milliseconds=1)


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "version_2": ("version", claims(v=2)),
    "type_of_list": ("type", claims(typ="gate-offline-list+jws")),
    "unknown_field": ("field_unknown", claims(seed="5e" * 32)),
    "issuer_other": ("issuer", claims(iss="port")),
    "lane_other": ("wrong_lane", claims(lane="lane2")),
    "site_other": ("wrong_lane", claims(site="dock")),
    "version_zero": ("field_value", claims(version=0)),
    "lives_too_long": ("lifetime", claims(not_after="2026-03-31T08:00:00.001Z")),
    "ends_before_it_begins": ("lifetime", claims(not_after="2026-03-01T07:00:00Z")),
    "from_the_future": ("not_yet", claims(issued="2026-03-01T08:00:31Z")),
    "over": ("expired", claims(issued="2026-02-28T08:00:00Z", not_after="2026-03-01T08:00:00Z")),
    "no_classes": ("field_value", claims(classes=[])),
    "many_classes": ("field_value", claims(classes=claims()["classes"] * (MAX_CLASSES // 2 + 1))),
    "class_twice": ("duplicate_class", claims(classes=claims()["classes"] * 2)),
    "class_text": ("field_value", one_class(**{"class": "A 级"})),
    "class_unknown_field": ("field_value", one_class(score=3)),
    "rate_negative": ("field_value", one_class(per_mille=-1)),
    "rate_too_high": ("field_value", one_class(per_mille=1_001)),
    "rate_float": ("field_value", one_class(per_mille=0.5)),
    "rate_true": ("field_value", one_class(per_mille=True)),
    "target_other": ("field_value", one_class(target="beach")),
    "target_null": ("field_value", one_class(target=None)),
    "seed_hash_short": ("field_value", claims(seed_hash="ab")),
    "seed_of_another_secret": ("seed", claims(seed_hash=seed_hash(plan_seed(b"t" * 32, SITE, LANE, 7)))),
    "seed_of_another_version": ("seed", claims(version=8)),
    **{
        f"missing_{name}": ("field_missing", {key: value for key, value in claims().items() if key != name})
        for name in claims()
        if name not in ("v", "typ")
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_claims_are_refused(world: World, name: str) -> None:
    reason, found = WRONG[name]
    outcome = check_plan(signed(world, found), context(world))
    assert isinstance(outcome, IssuedRefusal)
    assert outcome.reason == reason


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("key_role", {"role": "list"}),
        ("key_role", {"role": "grant"}),
        ("key_revoked", {"role": "sampling", "status": "revoked"}),
        ("key_scope", {"role": "sampling", "lanes": ("lane2",)}),
        ("key_authority", {"role": "sampling", "issuer": "port"}),
    ],
)
def test_a_key_that_may_not_sign_plans(world: World, reason: str, changes: dict[str, Any]) -> None:
    assert check_plan(signed(world, claims()), context(world, key=changes)) == IssuedRefusal(reason)


def test_neither_a_list_nor_a_stranger_s_word_is_a_plan(world: World) -> None:
    listed = list_claims(AUTHORITY, SITE, LANE, 7, (), secret=SECRET, issued=NOW, not_after=NOW + timedelta(hours=1))
    wrong = {
        "header_type": seal_list(listed, key_id=world.authority_key_id, key=world.authority_key),
        "key_unknown": seal_plan(claims(), key_id=world.lane_key_id, key=world.lane_key),
        "signature_invalid": seal_plan(claims(), key_id=world.authority_key_id, key=world.lane_key),
        "too_large": b"a" * 16_385,
        "not_an_object": seal(b"[]", typ=PLAN_TYPE, key_id=world.authority_key_id, key=world.authority_key),
    }
    assert {reason: check_plan(raw, context(world)) for reason, raw in wrong.items()} == {
        reason: IssuedRefusal(reason) for reason in wrong
    }


@pytest.mark.hazard("S12")
def test_an_older_version_never_comes_back(world: World) -> None:
    assert check_plan(signed(world, claims()), context(world, highest_seen=8)) == IssuedRefusal("rolled_back")
    assert isinstance(check_plan(signed(world, claims()), context(world, highest_seen=7)), SamplingPlan)


@pytest.mark.hazard("S1", "S2")
def test_no_flipped_bit_is_accepted(world: World) -> None:
    good, given = signed(world, claims()), context(world)
    for position in range(len(good)):
        changed = bytearray(good)
        changed[position] ^= 1 << position % 8
        assert isinstance(check_plan(bytes(changed), given), IssuedRefusal)
