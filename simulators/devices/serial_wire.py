"""The wire of a simulated byte device: a pty, or TCP (`socket://`) where there are no ptys, and its faults.

A device subclasses `StreamDevice`, its switches `StreamFaults`. `off` is `unplug` and `plug` of the wire, because the
port itself goes away.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from simulators.devices.serial_line import PtyLine, TcpLine

OFF = "off"


def switch(default: Any, on: Any) -> Any:
    """A fault switch: what it is while all is well, and what it is turned to where nobody says."""
    return field(default=default, metadata={"on": on})


@dataclass(slots=True)
class StreamFaults:
    """Switches, all off.

    `stuck` says nothing any more, `garbage` noise in place of each frame, `wrong` spoils each frame, `slow_s` is the
    pause between bytes, `delayed_s` before each frame, `intermittent` loses each such frame (7: every seventh),
    `half_frames` sends the first half. `baud_ratio` is how much faster the device sends than the other side samples;
    `echo` gives every command back first, as a two-wire line does.
    """

    stuck: bool = switch(False, True)
    garbage: bool = switch(False, True)
    wrong: bool = switch(False, True)
    slow_s: float = switch(0.0, 0.001)
    delayed_s: float = switch(0.0, 3.0)
    intermittent: int = switch(0, 7)
    half_frames: bool = switch(False, True)
    baud_ratio: float = switch(1.0, 2.0)
    echo: bool = switch(False, True)

    def turn_on(self, name: str) -> None:
        """Set one switch to what it is turned to. Raises KeyError where there is none of that name."""
        setattr(self, name, {one.name: one.metadata["on"] for one in fields(self)}[name])

    def turn_off(self, name: str) -> None:
        """Set one switch back."""
        setattr(self, name, {one.name: one.default for one in fields(self)}[name])


def switches(faults: type[StreamFaults]) -> tuple[str, ...]:
    """Return every fault that a device with these switches has, `off` first."""
    return (OFF, *(one.name for one in fields(faults)))


class Wire(Protocol):
    """Where a simulated device writes."""

    def write(self, data: bytes) -> None:
        """Send; silently lost where nobody listens."""


C = TypeVar("C")
D = TypeVar("D", bound="StreamDevice[Any]")


class StreamDevice(ABC, Generic[C]):
    """A device without its plug: bytes in, bytes out. It answers commands one after another, as devices do."""

    def __init__(self, faults: StreamFaults, *, seed: int = 0) -> None:
        self.commands: list[C] = []
        self.random = random.Random(seed)  # noqa: S311 - reproducible noise, not a secret
        self._faults = faults
        self._queue: asyncio.Queue[C] = asyncio.Queue()
        self._wire: Wire | None = None
        self.sent_frames = 0

    @abstractmethod
    def understand(self, data: bytes) -> Sequence[C]:
        """Return the commands that `data` completes."""

    @abstractmethod
    async def answer(self, command: C) -> None:
        """Answer by `send`."""

    @property
    def is_asked(self) -> bool:
        """Whether a command waits while this one is still being answered."""
        return not self._queue.empty()

    def connected(self) -> None:
        """Hear that somebody has connected. A device that speaks first overrides this; a serial line never tells."""

    def receive(self, data: bytes) -> None:
        """Take bytes of commands."""
        if self._faults.echo and self._wire is not None:
            self._wire.write(data)
        for command in self.understand(data):
            self._queue.put_nowait(command)

    async def serve(self, wire: Wire) -> None:
        """Live on this wire until cancelled."""
        self._wire = wire
        await self.live()

    async def live(self) -> None:
        """Answer commands in order. A device that speaks unasked overrides this with its own loop of `send`."""
        while True:
            command = await self._queue.get()
            # Only what a test can want to look at: a day of demo must not grow this list.
            self.commands = [*self.commands[-99:], command]
            await self.answer(command)

    async def send(self, frame: bytes) -> None:
        """Put one frame on the wire, as the faults leave it."""
        faults, wire = self._faults, self._wire
        if faults.delayed_s:
            await asyncio.sleep(faults.delayed_s)
        self.sent_frames += 1
        lost = faults.intermittent and self.sent_frames % faults.intermittent == 0
        if wire is None or faults.stuck or lost:
            return
        if faults.garbage:
            frame = self.random.randbytes(64)
        if faults.wrong:
            frame = frame[:-1] + bytes((frame[-1] ^ 0x55,))
        if faults.half_frames:
            frame = frame[: len(frame) // 2]
        frame = missampled(frame, faults.baud_ratio)
        if not faults.slow_s:
            wire.write(frame)
            return
        for byte in frame:
            wire.write(bytes((byte,)))
            await asyncio.sleep(faults.slow_s)


def missampled(data: bytes, ratio: float) -> bytes:
    """What a receiver makes of 8N1 bytes that come `ratio` times as fast as it samples; bad stop bits are dropped."""
    if ratio == 1.0:
        return data
    line = [1] * 2 + [bit for byte in data for bit in (0, *(byte >> place & 1 for place in range(8)), 1)] + [1] * 40

    def level(bits: float) -> int:
        return line[min(int(bits), len(line) - 1)]

    heard, at, end = bytearray(), 0.0, len(line) - 40
    while at < end:
        if level(at):
            at += 0.25
            continue
        # The middle of each bit, counted from the edge of the start bit.
        bits = [level(at + (place + 1.5) * ratio) for place in range(9)]
        if bits[8]:
            heard.append(sum(bit << place for place, bit in enumerate(bits[:8])))
        at += 9.5 * ratio
    return bytes(heard)


def misframed(data: bytes) -> bytes:
    """What a receiver without parity makes of bytes sent with even parity: its stop bit is their parity bit."""
    return bytes(byte for byte in data if byte.bit_count() % 2)


class PtyWire(PtyLine, Generic[D]):
    """A device behind a pty. `path` is what the driver opens: the symlink where one was asked for."""

    def __init__(self, device: D, *, symlink: Path | None = None) -> None:
        super().__init__(device.receive, symlink)
        self.device = device
        self._living: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Plug in and answer."""
        await super().start()
        self._living = asyncio.create_task(self.device.serve(self))

    async def stop(self) -> None:
        """Unplug and forget."""
        await _ended(self._living)
        await super().stop()


class TcpWire(TcpLine, Generic[D]):
    """A device behind a TCP serial server on loopback: `path` is `socket://127.0.0.1:port`."""

    def __init__(self, device: D, *, port: int = 0) -> None:
        super().__init__(device.receive, port=port, one_client=True, on_client=device.connected)
        self.device = device
        self._living: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen and answer. One client at a time: a new one replaces the old."""
        await super().start()
        self._living = asyncio.create_task(self.device.serve(self))

    async def stop(self) -> None:
        """Close the listener and the client. The next `start` listens on the same port."""
        await _ended(self._living)
        await super().stop()


async def _ended(living: asyncio.Task[None] | None) -> None:
    if living is not None and not living.done():
        living.cancel()
        await asyncio.wait({living})
