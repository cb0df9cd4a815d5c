"""The lines of card and code readers against written-down bytes, wrong ones among them."""

from typing import Any

import pytest

from drivers.identity_lines.wire import CardDecoder, Layout, Line, encode, encode_heartbeat, is_gb11643

PLAIN = Layout(prefix="IC:", least=10, most=10, alphabet="digits")
CHECKED = Layout("stx", prefix="D", suffix=";", least=2, check="xor", heartbeat="OK")
RESIDENT = "11010519491231002X"


def read(data: bytes, layout: Layout) -> list[Line]:
    return CardDecoder(layout).feed(data)


@pytest.mark.parametrize(
    ("data", "layout", "text"),
    [
        (b"IC:0012345678\r\n", PLAIN, "0012345678"),
        (b"IC:0012345678\r", PLAIN, "0012345678"),
        (b"\r\n\r\nIC:0012345678\n", PLAIN, "0012345678"),
        # 44^41^42^3B = 7C
        (b"\x02DAB;7C\x03", CHECKED, "AB"),
        (b"\x02DAB;7c\x03\r\n", CHECKED, "AB"),
        (b"noise\xff\x02DAB;7C\x03", CHECKED, "AB"),
        (b"\x02OK\x03", CHECKED, None),
        (b"11010519491231002X\r", Layout(check="gb11643"), RESIDENT),
        ("姓名:张三\r\n".encode("gb18030"), Layout(prefix="姓名:", least=2, encoding="gb18030"), "张三"),
        ("张三\r\n".encode(), Layout(least=2, encoding="utf-8"), "张三"),
        (b"0aF9\n", Layout(alphabet="hex"), "0aF9"),
        (b"P4ss99\n", Layout(alphabet="letters_digits"), "P4ss99"),
    ],
)
def test_written_down_lines(data: bytes, layout: Layout, text: str | None) -> None:
    assert read(data, layout) == [Line(text)]


@pytest.mark.parametrize(
    ("data", "layout"),
    [
        (b"IC:012345678\r\n", PLAIN),
        (b"IC:00123456789\r\n", PLAIN),
        (b"0012345678\r\n", PLAIN),
        (b"IC:00123A5678\r\n", PLAIN),
        (b"IC:00\x0012345678\r\n", PLAIN),
        (b"XIC:0012345678\r\n", PLAIN),
        (b"\x02DAB;7D\x03", CHECKED),
        (b"\x02DAB;7G\x03", CHECKED),
        (b"\x02DAB7C\x03", CHECKED),
        (b"\x02C\x03", CHECKED),
        (b"DAB;7C\x03", CHECKED),
        # The tail behind a byte that became a second beginning is no line.
        (b"\x02D1\x02DAB;7C\x03", CHECKED),
        (b"110105194912310021\r", Layout(check="gb11643")),
        (b"11010519491231002\r", Layout(check="gb11643")),
        (b"1101051949123100AX\r", Layout(check="gb11643")),
        (b"\xff\xfe1234\r", Layout(encoding="utf-8")),
        (b" padded\r", Layout()),
        ("ab\u200bcd\r".encode(), Layout(encoding="utf-8")),
        (b"OK\x03", CHECKED),
    ],
)
def test_what_is_no_line_of_the_layout_is_dropped_whole_and_counted(data: bytes, layout: Layout) -> None:
    decoder = CardDecoder(layout)
    assert decoder.feed(data) == []
    assert (decoder.checksum_errors, decoder.pending) == (1, 0)
    good = encode("0012345678" if layout is PLAIN else RESIDENT, layout)
    assert len(decoder.feed(good)) == 1


@pytest.mark.parametrize("size", [1, 7, 255, 256, 600])
def test_the_tail_of_a_line_that_is_too_long_is_no_number(size: int) -> None:
    line = b"9" * 600 + b"\r"
    decoder = CardDecoder(Layout(alphabet="digits"))
    for at in range(0, len(line), size):
        assert decoder.feed(line[at : at + size]) == []
    assert decoder.dropped_bytes == len(line)
    assert decoder.feed(b"1234\r") == [Line("1234")]


def test_a_line_that_was_given_up_leaves_no_tail() -> None:
    decoder = CardDecoder(Layout())
    decoder.feed(b"12345")
    assert decoder.give_up() == decoder.give_up() == []
    assert decoder.feed(b"6789\r1234\r") == [Line("1234")]
    decoder.feed(b"x")
    decoder.give_up()
    decoder.reset()
    assert decoder.feed(b"1234\r") == [Line("1234")], "another connection begins anew"


def test_what_is_encoded_is_read_back() -> None:
    for layout in (PLAIN, CHECKED):
        assert read(encode("0012345678", layout), layout) == [Line("0012345678")]
    assert read(encode_heartbeat(CHECKED), CHECKED) == [Line(None)]


@pytest.mark.parametrize("place", range(18))
def test_no_single_wrong_digit_of_a_resident_number_is_taken(place: int) -> None:
    assert is_gb11643(RESIDENT)
    others: list[Any] = [one for one in "0123456789X" if one != RESIDENT[place]]
    assert not any(is_gb11643(RESIDENT[:place] + one + RESIDENT[place + 1 :]) for one in others)
