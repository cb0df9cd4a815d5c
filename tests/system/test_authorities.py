"""Two authorities are asked at once and release together (联合查验、一次放行)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from edge.clearance.keys import create_keys, key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import open_keyset
from simulators.clearance import ClearanceService
from simulators.clearance_faults import Behaviour
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
