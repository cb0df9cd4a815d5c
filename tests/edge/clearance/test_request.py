import hashlib
from dataclasses import replace
from typing import Any

import pytest

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.request import (
    REQUEST_TYPE,
    RequestError,
    RequestHead,
    SignedRequest,
    build_request,
    open_request,
)
from edge.core.plate import Plate
from edge.core.readings import DriverCard, Identity, Reading, Seal, Weight
from edge.core.referral import Recheck
from edge.core.tag import Tag
from edge.field_policy import FieldPolicy, FieldRule
from tests.support.clearance import AUTHORITY, IDENTITY, LANE, NOW, SITE, World

HEAD = RequestHead(AUTHORITY, SITE, LANE, "boot1", 1, "passage1", "nonce1", 3)


def build(
    world: World, identity: Identity = IDENTITY, policy: FieldPolicy | None = None, **changes: Any
) -> SignedRequest:
    given: dict[str, Any] = {"config_hash": "c" * 64, "model_hash": "d" * 64, "simulated": True}
    return build_request(
        HEAD,
        identity,
        key=world.lane_key,
        key_id=world.lane_key_id,
        policy=policy or FieldPolicy(),
        **(given | changes),
    )


def opened(world: World, raw: bytes, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"keyset": world.keyset, "site": SITE, "lane": LANE, "now_utc": NOW}
    return open_request(raw, **(given | changes))


@pytest.mark.hazard("I16")
def test_carries_what_was_read_and_proves_its_bytes(world: World) -> None:
    request = build(world, evidence=("e" * 64,))
    assert request.request_hash == hashlib.sha256(request.raw).hexdigest()
    claims = opened(world, request.raw)
    assert claims["readings"]["plates"] == [
        {
            "place": "front",
            "policy": "allow",
            "status": "read",
            "value": {"text": "沪A12345", "colour": "yellow", "kind": "ordinary"},
            "confidence": 0.97,
            "reason": None,
            "candidates": [],
        }
    ]
    assert claims["readings"]["containers"]["value"] == [
        {"code": "CSQU3054383", "check": "verified", "size_type": "45G1"}
    ]
    assert claims["readings"]["tag"]["value"] == {"epc": "E2801160600002054", "tid": None}
    assert claims["evidence"] == ["a" * 64, "b" * 64, "e" * 64]
    assert (claims["nonce"], claims["seq"], claims["epoch"], claims["simulated"]) == ("nonce1", 3, 1, True)


def test_same_input_gives_the_same_bytes(world: World) -> None:
    assert build(world).raw == build(world).raw


def test_unread_and_conflict_are_told(world: World) -> None:
    identity = Identity(
        plates=(("front", Reading("unread", reason="too_dark")),),
        tag=Reading("conflict", candidates=(Tag("AAAA"), Tag("BBBB", "CCCC"))),
    )
    readings = opened(world, build(world, identity).raw)["readings"]
    assert (readings["plates"][0]["status"], readings["plates"][0]["reason"]) == ("unread", "too_dark")
    assert readings["plates"][0]["value"] is None
    assert readings["containers"]["reason"] == "not_looked_for"
    assert readings["tag"]["candidates"] == [{"epc": "AAAA", "tid": None}, {"epc": "BBBB", "tid": "CCCC"}]


@pytest.mark.parametrize(("rule", "shown"), [("mask", "*****45"), ("deny", None)])
@pytest.mark.hazard("I19", "S5")
def test_withheld_values_are_nowhere_in_the_request(world: World, rule: FieldRule, shown: str | None) -> None:
    policy = FieldPolicy(rule, rule, rule)
    claims = opened(world, build(world, policy=policy).raw)
    assert claims["readings"]["plates"][0]["value"]["text"] == shown
    whole = canonical_json(claims).decode()
    assert "沪A12345" not in whole
    assert "CSQU3054383" not in whole
    assert "E2801160600002054" not in whole


def test_a_weight_is_shown_or_not_and_the_share_log_says_so(world: World) -> None:
    identity = Identity(weight=Reading("read", Weight(18_850), 1.0))
    request = build(world, identity)
    assert opened(world, request.raw)["readings"]["weight"] == {
        "policy": "allow", "status": "read", "value": {"kg": 18_850}, "confidence": 1.0, "reason": None,
        "candidates": [],
    }  # fmt: skip
    assert dict(request.shown)["weight"] == "allow"
    denied = build(world, identity, policy=FieldPolicy(weight="deny"))
    assert opened(world, denied.raw)["readings"]["weight"]["value"] is None
    assert dict(denied.shown)["weight"] == "deny"
    unread = build(world, Identity(weight=Reading("unread", reason="overload")))
    assert opened(world, unread.raw)["readings"]["weight"]["reason"] == "overload"
    assert dict(unread.shown)["weight"] == "nothing"
    assert "weight" not in dict(build(world, Identity()).shown), "a lane without a scale shows none"


@pytest.mark.parametrize(("rule", "text"), [("allow", "6217000123"), ("mask", "********23"), ("deny", None)], ids=str)
@pytest.mark.hazard("I19")
def test_a_driver_is_shown_as_the_policy_says_and_the_share_log_says_so(
    world: World, rule: FieldRule, text: str | None
) -> None:
    card = DriverCard("6217000123", "ic")
    request = build(world, Identity(driver=Reading("read", card, 1.0)), policy=FieldPolicy(driver=rule))
    claims = opened(world, request.raw)
    assert claims["readings"]["driver"] == {
        "policy": rule, "status": "read", "value": {"text": text, "medium": "ic"}, "confidence": 1.0, "reason": None,
        "candidates": [],
    }  # fmt: skip
    assert dict(request.shown)["driver"] == rule
    assert ("6217000123" in canonical_json(claims).decode()) is (rule == "allow")
    twice = Identity(driver=Reading("conflict", candidates=(card, DriverCard("1111111199", "ic"))))
    both = build(world, twice, policy=FieldPolicy(driver=rule))
    assert opened(world, both.raw)["readings"]["driver"]["candidates"][0]["text"] == text
    assert dict(both.shown)["driver"] == rule
    assert dict(build(world, Identity(driver=Reading("unread", reason="no_card"))).shown)["driver"] == "nothing"
    assert "driver" not in dict(build(world, Identity()).shown), "a lane without a reader shows none"


@pytest.mark.parametrize(("rule", "number"), [("allow", "CNSEAL0001"), ("mask", "********01"), ("deny", None)], ids=str)
def test_lock_and_count_of_a_seal_are_told_under_every_policy(
    world: World, rule: FieldRule, number: str | None
) -> None:
    seals = Reading("read", (Seal("CNSEAL0001", False, 4, 87),), 1.0)
    request = build(world, Identity(seals=seals), policy=FieldPolicy(seals=rule))
    claims = opened(world, request.raw)["readings"]["seals"]
    assert claims["value"] == [{"seal": number, "locked": False, "openings": 4, "battery_percent": 87}]
    assert dict(request.shown)["seals"] == rule
    assert "seals" not in dict(build(world, Identity()).shown), "a lane without a reader shows none"


def test_keyed_hash_is_stable_and_depends_on_its_key(world: World) -> None:
    def hashed(key: bytes) -> str:
        policy = FieldPolicy(plates="hash", hash_key=key)
        text = opened(world, build(world, policy=policy).raw)["readings"]["plates"][0]["value"]["text"]
        assert isinstance(text, str)
        return text

    assert hashed(b"k" * 16) == hashed(b"k" * 16) != hashed(b"l" * 16)
    assert len(hashed(b"k" * 16)) == 64
    with pytest.raises(ValueError, match="16 bytes"):
        FieldPolicy(tag="hash")


def test_a_request_that_nobody_would_read_is_not_built(world: World) -> None:
    with pytest.raises(ValueError, match="exceeds"):
        build(world, evidence=tuple(f"{i:064x}" for i in range(400)))


@pytest.mark.threat("corruption", "masquerade", "request")
def test_refused_by_its_receiver(world: World) -> None:
    raw = build(world).raw
    for changes, reason in (
        ({"lane": "lane2"}, "key_scope"),
        ({"site": "port"}, "key_scope"),
        ({"now_utc": world.keyset.expires}, "keyset_expired"),
    ):
        with pytest.raises(RequestError) as refusal:
            opened(world, raw, **changes)
        assert refusal.value.reason == reason
    for payload, reason in ((b"[]", "not_an_object"), (b"{}", "request_v"), (b'{"v":1,"typ":"x"}', "request_typ")):
        with pytest.raises(RequestError) as refusal:
            opened(world, seal(payload, typ=REQUEST_TYPE, key_id=world.lane_key_id, key=world.lane_key))
        assert refusal.value.reason == reason


def test_rear_plate_and_tid_are_told(world: World) -> None:
    rear = ("rear", Reading("read", Plate("沪B1234挂", None, "trailer"), 0.8))
    identity = replace(IDENTITY, plates=(*IDENTITY.plates, rear), tag=Reading("read", Tag("AAAA", "BBBB"), 1.0))
    readings = opened(world, build(world, identity).raw)["readings"]
    assert [plate["place"] for plate in readings["plates"]] == ["front", "rear"]
    assert readings["tag"]["value"] == {"epc": "AAAA", "tid": "BBBB"}


def test_what_is_shown_in_what_form_is_told_without_values(world: World) -> None:
    policy = FieldPolicy("mask", "deny", "hash", b"k" * 16)
    assert build(world, policy=policy).shown == (("plates", "mask"), ("containers", "deny"), ("tag", "hash"))
    doubtful = Identity(
        plates=(("front", Reading("unread")), ("rear", Reading("read", Plate("沪A12345", None, "ordinary"), 0.9))),
        tag=Reading("conflict", candidates=(Tag("AAAA"), Tag("BBBB"))),
    )
    shown = build(world, doubtful).shown
    assert shown == (("plates", "allow"), ("containers", "nothing"), ("tag", "allow"))
    assert build(world, Identity()).shown == (("plates", "nothing"), ("containers", "nothing"), ("tag", "nothing"))


def test_a_recheck_says_who_looked_and_what_came_of_it(world: World) -> None:
    recheck = Recheck("referral1", ("nii", "bay"), ("customs", "port"), "clear", ("tag",))
    assert opened(world, build(world, recheck=recheck).raw)["recheck"] == {
        "referral": "referral1",
        "targets": ["nii", "bay"],
        "authorities": ["customs", "port"],
        "status": "clear",
        "swapped": ["tag"],
    }
