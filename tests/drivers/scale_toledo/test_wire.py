"""Toledo continuous output against documented bytes (domain.md 6.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.steady import Sample
from drivers.scale_toledo.wire import ContinuousDecoder, checksum_of, encode

STABLE = bytes.fromhex("02 2A 30 20 30 31 38 38 35 30 30 30 30 30 30 30 0D 21")
MOTION = bytes.fromhex("02 2A 38 20 30 31 38 38 35 30 30 30 30 30 30 30 0D 19")
SPACES = bytes.fromhex("02 2A 30 20 20 31 38 38 35 30 20 20 20 20 20 30 0D 01")


def resealed(frame: bytes, place: int, byte: int) -> bytes:
    """The frame with one byte changed and the checksum that fits."""
    body = bytearray(frame[:-1])
    body[place] = byte
    return bytes(body) + bytes((checksum_of(bytes(body)),))


def test_documented_frames() -> None:
    assert ContinuousDecoder().feed(STABLE + MOTION) == [Sample(18_850_000), Sample(18_850_000, "moving")]
    assert encode(18_850) == STABLE
    assert encode(18_850, motion=True) == MOTION


def test_the_documented_frame_with_spaces() -> None:
    assert ContinuousDecoder().feed(SPACES) == [Sample(18_850_000)]
    assert encode(18_850, spaces=True) == SPACES


def test_a_parity_bit_is_thrown_away() -> None:
    even = bytes(byte | 0x80 if byte.bit_count() % 2 else byte for byte in STABLE)
    assert even != STABLE
    assert ContinuousDecoder().feed(even) == [Sample(18_850_000)]


@pytest.mark.parametrize(
    ("frame", "sample"),
    [
        (encode(120, net=True), Sample(None, "tared")),
        (encode(-120), Sample(-120_000)),
        (encode(99_999, out_of_range=True), Sample(None, "overload")),
        (resealed(encode(0, out_of_range=True), 5, 0x2D), Sample(None, "overload")),
        (encode(18_850, pounds=True), Sample(None, "unit")),
        (resealed(STABLE, 1, 0x28), Sample(1_885_000_000)),
        (resealed(STABLE, 1, 0x29), Sample(188_500_000)),
        (resealed(STABLE, 1, 0x2B), Sample(1_885_000)),
        (resealed(STABLE, 1, 0x2F), Sample(189)),
    ],
    ids=["net", "negative", "over", "over without digits", "pounds", "x100", "x10", "x0.1", "x0.00001"],
)
def test_status_words(frame: bytes, sample: Sample) -> None:
    assert ContinuousDecoder().feed(frame) == [sample]


@pytest.mark.parametrize(
    "spoiled",
    [
        STABLE[:-1] + b"\x22",
        resealed(STABLE, 16, 0x0A),
        resealed(STABLE, 1, 0x0A),
        resealed(STABLE, 2, 0x10),
        resealed(STABLE, 3, 0x00),
        resealed(STABLE, 5, 0x41),
        resealed(STABLE, 6, 0x20),
    ],
    ids=["checksum", "no CR", "SWA", "SWB", "SWC", "letter", "space between digits"],
)
def test_what_is_no_frame_is_dropped_and_the_next_is_found(spoiled: bytes) -> None:
    assert ContinuousDecoder().feed(spoiled + MOTION) == [Sample(18_850_000, "moving")]


@given(st.integers(-999_999, 999_999), st.booleans(), st.booleans())
def test_what_is_sent_is_read_in_each_form(kg: int, checksum: bool, short: bool) -> None:
    decoder = ContinuousDecoder(checksum=checksum, short=short)
    assert decoder.feed(encode(kg, checksum=checksum, short=short) * 2) == [Sample(kg * 1000)] * 2
