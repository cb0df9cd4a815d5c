"""Questions and answers as bytes: any chunking, any garbage, any flipped bit."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.kit.frames import HELLO, MOST_DATA, MOST_FRAME, Frame, FrameDecoder, encode

HELLO_BYTES = bytes.fromhex("A5 03 01 07 01 B1 20")
ANSWER_BYTES = bytes.fromhex("A5 08 01 07 81 00 01 10 02 01 EB CD")
STREAM = HELLO_BYTES + ANSWER_BYTES + HELLO_BYTES


def test_documented_frames() -> None:
    question = Frame(1, 7, HELLO)
    assert encode(question) == HELLO_BYTES
    answer = question.answered(0, bytes.fromhex("01100201"))
    assert encode(answer) == ANSWER_BYTES
    assert FrameDecoder().feed(STREAM) == [question, answer, question]


def test_a_wrong_crc_is_dropped_and_counted() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(HELLO_BYTES[:-1] + b"\x21" + ANSWER_BYTES) == FrameDecoder().feed(ANSWER_BYTES)
    assert (decoder.checksum_errors, decoder.dropped_bytes) == (1, len(HELLO_BYTES))


@pytest.mark.parametrize("length", [0, 2, MOST_DATA + 4, 255])
def test_a_length_that_no_frame_has_is_skipped_at_once(length: int) -> None:
    assert len(FrameDecoder().feed(bytes((0xA5, length)) + HELLO_BYTES)) == 1


def test_too_much_data_is_refused() -> None:
    assert len(encode(Frame(1, 1, 1, bytes(MOST_DATA)))) == MOST_FRAME
    with pytest.raises(ValueError, match="at most 200"):
        encode(Frame(1, 1, 1, bytes(MOST_DATA + 1)))


@pytest.mark.hazard("D15")
@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_any_chunking_gives_the_same_frames(cuts: list[int]) -> None:
    edges = sorted({0, len(STREAM), *cuts})
    decoder = FrameDecoder()
    frames = [one for start, end in itertools.pairwise(edges) for one in decoder.feed(STREAM[start:end])]
    assert frames == FrameDecoder().feed(STREAM)
    assert decoder.dropped_bytes == 0


@pytest.mark.hazard("D16")
@pytest.mark.parametrize("bit", range(8 * len(ANSWER_BYTES)))
def test_any_flipped_bit_spoils_the_frame(bit: int) -> None:
    spoiled = bytearray(ANSWER_BYTES)
    spoiled[bit // 8] ^= 1 << bit % 8
    decoder = FrameDecoder()
    frames = decoder.feed(bytes(spoiled))
    while decoder.pending:
        frames += decoder.give_up()
    assert frames == []


@pytest.mark.hazard("D14")
@given(st.binary(max_size=400))
def test_garbage_never_raises_is_bounded_and_the_next_frame_is_found(noise: bytes) -> None:
    decoder = FrameDecoder()
    decoder.feed(noise)
    assert decoder.pending <= MOST_FRAME
    # What a false head claims is over at the latest behind so many bytes.
    frames = decoder.feed(bytes(MOST_FRAME) + HELLO_BYTES)
    while decoder.pending:
        frames += decoder.give_up()
    assert Frame(1, 7, HELLO) in frames
