"""An R2000 reader on its real wire: a pty, or TCP (`socket://`) where there are no ptys.

It answers commands one after another, as the device does, and reports the tags that `tags()` shows it.
Everything that the driver must survive is a switch in `R2000Faults`.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol

from drivers.uhf_r2000.wire import (
    CMD_REALTIME_INVENTORY,
    CMD_SET_ANTENNA,
    INVENTORY_COMMANDS,
    MAX_ANTENNA,
    SUCCESS,
    Frame,
    FrameDecoder,
    encode_result,
    encode_round_end,
    encode_tag_report,
)

ERROR_INVALID_PARAMETER = 0x41
ERROR_ANTENNA_MISSING = 0x22
_READ_BYTES = 4096
STALE_TAGS = 3
_FLOOD_TAGS = 1000
# A real reader overwrites its buffer, too, where nobody reads.
_MOST_UNSENT = 1 << 20
_STALE_EPC = "DEAD000000000000000000AA"


@dataclass(frozen=True, slots=True)
class SimulatedTag:
    """A tag in the field: EPC as hex of whole 16-bit words, signal -129 to -2 dBm, antenna 0 to 3."""

    epc: str
    rssi_dbm: int = -60
    antenna: int = 0


@dataclass(slots=True)
class R2000Faults:
    """Switches, all off. `off` is `R2000Simulator.unplug` and `plug`, because the port itself goes away.

    `baud_ratio` is how much faster the reader sends than the other side samples; `echo` gives every command back
    first, as a two-wire line does. `stale_buffer` spills `STALE_TAGS` tags of an earlier vehicle before the next
    answer, once, and resets itself.
    """

    garbage: bool = False
    bad_checksum: bool = False
    silent: bool = False
    slow_s: float = 0.0
    stale_buffer: bool = False
    flood: bool = False
    error_frame: int = 0
    phase: bool = False
    half_frames: bool = False
    baud_ratio: float = 1.0
    echo: bool = False


FAULTS = ("off", *(field.name for field in fields(R2000Faults)))


class Wire(Protocol):
    """Where the simulated reader writes."""

    def write(self, data: bytes) -> None:
        """Send; silently lost where nobody listens."""


class R2000Device:
    """The reader without its plug: bytes of commands in, bytes of answers out."""

    def __init__(self, tags: Callable[[], Sequence[SimulatedTag]], *, round_s: float = 0.01, seed: int = 0) -> None:
        self.faults = R2000Faults()
        self.commands: list[Frame] = []
        self.rounds = 0
        self._tags = tags
        self._round_s = round_s
        self._random = random.Random(seed)  # noqa: S311 - reproducible noise, not a secret
        self._decoder = FrameDecoder()
        self._queue: asyncio.Queue[Frame] = asyncio.Queue()
        self._antenna = 0
        self._wire: Wire | None = None

    def receive(self, data: bytes) -> None:
        """Take bytes of commands."""
        if self.faults.echo and self._wire is not None:
            self._wire.write(data)
        for frame in self._decoder.feed(data):
            self._queue.put_nowait(frame)

    async def serve(self, wire: Wire) -> None:
        """Answer commands in order until cancelled."""
        self._wire = wire
        while True:
            command = await self._queue.get()
            # Only what a test can want to look at: a day of demo must not grow this list.
            self.commands = [*self.commands[-99:], command]
            await self._answer(command, wire)

    async def _answer(self, command: Frame, wire: Wire) -> None:
        if self.faults.stale_buffer:
            self.faults.stale_buffer = False
            self._send(wire, self._report(SimulatedTag(_STALE_EPC)) * STALE_TAGS)
        if self.faults.slow_s:
            await asyncio.sleep(self.faults.slow_s)
        if self.faults.silent:
            return
        if self.faults.garbage:
            wire.write(self._random.randbytes(64))
            return
        if command.command == CMD_SET_ANTENNA:
            self._send(wire, self._select(command))
        elif command.command in INVENTORY_COMMANDS:
            await self._inventory(command.command, wire)
        else:
            self._send(wire, encode_result(command.command, ERROR_INVALID_PARAMETER))

    def _select(self, command: Frame) -> bytes:
        if len(command.data) != 1 or command.data[0] > MAX_ANTENNA:
            return encode_result(CMD_SET_ANTENNA, ERROR_INVALID_PARAMETER)
        self._antenna = command.data[0]
        return encode_result(CMD_SET_ANTENNA, SUCCESS)

    async def _inventory(self, command: int, wire: Wire) -> None:
        if self.faults.error_frame:
            self._send(wire, encode_result(command, self.faults.error_frame))
            return
        seen = [tag for tag in self._tags() if tag.antenna == self._antenna]
        if self.faults.flood:
            seen += [SimulatedTag(f"F100D{number:019X}", antenna=self._antenna) for number in range(_FLOOD_TAGS)]
        for tag in seen:
            self._send(wire, self._report(tag, command))
        await asyncio.sleep(self._round_s)
        self.rounds += 1
        self._send(wire, encode_round_end(antenna=self._antenna, rate=len(seen), total=len(seen), command=command))

    def _report(self, tag: SimulatedTag, command: int = CMD_REALTIME_INVENTORY) -> bytes:
        phase = self._random.randbytes(2) if self.faults.phase else b""
        epc = bytes.fromhex(tag.epc)
        return encode_tag_report(epc, antenna=tag.antenna, rssi_dbm=tag.rssi_dbm, command=command, phase=phase)

    def _send(self, wire: Wire, frame: bytes) -> None:
        if self.faults.bad_checksum:
            frame = frame[:-1] + bytes((frame[-1] ^ 0x55,))
        if self.faults.half_frames:
            frame = frame[: len(frame) // 2]
        wire.write(missampled(frame, self.faults.baud_ratio))


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


class R2000Simulator:
    """`R2000Device` behind a pty. `path` is what the driver opens: the symlink where one was asked for."""

    def __init__(
        self,
        tags: Callable[[], Sequence[SimulatedTag]],
        *,
        symlink: Path | None = None,
        round_s: float = 0.01,
        seed: int = 0,
    ) -> None:
        self.device = R2000Device(tags, round_s=round_s, seed=seed)
        self._symlink = symlink
        self._terminal: Path | None = None
        self._master = -1
        self._slave = -1
        self._unsent = bytearray()
        self._server: asyncio.Task[None] | None = None

    @property
    def faults(self) -> R2000Faults:
        """The fault switches."""
        return self.device.faults

    @property
    def path(self) -> str:
        """The port to configure. Stable over unplug and plug only with a symlink."""
        if self._symlink is not None:
            return str(self._symlink)
        if self._terminal is None:
            raise RuntimeError("not plugged in")
        return str(self._terminal)

    async def start(self) -> None:
        """Plug in and answer."""
        self.plug()
        self._server = asyncio.create_task(self.device.serve(self))

    async def stop(self) -> None:
        """Unplug and forget."""
        server, self._server = self._server, None
        if server is not None:
            server.cancel()
            await asyncio.wait({server})
        self.unplug()

    def plug(self) -> None:
        """Make the port appear. Nothing where it already is."""
        if self._master >= 0:
            return
        import os
        import tty

        self._master, self._slave = os.openpty()
        # Before any client opens it, the line discipline would echo answers back as commands.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._terminal = Path(os.ttyname(self._slave))
        if self._symlink is not None:
            self._symlink.unlink(missing_ok=True)
            self._symlink.symlink_to(self._terminal)
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def unplug(self) -> None:
        """Make the port vanish, as when the cable is pulled. Nothing where it is gone."""
        if self._master < 0:
            return
        import os

        loop = asyncio.get_running_loop()
        loop.remove_reader(self._master)
        loop.remove_writer(self._master)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
        self._unsent.clear()
        if self._symlink is not None:
            self._symlink.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Put raw bytes on the line (also for tests and replays); lost while unplugged."""
        if self._master < 0 or len(self._unsent) + len(data) > _MOST_UNSENT:
            return
        self._unsent += data
        self._writable()

    def _readable(self) -> None:
        import os

        try:
            self.device.receive(os.read(self._master, _READ_BYTES))
        except OSError:
            # The client has gone; our own slave descriptor keeps the port alive for the next.
            return

    def _writable(self) -> None:
        import os

        loop = asyncio.get_running_loop()
        try:
            while self._unsent:
                del self._unsent[: os.write(self._master, self._unsent)]
            loop.remove_writer(self._master)
        except BlockingIOError:
            loop.add_writer(self._master, self._writable)


class R2000TcpSimulator:
    """`R2000Device` behind a TCP serial server on loopback: `url` is `socket://127.0.0.1:port`."""

    def __init__(
        self, tags: Callable[[], Sequence[SimulatedTag]], *, port: int = 0, round_s: float = 0.01, seed: int = 0
    ) -> None:
        self.device = R2000Device(tags, round_s=round_s, seed=seed)
        self._port = port
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def faults(self) -> R2000Faults:
        """The fault switches."""
        return self.device.faults

    @property
    def url(self) -> str:
        """The port to configure, once started."""
        return f"socket://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Listen. One client at a time, as such servers have it: a new one replaces the old."""
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the listener and the client."""
        server, self._server = self._server, None
        self.drop()
        if server is not None:
            server.close()
            await server.wait_closed()

    def drop(self) -> None:
        """Cut the client off."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def write(self, data: bytes) -> None:
        """Put raw bytes on the line; lost while nobody is connected."""
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.drop()
        self._writer = writer
        serving = asyncio.create_task(self.device.serve(self))
        try:
            while data := await reader.read(_READ_BYTES):
                self.device.receive(data)
        except ConnectionError:
            pass
        finally:
            serving.cancel()
            writer.close()
