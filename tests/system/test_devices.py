"""A device fails while the lane runs: the others work, the lane says which and why, and nothing opens twice."""

import asyncio
from collections.abc import Callable

import pytest

from edge.runtime.control import ask
from simulators.devices.modbus_pdu import ReplyFaults
from tests.support.system_lane import AUTHORITY, SystemLane

WRITE_COIL = 5
# Every device shows a state within this time.
NAMED_WITHIN_S = 10.0


async def unread_tag_is_held(lane: SystemLane) -> None:
    lane.arrive()
    await lane.phase("held")
    assert lane.state["reasons"] == [f"unread_tag:{AUTHORITY}"]
    assert lane.plant.raise_count == 0


@pytest.mark.hazard("D18")
async def test_reader_unplugged_and_plugged_in_again(lane: SystemLane):
    await lane.start_controller()
    lane.reader.unplug()
    await lane.until(lambda: "tag-reader" in lane.state["lost_devices"], NAMED_WITHIN_S)
    assert (await lane.event("device_lost"))["device"] == "tag-reader"
    await unread_tag_is_held(lane)
    await lane.settle()
    lane.reader.plug()
    await lane.until(lambda: not lane.state["lost_devices"], NAMED_WITHIN_S)
    await lane.pass_one()
    assert lane.ended[-1]["terminal"] == "PASSED"


@pytest.mark.hazard("D14")
async def test_reader_sends_garbage(lane: SystemLane):
    await lane.start_controller()
    lane.reader.faults.garbage = True
    await unread_tag_is_held(lane)
    await lane.until(lambda: "tag-reader" in lane.state["lost_devices"], NAMED_WITHIN_S)
    lane.reader.faults.garbage = False
    await lane.settle()


@pytest.mark.hazard("D11")
async def test_reader_reports_the_tag_of_an_earlier_vehicle(lane: SystemLane):
    await lane.start_controller()
    lane.reader.faults.stale_buffer = True
    await lane.pass_one()
    assert lane.ended[-1]["terminal"] == "PASSED"


async def test_the_barriers_own_faults_are_told_and_the_lane_goes_on(lane: SystemLane):
    await lane.start_controller()
    assert "barrier_faults" not in lane.alarms
    lane.plant.fault_bits = 0x24
    await lane.until(lambda: "barrier_faults" in lane.alarms, NAMED_WITHIN_S)
    status = await ask(lane.socket, {"verb": "status"})
    assert "fault bits 2, 5" in status["lanes"][0]["alarms_beside"]["barrier_faults"]
    assert "fault bits 2, 5 (0x0024)" in lane.alarms["barrier_faults"]["detail"]
    told = await lane.event("security_alarm", code="barrier_faults")
    assert (told["stands"], "0x0024" in told["detail"]) == (True, True)
    shown = await lane.told(phase="idle")
    assert shown["devices"]["barrier"] == {"state": "up", "cause": "fault bits 2, 5 (0x0024)"}
    await lane.pass_one()
    assert lane.ended[-1]["terminal"] == "PASSED"


def on_raise(lane: SystemLane, faults: Callable[[], ReplyFaults]) -> None:
    """Make the reply to the next coil that is written after the release, the raise, as bad as that."""

    def spoil(answered: object) -> None:
        lane.barrier.faults = faults()

    lane.service._on_answered = spoil  # the service's own callback, set late


LOST_REPLIES = {
    "lost": lambda: ReplyFaults(drop_reply=True, functions=frozenset({WRITE_COIL}), times=1),
    "late": lambda: ReplyFaults(delay_reply_s=3.0, functions=frozenset({WRITE_COIL}), times=1),
    "wrong_echo": lambda: ReplyFaults(wrong_echo_value=True, functions=frozenset({WRITE_COIL}), times=1),
    "zero_transaction": lambda: ReplyFaults(zero_transaction_id=True, functions=frozenset({WRITE_COIL}), times=1),
    "cut": lambda: ReplyFaults(close_before_reply=True, functions=frozenset({WRITE_COIL}), times=1),
}


@pytest.mark.parametrize("fault", LOST_REPLIES)
@pytest.mark.hazard("D21", "I3")
async def test_a_raise_without_its_reply_is_executed_once(lane: SystemLane, fault: str):
    await lane.start_controller()
    on_raise(lane, LOST_REPLIES[fault])
    lane.arrive()
    await lane.event("device_lost", device="barrier")
    await lane.settle()
    assert await lane.controller.stop() == 0
    facts = lane.facts()
    assert lane.plant.raise_count == len(facts.consumed) == 1
    assert [len(terminals) for terminals in facts.terminals] == [1] * len(facts.opened)


async def test_a_raise_that_never_arrived_is_not_repeated(lane: SystemLane):
    await lane.start_controller()
    on_raise(lane, lambda: ReplyFaults(silent=True, functions=frozenset({WRITE_COIL}), times=1))
    lane.arrive()
    await lane.phase("held")
    assert lane.state["reasons"] == ["barrier_refused"]
    await lane.settle()
    assert lane.plant.raise_count == 0
    assert len(lane.facts().consumed) == 1


@pytest.mark.hazard("P15")
async def test_barrier_away_while_a_truck_waits(lane: SystemLane):
    await lane.start_controller()
    await lane.barrier.stop()
    await lane.until(lambda: "barrier" in lane.state["lost_devices"], NAMED_WITHIN_S)
    await lane.phase("starting")
    lane.arrive()
    await lane.barrier.start()
    await lane.event("passage_ended", terminal="PASSED")
    assert lane.plant.raise_count == 1


@pytest.mark.hazard("P13", "P14", "S9")
@pytest.mark.threat("masquerade", "modbus")
async def test_boom_opened_by_hand_is_named(lane: SystemLane):
    await lane.start_controller()
    lane.plant.move_by_hand(1)
    await lane.phase("fault")
    assert "uncommanded_open" in lane.state["alarms"]
    await lane.until(lambda: lane.plant.outputs["siren"])
    # The status follows once the module has confirmed it.
    async with asyncio.timeout(NAMED_WITHIN_S):
        while (await ask(lane.socket, {"verb": "status"}))["lanes"][0]["siren"] != ["uncommanded_open"]:
            pass
    assert lane.facts().consumed == []
