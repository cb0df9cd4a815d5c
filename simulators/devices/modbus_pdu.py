"""What a Modbus device answers, whatever carries it: requests executed, replies spoilt on demand.

Functions 1, 2, 3, 5, 6, 15 and 16. Source: Modbus application protocol 1.1b3.
"""

import struct
from dataclasses import dataclass
from typing import Protocol

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, GATEWAY_TARGET = 1, 2, 3, 11
_ADDRESS_AND_VALUE = struct.Struct(">HH")


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
    Of the TCP header are `wrong_transaction_id`, `zero_transaction_id`, `wrong_protocol_id` and `length_lie` (which
    replaces the length field); of RTU alone `crc_error` and `local_echo` (the adapter hears what it sends).
    `drop_reply` executes without a reply, `silent` does neither, `exception_code` refuses without executing,
    `exception_after` executes and then reports that exception. `byte_gap_s` passes between two bytes of a reply.
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
    leading_garbage: bytes = b""
    trailing_garbage: bytes = b""
    length_lie: int | None = None
    half_frame: bool = False
    one_byte_segments: bool = False
    byte_gap_s: float = 0.0
    close_before_reply: bool = False
    crc_error: bool = False
    local_echo: bool = False
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


def execute(device: ModbusDevice, pdu: bytes, faults: ReplyFaults) -> bytes:
    """Execute one request PDU and return the reply PDU, an exception where the device or `faults` refuse."""
    try:
        if faults.exception_code is not None:
            raise ModbusRefusalError(faults.exception_code)
        reply = _dispatch(device, pdu)
        if faults.exception_after is not None:
            raise ModbusRefusalError(faults.exception_after)
    except ModbusRefusalError as refusal:
        return refused(pdu, refusal.code)
    except (struct.error, IndexError):
        return refused(pdu, ILLEGAL_VALUE)
    return reply


def refused(pdu: bytes, code: int) -> bytes:
    """The exception reply to a request PDU."""
    return bytes((pdu[0] | 0x80, code))


def spoilt(unit: int, pdu: bytes, faults: ReplyFaults) -> bytes:
    """Unit id and reply PDU, with the faults that are the same on every wire."""
    body = bytearray((unit, *pdu))
    if faults.wrong_unit:
        body[0] ^= 0x01
    if faults.wrong_function:
        # A well-formed answer to another question: write register for write coil, and coils for inputs.
        body[1] = {1: 2, 2: 1, 3: 4, 5: 6, 6: 5}.get(body[1], 1)
    if faults.wrong_echo_address:
        body[3] ^= 0x01
    if faults.wrong_echo_value:
        body[4] ^= 0xFF
    return bytes(body)


def on_the_wire(frame: bytes, faults: ReplyFaults) -> bytes:
    """A whole reply frame with what is sent around it, or only its first half."""
    if faults.half_frame:
        frame = frame[: len(frame) // 2]
    return faults.leading_garbage + frame * (2 if faults.duplicate_reply else 1) + faults.trailing_garbage


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
