"""A real driver on a real socket against the simulated barrier module, with events instead of sleeps."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.target import Target, Transport
from drivers.barrier_modbus.wire import BarrierMap
from edge.core.inputs import LaneInputs
from edge.ports import DeviceError
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant

TIMEOUT_S = 0.12
PATIENCE_S = 60.0


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class RealClock:
    def now_ms(self) -> int:
        return now_ms()

    def utc(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass
class Lane:
    driver: ModbusBarrier
    simulator: BarrierSimulator
    plant: Plant
    scans: list[tuple[LaneInputs, int]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    running: asyncio.Task[None] | None = None

    def deliver(self, inputs: LaneInputs, sent_at_ms: int) -> None:
        self.scans.append((inputs, sent_at_ms))
        self.changed.set()

    def start(self) -> None:
        self.running = asyncio.create_task(self.driver.run())

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds after one of the next scans."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def lost(self) -> DeviceError:
        """Wait for `run` to end and return why."""
        assert self.running is not None
        async with asyncio.timeout(PATIENCE_S):
            try:
                await self.running
            except DeviceError as error:
                return error
        raise AssertionError("run ended without an error")


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the loop turn until `condition` holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.to_thread(time.monotonic)


@asynccontextmanager
async def lane(
    *,
    map_: BarrierMap | None = None,
    simulated: BarrierMap | None = None,
    poll_ms: int = 10,
    timeout_s: float = TIMEOUT_S,
    stroke_s: float = 0.05,
    connect: bool = True,
    transport: Transport = "tcp",
    symlink: Path | None = None,
    module: Mapping[str, Any] | None = None,
) -> AsyncIterator[Lane]:
    map_ = map_ or BarrierMap(pulse_ms=50)
    plant = Plant(now_ms, stroke_s=stroke_s)
    has = module or {}
    simulator = BarrierSimulator(plant, map_=simulated or map_, transport=transport, symlink=symlink, **has)
    await simulator.start()
    target = Target(transport, "127.0.0.1", simulator.port, simulator.path, baud=115_200)
    found: list[Lane] = []
    driver = ModbusBarrier(
        name="barrier-1",
        target=target,
        map=map_,
        poll_ms=poll_ms,
        timeout_s=timeout_s,
        clock=RealClock(),
        on_inputs=lambda inputs, at_ms: found[0].deliver(inputs, at_ms),
    )
    found.append(Lane(driver, simulator, plant))
    try:
        if connect:
            await driver.connect()
        yield found[0]
    finally:
        if (running := found[0].running) is not None:
            running.cancel()
            with suppress(asyncio.CancelledError, DeviceError):
                await running
        await driver.close()
        await simulator.stop()
