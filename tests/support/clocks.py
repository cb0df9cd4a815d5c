"""A clock that stands until the test moves it."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Protocol


class StoodClock:
    """`ms` is its monotonic time; its wall clock moves with it from `begin`."""

    def __init__(self, begin: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self.ms = 1_000
        self.begin = begin

    def now_ms(self) -> int:
        return self.ms

    def utc(self) -> datetime:
        return self.begin + timedelta(milliseconds=self.ms)

    async def sleep(self, seconds: float) -> None:
        """Pass at once: time moves by as much."""
        self.ms += int(seconds * 1000)


class Watch(Protocol):
    """What looks at something for ever."""

    async def run(self) -> None: ...


async def looks_until_cancelled(watch: Watch, clock: StoodClock) -> None:
    """Let it look once, to its first pause, and cancel it there."""
    looked = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        looked.set()
        await asyncio.get_running_loop().create_future()

    clock.sleep = sleep  # type: ignore[method-assign]
    task = asyncio.create_task(watch.run())
    async with asyncio.timeout(30):
        await looked.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
