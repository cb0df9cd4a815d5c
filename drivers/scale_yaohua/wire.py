"""Three continuous outputs of Yaohua indicators (domain.md 6.2). Pure.

tF=0      02 sign d1..d6 dp xh xl 03    xor of bytes 1..8 as two hex characters
ASCII     ST,GS,+0012450kg CR LF        ST at rest, US moving, OL overload; GS gross, NT net
reversed  =51.070                       digits from the last to the first, each frame up to the next `=`
"""

import re
from typing import Literal

from drivers.kit.steady import Sample
from drivers.kit.wire import NO_FRAME, NOT_YET, StreamDecoder

Unit = Literal["kg", "t"]
GRAMS: dict[Unit, int] = {"kg": 1_000, "t": 1_000_000}
STX, ETX = 0x02, 0x03
BINARY_SIZE = 12
_MOST_PLACES = 6
_SIGNS = {0x2B: 1, 0x2D: -1}
_LONGEST_LINE = 32
_LINE = re.compile(rb"(ST|US|OL),(GS|NT),([+-]) *(\d+(?:\.\d+)?) *(kg|t|lb|g)\r?\n?", re.ASCII)
_REVERSED = re.compile(rb"=([0-9.]{5,9})([- ]?)", re.ASCII)
_LONGEST_REVERSED = 11


class BinaryDecoder(StreamDecoder[Sample]):
    """tF=0. `unit` is what the indicator is set to: the frame does not tell."""

    head = STX

    def __init__(self, unit: Unit = "kg") -> None:
        super().__init__()
        self._grams = GRAMS[unit]

    def measure(self, data: bytearray, at: int) -> int:
        """All frames have one size, and end with ETX."""
        if len(data) - at < BINARY_SIZE:
            return NOT_YET
        return BINARY_SIZE if data[at + BINARY_SIZE - 1] == ETX else NO_FRAME

    def parse(self, candidate: bytes) -> Sample | None:
        """Check the checksum, and that the frame holds digits."""
        sign, digits, places = _SIGNS.get(candidate[1]), candidate[2:8], candidate[8] - 0x30
        if not _xor_agrees(candidate):
            return None
        if sign is None or not digits.isdigit() or not 0 <= places <= _MOST_PLACES:
            return None
        return Sample(_scaled(sign * int(digits), places, self._grams))


def encode_binary(value: int, places: int = 0) -> bytes:
    """Return the frame of a display: six digits, `places` of them behind the point."""
    body = b"%c%06d%d" % (b"-" if value < 0 else b"+", abs(value), places)
    check = 0
    for byte in body:
        check ^= byte
    return bytes((STX,)) + body + b"%02X" % check + bytes((ETX,))


def _xor_agrees(candidate: bytes) -> bool:
    check = 0
    for byte in candidate[1:9]:
        check ^= byte
    return [_nibble(byte) for byte in candidate[9:11]] == [check >> 4, check & 15]


def _nibble(byte: int) -> int | None:
    """Read a hex character; some models send 0x3A to 0x3F (`:` to `?`) for ten to fifteen."""
    if 0x30 <= byte <= 0x3F:
        return byte - 0x30
    return byte - 0x37 if 0x41 <= byte <= 0x46 else byte - 0x57 if 0x61 <= byte <= 0x66 else None


class LineDecoder(StreamDecoder[Sample]):
    """ASCII lines. `ST` alone is not believed: the line has no checksum."""

    def measure(self, data: bytearray, at: int) -> int:
        """Frame by the line's end."""
        if data[at] not in b"SUO":
            return NO_FRAME
        end = data.find(b"\n", at, at + _LONGEST_LINE)
        if end >= 0:
            return end + 1 - at
        return NOT_YET if len(data) - at < _LONGEST_LINE else NO_FRAME

    def parse(self, candidate: bytes) -> Sample | None:
        """Read one line."""
        found = _LINE.fullmatch(candidate)
        if found is None:
            return None
        state, kind, sign, number, unit = (one.decode("ascii") for one in found.groups())
        if unit not in GRAMS:
            return Sample(None, "unit")
        if state == "OL":
            return Sample(None, "overload")
        if kind == "NT":
            return Sample(None, "tared")
        grams = _decimal(number, GRAMS[unit])
        return Sample(-grams if sign == "-" else grams, "moving" if state == "US" else None)


def encode_line(kg: int, *, state: str = "ST", kind: str = "GS", unit: str = "kg") -> bytes:
    """Return the line of a display."""
    return f"{state},{kind},{'-' if kg < 0 else '+'}{abs(kg):07d}{unit}\r\n".encode("ascii")


class ReversedDecoder(StreamDecoder[Sample]):
    """Reversed digits. There is no checksum: only a row of equal displays is believed."""

    head = 0x3D

    def __init__(self, unit: Unit = "kg") -> None:
        super().__init__()
        self._grams = GRAMS[unit]

    def measure(self, data: bytearray, at: int) -> int:
        """A display is whole once the next one begins."""
        end = data.find(b"=", at + 1, at + _LONGEST_REVERSED + 1)
        if end >= 0:
            return end - at
        return NOT_YET if len(data) - at <= _LONGEST_REVERSED else NO_FRAME

    def parse(self, candidate: bytes) -> Sample | None:
        """Read one display from its end."""
        found = _REVERSED.fullmatch(candidate.rstrip(b"\r\n"))
        if found is None or found[1].count(b".") > 1:
            return None
        grams = _decimal(found[1][::-1].decode("ascii"), self._grams)
        return Sample(-grams if found[2] == b"-" else grams)


def encode_reversed(value: int, places: int = 0, width: int = 6) -> bytes:
    """Return the bytes of a display, without the `=` that begins the next and ends this one."""
    text = f"{abs(value):0{width}d}"
    if places:
        text = f"{text[:-places]}.{text[-places:]}"
    return b"=" + text[::-1].encode("ascii") + (b"-" if value < 0 else b"")


def _decimal(text: str, grams: int) -> int:
    whole, _, behind = text.partition(".")
    return _scaled(int(f"{whole or 0}{behind}"), len(behind), grams)


def _scaled(digits: int, places: int, grams: int) -> int:
    """Return grams, rounded to the nearest: a lorry's scale does not know smaller ones."""
    divisor: int = 10**places
    whole, rest = divmod(abs(digits) * grams, divisor)
    rounded = whole + (2 * rest >= divisor)
    return -rounded if digits < 0 else rounded
