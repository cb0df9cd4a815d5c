"""Questions and answers for devices whose vendors publish no protocol (signs, voices, seal readers): pure bytes.

    A5 len address sequence command data... crc_lo crc_hi

`len` counts address, sequence, command and data (3 to 203); the CRC is CRC-16/MCRF4XX over `len` and what it counts. An
answer has the question's address and sequence, its command with bit 7 set, and as first byte of data a status: 0 where
it was done. A device that hears its last question again, byte for byte, answers again and does it no second time.
"""

from dataclasses import dataclass

from drivers.kit.wire import NO_FRAME, NOT_YET, StreamDecoder, crc16_mcrf4xx

HEAD = 0xA5
MOST_DATA = 200
MOST_FRAME = MOST_DATA + 7
ANSWER = 0x80
HELLO = 0x01
DONE = 0x00
UNKNOWN_COMMAND = 0x01
BAD_DATA = 0x02
STATUS_TEXTS = {UNKNOWN_COMMAND: "unknown command", BAD_DATA: "data that it does not take"}
_COUNTED = 3
_AROUND = 4


@dataclass(frozen=True, slots=True)
class Frame:
    """One question or answer. All numbers are bytes."""

    address: int
    sequence: int
    command: int
    data: bytes = b""

    def answered(self, status: int, data: bytes = b"") -> "Frame":
        """Return the answer to this question."""
        return Frame(self.address, self.sequence, self.command | ANSWER, bytes((status,)) + data)


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame. Raises ValueError for more than `MOST_DATA` bytes of data."""
    if len(frame.data) > MOST_DATA:
        raise ValueError(f"{len(frame.data)} bytes of data, at most {MOST_DATA}")
    counted = bytes((_COUNTED + len(frame.data), frame.address, frame.sequence, frame.command)) + frame.data
    return bytes((HEAD,)) + counted + crc16_mcrf4xx(counted).to_bytes(2, "little")


class FrameDecoder(StreamDecoder[Frame]):
    """Bytes in, frames out."""

    head = HEAD

    def measure(self, data: bytearray, at: int) -> int:
        """Frame by the length byte."""
        if len(data) - at < 2:
            return NOT_YET
        counted = data[at + 1]
        return counted + _AROUND if _COUNTED <= counted <= _COUNTED + MOST_DATA else NO_FRAME

    def parse(self, candidate: bytes) -> Frame | None:
        """Check the CRC."""
        counted, crc = candidate[1:-2], candidate[-2:]
        if crc16_mcrf4xx(counted).to_bytes(2, "little") != crc:
            return None
        return Frame(counted[1], counted[2], counted[3], counted[4:])
