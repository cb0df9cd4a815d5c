"""Bytes and values of ThingMagic's serial protocol (M5e, M6e). Pure: no port, no clock.

Command `FF Len Cmd Data.. CRC_hi CRC_lo`, answer `FF Len Cmd Status_hi Status_lo Data.. CRC_hi CRC_lo`; Len counts the
data alone, the CRC is ThingMagic's variant of CCITT over all but `FF`. Source: domain.md 6.1; the layout of the tag
buffer is that of the vendor's MercuryAPI (MIT).
"""

from dataclasses import dataclass

from drivers.kit.wire import (
    NO_FRAME,
    NOT_YET,
    StreamDecoder,
    TagReport,
    crc16_gen2,
    crc16_thingmagic,
    epc_bytes_of,
    pc_of,
    signed,
)
from edge.core.tag import parse_tag

HEAD = 0xFF
CMD_VERSION = 0x03
CMD_BOOT = 0x04
CMD_READ_MANY = 0x22
CMD_GET_BUFFER = 0x29
CMD_CLEAR_BUFFER = 0x2A
CMD_SET_ANTENNA = 0x91
CMD_SET_PROTOCOL = 0x93
CMD_SET_REGION = 0x97
COMMANDS = frozenset(
    {CMD_VERSION, CMD_BOOT, CMD_READ_MANY, CMD_GET_BUFFER, CMD_CLEAR_BUFFER, CMD_SET_ANTENNA, CMD_SET_PROTOCOL}
    | {CMD_SET_REGION}
)
GEN2 = 0x0005
# 920 to 925 MHz, the band of GB/T 35786; a module transmits in no other region unless it is told to.
REGION_CHINA = 0x06
MOST_ANTENNAS = 4

OK = 0x0000
INVALID_OPCODE = 0x0101
NO_TAGS = 0x0400

WITH_RSSI = 0x0002
WITH_ANTENNA = 0x0004
ASKED_METADATA = WITH_RSSI | WITH_ANTENNA

_ANSWER_OVERHEAD = 7
_COMMAND_OVERHEAD = 5
MAX_DATA = 248
MAX_FRAME = _ANSWER_OVERHEAD + MAX_DATA
_BUFFER_HEAD = 4  # metadata flags (2), options, count
_PC_AND_CRC = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """One answer whose CRC was right."""

    command: int
    status: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Command:
    """One command whose CRC was right."""

    command: int
    data: bytes


def encode(command: int, data: bytes = b"") -> bytes:
    """The bytes of one command. Raises ValueError where the data is too long."""
    if len(data) > MAX_DATA:
        raise ValueError(f"{len(data)} bytes of data, at most {MAX_DATA}")
    return _framed(len(data), bytes((command,)) + data)


def encode_answer(command: int, status: int = OK, data: bytes = b"") -> bytes:
    """What a module answers: for simulators. Raises ValueError where the data is too long."""
    if len(data) > MAX_DATA:
        raise ValueError(f"{len(data)} bytes of data, at most {MAX_DATA}")
    return _framed(len(data), bytes((command,)) + status.to_bytes(2, "big") + data)


def _framed(length: int, rest: bytes) -> bytes:
    body = bytes((length,)) + rest
    return bytes((HEAD,)) + body + crc16_thingmagic(body).to_bytes(2, "big")


def boot() -> bytes:
    """Leave the boot loader. A module that has left it already refuses with `INVALID_OPCODE`."""
    return encode(CMD_BOOT)


def set_region(region: int = REGION_CHINA) -> bytes:
    """Choose the band."""
    return encode(CMD_SET_REGION, bytes((region,)))


def set_protocol(protocol: int = GEN2) -> bytes:
    """Choose the air interface."""
    return encode(CMD_SET_PROTOCOL, protocol.to_bytes(2, "big"))


def set_antenna(antenna: int) -> bytes:
    """Send and receive on this antenna, 0 to 3; the wire counts ports from 1."""
    if not 0 <= antenna < MOST_ANTENNAS:
        raise ValueError(f"antenna {antenna}, expected 0 to {MOST_ANTENNAS - 1}")
    return encode(CMD_SET_ANTENNA, bytes((antenna + 1, antenna + 1)))


def clear_buffer() -> bytes:
    """Forget every tag read so far."""
    return encode(CMD_CLEAR_BUFFER)


def read_many(duration_ms: int = 500) -> bytes:
    """Read tags into the buffer for so long (1 to 65535)."""
    return encode(CMD_READ_MANY, duration_ms.to_bytes(2, "big"))


def get_buffer(metadata: int = ASKED_METADATA) -> bytes:
    """Take the next tags out of the buffer."""
    return encode(CMD_GET_BUFFER, metadata.to_bytes(2, "big") + b"\x00")


def encode_buffer(tags: list[tuple[bytes, int, int]], metadata: int = ASKED_METADATA) -> bytes:
    """What a module answers to `get_buffer` with these EPCs, strengths (dBm) and antennas (0 to 3): for simulators."""
    listed = b""
    for epc, rssi_dbm, antenna in tags:
        strength = bytes((rssi_dbm & 0xFF,)) if metadata & WITH_RSSI else b""
        port = bytes(((antenna + 1) << 4 | antenna + 1,)) if metadata & WITH_ANTENNA else b""
        tag = pc_of(epc).to_bytes(2, "big") + epc
        bits = (len(tag) + 2) * 8
        listed += strength + port + bits.to_bytes(2, "big") + tag + crc16_gen2(tag).to_bytes(2, "big")
    return encode_answer(CMD_GET_BUFFER, OK, metadata.to_bytes(2, "big") + bytes((0, len(tags))) + listed)


def decode_buffer(data: bytes) -> tuple[TagReport, ...] | str:
    """Read the tags of an answer to `get_buffer`, or say why they contradict its length: then none counts."""
    if len(data) < _BUFFER_HEAD:
        return "short"
    metadata = int.from_bytes(data[:2], "big")
    if metadata & ~ASKED_METADATA:
        return "metadata_not_asked_for"
    has_rssi, has_antenna = bool(metadata & WITH_RSSI), bool(metadata & WITH_ANTENNA)
    reports: list[TagReport] = []
    at = _BUFFER_HEAD
    for _ in range(data[3]):
        start = at + has_rssi + has_antenna
        head = data[at:start]
        size = int.from_bytes(data[start : start + 2], "big") // 8
        tag_and_crc = data[start + 2 : start + 2 + size]
        epc = tag_and_crc[2:-2]
        if len(tag_and_crc) < max(size, _PC_AND_CRC) or len(epc) != epc_bytes_of(
            int.from_bytes(tag_and_crc[:2], "big")
        ):
            return "length_contradicts_pc"
        tag = parse_tag(epc.hex())
        antenna = (head[-1] >> 4) - 1 if has_antenna else 0
        if tag is None or not 0 <= antenna < MOST_ANTENNAS:
            return "empty_epc" if tag is None else "antenna"
        reports.append(TagReport(tag, antenna, signed(head[0]) if has_rssi else None))
        at = start + 2 + size
    return tuple(reports) if at == len(data) else "length"


class FrameDecoder(StreamDecoder[Frame]):
    """Answers whose CRC is right, to commands that this driver gives."""

    head = HEAD

    def measure(self, data: bytearray, at: int) -> int:
        """Believe a length only where an answer can have it."""
        known = data[at + 1 : at + 3]
        if known and known[0] > MAX_DATA:
            return NO_FRAME
        if len(known) < 2:
            return NOT_YET
        return _ANSWER_OVERHEAD + known[0] if known[1] in COMMANDS else NO_FRAME

    def parse(self, candidate: bytes) -> Frame | None:
        """Check the CRC."""
        if crc16_thingmagic(candidate[1:-2]) != int.from_bytes(candidate[-2:], "big"):
            return None
        return Frame(candidate[2], int.from_bytes(candidate[3:5], "big"), candidate[5:-2])


class CommandDecoder(StreamDecoder[Command]):
    """The other end: commands have no status. For simulators."""

    head = HEAD

    def measure(self, data: bytearray, at: int) -> int:
        """Believe every length but one that no command has."""
        known = data[at + 1 : at + 2]
        if not known:
            return NOT_YET
        return _COMMAND_OVERHEAD + known[0] if known[0] <= MAX_DATA else NO_FRAME

    def parse(self, candidate: bytes) -> Command | None:
        """Check the CRC."""
        if crc16_thingmagic(candidate[1:-2]) != int.from_bytes(candidate[-2:], "big"):
            return None
        return Command(candidate[2], candidate[3:-2])
