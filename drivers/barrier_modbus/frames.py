"""What is wrong with a Modbus TCP reply, judged from the raw bytes of request and reply. Pure.

The library accepts replies that answer another question (hazards.md 1.5), so nothing of its judgement is used.
Layout (MBAP): transaction id u16, protocol id u16 = 0, length u16 of what follows, unit id u8, function u8, data.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

FaultKind = Literal[
    "protocol_id",
    "length",
    "transaction_id",
    "unit_id",
    "function",
    "echo",
    "byte_count",
    "trailing",
    "exception",
    "crc",  # RTU alone, as the next
    "own_echo",
]

HEADER_BYTES = 6
MAX_FRAME_BYTES = 260  # Modbus messaging on TCP/IP 1.0b, 253 bytes of PDU and 7 of header
READ_BITS = frozenset({1, 2})
WRITES = frozenset({5, 6, 15, 16})

EXCEPTION_NAMES = {
    0x01: "illegal_function",
    0x02: "illegal_data_address",
    0x03: "illegal_data_value",
    0x04: "server_device_failure",
    0x05: "acknowledge",
    0x06: "server_device_busy",
    0x08: "memory_parity_error",
    0x0A: "gateway_path_unavailable",
    0x0B: "gateway_target_failed_to_respond",
}
# The device looked at the request and refused it before doing anything; after any other it may have acted.
REFUSED_CODES = frozenset({0x01, 0x02, 0x03})


@dataclass(frozen=True, slots=True)
class ReplyFault:
    """Why a reply is not an answer. `exception_code` only where `kind` is `exception`: that reply is well-formed."""

    kind: FaultKind
    expected: str
    got: str
    exception_code: int | None = None


class Reply(NamedTuple):
    """Judgement of the bytes received so far.

    `frame` is the answer once it is complete and right, `fault` the reason to give up, and with neither the
    answer is still incomplete. `duplicates` counts repeated earlier answers that were skipped.
    """

    frame: bytes | None = None
    fault: ReplyFault | None = None
    duplicates: int = 0


def judge(request: bytes, previous_reply: bytes, received: bytes) -> Reply:
    """Judge what came after `request`; `previous_reply` is the last good answer on this connection, or empty."""
    if _is_the_answer(request, received):
        return Reply(received)
    duplicates = 0
    while previous_reply and received.startswith(previous_reply) and previous_reply[:2] != request[:2]:
        received = received[len(previous_reply) :]
        duplicates += 1
    if previous_reply and received and previous_reply[:2] != request[:2] and previous_reply.startswith(received):
        return Reply(duplicates=duplicates)
    if len(received) < HEADER_BYTES:
        return Reply(duplicates=duplicates)
    length = int.from_bytes(received[4:6], "big")
    if not 3 <= length <= MAX_FRAME_BYTES - HEADER_BYTES:
        lie = ReplyFault("length", f"3-{MAX_FRAME_BYTES - HEADER_BYTES}", str(length))
        return Reply(fault=lie, duplicates=duplicates)
    frame, rest = received[: HEADER_BYTES + length], received[HEADER_BYTES + length :]
    if len(received) >= HEADER_BYTES + 2 and (early := _check_header(request, frame)):
        return Reply(fault=early, duplicates=duplicates)
    if len(frame) < HEADER_BYTES + length:
        return Reply(duplicates=duplicates)
    if fault := check_reply(request, frame):
        return Reply(fault=fault, duplicates=duplicates)
    copies = count_copies(frame, rest)
    if copies is None:
        return Reply(fault=ReplyFault("trailing", "one answer", f"{len(rest)} more bytes"), duplicates=duplicates)
    return Reply(frame=frame, duplicates=duplicates + copies)


def _is_the_answer(request: bytes, received: bytes) -> bool:
    """Whether `received` is the one right answer and nothing else: what nearly every reply is."""
    size = len(received)
    if not HEADER_BYTES + 3 <= size <= MAX_FRAME_BYTES or received[:2] != request[:2] or received[6:8] != request[6:8]:
        return False
    if received[2:6] != (size - HEADER_BYTES).to_bytes(4, "big"):
        return False
    fault = _check_echo if request[7] in WRITES else _check_byte_count
    return fault(request, received) is None


def count_copies(frame: bytes, rest: bytes) -> int | None:
    """How many whole copies of `frame` are in `rest`, a part of one at its end allowed; None for anything else."""
    if not rest:
        return 0
    if not frame:
        return None
    copies, tail = divmod(len(rest), len(frame))
    return copies if rest == frame * copies + frame[:tail] else None


def check_reply(request: bytes, frame: bytes) -> ReplyFault | None:
    """Say what is wrong with a whole reply frame, or None. An exception reply is a fault of kind `exception`."""
    if len(frame) < HEADER_BYTES + 3 or int.from_bytes(frame[4:6], "big") != len(frame) - HEADER_BYTES:
        return ReplyFault("length", "a length field that counts the bytes after it", frame[:HEADER_BYTES].hex(" "))
    if fault := _check_header(request, frame):
        return fault
    function = request[7]
    if frame[7] == function | 0x80:
        return _exception(frame)
    if function in WRITES:
        return _check_echo(request, frame)
    return _check_byte_count(request, frame)


def stand_in(request: bytes) -> bytes:
    """An exception reply that ends the waiting request; its code is never looked at."""
    return request[:4] + b"\x00\x03" + request[6:7] + bytes((request[7] | 0x80, 4))


def exception_name(code: int) -> str:
    """Stable name of a Modbus exception code, `exception_<n>` for one that no standard names."""
    return EXCEPTION_NAMES.get(code, f"exception_{code}")


def _check_header(request: bytes, frame: bytes) -> ReplyFault | None:
    function = request[7]
    if frame[2:4] != b"\x00\x00":
        return ReplyFault("protocol_id", "0", str(int.from_bytes(frame[2:4], "big")))
    if frame[:2] != request[:2]:
        expected, got = int.from_bytes(request[:2], "big"), int.from_bytes(frame[:2], "big")
        return ReplyFault("transaction_id", str(expected), str(got))
    if frame[6] != request[6]:
        return ReplyFault("unit_id", str(request[6]), str(frame[6]))
    if frame[7] not in (function, function | 0x80):
        return ReplyFault("function", str(function), str(frame[7]))
    return None


def _exception(frame: bytes) -> ReplyFault:
    if len(frame) != HEADER_BYTES + 3:
        return ReplyFault("length", "3 for an exception", str(len(frame) - HEADER_BYTES))
    code = frame[8]
    return ReplyFault("exception", "a normal reply", f"exception {code:02X} {exception_name(code)}", code)


def _check_echo(request: bytes, frame: bytes) -> ReplyFault | None:
    # Functions 5 and 6 echo address and value, 15 and 16 address and quantity: four bytes in each case.
    if len(frame) != HEADER_BYTES + 6:
        return ReplyFault("length", "6", str(len(frame) - HEADER_BYTES))
    if frame[8:12] != request[8:12]:
        return ReplyFault("echo", request[8:12].hex(" "), frame[8:12].hex(" "))
    return None


def _check_byte_count(request: bytes, frame: bytes) -> ReplyFault | None:
    count = int.from_bytes(request[10:12], "big")
    expected = (count + 7) // 8 if request[7] in READ_BITS else 2 * count
    if frame[8] != expected or len(frame) != HEADER_BYTES + 3 + expected:
        return ReplyFault("byte_count", f"{expected} bytes", f"{frame[8]} declared, {len(frame) - 9} sent")
    return None
