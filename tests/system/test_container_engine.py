"""A lane whose containers an engine of somebody else reads: its word is checked, and a wrong one opens nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulators.devices.container_engine import MISREAD, EngineDevice, Vehicle
from simulators.devices.serial_wire import TcpWire
from tests.support.brokers import BrokerCase
from tests.support.system_lane import SystemLane, open_system

CODE = "CSQU3054383"


class ReadLane:
    """A lane whose vehicles each bear a box; the engine's next number is the next vehicle's."""

    def __init__(self, lane: SystemLane) -> None:
        self.lane = lane
        self.asked: list[dict[str, Any]] = []
        self.number = 0
        self._was_empty = True
        self.engine = TcpWire(EngineDevice(self._there, every_s=0.05))
        rule = lane.notes.rule

        def asked(readings: Any, passage: str) -> Any:
            self.asked.append(readings["containers"])
            ruling = rule(readings, passage)
            return replace(ruling, note=ruling.note and replace(ruling.note, containers=(CODE,)))

        lane.notes.rule = asked

    def _there(self) -> Vehicle | None:
        # An engine is through with a vehicle only once it stands: behind the arrival loop.
        arrived = bool(self.lane.state.get("passage"))
        self.number += arrived and self._was_empty
        self._was_empty = not arrived
        return Vehicle(self.number, [CODE]) if arrived else None


@pytest.fixture
async def read(tmp_path: Path, any_broker: BrokerCase) -> AsyncIterator[ReadLane]:
    async with open_system(tmp_path, any_broker, must_match="tag, containers") as lane:
        read = ReadLane(lane)
        await read.engine.start()
        more = f"    container_engine: {{id: engine-1, port: '{read.engine.path}'}}\n"
        lane.write_config(more=more, identify_ms=4000)
        try:
            yield read
        finally:
            await read.engine.stop()


async def test_what_an_engine_read_is_asked_with_and_released(read: ReadLane):
    lane = read.lane
    await lane.start_controller()
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["PASSED"]
    box = {"code": CODE, "check": "verified", "size_type": None}
    assert [(one["status"], one["value"]) for one in read.asked] == [("read", [box])]


@pytest.mark.hazard("D7")
async def test_a_code_whose_check_digit_is_wrong_is_unread_whatever_the_engine_thinks(read: ReadLane):
    lane = read.lane
    await lane.start_controller()
    read.engine.device.faults.misread = True
    lane.arrive()
    await lane.phase("held")
    assert lane.state["reasons"] == ["unread_containers"]
    assert [(one["reason"], one["candidates"]) for one in read.asked] == [("check_digit", [])]
    assert MISREAD not in str(read.asked)
    assert lane.plant.raise_count == 0
    await lane.settle()
