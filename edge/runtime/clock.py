"""The clock that the shell runs on: the event loop's monotonic time, so that a test's loop can bring its own."""

import asyncio
from datetime import UTC, datetime


class LoopClock:
    """Implements `edge.ports.Clock` on the running loop. On Linux its time is CLOCK_MONOTONIC of the machine."""

    def now_ms(self) -> int:
        """Milliseconds of the loop's monotonic clock."""
        return int(asyncio.get_running_loop().time() * 1000)

    def utc(self) -> datetime:
        """The wall clock, for records alone."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait on the loop's clock."""
        await asyncio.sleep(seconds)
