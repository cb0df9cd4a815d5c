"""One lane's own trouble stays its own: records that cannot be understood, parts that crash (I17)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.core.state import Phase
from edge.runtime.lane_service import LaneService
from tests.support.lane_parts import LIMIT_S, Running, running


class Part:
    """A link, a publisher or the captures: `run` does what the test says, by default it serves for ever."""

    def __init__(self, crash: bool = False) -> None:
        self.crash = crash
        self.began = asyncio.Event()

    async def run(self) -> None:
        self.began.set()
        if self.crash:
            raise RuntimeError("defect")
        await asyncio.get_running_loop().create_future()

    async def close(self) -> None: ...

    def publish_health(self, health: object) -> None: ...


def service(lane: Running, telemetry: Part) -> tuple[LaneService, Part]:
    clearance, other = Part(), Part()
    parts: list[Any] = [other, clearance, telemetry, other]
    return LaneService(lane.clock, lane.journal, lane.journal.outbox, lane.runner, [], *parts), clearance


async def test_a_lane_with_records_that_nobody_understands_waits_for_a_person(path: Path) -> None:
    async with running(path) as lane:
        await lane.journal.append("lane-1", "boot", "no record").durable
        serving = asyncio.create_task(service(lane, Part())[0].run())
        with capture_logs() as logged:
            await lane.phase(Phase.FAULT)
        assert "journal_damaged" in lane.runner.state.alarms
        (alarm,) = lane.others.named("alarm")
        told = f"{path}: records of lane-1 cannot be understood (JSONDecodeError); it stays in use; look at the lane,"
        assert alarm == ("alarm", "journal_damaged", f"{told} then reset it")
        assert [line["event"] for line in logged if line.get("exc_info")] == ["recovery_failed"]
        assert not serving.done()
        serving.cancel()
        await asyncio.wait({serving})


@pytest.mark.hazard("I17", "X10")
async def test_a_part_that_crashes_ends_neither_its_lane_nor_the_others(path: Path) -> None:
    async with running(path) as lane:
        telemetry = Part(crash=True)
        whole, clearance = service(lane, telemetry)
        serving = asyncio.create_task(whole.run())
        async with asyncio.timeout(LIMIT_S):
            await telemetry.began.wait()
            await clearance.began.wait()
        lane.scan()
        await lane.phase(Phase.IDLE)
        assert not serving.done()
        serving.cancel()
        await asyncio.wait({serving})
        assert serving.cancelled()
