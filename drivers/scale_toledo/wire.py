"""Toledo continuous output (domain.md 6.2). Pure.

    02 SWA SWB SWC weight*6 tare*6 0D [CK]     the short form has no tare

SWA: bits 0-2 decimal place, 3-4 increment, 5 always set. SWB: bit 0 net, 1 negative, 2 out of range, 3 motion, 4
kilograms, 5 always set. CK is the two's complement of the sum of all bytes before it, in seven bits. Lines of 7E1 that
are read as 8N1 carry a parity bit, which is thrown away.
"""

from drivers.kit.steady import Sample
from drivers.kit.wire import NO_FRAME, NOT_YET, StreamDecoder

STX, CR = 0x02, 0x0D
_ALWAYS, _NET, _NEGATIVE, _OUT_OF_RANGE, _MOTION, _KG = 0x20, 0x01, 0x02, 0x04, 0x08, 0x10
_GRAMS_IN_KG = 1_000
_SEVEN_BITS = bytes(range(128)) * 2
# By SWA's bits 0-2: by what the digits are to be multiplied, in grams of the kilogram.
_FACTORS = (100, 10, 1)
_BEHIND = 2


class ContinuousDecoder(StreamDecoder[Sample]):
    """Bytes in, displays out. `checksum` and `short` are settings of the indicator."""

    head = STX

    def __init__(self, *, checksum: bool = True, short: bool = False) -> None:
        super().__init__()
        self._checksum = checksum
        self._end = 10 if short else 16
        self._size = self._end + 1 + checksum

    def feed(self, data: bytes) -> list[Sample]:
        """Return the displays that `data` completes."""
        return super().feed(data.translate(_SEVEN_BITS))

    def measure(self, data: bytearray, at: int) -> int:
        """All frames have one size, and end with CR."""
        if len(data) - at <= self._end:
            return NOT_YET
        return self._size if data[at + self._end] == CR else NO_FRAME

    def parse(self, candidate: bytes) -> Sample | None:
        """Check checksum, status words and digits."""
        swa, swb, digits = candidate[1], candidate[2], candidate[4:10].lstrip(b" ")
        if self._checksum and checksum_of(candidate[:-1]) != candidate[-1]:
            return None
        if not swa & swb & candidate[3] & _ALWAYS or not (digits.isdigit() or swb & _OUT_OF_RANGE):
            return None
        if not swb & _KG:
            return Sample(None, "unit")
        if swb & _OUT_OF_RANGE:
            return Sample(None, "overload")
        if swb & _NET:
            return Sample(None, "tared")
        grams = _grams(int(digits), swa & 7)
        return Sample(-grams if swb & _NEGATIVE else grams, "moving" if swb & _MOTION else None)


def _grams(digits: int, place: int) -> int:
    if place <= _BEHIND:
        return digits * _FACTORS[place] * _GRAMS_IN_KG
    divisor: int = 10 ** (place - _BEHIND)
    whole, rest = divmod(digits * _GRAMS_IN_KG, divisor)
    return whole + (2 * rest >= divisor)


def checksum_of(data: bytes) -> int:
    """Return the byte that makes the sum of all a multiple of 128."""
    return -sum(data) & 0x7F


def encode(
    kg: int,
    *,
    motion: bool = False,
    out_of_range: bool = False,
    net: bool = False,
    pounds: bool = False,
    spaces: bool = False,
    checksum: bool = True,
    short: bool = False,
) -> bytes:
    """Return the frame of a display in whole kilograms, with a tare of 0; `spaces` pads with them."""
    swb = _ALWAYS | (0 if pounds else _KG) | (_NEGATIVE if kg < 0 else 0) | (_MOTION if motion else 0)
    swb |= (_OUT_OF_RANGE if out_of_range else 0) | (_NET if net else 0)
    pad = " " if spaces else "0"
    weight = f"{abs(kg):{pad}>6d}".encode("ascii")
    tare = b"" if short else f"{0:{pad}>6d}".encode("ascii")
    frame = bytes((STX, 0x2A, swb, _ALWAYS)) + weight + tare + bytes((CR,))
    return frame + bytes((checksum_of(frame),)) if checksum else frame
