"""A small Modbus TCP server whose replies can be made hostile, on a real port of this machine.

Written on plain streams because a library's server cannot lie. Functions 1, 2, 3, 5, 6, 15 and 16.
Source: Modbus application protocol 1.1b3; Modbus messaging on TCP/IP 1.0b.
"""

import asyncio
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, GATEWAY_TARGET = 1, 2, 3, 11
_HEADER = struct.Struct(">HHHB")
_ADDRESS_AND_VALUE = struct.Struct(">HH")
_MAX_LENGTH = 254


class ModbusRefusalError(Exception):
    """The device refuses a request with this exception code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"modbus exception {code:02X}")
        self.code = code


class ModbusDevice(Protocol):
    """What the server serves. Every method raises ModbusRefusalError for an address that does not exist."""

    def read_bits(self, function: int, first: int, count: int) -> list[bool]:
        """Coils (function 1) or discrete inputs (function 2)."""

    def read_registers(self, first: int, count: int) -> list[int]:
        """Holding registers (function 3)."""

    def write_coil(self, address: int, value: bool) -> None:
        """One coil (functions 5 and 15)."""

    def write_register(self, address: int, value: int) -> None:
        """One holding register (functions 6 and 16)."""


@dataclass(slots=True)
class ReplyFaults:
    """Fault switches, changed while it runs. Named after hazards.md 2.2.

    `functions` limits them to requests with these function codes; the first `skip` of them are answered well, and
    `times` more are spoilt (None: for good).
    `drop_reply` executes without a reply, `silent` does neither, `exception_code` refuses without executing,
    `exception_after` executes and then reports that exception. `length_lie` replaces the length field.
    """

    drop_reply: bool = False
    silent: bool = False
    delay_reply_s: float = 0.0
    wrong_transaction_id: bool = False
    zero_transaction_id: bool = False
    wrong_protocol_id: bool = False
    wrong_unit: bool = False
    wrong_function: bool = False
    wrong_echo_address: bool = False
    wrong_echo_value: bool = False
    exception_code: int | None = None
    exception_after: int | None = None
    duplicate_reply: bool = False
    trailing_garbage: bytes = b""
    length_lie: int | None = None
    one_byte_segments: bool = False
    close_before_reply: bool = False
    functions: frozenset[int] | None = None
    skip: int = 0
    times: int | None = None

    def take(self, function: int) -> "ReplyFaults | None":
        """The faults for one request with this function code, using up one of `times`; None for none."""
        if self.functions is not None and function not in self.functions:
            return None
        if self.skip > 0:
            self.skip -= 1
            return None
        if self.times is not None:
            if self.times <= 0:
                return None
            self.times -= 1
        return self


class ModbusServer:
    """Serves `device` as unit `device_id` on 127.0.0.1 (or `host`), `port` 0 for a free one.

    `requests` counts by function code, `frames` keeps the last requests as received.
    """

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
            server.close()
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
        return _spoil(_frame(transaction, unit, reply), faults)

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
            await _send(writer, _spoil(_frame(transaction, unit, reply), faults), faults)

    def _execute(self, unit: int, pdu: bytes, faults: ReplyFaults) -> bytes:
        try:
            if unit not in (self._device_id, 0):
                raise ModbusRefusalError(GATEWAY_TARGET)
            if faults.exception_code is not None:
                raise ModbusRefusalError(faults.exception_code)
            reply = _dispatch(self._device, pdu)
            if faults.exception_after is not None:
                raise ModbusRefusalError(faults.exception_after)
        except ModbusRefusalError as refusal:
            return bytes((pdu[0] | 0x80, refusal.code))
        except (struct.error, IndexError):
            return bytes((pdu[0] | 0x80, ILLEGAL_VALUE))
        return reply


def _dispatch(device: ModbusDevice, pdu: bytes) -> bytes:
    function = pdu[0]
    if function not in (1, 2, 3, 5, 6, 15, 16):
        raise ModbusRefusalError(ILLEGAL_FUNCTION)
    address, value = _ADDRESS_AND_VALUE.unpack_from(pdu, 1)
    if function in (1, 2):
        _require(1 <= value <= 2000)
        data = _pack_bits(device.read_bits(function, address, value))
        return bytes((function, len(data))) + data
    if function == 3:
        _require(1 <= value <= 125)
        data = b"".join(register.to_bytes(2, "big") for register in device.read_registers(address, value))
        return bytes((function, len(data))) + data
    if function == 5:
        _require(value in (0x0000, 0xFF00))
        device.write_coil(address, value == 0xFF00)
    elif function == 6:
        device.write_register(address, value)
    else:
        _write_many(device, function, address, value, pdu)
    return pdu[:5]


def _write_many(device: ModbusDevice, function: int, address: int, count: int, pdu: bytes) -> None:
    data = pdu[6:]
    size = (count + 7) // 8 if function == 15 else 2 * count
    _require(count > 0 and pdu[5] == size == len(data))
    for offset in range(count):
        if function == 15:
            device.write_coil(address + offset, bool(data[offset // 8] >> offset % 8 & 1))
        else:
            device.write_register(address + offset, int.from_bytes(data[2 * offset : 2 * offset + 2], "big"))


def _require(condition: bool) -> None:
    if not condition:
        raise ModbusRefusalError(ILLEGAL_VALUE)


def _pack_bits(bits: list[bool]) -> bytes:
    packed = 0
    for index, bit in enumerate(bits):
        if bit:
            packed |= 1 << index
    return packed.to_bytes((len(bits) + 7) // 8, "little")


def _frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    return _HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu


def _spoil(frame: bytes, faults: ReplyFaults) -> bytes:
    spoiled = bytearray(frame)
    if faults.wrong_transaction_id:
        spoiled[1] ^= 0x55
    if faults.zero_transaction_id:
        spoiled[0:2] = b"\x00\x00"
    if faults.wrong_protocol_id:
        spoiled[3] = 1
    if faults.wrong_unit:
        spoiled[6] ^= 0x01
    if faults.wrong_function:
        # A well-formed answer to another question: write register for write coil, and coils for inputs.
        spoiled[7] = {1: 2, 2: 1, 3: 4, 5: 6, 6: 5}.get(spoiled[7], 1)
    if faults.wrong_echo_address:
        spoiled[9] ^= 0x01
    if faults.wrong_echo_value:
        spoiled[10] ^= 0xFF
    if faults.length_lie is not None:
        spoiled[4:6] = faults.length_lie.to_bytes(2, "big")
    return bytes(spoiled) * (2 if faults.duplicate_reply else 1) + faults.trailing_garbage


async def _send(writer: asyncio.StreamWriter, data: bytes, faults: ReplyFaults) -> None:
    pieces = [data[index : index + 1] for index in range(len(data))] if faults.one_byte_segments else [data]
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        # Lets the loop hand each piece to the socket, so that they leave as separate segments.
        await asyncio.sleep(0)
