"""Bytes and values of R2000/Indy readers. Pure: no port, no clock.

Frame: `A0 Len Addr Cmd Data.. Ck`; Len counts the bytes after itself, Ck is the two's complement of the sum of
all bytes before it. Source: domain.md 6.1, frames recomputed there. 115200 8N1.
"""

from dataclasses import dataclass

from drivers.kit.wire import NO_FRAME, NOT_YET, StreamDecoder, TagReport, epc_bytes_of, pc_of
from edge.core.tag import parse_tag

HEAD = 0xA0
DEFAULT_ADDRESS = 0x01
CMD_SET_ANTENNA = 0x74
CMD_REALTIME_INVENTORY = 0x89
CMD_SESSION_INVENTORY = 0x8B
INVENTORY_COMMANDS = frozenset({CMD_REALTIME_INVENTORY, CMD_SESSION_INVENTORY})
SUCCESS = 0x10
ERROR_NO_TAG = 0x36
# The antenna field of a tag report has two bits; readers with more ports mark them in ways nobody documents.
MAX_ANTENNA = 3

_OVERHEAD = 3  # Addr, Cmd and Ck, which Len counts besides the data
_TAG_OVERHEAD = 4  # FreqAnt, PC (2), RSSI
_PHASE_BYTES = 2
_END_DATA = 7
_ERROR_DATA = 1
_MAX_EPC_BYTES = 62  # 31 words, the most a PC word announces
# The longest frame that this driver can be answered with. Larger lengths are noise, and believing them would
# swallow the frames behind them until 255 bytes had come.
MAX_LEN = _OVERHEAD + _TAG_OVERHEAD + _MAX_EPC_BYTES + _PHASE_BYTES
MIN_LEN = _OVERHEAD


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame whose checksum was right: reader address, command, data (0 to 68 bytes)."""

    address: int
    command: int
    data: bytes


@dataclass(frozen=True, slots=True)
class RoundEnd:
    """The round is over: antenna, tags per second, tags reported."""

    antenna: int
    rate: int
    total: int


@dataclass(frozen=True, slots=True)
class RoundError:
    """The reader refused or broke off the round; `code` is the reader's own."""

    code: int


@dataclass(frozen=True, slots=True)
class Malformed:
    """An inventory answer whose length contradicts its PC word: never used, only counted."""

    reason: str


InventoryAnswer = TagReport | RoundEnd | RoundError | Malformed


def checksum(data: bytes) -> int:
    """Two's complement of the sum of `data`, one byte."""
    return -sum(data) & 0xFF


def encode(frame: Frame) -> bytes:
    """The bytes of one frame. Raises ValueError where a field does not fit its byte or the data is too long."""
    length = _OVERHEAD + len(frame.data)
    if length > MAX_LEN:
        raise ValueError(f"{len(frame.data)} data bytes, at most {MAX_LEN - _OVERHEAD} fit a frame")
    body = bytes((HEAD, length, frame.address, frame.command)) + frame.data
    return body + bytes((checksum(body),))


def set_antenna(antenna: int, address: int = DEFAULT_ADDRESS) -> bytes:
    """Select the working antenna, 0 to 3. Answer: one data byte, `SUCCESS`."""
    if not 0 <= antenna <= MAX_ANTENNA:
        raise ValueError(f"antenna {antenna}, expected 0 to {MAX_ANTENNA}")
    return encode(Frame(address, CMD_SET_ANTENNA, bytes((antenna,))))


def realtime_inventory(repeat: int = 1, address: int = DEFAULT_ADDRESS) -> bytes:
    """One round of `repeat` (1 to 255) inventories, tags reported as they are seen."""
    return encode(Frame(address, CMD_REALTIME_INVENTORY, bytes((repeat,))))


def session_inventory(session: int = 1, target: int = 0, repeat: int = 1, address: int = DEFAULT_ADDRESS) -> bytes:
    """As `realtime_inventory`, with Gen2 session (0 to 3) and target (0 = A, 1 = B)."""
    if not 0 <= session <= 3 or target not in (0, 1):
        raise ValueError(f"session {session} and target {target}, expected 0 to 3 and 0 or 1")
    return encode(Frame(address, CMD_SESSION_INVENTORY, bytes((session, target, repeat))))


def encode_tag_report(
    epc: bytes, *, antenna: int, rssi_dbm: int, command: int = CMD_REALTIME_INVENTORY, phase: bytes = b""
) -> bytes:
    """What a reader sends for one tag: for simulators. `phase` is empty or the two bytes of such firmware."""
    head = bytes(((1 << 2) | antenna,)) + pc_of(epc).to_bytes(2, "big")
    return encode(Frame(DEFAULT_ADDRESS, command, head + epc + bytes((rssi_dbm + 129,)) + phase))


def encode_round_end(
    *, antenna: int, rate: int, total: int, command: int = CMD_REALTIME_INVENTORY, address: int = DEFAULT_ADDRESS
) -> bytes:
    """What a reader sends when a round is over: for simulators."""
    data = bytes((antenna,)) + rate.to_bytes(2, "big") + total.to_bytes(4, "big")
    return encode(Frame(address, command, data))


def encode_result(command: int, code: int, address: int = DEFAULT_ADDRESS) -> bytes:
    """A one-byte answer (`SUCCESS` or an error code): for simulators."""
    return encode(Frame(address, command, bytes((code,))))


def decode_inventory(frame: Frame) -> InventoryAnswer:
    """Read an answer to an inventory command. Total: any data gives one of the four values.

    Tag, end and error share the command byte and differ by length: a tag's data is always even, the end's is 7
    bytes, an error's one.
    """
    data = frame.data
    if len(data) == _ERROR_DATA:
        return RoundError(data[0])
    if len(data) == _END_DATA:
        return RoundEnd(data[0], int.from_bytes(data[1:3], "big"), int.from_bytes(data[3:7], "big"))
    if len(data) < _TAG_OVERHEAD:
        return Malformed("short")
    epc_bytes = epc_bytes_of(int.from_bytes(data[1:3], "big"))
    if len(data) not in (_TAG_OVERHEAD + epc_bytes, _TAG_OVERHEAD + epc_bytes + _PHASE_BYTES):
        return Malformed("length_contradicts_pc")
    tag = parse_tag(data[3 : 3 + epc_bytes].hex())
    if tag is None:
        return Malformed("empty_epc")
    return TagReport(tag, data[0] & 0b11, _rssi_dbm(data[3 + epc_bytes]))


def _rssi_dbm(raw: int) -> int | None:
    # Above 127 the formula would say more power than any tag returns; some firmware flags antenna groups there.
    return raw - 129 if raw < 0x80 else None


class FrameDecoder(StreamDecoder[Frame]):
    """Frames whose checksum is right."""

    head = HEAD

    def measure(self, data: bytearray, at: int) -> int:
        """Believe a length only where a frame of this driver can have it."""
        if len(data) - at < 2:
            return NOT_YET
        length = data[at + 1]
        return 2 + length if MIN_LEN <= length <= MAX_LEN else NO_FRAME

    def parse(self, candidate: bytes) -> Frame | None:
        """Check the checksum."""
        if checksum(candidate[:-1]) != candidate[-1]:
            return None
        return Frame(candidate[2], candidate[3], candidate[4:-1])
