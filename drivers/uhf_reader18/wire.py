"""Bytes and values of UHFReader18 readers and their successors. Pure: no port, no clock.

Command `Len Adr Cmd Data.. CRC_lo CRC_hi`, answer `Len Adr Cmd Status Data.. CRC_lo CRC_hi`; Len counts what follows
it, the CRC is CRC-16/MCRF4XX over all before it, its residue over a frame 0. There is no start marker: the CRC frames,
and only what an answer can begin with is tried. Source: domain.md 6.1, and the answers of a published driver.

Two published forms of the same commands: `reader18` (one antenna, bare EPCs) and `ur` (UHFReader288, 86 and other
four-antenna readers: antenna as a bit, a strength behind each EPC).
"""

from dataclasses import dataclass
from typing import Literal

from drivers.kit.wire import NO_FRAME, NOT_YET, StreamDecoder, TagReport, crc16_mcrf4xx
from edge.core.tag import parse_tag

Profile = Literal["reader18", "ur"]
ADDRESS = 0x00
CMD_INVENTORY = 0x01
CMD_INFO = 0x21
CMD_ACTIVE = 0xEE
COMMANDS = frozenset({CMD_INVENTORY, CMD_INFO, CMD_ACTIVE})
OK = 0x00
FINISHED = 0x01
SCAN_TIME_OVER = 0x02
MORE_FOLLOWS = 0x03
MEMORY_FULL = 0x04
HEARTBEAT = 0x28
NO_TAG = 0xFB
ENDED = frozenset({FINISHED, SCAN_TIME_OVER, MEMORY_FULL, NO_TAG})
MOST_ANTENNAS = 4

_CRC_BYTES = 2
_SHORTEST_COMMAND = 4
_SHORTEST_ANSWER = 5
MAX_FRAME = 256
_ANTENNA_FLAG = 0x80
_Q, _SESSION, _TARGET_A = 4, 1, 0
_SCAN_TIME_100_MS = 3
_MAX_EPC_BYTES = 62


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame whose CRC was right. `data` of an answer begins with its status."""

    address: int
    command: int
    data: bytes


def encode(frame: Frame) -> bytes:
    """The bytes of one frame. Raises ValueError where the data is too long."""
    length = 2 + len(frame.data) + _CRC_BYTES
    if length >= MAX_FRAME:
        raise ValueError(f"{len(frame.data)} bytes of data, at most {MAX_FRAME - 5}")
    body = bytes((length, frame.address, frame.command)) + frame.data
    return body + crc16_mcrf4xx(body).to_bytes(2, "little")


def ask_info(address: int = ADDRESS) -> bytes:
    """Ask for type, version and settings."""
    return encode(Frame(address, CMD_INFO, b""))


def inventory(profile: Profile, antenna: int = 0, address: int = ADDRESS) -> bytes:
    """One inventory; `ur` takes the antenna (0 to 3), Q, session, an empty mask, target and 300 ms of scan time."""
    if profile == "reader18":
        return encode(Frame(address, CMD_INVENTORY, b""))
    mask = bytes((1, 0, 0, 0))
    last = bytes((_TARGET_A, _ANTENNA_FLAG | antenna, _SCAN_TIME_100_MS))
    return encode(Frame(address, CMD_INVENTORY, bytes((_Q, _SESSION)) + mask + last))


def encode_answer(command: int, status: int, data: bytes = b"") -> bytes:
    """What a reader answers: for simulators."""
    return encode(Frame(ADDRESS, command, bytes((status,)) + data))


def encode_tags(profile: Profile, tags: list[tuple[bytes, int]], *, antenna: int, status: int) -> bytes:
    """An inventory answer with these EPCs and strengths (dBm): for simulators."""
    listed = b"".join(
        bytes((len(epc),)) + epc + (b"" if profile == "reader18" else bytes((rssi_dbm + 129,)))
        for epc, rssi_dbm in tags
    )
    head = b"" if profile == "reader18" else bytes((1 << antenna,))
    return encode_answer(CMD_INVENTORY, status, head + bytes((len(tags),)) + listed)


def encode_active(profile: Profile, epc: bytes, *, antenna: int, rssi_dbm: int) -> bytes:
    """A tag reported unasked, in active or realtime mode: for simulators."""
    if profile == "reader18":
        return encode_answer(CMD_ACTIVE, OK, epc)
    data = bytes((1 << antenna, len(epc))) + epc + bytes((rssi_dbm + 129,))
    return encode_answer(CMD_ACTIVE, OK, data)


def decode_tags(frame: Frame, profile: Profile) -> tuple[TagReport, ...] | str:
    """Read the tags of an inventory answer, or say why they contradict its length: then none counts."""
    data = frame.data[1:]
    if not data:
        return ()
    if profile == "reader18":
        return _listed(data, 0, 0)
    antenna = _antenna_of(data[0])
    if antenna is None or len(data) < 2:
        return "antenna"
    return _listed(data[1:], antenna, 1)


def decode_active(frame: Frame, profile: Profile) -> tuple[TagReport, ...] | str:
    """Read the tag that an active reader reports unasked."""
    data = frame.data[1:]
    if profile == "reader18":
        return _listed(bytes((1, len(data))) + data, 0, 0)
    antenna = _antenna_of(data[0]) if data else None
    return "antenna" if antenna is None else _listed(b"\x01" + data[1:], antenna, 1)


def _antenna_of(bits: int) -> int | None:
    return bits.bit_length() - 1 if bits in {1 << place for place in range(MOST_ANTENNAS)} else None


def _listed(data: bytes, antenna: int, strength_bytes: int) -> tuple[TagReport, ...] | str:
    """Read a count, then so many times a length, an EPC and its strength."""
    reports: list[TagReport] = []
    at = 1
    for _ in range(data[0]):
        size = data[at] if at < len(data) else 0
        end = at + 1 + size
        tag = parse_tag(data[at + 1 : end].hex()) if size <= _MAX_EPC_BYTES else None
        if tag is None or end + strength_bytes > len(data):
            return "length"
        raw = data[end] if strength_bytes else None
        # As in other readers on that chip; above 127 it would be more power than any tag returns.
        rssi_dbm = raw - 129 if raw is not None and raw < 0x80 else None
        reports.append(TagReport(tag, antenna, rssi_dbm))
        at = end + strength_bytes
    return tuple(reports) if at == len(data) else "length"


class FrameDecoder(StreamDecoder[Frame]):
    """Answers whose CRC is right, of this address and of commands that this driver gives."""

    shortest = _SHORTEST_ANSWER

    def measure(self, data: bytearray, at: int) -> int:
        """Try only what such a frame can begin with: a serial server's heartbeat, 56 and zeros, is none."""
        known = data[at : at + 3]
        if known[0] < self.shortest or known[1:2] not in (b"", bytes((ADDRESS,))):
            return NO_FRAME
        if len(known) < 3:
            return NOT_YET
        return 1 + known[0] if known[2] in COMMANDS else NO_FRAME

    def parse(self, candidate: bytes) -> Frame | None:
        """Check the CRC."""
        if crc16_mcrf4xx(candidate) != 0:
            return None
        return Frame(candidate[1], candidate[2], candidate[3:-_CRC_BYTES])


class CommandDecoder(FrameDecoder):
    """The other end: commands have no status. For simulators."""

    shortest = _SHORTEST_COMMAND
