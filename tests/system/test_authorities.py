"""Two authorities are asked at once and release together (联合查验、一次放行)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.clearance.keys import create_keys, key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import open_keyset
from edge.core.grant import ReleaseNote
from simulators.clearance import ClearanceService
from simulators.clearance_faults import Behaviour
from simulators.release_notes import Ruling
from tests.support.system_lane import AUTHORITY, LANE, SITE, SystemLane

SECOND = "quarantine"


@pytest.fixture
async def second(lane: SystemLane) -> AsyncIterator[ClearanceService]:
    """Configure a second authority, make its keys, and let it serve."""
    now = datetime.now(UTC)
    keys = create_keys(
        lane.folder / "keys",
        site=SITE,
        lanes=[LANE],
        authorities=[AUTHORITY, SECOND],
        environment="simulated",
        now_utc=now,
    )
    root = load_public_key(keys.root_public)
    keyset = open_keyset(
        keys.keyset.read_bytes(), root_key_id=key_id_of(root), root=root, environment="simulated", now_utc=now
    )
    service = ClearanceService(
        lane.broker.settings("second-authority"),
        authority=SECOND,
        site=SITE,
        key=load_private_key(keys.authorities[SECOND]),
        keyset=keyset,
        utc=lambda: datetime.now(UTC),
        notes=lane.notes,
        result_key=load_private_key(lane.folder / "keys" / f"result-{SECOND}.key.pem"),
    )
    lane.write_config(authority=f"{AUTHORITY}, deadline_ms: 2000}}\n  - {{id: {SECOND}")
    serving = asyncio.create_task(service.run())
    yield service
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def test_both_release_and_the_boom_rises_once(lane: SystemLane, second: ClearanceService):
    await lane.start_controller()
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["PASSED"]
    assert lane.plant.raise_count == 1
    order = [event["type"] for event in sorted(lane.events, key=lambda one: one["seq"])]
    asked = [event["data"]["authority"] for event in lane.events if event["type"] == "requested"]
    assert sorted(asked) == [AUTHORITY, SECOND]
    assert {one["authority"] for one in lane.of("answered")} == {AUTHORITY, SECOND}
    # Asked in parallel: both questions are out before the first answer is in.
    assert len(order) - 1 - order[::-1].index("requested") < order.index("answered")


async def test_one_silent_authority_holds_for_a_person(lane: SystemLane, second: ClearanceService):
    second.behave(Behaviour("silent"))
    await lane.start_controller()
    lane.arrive()
    await lane.phase("held")
    assert lane.plant.raise_count == 0
    assert f"no_answer:{SECOND}" in lane.state["reasons"]


async def test_one_denial_sends_back_whatever_the_other_says(lane: SystemLane, second: ClearanceService):
    second.behave(Behaviour("deny"))
    await lane.start_controller()
    lane.arrive()
    await lane.phase("turning_back")
    lane.world.turn_back()
    await lane.gone()
    assert [one["terminal"] for one in lane.ended] == ["DENIED"]
    assert lane.plant.raise_count == 0


class Blind:
    """The book of an authority that is shown no tag: it releases whom the other one names."""

    def rule(self, readings: Mapping[str, Any], passage: str) -> Ruling:
        return Ruling("release", "", ReleaseNote("any"))


def shown(claims: dict[str, Any]) -> str:
    """In what form the tag is in a request: told by its bytes."""
    assert claims["readings"]["tag"]["value"] is not None
    return str(claims["readings"]["tag"]["policy"])


async def test_two_that_want_to_look_get_one_inspection_and_clear_it_together(
    lane: SystemLane, second: ClearanceService
):
    lane.write_config(authority=lane.settings["authority"] + ", fields: {tag: hash}")
    second.notes = Blind()  # type: ignore[assignment]
    lane.service.behave(Behaviour("refer", target="weigh"))
    second.behave(Behaviour("refer", target="quarantine"))
    await lane.start_controller()
    lane.arrive()
    await lane.phase("held")
    task = [{"authority": AUTHORITY, "target": "weigh"}, {"authority": SECOND, "target": "quarantine"}]
    await lane.until(lambda: lane.state["inspections"] == task)
    issued = await lane.event("referral_issued")
    assert issued["inspections"] == f"{AUTHORITY}:weigh,{SECOND}:quarantine"
    assert lane.state["referral"] == issued["referral"]
    lane.world.turn_back()
    await lane.gone()
    assert [(one["terminal"], one["inspections"]) for one in lane.ended] == [("REFERRED", task)]
    for service in (lane.service, second):
        service.report(LANE, issued["referral"], "arrived")
        await lane.event("referral_arrived", authority=service.authority)
    lane.service.report(LANE, issued["referral"], "clear")
    await lane.event("referral_result", authority=AUTHORITY, result="clear")
    assert lane.of("inspection_receipt") == []
    second.report(LANE, issued["referral"], "clear")
    await lane.event("inspection_receipt", receipt="inspected_no_problem")
    for service in (lane.service, second):
        service.behave(Behaviour())
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["REFERRED", "PASSED"]
    assert lane.service.answered[-1].claims["recheck"]["authorities"] == [AUTHORITY, SECOND]
    # Who was shown what is in the chain: in the same form as it left.
    log = [(one["authority"], one["request_hash"], one["tag"]) for one in lane.of("requested")]
    left = [
        (service.authority, one.grant.request_hash, shown(one.claims))
        for service in (lane.service, second)
        for one in service.answered
    ]
    assert sorted(log) == sorted(left)
    assert {tag for _, _, tag in log} == {"allow", "hash"}
    assert not lane.ignored
