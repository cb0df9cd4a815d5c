"""A whole lane with the customs bridge as its authority and a platform behind it, each on its real wire."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.clearance.bridge.messages import Channel
from simulators.customs_platform import PlatformFault
from tests.support.bridged_lane import BridgedLane, open_bridged
from tests.support.brokers import BrokerCase
from tests.support.system_lane import AUTHORITY

CHANNEL = Channel("7208100000", "7208100001", "in")


@pytest.fixture
async def lane(tmp_path: Path, any_broker: BrokerCase) -> AsyncIterator[BridgedLane]:
    async with open_bridged(tmp_path, any_broker) as opened:
        yield opened


async def test_customs_releases_a_truck_and_holds_the_next_without_a_document(lane: BridgedLane) -> None:
    lane.document()
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["PASSED"]
    assert lane.plant.raise_count == 1
    # The document is spent.
    lane.arrive()
    await lane.phase("held")
    assert f"platform_refused:{AUTHORITY}" in lane.state["reasons"]
    assert lane.plant.raise_count == 1


async def test_a_platform_that_dies_holds_the_truck_by_name_and_comes_back(lane: BridgedLane) -> None:
    lane.platform.fault = "silent"
    lane.arrive()
    await lane.asked(1)
    await lane.platform.stop()
    await lane.phase("held")
    assert f"platform_lost:{AUTHORITY}" in lane.state["reasons"]
    assert lane.plant.raise_count == 0
    await lane.settle()
    lane.platform.fault = "none"
    lane.document("HF2")
    await lane.platform.start()
    await lane.until(lambda: lane.platform.connected == 1)
    await lane.pass_one()
    assert lane.ended[-1]["terminal"] == "PASSED"
    assert lane.plant.raise_count == 1


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("wrong_vehicle", "platform_names_other_vehicle"), ("no_result", "platform_result_missing")],
)
async def test_a_wrong_answer_opens_nothing(lane: BridgedLane, fault: PlatformFault, reason: str) -> None:
    lane.platform.fault = fault
    lane.document()
    lane.arrive()
    await lane.phase("held")
    assert f"{reason}:{AUTHORITY}" in lane.state["reasons"]
    assert lane.plant.raise_count == 0


async def test_an_order_of_the_platform_moves_no_boom(lane: BridgedLane) -> None:
    lane.platform.fault = "silent"
    lane.platform.order(CHANNEL)
    lane.platform.manual_release(CHANNEL, "1")
    await lane.until(lambda: len(lane.platform.orders_answered) == 1)
    lane.arrive()
    await lane.asked(1)
    lane.platform.manual_release(CHANNEL, lane.platform.asked[0].fields["sequence"])
    await lane.phase("held")
    assert f"platform_order_not_taken:{AUTHORITY}" in lane.state["reasons"]
    assert lane.plant.raise_count == 0


async def test_a_bridge_killed_while_customs_thinks_releases_nobody_and_the_next_one_serves(lane: BridgedLane) -> None:
    lane.platform.fault = "silent"
    lane.arrive()
    await lane.asked(1)
    old = lane.platform.asked[0]
    await lane.bridge.kill()
    await lane.start_bridge()
    lane.platform.answer(old)
    await lane.phase("held")
    assert lane.plant.raise_count == 0
    assert f"bridge_restarted:{AUTHORITY}" in lane.state["reasons"]
    await lane.settle()
    lane.platform.fault = "none"
    lane.document("HF2")
    await lane.pass_one()
    assert lane.plant.raise_count == 1
    assert lane.ended[-1]["terminal"] == "PASSED"


async def test_a_bridge_killed_after_a_release_gives_it_to_nobody_else(lane: BridgedLane) -> None:
    lane.document()
    await lane.pass_one()
    released = lane.platform.asked[0]
    await lane.bridge.kill()
    await lane.start_bridge()
    lane.platform.fault = "silent"
    lane.arrive()
    await lane.asked(2)
    lane.platform.answer(released)
    await lane.phase("held")
    assert f"platform_other_passage:{AUTHORITY}" in lane.state["reasons"]
    assert lane.plant.raise_count == 1
