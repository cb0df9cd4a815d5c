"""A driver that asks in `drivers.kit.frames`, on a simulated device of its kind, over a pty or TCP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers.kit.asker import NEXT_STEPS, AskerPace
from drivers.kit.frames import HELLO
from drivers.led_serial import driver as led
from drivers.seal_serial import driver as seal
from drivers.seal_serial.wire import READ
from drivers.voice_serial import driver as voice
from edge.core.readings import Seal
from edge.ports import Device, DeviceError, Words
from edge.runtime.supervisor import Supervisor
from simulators.devices import led_sign, seal_reader
from simulators.devices import voice as voice_module
from simulators.devices.asked import AskedDevice
from simulators.devices.serial_wire import PtyWire, TcpWire
from tests.support.r2000 import RealClock, until

DRIVERS = Path(led.__file__).parents[1]
QUICK = AskerPace(answer_timeout_s=0.3, tries=3, probe_interval_s=0.05)
RELEASED = Words("released", ("已放行", "请直行"), "green")
SEALS = (Seal("CNSEAL0001", True, 3, 87), Seal("CNSEAL0002", None))
WAIT = Words("wait", ("请稍候", "正在核对"), "red")


@dataclass(frozen=True)
class Asked:
    """One kind: its folder, the first part of its error codes, how it is built, and something that it is asked."""

    folder: str
    prefix: str
    codes: set[str]
    faults: tuple[str, ...]
    simulate: Callable[..., AskedDevice]
    drive: Callable[..., Any]
    act: Callable[[Any], Awaitable[object]]
    # Its own address, a command that it knows, and what it is asked while nothing else is.
    address: int
    known: int
    probe: int = HELLO


def _seal_reader(name: str, port: str, **settings: Any) -> Any:
    return seal.SerialSealReader(name, port, clock=RealClock(), on_seals=lambda _: None, **settings)


KINDS = {
    "sign": Asked(
        "led_serial", "sign", {*NEXT_STEPS, *led.NEXT_STEPS}, led_sign.FAULTS,
        led_sign.LedSign, led.SerialBoard, lambda board: board.show(RELEASED, 10.0), 1, 0x10,
    ),
    "voice": Asked(
        "voice_serial", "voice", {*NEXT_STEPS, *voice.NEXT_STEPS}, voice_module.FAULTS,
        voice_module.VoiceModule, voice.SerialVoice, lambda module: module.say(RELEASED), 2, 0x20,
    ),
    "seal": Asked(
        "seal_serial", "seal", {*NEXT_STEPS, *seal.NEXT_STEPS}, seal_reader.FAULTS,
        lambda _, **settings: seal_reader.SealReaderDevice(lambda: SEALS, **settings), _seal_reader,
        lambda reader: reader.read(), 3, READ, READ,
    ),
}  # fmt: skip


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        return self.ms


@dataclass
class Watched:
    """A driver under a supervisor: what was told of it."""

    lost: list[str] = field(default_factory=list)
    back: list[str] = field(default_factory=list)

    async def until_lost(self, count: int = 1) -> None:
        await until(lambda: len(self.lost) >= count)

    async def until_back(self, count: int = 1) -> None:
        await until(lambda: len(self.back) >= count)


@asynccontextmanager
async def supervised(device: Device) -> AsyncIterator[Watched]:
    """Keep the device connected as the controller does."""
    watched = Watched()

    def on_lost(_: str, error: DeviceError) -> None:
        watched.lost.append(error.code)

    supervisor = Supervisor(device, clock=RealClock(), jitter=lambda: 0.5, on_lost=on_lost, on_back=watched.back.append)
    task = asyncio.create_task(supervisor.run())
    try:
        yield watched
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await device.close()


@asynccontextmanager
async def plugged(kind: Asked, folder: Path, *, tcp: bool = False, **settings: Any) -> AsyncIterator[Any]:
    """Yield the wire of a simulated device, plugged in; `clock` drives what it shows."""
    clock = settings.pop("clock", None) or Clock()
    device = kind.simulate(clock, **settings)
    wire: Any = TcpWire(device) if tcp else PtyWire(device, symlink=folder / "device")
    await wire.start()
    try:
        yield wire
    finally:
        await wire.stop()


def driver_of(kind: Asked, wire: Any, **settings: Any) -> Any:
    """Build the driver on a wire."""
    return kind.drive("one", wire.path, pace=settings.pop("pace", QUICK), **settings)
