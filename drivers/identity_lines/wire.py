"""Lines of text from readers of IC cards and QR codes. Pure: no port, no clock.

card_lines   prefix text suffix CR        also LF, CR LF: what a keyboard wedge types, Enter at its end
card_stx     02 prefix text suffix 03     what is between STX and ETX

With the check `xor` the two characters before the end are the exclusive-or of every byte before them (behind an STX)
as hex digits. `gb11643` is in the text itself: 17 digits of a resident identity number and their check character
(GB 11643, ISO 7064 MOD 11-2). Nothing but printable characters is ever in a line.
"""

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import Literal

from drivers.kit.lines import LineDecoder

Framing = Literal["lines", "stx"]
Check = Literal["none", "xor", "gb11643"]
Alphabet = Literal["any", "digits", "hex", "letters_digits"]
Encoding = Literal["ascii", "utf-8", "gb18030"]

STX, ETX = 0x02, 0x03
LINE_ENDS = b"\r\n"
# Prefix, text, suffix and check; the longest codes printed on passes are far shorter.
MOST_BYTES = 256
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_XOR_DIGITS = 2
_HEX_PAIR = re.compile(rb"[0-9A-Fa-f]{2}")
_ALPHABETS: dict[Alphabet, re.Pattern[str]] = {
    "any": re.compile(r".*", re.DOTALL),
    "digits": re.compile(r"[0-9]*"),
    "hex": re.compile(r"[0-9A-Fa-f]*"),
    "letters_digits": re.compile(r"[0-9A-Za-z]*"),
}
_GB11643_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_GB11643_CHECKS = "10X98765432"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a reader is set to send. `prefix` and `suffix` have to be there and are no part of the text.

    The text has `least` to `most` characters, all of `alphabet`. A line that reads `heartbeat` between its ends says
    that the reader lives, without a check.
    """

    framing: Framing = "lines"
    prefix: str = ""
    suffix: str = ""
    least: int = 4
    most: int = 64
    alphabet: Alphabet = "any"
    check: Check = "none"
    encoding: Encoding = "ascii"
    heartbeat: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a reader; `text` is None where it only says that it lives."""

    text: str | None


def encode(text: str, layout: Layout) -> bytes:
    """Return what a reader sends: for simulators. The text itself is not judged."""
    body = f"{layout.prefix}{text}{layout.suffix}".encode(layout.encoding)
    if layout.check == "xor":
        body += b"%02X" % reduce(xor, body, 0)
    return _framed(body, layout)


def encode_heartbeat(layout: Layout) -> bytes:
    """Return what a reader sends while nobody shows anything."""
    return _framed(layout.heartbeat.encode(layout.encoding), layout)


def _framed(body: bytes, layout: Layout) -> bytes:
    return b"\x02" + body + b"\x03" if layout.framing == "stx" else body + b"\r\n"


class CardDecoder(LineDecoder[Line]):
    """Lines of one layout; `checksum_errors` counts whole lines that are none of it."""

    def __init__(self, layout: Layout) -> None:
        self._stx = layout.framing == "stx"
        super().__init__(bytes((ETX,)) if self._stx else LINE_ENDS, MOST_BYTES)
        self._layout = layout

    def read(self, line: bytes) -> Line | None:
        """Take the line apart."""
        layout, body = self._layout, line
        if self._stx:
            # Noise may stand before the beginning; two beginnings are one line too many.
            noise, beginning, body = line.rpartition(bytes((STX,)))
            if not beginning or STX in noise:
                return None
        if _CONTROL.search(body):
            return None
        if layout.heartbeat and body == layout.heartbeat.encode(layout.encoding):
            return Line(None)
        if layout.check == "xor":
            body, check = body[:-_XOR_DIGITS], body[-_XOR_DIGITS:]
            if _HEX_PAIR.fullmatch(check) is None or int(check, 16) != reduce(xor, body, 0):
                return None
        text = self._text(body)
        return None if text is None else Line(text)

    def _text(self, body: bytes) -> str | None:
        layout = self._layout
        try:
            whole = body.decode(layout.encoding)
        except UnicodeDecodeError:
            return None
        if not (whole.startswith(layout.prefix) and whole.endswith(layout.suffix)):
            return None
        text = whole[len(layout.prefix) : len(whole) - len(layout.suffix)]
        if not layout.least <= len(text) <= layout.most or not text.isprintable() or text.strip() != text:
            return None
        if _ALPHABETS[layout.alphabet].fullmatch(text) is None or (layout.check == "gb11643" and not is_gb11643(text)):
            return None
        return text


def is_gb11643(text: str) -> bool:
    """Say whether it is a resident identity number of 18 characters whose check character is right."""
    stem, check = text[:-1], text[-1:]
    if len(stem) != len(_GB11643_WEIGHTS) or not (stem.isascii() and stem.isdigit()):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(stem, _GB11643_WEIGHTS, strict=True))
    return _GB11643_CHECKS[total % 11] == check
