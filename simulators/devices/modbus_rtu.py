"""A Modbus RTU slave whose replies can be made hostile, on a pty or behind a TCP serial server of this machine.

A slave answers in the order of the requests, says nothing to another unit's, and forgets a spoilt one. A serial server
hands each byte to every client that is connected when it comes: an answer that is late meets the next connection.
Its checksum is computed here on its own, so that a mistake of the driver's cannot hide in it.
Source: Modbus over serial line 1.02.
"""

import asyncio
from contextlib import suppress
from pathlib import Path

from simulators.devices.modbus_pdu import ModbusDevice, ReplyFaults, execute, on_the_wire, spoilt
from simulators.devices.serial_line import PtyLine, TcpLine

_SHORTEST = 8
_WITH_COUNT = frozenset({15, 16})
_IDLE_S = 0.1  # A request whose rest does not come within this is forgotten; on a busy machine bytes dawdle.


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS, bit by bit as the specification writes it."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            low, crc = crc & 1, crc >> 1
            if low:
                crc ^= 0xA001
    return crc


class RtuServer:
    """Serves `device` as unit `device_id` on a pty (`symlink`: its lasting name) or, with `tcp`, on `port` of `host`.

    `requests` counts by function code, `frames` keeps the last requests as received, `noise` counts bytes that were
    no request, `connections` those of the TCP serial server.
    """

    def __init__(
        self,
        device: ModbusDevice,
        *,
        device_id: int = 1,
        tcp: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        symlink: Path | None = None,
    ) -> None:
        self.faults = ReplyFaults()
        self.requests: dict[int, int] = {}
        self.frames: list[bytes] = []
        self.noise = 0
        self._device = device
        self._device_id = device_id
        self.wire: PtyLine | TcpLine = TcpLine(self._receive, host, port) if tcp else PtyLine(self._receive, symlink)
        self._received = bytearray()
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._forgetting: asyncio.TimerHandle | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The TCP port, known after `start`; 0 on a pty."""
        return self.wire.port

    @property
    def path(self) -> str:
        """The serial port to open, known after `start`; empty over TCP."""
        return self.wire.path

    @property
    def connections(self) -> int:
        """How often a client connected to the TCP serial server; 0 on a pty, which cannot know."""
        return self.wire.connections

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        await self.wire.start()
        self._serving = asyncio.create_task(self._serve())

    async def stop(self) -> None:
        """Fall silent and let the line vanish; `start` brings it back."""
        serving, self._serving = self._serving, None
        if serving is not None:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
        if self._forgetting is not None:
            self._forgetting.cancel()
        self._received.clear()
        await self.wire.stop()

    def drop_connections(self) -> None:
        """Cut the clients of the TCP serial server off; a pty has none to cut."""
        self.wire.drop()

    def exchange(self, request: bytes) -> bytes | None:
        """Answer one whole request frame without a line, `faults` included; None where no reply leaves."""
        faults = self.faults.take(request[1]) or ReplyFaults()
        if faults.silent:
            return None
        reply = execute(self._device, request[1:-2], faults)
        if faults.drop_reply or faults.close_before_reply:
            return None
        return self._frame(request, reply, faults)

    def _receive(self, data: bytes) -> None:
        self._received += data
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        while (size := _request_bytes(self._received)) is not None and len(self._received) >= size:
            frame = bytes(self._received[:size])
            if frame[-2:] != crc16(frame[:-2]).to_bytes(2, "little"):
                # No start mark: what follows a spoilt request is spoilt, until the line falls silent.
                self._forget()
                return
            del self._received[:size]
            self._waiting.put_nowait(frame)
        if self._received:
            self._forgetting = asyncio.get_running_loop().call_later(_IDLE_S, self._forget)

    def _forget(self) -> None:
        self.noise += len(self._received)
        self._received.clear()

    async def _serve(self) -> None:
        while True:
            frame = await self._waiting.get()
            self.frames = [*self.frames[-99:], frame]
            if frame[0] == self._device_id:
                await self._answer(frame)
            elif frame[0] == 0:
                execute(self._device, frame[1:-2], ReplyFaults())

    async def _answer(self, frame: bytes) -> None:
        function = frame[1]
        self.requests[function] = self.requests.get(function, 0) + 1
        faults = self.faults.take(function) or ReplyFaults()
        if faults.local_echo:
            self.wire.write(frame)
        if faults.silent:
            return
        reply = execute(self._device, frame[1:-2], faults)
        await asyncio.sleep(faults.delay_reply_s)
        if faults.close_before_reply:
            self.wire.drop()
        elif not faults.drop_reply:
            await self._send(self._frame(frame, reply, faults), faults)

    async def _send(self, data: bytes, faults: ReplyFaults) -> None:
        slow = faults.one_byte_segments or faults.byte_gap_s
        for piece in [data[index : index + 1] for index in range(len(data))] if slow else [data]:
            self.wire.write(piece)
            await asyncio.sleep(faults.byte_gap_s)

    def _frame(self, request: bytes, reply: bytes, faults: ReplyFaults) -> bytes:
        body = spoilt(request[0], reply, faults)
        frame = bytearray(body + crc16(body).to_bytes(2, "little"))
        if faults.crc_error:
            frame[-1] ^= 0x01
        return on_the_wire(bytes(frame), faults)


def _request_bytes(received: bytearray) -> int | None:
    """How long the request is that begins here; None while that cannot be known."""
    if len(received) < _SHORTEST:
        return None
    return 9 + received[6] if received[1] in _WITH_COUNT else _SHORTEST
