"""A small Modbus TCP server whose replies can be made hostile, on a real port of this machine.

Written on plain streams because a library's server cannot lie. Source: Modbus messaging on TCP/IP 1.0b.
"""

import asyncio
import struct
from contextlib import suppress

from edge.portable.serving import stop_accepting
from simulators.devices.modbus_pdu import (
    GATEWAY_TARGET,
    ModbusDevice,
    ReplyFaults,
    execute,
    on_the_wire,
    refused,
    spoilt,
)

_HEADER = struct.Struct(">HHHB")
_MAX_LENGTH = 254


class ModbusServer:
    """Serves `device` as unit `device_id` on 127.0.0.1 (or `host`), `port` 0 for a free one.

    `requests` counts by function code, `frames` keeps the last requests as received.
    """

    path = ""

    def __init__(self, device: ModbusDevice, *, host: str = "127.0.0.1", port: int = 0, device_id: int = 1) -> None:
        self.faults = ReplyFaults()
        self.requests: dict[int, int] = {}
        self.frames: list[bytes] = []
        self.connections = 0
        self._device = device
        self._host = host
        self._port = port
        self._device_id = device_id
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    @property
    def port(self) -> int:
        """The port it listens on, known after `start`."""
        return self._port

    async def start(self) -> None:
        """Listen. Raises OSError where the port is taken."""
        self._stopping.clear()
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection; `start` listens on the same port again."""
        if self._server is not None:
            server, self._server = self._server, None
            await stop_accepting(server)
            self._stopping.set()
            self.drop_connections()
            if self._handlers:
                await asyncio.wait(self._handlers)
            await server.wait_closed()

    def drop_connections(self) -> None:
        """Cut every open connection, as a power dip of the module does."""
        for writer in self._open:
            writer.transport.abort()

    def exchange(self, request: bytes) -> bytes | None:
        """Answer one whole request frame without a socket, `faults` included; None where no reply leaves."""
        transaction, _, _, unit = _HEADER.unpack_from(request)
        pdu = request[_HEADER.size :]
        faults = self.faults.take(pdu[0]) or ReplyFaults()
        if faults.silent:
            return None
        reply = self._execute(unit, pdu, faults)
        if faults.drop_reply or faults.close_before_reply:
            return None
        return _frame(transaction, unit, reply, faults)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        if task := asyncio.current_task():
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        try:
            while True:
                header = await reader.readexactly(_HEADER.size)
                transaction, protocol, length, unit = _HEADER.unpack(header)
                if protocol or not 2 <= length <= _MAX_LENGTH:
                    return
                pdu = await reader.readexactly(length - 1)
                self.frames = [*self.frames[-99:], header + pdu]
                await self._answer(writer, transaction, unit, pdu)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, transaction: int, unit: int, pdu: bytes) -> None:
        function = pdu[0]
        self.requests[function] = self.requests.get(function, 0) + 1
        faults = self.faults.take(function) or ReplyFaults()
        if faults.silent:
            return
        reply = self._execute(unit, pdu, faults)
        if faults.delay_reply_s:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), faults.delay_reply_s)
        if faults.close_before_reply:
            writer.transport.abort()
        elif not faults.drop_reply:
            await _send(writer, _frame(transaction, unit, reply, faults), faults)

    def _execute(self, unit: int, pdu: bytes, faults: ReplyFaults) -> bytes:
        if unit not in (self._device_id, 0):
            return refused(pdu, GATEWAY_TARGET)
        return execute(self._device, pdu, faults)


def _frame(transaction: int, unit: int, pdu: bytes, faults: ReplyFaults) -> bytes:
    body = spoilt(unit, pdu, faults)
    frame = bytearray(_HEADER.pack(transaction, 0, len(body), body[0]) + body[1:])
    if faults.wrong_transaction_id:
        frame[1] ^= 0x55
    if faults.zero_transaction_id:
        frame[0:2] = b"\x00\x00"
    if faults.wrong_protocol_id:
        frame[3] = 1
    if faults.length_lie is not None:
        frame[4:6] = faults.length_lie.to_bytes(2, "big")
    return on_the_wire(bytes(frame), faults)


async def _send(writer: asyncio.StreamWriter, data: bytes, faults: ReplyFaults) -> None:
    slow = faults.one_byte_segments or faults.byte_gap_s
    for piece in [data[index : index + 1] for index in range(len(data))] if slow else [data]:
        writer.write(piece)
        await writer.drain()
        # Lets the loop hand each piece to the socket, so that they leave as separate segments.
        await asyncio.sleep(faults.byte_gap_s)
