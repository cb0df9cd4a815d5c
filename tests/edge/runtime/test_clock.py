"""The clock of the shell."""

import asyncio
from datetime import UTC, datetime, timedelta

from edge.runtime.clock import LoopClock


async def test_monotonic_time_is_the_loops():
    clock = LoopClock()
    before = clock.now_ms()
    await clock.sleep(0.01)
    assert 10 <= clock.now_ms() - before < 5_000
    assert abs(clock.now_ms() - asyncio.get_running_loop().time() * 1000) < 5_000


async def test_wall_time_is_utc():
    assert abs(LoopClock().utc() - datetime.now(UTC)) < timedelta(seconds=5)
