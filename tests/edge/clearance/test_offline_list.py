"""Signed offline lists: each wrong one refused with its own reason (hazards.md 4.5, S2, S12, S13)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.issued import IssuedContext, IssuedRefusal
from edge.clearance.offline_list import (
    LIST_TYPE,
    MAX_ENTRIES,
    MAX_LIST_LIFE,
    ListedVehicle,
    check_list,
    list_claims,
    list_hash_key,
    seal_list,
)
from edge.core.offline_list import OfflineList, hash_identifier
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE, World, grant_key

SECRET = b"s" * 32
TRUCK = ListedVehicle("entry-1", "沪A12345", ("CSQU3054383",), "E2003412DC03011A06052A2C")


def context(world: World, **changes: Any) -> IssuedContext:
    key = grant_key(world.authority_key, **changes.pop("key", {"role": "list"}))
    keyset = replace(world.keyset, keys={key.key_id: key})
    return replace(IssuedContext(AUTHORITY, SITE, LANE, SECRET, keyset, 0, NOW, 10_000), **changes)


def claims(**changes: Any) -> dict[str, Any]:
    good = list_claims(
        AUTHORITY, SITE, LANE, 7, (TRUCK,), secret=SECRET, issued=NOW, not_after=NOW + timedelta(hours=4)
    )
    return good | changes


def entry(**changes: Any) -> dict[str, Any]:
    return claims(entries=[claims()["entries"][0] | changes])


def signed(world: World, found: dict[str, Any]) -> bytes:
    return seal_list(found, key_id=world.authority_key_id, key=world.authority_key)


def test_a_good_list_is_read_whole_and_its_times_become_the_lanes_own(world: World) -> None:
    found = check_list(signed(world, claims()), context(world, now_utc=NOW + timedelta(hours=1)))
    assert isinstance(found, OfflineList)
    key = list_hash_key(SECRET, SITE, LANE, 7)
    (one,) = found.entries
    assert (found.authority, found.version, found.hash_key, found.denied) == (AUTHORITY, 7, key, ())
    assert (one.id, one.max_uses, one.risk) == ("entry-1", 1, "low")
    assert one.plate == hash_identifier(key, "plate", "沪A12345")
    assert one.container == hash_identifier(key, "container", "CSQU3054383")
    assert one.tag == hash_identifier(key, "tag", "E2003412DC03011A06052A2C")
    assert found.until_ms == one.until_ms == 10_000 + 3 * 3_600_000
    assert one.from_ms == 10_000 - 3_600_000


def test_equal_trucks_look_different_in_two_versions_and_without_the_secret() -> None:
    assert list_hash_key(SECRET, SITE, LANE, 7) != list_hash_key(SECRET, SITE, LANE, 8)
    assert list_hash_key(SECRET, SITE, LANE, 7) != list_hash_key(b"t" * 32, SITE, LANE, 7)


def test_a_clock_that_lags_does_not_lengthen_the_list(world: World) -> None:
    found = check_list(signed(world, claims()), context(world, now_utc=NOW - timedelta(seconds=30)))
    assert isinstance(found, OfflineList)
    assert found.until_ms == 10_000 + MAX_LIST_LIFE // timedelta(milliseconds=1)


CLAIMS: dict[str, tuple[str, dict[str, Any]]] = {
    "version_2": ("version", claims(v=2)),
    "version_true": ("version", claims(v=True)),
    "type_of_grant": ("type", claims(typ="gate-grant+jws")),
    "unknown_field": ("field_unknown", claims(extra=1)),
    "issuer_other": ("issuer", claims(iss="port")),
    "lane_other": ("wrong_lane", claims(lane="lane2")),
    "site_other": ("wrong_lane", claims(site="dock")),
    "lane_wildcard": ("field_value", claims(lane="*")),
    "version_zero": ("field_value", claims(version=0)),
    "version_float": ("field_value", claims(version=7.0)),
    "lives_too_long": ("lifetime", claims(not_after="2026-03-01T12:00:00.001Z")),
    "ends_before_it_begins": ("lifetime", claims(not_after="2026-03-01T07:00:00Z")),
    "from_the_future": ("not_yet", claims(issued="2026-03-01T08:00:31Z", not_after="2026-03-01T09:00:00Z")),
    "over": ("expired", claims(issued="2026-03-01T06:00:00Z", not_after="2026-03-01T08:00:00Z")),
    "issued_local": ("field_value", claims(issued="2026-03-01T16:00:00+08:00")),
    "entries_null": ("field_value", claims(entries=None)),
    "entries_twice": ("duplicate_entry", claims(entries=claims()["entries"] * 2)),
    "denied_text": ("field_value", claims(denied="entry-1")),
    "denied_markup": ("field_value", claims(denied=["<b>"])),
    "entry_unknown_field": ("field_value", entry(extra=1)),
    "entry_id_bar": ("field_value", entry(id="entry|1")),
    "entry_plain_plate": ("field_value", entry(plate="沪A12345")),
    "entry_upper_hash": ("field_value", entry(plate="A" * 64)),
    "entry_one_identifier": ("too_few_identifiers", entry(container=None, tag=None)),
    "entry_no_identifier": ("too_few_identifiers", entry(plate=None, container=None, tag=None)),
    "entry_uses_zero": ("field_value", entry(max_uses=0)),
    "entry_uses_many": ("field_value", entry(max_uses=10)),
    "entry_uses_true": ("field_value", entry(max_uses=True)),
    "entry_class_none": ("field_value", entry(**{"class": None})),
    "entry_class_other": ("field_value", entry(**{"class": "lowest"})),
    "entry_window_empty": ("window", entry(until="2026-03-01T08:00:00.000Z")),
    "entry_window_backwards": ("window", entry(until="2026-03-01T07:00:00Z")),
    "entry_window_number": ("field_value", entry(until=1772352000)),
    **{
        f"missing_{name}": ("field_missing", {key: value for key, value in claims().items() if key != name})
        for name in claims()
        if name not in ("v", "typ")
    },
}


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.threat("insertion", "delay", "list")
def test_wrong_claims_are_refused(world: World, name: str) -> None:
    reason, found = CLAIMS[name]
    outcome = check_list(signed(world, found), context(world))
    assert isinstance(outcome, IssuedRefusal)
    assert outcome.reason == reason


BYTES: dict[str, tuple[str, Callable[[World], bytes]]] = {
    "too_large": ("too_large", lambda _: b"a" * 16_385),
    "empty": ("not_compact", lambda _: b""),
    "grant": ("header_type", lambda w: w.sign(w.claims())),
    "by_the_lane": ("key_unknown", lambda w: seal_list(claims(), key_id=w.lane_key_id, key=w.lane_key)),
    "by_a_stranger": ("signature_invalid", lambda w: seal_list(claims(), key_id=w.authority_key_id, key=w.lane_key)),
    "not_an_object": (
        "not_an_object",
        lambda w: seal(b"[]", typ=LIST_TYPE, key_id=w.authority_key_id, key=w.authority_key),
    ),
    "duplicate_key": (
        "duplicate_key",
        lambda w: seal(
            canonical_json(claims()).replace(b'"version":7', b'"version":7,"version":8'),
            typ=LIST_TYPE,
            key_id=w.authority_key_id,
            key=w.authority_key,
        ),
    ),
}


@pytest.mark.parametrize("name", BYTES)
@pytest.mark.threat("masquerade", "list")
def test_wrong_bytes_are_refused(world: World, name: str) -> None:
    reason, make = BYTES[name]
    outcome = check_list(make(world), context(world))
    assert isinstance(outcome, IssuedRefusal)
    assert outcome.reason == reason


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("key_role", {"role": "grant"}),
        ("key_revoked", {"role": "list", "status": "revoked"}),
        ("key_expired", {"role": "list", "not_after": NOW}),
        ("key_scope", {"role": "list", "lanes": ("lane2",)}),
        ("key_authority", {"role": "list", "issuer": "port"}),
    ],
)
def test_a_key_that_may_not_sign_lists(world: World, reason: str, changes: dict[str, Any]) -> None:
    assert check_list(signed(world, claims()), context(world, key=changes)) == IssuedRefusal(reason)


@pytest.mark.hazard("S12")
def test_an_older_version_never_comes_back(world: World) -> None:
    assert check_list(signed(world, claims()), context(world, highest_seen=8)) == IssuedRefusal("rolled_back")
    assert isinstance(check_list(signed(world, claims()), context(world, highest_seen=7)), OfflineList)


def test_an_expired_keyset_ends_all_lists(world: World) -> None:
    given = context(world)
    expired = replace(given, keyset=replace(given.keyset, expires=NOW))
    assert check_list(signed(world, claims()), expired) == IssuedRefusal("keyset_expired")


def test_as_many_full_entries_as_allowed_fit_into_one_envelope(world: World) -> None:
    many = [claims()["entries"][0] | {"id": f"{number:064}"} for number in range(MAX_ENTRIES)]
    assert isinstance(check_list(signed(world, claims(entries=many)), context(world)), OfflineList)
    more = [claims()["entries"][0] | {"id": f"e{number}", "tag": None} for number in range(MAX_ENTRIES + 1)]
    assert check_list(signed(world, claims(entries=more)), context(world)) == IssuedRefusal("field_value", "entries")


@pytest.mark.hazard("S1", "S2")
@pytest.mark.threat("corruption", "list")
def test_no_flipped_bit_is_accepted(world: World) -> None:
    good = signed(world, claims())
    given = context(world)
    for position in range(len(good)):
        changed = bytearray(good)
        changed[position] ^= 1 << position % 8
        assert isinstance(check_list(bytes(changed), given), IssuedRefusal)
