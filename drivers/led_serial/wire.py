"""What a board of two lines is told, in `drivers.kit.frames`. Pure.

    hello 01                                   -> 00 version cells lines charset
    show  10 ttl_s(u16) colour n (len text)*n  -> 00
    blank 11                                   -> 00

`cells` are half-width cells of a line, a full-width character takes two. Text is GB18030. `ttl_s`: the board goes blank
by itself so many seconds after it was last told.
"""

from dataclasses import dataclass
from typing import Literal

from edge.ports import Words

SHOW, BLANK = 0x10, 0x11
VERSION = 1
Colour = Literal["red", "green"]
Charset = Literal["ascii", "gb2312", "gbk", "gb18030"]
CHARSETS: tuple[Charset, ...] = ("ascii", "gb2312", "gbk", "gb18030")
_COLOURS: tuple[Colour, ...] = ("red", "green")
_MOST_TTL_S = 0xFFFF
_FIRST_COLOUR = 1


class UnshowableError(ValueError):
    """The board cannot show this text. `got` says what it has no place or no glyph for."""

    def __init__(self, got: str) -> None:
        super().__init__(got)
        self.got = got


@dataclass(frozen=True, slots=True)
class Board:
    """What a board says of itself."""

    cells: int
    lines: int
    charset: Charset


@dataclass(frozen=True, slots=True)
class Shown:
    """What a board is told to show."""

    lines: tuple[str, ...]
    colour: Colour
    ttl_s: int


def encode_board(board: Board) -> bytes:
    """Return what a board answers to hello, behind its status."""
    return bytes((VERSION, board.cells, board.lines, CHARSETS.index(board.charset)))


def decode_board(data: bytes) -> Board | None:
    """Return what a board says of itself; None where it is not of this version or makes no sense."""
    if len(data) != 4 or data[0] != VERSION or data[3] >= len(CHARSETS):
        return None
    return Board(data[1], data[2], CHARSETS[data[3]])


def encode_show(words: Words, ttl_s: float, board: Board) -> bytes:
    """Return the data of `show`. Raises UnshowableError: nothing is shortened, and no glyph is replaced."""
    if len(words.lines) > board.lines:
        raise UnshowableError(f"{len(words.lines)} lines on a board of {board.lines}")
    data = bytearray(min(max(1, round(ttl_s)), _MOST_TTL_S).to_bytes(2, "big"))
    data += bytes((_FIRST_COLOUR + _COLOURS.index(words.light), len(words.lines)))
    for line in words.lines:
        text = _encode_line(line, board)
        data += bytes((len(text),)) + text
    return bytes(data)


def _encode_line(line: str, board: Board) -> bytes:
    try:
        line.encode(board.charset)
        text = line.encode("gb18030")
    except UnicodeEncodeError as error:
        wrong = line[error.start]
        raise UnshowableError(f"U+{ord(wrong):04X}, which is not in {board.charset}") from error
    if not line.isprintable():
        raise UnshowableError("a control character")
    cells = sum(1 if ord(one) < 0x80 else 2 for one in line)
    if cells > board.cells:
        raise UnshowableError(f"{cells} cells on a line of {board.cells}")
    return text


def decode_show(data: bytes) -> Shown | None:
    """Return what a board is told to show; None where it makes no sense."""
    if len(data) < 4 or not _FIRST_COLOUR <= data[2] < _FIRST_COLOUR + len(_COLOURS):
        return None
    lines: list[str] = []
    rest = data[4:]
    for _ in range(data[3]):
        if not rest or len(rest) <= rest[0]:
            return None
        try:
            lines.append(rest[1 : 1 + rest[0]].decode("gb18030"))
        except UnicodeDecodeError:
            return None
        rest = rest[1 + rest[0] :]
    return None if rest else Shown(tuple(lines), _COLOURS[data[2] - _FIRST_COLOUR], int.from_bytes(data[:2], "big"))
