"""Bytes and values of the template's device. Pure: no port, no clock.

Frame: `# d d d d d d h h CR`; six digits, then the low byte of their sum as two hex digits. Say here which document or
recording the frames are from.
"""

from dataclasses import dataclass

from drivers.kit.wire import NO_FRAME, NOT_YET, StreamDecoder

HEAD = ord("#")
SIZE = 10
MOST_COUNT = 999_999


@dataclass(frozen=True, slots=True)
class Count:
    """One reading, 0 to 999999 pieces."""

    pieces: int


def encode(count: Count) -> bytes:
    """What the device sends: for simulators. Raises ValueError for a count that it cannot show."""
    if not 0 <= count.pieces <= MOST_COUNT:
        raise ValueError(f"{count.pieces} pieces, expected 0 to {MOST_COUNT}")
    digits = b"%06d" % count.pieces
    return b"#" + digits + b"%02X\r" % (sum(digits) & 0xFF)


class CountDecoder(StreamDecoder[Count]):
    """Frames whose sum is right."""

    head = HEAD

    def measure(self, data: bytearray, at: int) -> int:
        """Look at the digits that are there: noise that begins like a frame holds nothing back."""
        digits = data[at + 1 : at + 7]
        if digits and not digits.isdigit():
            return NO_FRAME
        return SIZE if len(digits) == 6 else NOT_YET

    def parse(self, candidate: bytes) -> Count | None:
        """Check the sum and the end."""
        count = Count(int(candidate[1:7]))
        return count if encode(count) == candidate else None
