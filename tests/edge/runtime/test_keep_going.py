"""What is no device is kept going too: its defect is told and costs nobody else."""

import asyncio

import pytest
from structlog.testing import capture_logs

from edge.runtime.clock import LoopClock
from edge.runtime.supervisor import LONGEST_PAUSE_S, keep_going
from tests.support.lane_parts import LIMIT_S


class Pauses(LoopClock):
    """Pauses end at once and are noted."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.mark.hazard("X10")
async def test_a_part_that_crashes_or_ends_is_told_and_begins_again() -> None:
    clock, began, third = Pauses(), 0, asyncio.Event()

    async def part() -> None:
        nonlocal began
        began += 1
        if began == 1:
            raise RuntimeError("defect")
        if began == 3:
            third.set()
            await asyncio.get_running_loop().create_future()

    with capture_logs() as logged:
        task = asyncio.create_task(keep_going("telemetry", part, clock, lane="lane-1"))
        async with asyncio.timeout(LIMIT_S):
            await third.wait()
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()
    assert clock.slept == [LONGEST_PAUSE_S] * 2
    assert [(line["event"], line["part"], line["lane"]) for line in logged] == [
        ("part_crashed", "telemetry", "lane-1"),
        ("part_ended", "telemetry", "lane-1"),
    ]
    assert logged[0]["exc_info"]
