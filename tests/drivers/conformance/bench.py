"""A driver of a stream on the real wire of its simulator, kept by the product's own supervisor."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.ports import Device, DeviceError
from edge.runtime.supervisor import Supervisor
from simulators.devices.serial_wire import OFF, PtyWire, StreamDevice, TcpWire
from tests.drivers.conformance.rigs import Rig

PATIENCE_S = 60.0
WIRES = ("serial", "socket")


class HurriedClock:
    """Real time for deadlines; whoever sleeps, sleeps shorter, and what was asked for is added up."""

    def __init__(self) -> None:
        self.slept_s = 0.0

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def utc(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        await asyncio.sleep(min(seconds, 0.002))


@dataclass
class Bench:
    """A simulated device, the driver on it, what came, and what the supervisor said."""

    rig: Rig
    wire: PtyWire[Any] | TcpWire[Any]
    driver: Device
    readings: list[object] = field(default_factory=list)
    lost: list[DeviceError] = field(default_factory=list)
    backs: int = 0
    # Pauses of the supervisor alone, apart from the driver's own clock.
    pauses: HurriedClock = field(default_factory=HurriedClock)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def device(self) -> StreamDevice[Any]:
        device: StreamDevice[Any] = self.wire.device
        return device

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def told(self, reading: object) -> None:
        self.readings.append(reading)
        self.changed.set()

    async def read_more(self, count: int = 3) -> None:
        """Wait for so many new readings."""
        enough = len(self.readings) + count
        await self.until(lambda: len(self.readings) >= enough)

    async def turn_on(self, fault: str) -> None:
        if fault == OFF:
            await self.unplug()
        else:
            self.device._faults.turn_on(fault)

    async def turn_off(self, fault: str) -> None:
        if fault == OFF:
            await self.plug()
        else:
            self.device._faults.turn_off(fault)

    async def unplug(self) -> None:
        await self.wire.stop()

    async def plug(self) -> None:
        await self.wire.start()

    @contextlib.asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """The driver kept connected, and reading."""

        def on_lost(_: str, error: DeviceError) -> None:
            self.lost.append(error)
            self.changed.set()

        def on_back(_: str) -> None:
            self.backs += 1
            self.changed.set()

        supervisor = Supervisor(self.driver, clock=self.pauses, jitter=lambda: 0.5, on_lost=on_lost, on_back=on_back)
        task = asyncio.create_task(supervisor.run())
        try:
            await self.until(lambda: self.backs == 1)
            await self.rig.begin(self.driver)
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})


@contextlib.asynccontextmanager
async def bench(rig: Rig, wire: str, folder: Path) -> AsyncIterator[Bench]:
    """A plugged-in simulator, and a driver that is not connected yet."""
    device = rig.simulate()
    plugged: PtyWire[Any] | TcpWire[Any]
    plugged = PtyWire(device, symlink=folder / "port") if wire == "serial" else TcpWire(device)
    await plugged.start()
    made: list[Bench] = []
    driver = rig.drive(plugged.path, HurriedClock(), lambda reading: made[0].told(reading))
    made.append(Bench(rig, plugged, driver))
    try:
        yield made[0]
    finally:
        await driver.close()
        await plugged.stop()
