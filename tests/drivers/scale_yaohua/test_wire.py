"""Three outputs against documented bytes (domain.md 6.2), and what none of them may believe."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.steady import Sample
from drivers.scale_yaohua.wire import (
    BinaryDecoder,
    LineDecoder,
    ReversedDecoder,
    Unit,
    encode_binary,
    encode_line,
    encode_reversed,
)

PLUS = bytes.fromhex("02 2B 30 32 33 39 36 30 30 31 35 03")
LETTER = bytes.fromhex("02 2B 30 31 38 38 35 30 30 31 46 03")
MINUS = bytes.fromhex("02 2D 30 30 30 31 32 30 30 31 45 03")


def kilograms(samples: list[Sample]) -> list[float | None]:
    return [None if one.grams is None else one.grams / 1000 for one in samples]


def test_documented_frames() -> None:
    assert kilograms(BinaryDecoder().feed(PLUS + LETTER + MINUS)) == [23_960, 18_850, -120]
    assert [encode_binary(kg) for kg in (23_960, 18_850, -120)] == [PLUS, LETTER, MINUS]


@pytest.mark.parametrize("low", ["46", "66", "3F"])
def test_a_checksum_is_taken_in_every_spelling(low: str) -> None:
    spelled = LETTER[:10] + bytes.fromhex(low) + LETTER[11:]
    assert kilograms(BinaryDecoder().feed(spelled)) == [18_850]


@pytest.mark.parametrize(
    "spoiled",
    [
        LETTER[:10] + b"\x45\x03",
        LETTER[:10] + b"\x7e\x03",
        LETTER[:11] + b"\x04",
        bytes.fromhex("02 2A 30 31 38 38 35 30 30 31 45 03"),
        bytes.fromhex("02 2B 3A 31 38 38 35 30 30 31 35 03"),
        bytes.fromhex("02 2B 30 31 38 38 35 30 37 31 38 03"),
    ],
    ids=["checksum", "no hex", "no end", "sign", "digit", "places"],
)
def test_what_is_no_frame_is_dropped_and_the_next_is_found(spoiled: bytes) -> None:
    decoder = BinaryDecoder()
    assert kilograms(decoder.feed(spoiled + PLUS)) == [23_960]
    assert decoder.dropped_bytes == len(spoiled)


@pytest.mark.parametrize(
    ("value", "places", "unit", "kg"),
    [(18_850, 0, "kg", 18_850), (188_505, 1, "kg", 18_850.5), (18_850, 3, "t", 18_850), (-120, 3, "t", -120)],
)
def test_decimals_and_tonnes(value: int, places: int, unit: Unit, kg: float) -> None:
    assert kilograms(BinaryDecoder(unit).feed(encode_binary(value, places))) == [kg]


@pytest.mark.parametrize(
    ("line", "sample"),
    [
        (b"ST,GS,+0012450kg\r\n", Sample(12_450_000)),
        (b"ST,GS,-0000120kg\n", Sample(-120_000)),
        (b"US,GS,+0012450kg\r\n", Sample(12_450_000, "moving")),
        (b"ST,NT,+0012450kg\r\n", Sample(None, "tared")),
        (b"OL,GS,+0000000kg\r\n", Sample(None, "overload")),
        (b"ST,GS,+  12.450t\r\n", Sample(12_450_000)),
        (b"ST,GS,+0012450lb\r\n", Sample(None, "unit")),
    ],
)
def test_a_line_says_state_kind_sign_and_unit(line: bytes, sample: Sample) -> None:
    assert LineDecoder().feed(line) == [sample]


@pytest.mark.parametrize(
    "line",
    [b"XX,GS,+0012450kg\r\n", b"ST,GS,0012450kg\r\n", b"ST,GS,+00 12450kg\r\n", b"ST,GS,+kg\r\n", b"S" * 40 + b"\r\n"],
)
def test_what_is_no_line_is_dropped_and_the_next_is_found(line: bytes) -> None:
    assert kilograms(LineDecoder().feed(line + encode_line(12_450))) == [12_450]


@pytest.mark.parametrize(
    ("data", "unit", "kg"),
    [
        (b"=51.070=", "t", 70_150),
        (b"=058810=", "kg", 18_850),
        (b"=058810-=", "kg", -18_850),
        (b"=5.05881 =", "kg", 18_850.5),
        (b"=058810\r\n=", "kg", 18_850),
    ],
)
def test_reversed_digits(data: bytes, unit: Unit, kg: float) -> None:
    assert kilograms(ReversedDecoder(unit).feed(data)) == [kg]


@pytest.mark.parametrize("data", [b"=12=", b"=1.2.345=", b"=12a456=", b"=0588100000000000="])
def test_what_are_no_reversed_digits_is_dropped(data: bytes) -> None:
    assert kilograms(ReversedDecoder().feed(data + b"058810=")) == [18_850]


@given(st.integers(-99_999, 999_999), st.integers(0, 3))
def test_what_is_sent_is_read(value: int, places: int) -> None:
    kg = [value / 10**places]
    assert kilograms(BinaryDecoder().feed(encode_binary(value, places))) == kg
    assert kilograms(ReversedDecoder().feed(encode_reversed(value, places) + b"=")) == kg
    assert kilograms(LineDecoder().feed(encode_line(value))) == [value]
