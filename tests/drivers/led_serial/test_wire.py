"""What a board is told, byte by byte, and what it cannot show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.frames import Frame, encode
from drivers.led_serial.wire import (
    BLANK,
    CHARSETS,
    SHOW,
    Board,
    Charset,
    Shown,
    UnshowableError,
    decode_board,
    decode_show,
    encode_board,
    encode_show,
)
from edge.ports import Words

BOARD = Board(16, 2, "gb2312")
RELEASED = Words("released", ("已放行", "请直行"), "green")
# ttl 10 s, green, two lines: 已放行, 请直行 in GB 2312.
DATA = bytes.fromhex("000A 02 02 06 D2D1B7C5D0D0 06 C7EBD6B1D0D0")


def test_the_documented_bytes() -> None:
    assert encode_show(RELEASED, 10.0, BOARD) == DATA
    frame = bytes.fromhex("A5 15 01 08 10") + DATA + bytes.fromhex("E1 E1")
    assert encode(Frame(1, 8, SHOW, DATA)) == frame
    assert encode(Frame(1, 9, BLANK)) == bytes.fromhex("A5 03 01 09 11 20 AA")
    assert decode_show(DATA) == Shown(("已放行", "请直行"), "green", 10)


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_board_says_what_it_is(charset: Charset) -> None:
    board = Board(16, 2, charset)
    assert decode_board(encode_board(board)) == board


@pytest.mark.parametrize("data", ["", "01", "02100201", "01100204", "0110020100"])
def test_no_board(data: str) -> None:
    assert decode_board(bytes.fromhex(data)) is None


@pytest.mark.parametrize(
    ("line", "charset", "got"),
    [
        ("粤B·F3871", "ascii", "U\\+7CA4, which is not in ascii"),
        ("镕", "gb2312", "U\\+9555, which is not in gb2312"),
        ("㐀", "gbk", "U\\+3400, which is not in gbk"),
        ("\ud800", "gb18030", "U\\+D800"),
        ("一二三四五六七八九", "gb18030", "18 cells on a line of 16"),
        ("A" * 17, "gb2312", "17 cells"),
        ("a\n", "gb2312", "control character"),
    ],
)
def test_what_a_board_cannot_show_is_said_and_not_replaced(line: str, charset: Charset, got: str) -> None:
    with pytest.raises(UnshowableError, match=got):
        encode_show(Words("x", (line,), "red"), 10, Board(16, 2, charset))


def test_a_board_with_the_character_shows_it() -> None:
    shown = decode_show(encode_show(Words("x", ("镕㐀",), "red"), 0.2, Board(16, 2, "gb18030")))
    assert shown == Shown(("镕㐀",), "red", 1)


def test_too_many_lines_are_refused() -> None:
    with pytest.raises(UnshowableError, match="3 lines on a board of 2"):
        encode_show(Words("x", ("a", "b", "c"), "red"), 10, BOARD)


@pytest.mark.parametrize(
    "spoiled", [DATA[:-1], DATA + b"\x00", DATA[:3], DATA[:2] + b"\x03" + DATA[3:], DATA[:5] + b"\xff" + DATA[6:]]
)
def test_what_makes_no_sense_is_not_shown(spoiled: bytes) -> None:
    assert decode_show(spoiled) is None


@given(st.binary(max_size=60))
def test_no_bytes_raise(data: bytes) -> None:
    decode_show(data)
    decode_board(data)


@given(st.lists(st.text("停放行请ABC 12", max_size=8), min_size=1, max_size=2), st.sampled_from(["red", "green"]))
def test_what_is_told_is_shown(lines: list[str], light: str) -> None:
    words = Words("x", tuple(lines), light)  # type: ignore[arg-type]
    assert decode_show(encode_show(words, 10, BOARD)) == Shown(tuple(lines), light, 10)  # type: ignore[arg-type]
