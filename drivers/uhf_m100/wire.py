"""Bytes and values of M100 modules. Pure: no port, no clock.

Frame: `BB Type Cmd PL_hi PL_lo Param.. Ck 7E`; type 0 is a command, 1 its answer, 2 a notice; Ck is the low byte of
the sum from Type to the last Param. An EPC may hold 7E: the length frames, not the end. Source: domain.md 6.1.
"""

from dataclasses import dataclass

from drivers.kit.wire import (
    NO_FRAME,
    NOT_YET,
    StreamDecoder,
    TagReport,
    crc16_gen2,
    epc_bytes_of,
    pc_of,
    signed,
)
from edge.core.tag import parse_tag

HEAD = 0xBB
END = 0x7E
COMMAND, ANSWER, NOTICE = 0, 1, 2
CMD_VERSION = 0x03
CMD_POLL = 0x22
CMD_POLL_MANY = 0x27
CMD_STOP = 0x28
CMD_ERROR = 0xFF
ERROR_NO_TAG = 0x15
SUCCESS = 0x00
MOST_POLLS = 10_000

_OVERHEAD = 7  # head, type, command, length (2), checksum, end
_BEFORE_PARAM = 5
_RESERVED = 0x22  # what the vendor's examples put before the count of 0x27
_TAG_OVERHEAD = 5  # RSSI, PC (2), air CRC (2)
# The longest notice has 31 words of EPC; the text of a version is shorter.
MAX_PARAM = _TAG_OVERHEAD + 62
MAX_FRAME = _OVERHEAD + MAX_PARAM


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame whose checksum and end were right."""

    type: int
    command: int
    param: bytes


def encode(frame: Frame) -> bytes:
    """The bytes of one frame. Raises ValueError where `param` is too long."""
    if len(frame.param) > MAX_PARAM:
        raise ValueError(f"{len(frame.param)} bytes of param, at most {MAX_PARAM}")
    body = bytes((frame.type, frame.command)) + len(frame.param).to_bytes(2, "big") + frame.param
    return bytes((HEAD,)) + body + bytes((sum(body) & 0xFF, END))


def ask_version() -> bytes:
    """Ask for the hardware version, a text."""
    return encode(Frame(COMMAND, CMD_VERSION, b"\x00"))


def poll() -> bytes:
    """One inventory round: a notice for each tag, or the error `ERROR_NO_TAG`."""
    return encode(Frame(COMMAND, CMD_POLL, b""))


def poll_many(times: int = MOST_POLLS) -> bytes:
    """So many rounds (1 to 65535), until `stop`."""
    return encode(Frame(COMMAND, CMD_POLL_MANY, bytes((_RESERVED,)) + times.to_bytes(2, "big")))


def stop() -> bytes:
    """End the rounds. Answered with `SUCCESS`, also where none ran."""
    return encode(Frame(COMMAND, CMD_STOP, b""))


def encode_notice(epc: bytes, *, rssi_dbm: int, air_crc_error: int = 0) -> bytes:
    """What a module sends for one tag: for simulators. `rssi_dbm` is -128 to 127; the error is xored on the air CRC."""
    tag = pc_of(epc).to_bytes(2, "big") + epc
    crc = crc16_gen2(tag) ^ air_crc_error
    return encode(Frame(NOTICE, CMD_POLL, bytes((rssi_dbm & 0xFF,)) + tag + crc.to_bytes(2, "big")))


def encode_answer(command: int, param: bytes = bytes((SUCCESS,))) -> bytes:
    """What a module answers: for simulators. Errors are answers of the command `CMD_ERROR`."""
    return encode(Frame(ANSWER, command, param))


def decode_notice(frame: Frame) -> TagReport | str:
    """Read the tag of a notice, or say why there is none. The air CRC over PC and EPC has to be right."""
    param = frame.param
    if len(param) < _TAG_OVERHEAD:
        return "short"
    epc_bytes = epc_bytes_of(int.from_bytes(param[1:3], "big"))
    if len(param) != _TAG_OVERHEAD + epc_bytes:
        return "length_contradicts_pc"
    tag = parse_tag(param[3 : 3 + epc_bytes].hex())
    if tag is None:
        return "empty_epc"
    if crc16_gen2(param[1:-2]) != int.from_bytes(param[-2:], "big"):
        return "air_crc"
    return TagReport(tag, 0, signed(param[0]))


class FrameDecoder(StreamDecoder[Frame]):
    """Frames whose checksum and end are right."""

    head = HEAD

    def measure(self, data: bytearray, at: int) -> int:
        """Believe a length only where a frame of this driver can have it."""
        known = data[at + 1 : at + _BEFORE_PARAM]
        if known and known[0] > NOTICE:
            return NO_FRAME
        if len(known) < _BEFORE_PARAM - 1:
            return NOT_YET
        length = int.from_bytes(known[2:4], "big")
        return _OVERHEAD + length if length <= MAX_PARAM else NO_FRAME

    def parse(self, candidate: bytes) -> Frame | None:
        """Check checksum and end."""
        if candidate[-1] != END or sum(candidate[1:-2]) & 0xFF != candidate[-2]:
            return None
        return Frame(candidate[1], candidate[2], candidate[_BEFORE_PARAM:-2])
