"""A reader on a simulated one's real pty, with what it delivered."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from drivers.kit.dialect import Pace
from drivers.uhf_r2000.driver import R2000Reader
from edge.core.readings import TagSighting
from edge.ports import DeviceError
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_r2000 import R2000Simulator

PATIENCE_S = 60.0


class RealClock:
    """The machine's monotonic clock."""

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def utc(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class StoppedClock(RealClock):
    """Time stands still, so that all of a test falls into one second."""

    def now_ms(self) -> int:
        return 5_000


@dataclass
class Delivered:
    """Tags as delivered; `until` waits for a condition over them."""

    tags: list[TagSighting] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, tag: TagSighting) -> None:
        self.tags.append(tag)
        self.changed.set()

    async def until(self, condition: Callable[[list[TagSighting]], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self.tags):
                self.changed.clear()
                await self.changed.wait()


async def until(condition: Callable[[], bool]) -> None:
    """Yield to the loop until `condition` holds."""
    turn = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            turn.clear()
            loop.call_later(0.002, turn.set)
            await turn.wait()


@dataclass
class Bench:
    """A simulated reader, the driver on it, and what came."""

    simulator: R2000Simulator
    reader: R2000Reader
    delivered: Delivered
    field: list[SimulatedTag]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """The driver connected and running; its task ends by itself only with a DeviceError."""
        await self.reader.connect()
        task = asyncio.create_task(self.reader.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError, DeviceError):
                await task
            await self.reader.close()


@asynccontextmanager
async def bench(tmp_path: Path, **settings: object) -> AsyncIterator[Bench]:
    """A plugged-in simulator with a driver for it, quick time-outs."""
    in_field: list[SimulatedTag] = []
    delivered = Delivered()
    simulator = R2000Simulator(lambda: in_field, symlink=tmp_path / "reader", round_s=0.001)
    await simulator.start()
    quick = {"answer_timeout_s": 0.4, "round_silence_s": 0.4, "probe_interval_s": 0.05, "garbage_s": 0.5}
    paces = {name: settings.pop(name) for name in list(settings) if name in Pace.__slots__}
    defaults: dict[str, object] = {"clock": RealClock(), "pace": Pace(**(quick | paces))}  # type: ignore[arg-type]
    reader = R2000Reader("rfid-1", simulator.path, on_tag=delivered, **(defaults | settings))  # type: ignore[arg-type]
    try:
        yield Bench(simulator, reader, delivered, in_field)
    finally:
        await reader.close()
        await simulator.stop()


async def lost(task: asyncio.Task[None]) -> DeviceError:
    """The error that ends the driver's run."""
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait({task})
    error = task.exception()
    assert isinstance(error, DeviceError)
    return error
