"""The envelope: the published example, any split, any flipped bit, any garbage."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clearance.bridge.wire import MAGIC, MAX_BODY_BYTES, OVERHEAD_BYTES, Frame, FrameDecoder, encode

# Published with the protocol (type 0x22, `<A/>`, 44 bytes).
PUBLISHED = bytes.fromhex(
    "E25C4B89 2C000000 22 37323038313030303030 37323038313030303031 45 FFFFFFFF 04000000 3C412F3E FFFF"
)
EXAMPLE = Frame(0x22, "7208100000", "7208100001", "E", "platform", b"<A/>")


def test_the_published_example_is_read_and_written_byte_for_byte() -> None:
    assert FrameDecoder().feed(PUBLISHED) == [EXAMPLE]
    assert encode(EXAMPLE) == PUBLISHED


def test_short_names_are_padded_and_the_smallest_frame_has_40_bytes() -> None:
    frame = Frame(0x71, "1", "2", "I", "front")
    assert len(encode(frame)) == OVERHEAD_BYTES == 40
    assert FrameDecoder().feed(encode(frame)) == [frame]


@pytest.mark.parametrize(
    "frame",
    [
        Frame(1, "", "2", "I", "front"),
        Frame(1, "12345678901", "2", "I", "front"),
        Frame(1, "1", "\n", "I", "front"),
        Frame(1, "1", "2", "IE", "front"),
        Frame(1, "1", "中", "I", "front"),
        Frame(1, "1", "2", "I", "front", bytes(MAX_BODY_BYTES + 1)),
    ],
)
def test_what_the_envelope_cannot_hold_is_not_written(frame: Frame) -> None:
    with pytest.raises(ValueError):
        encode(frame)


@pytest.mark.parametrize("bit", range(len(PUBLISHED) * 8))
def test_a_flipped_bit_never_makes_two_frames_and_the_next_frame_is_found(bit: int) -> None:
    flipped = bytearray(PUBLISHED)
    flipped[bit // 8] ^= 1 << bit % 8
    decoder = FrameDecoder()
    found = decoder.feed(bytes(flipped) + PUBLISHED)
    assert found[-1] == EXAMPLE
    assert len(found) <= 2
    # What has no place in the header's form is dropped as a whole; letters and numbers may become others.
    if len(found) == 1:
        assert decoder.dropped_bytes == len(PUBLISHED)


@pytest.mark.parametrize("field", [slice(4, 8), slice(34, 38)])
@pytest.mark.parametrize("length", [-1, 0, 39, 43, 45, 2**31 - 1])
def test_a_wrong_length_is_never_waited_for(field: slice, length: int) -> None:
    wrong = bytearray(PUBLISHED)
    wrong[field] = length.to_bytes(4, "little", signed=True)
    assert FrameDecoder().feed(bytes(wrong) + PUBLISHED) == [EXAMPLE]


def test_a_frame_inside_a_frame_whose_tail_is_wrong_is_found() -> None:
    outer = bytearray(encode(Frame(0x22, "1", "2", "I", "platform", PUBLISHED)))
    outer[-1] = 0
    decoder = FrameDecoder()
    assert decoder.feed(bytes(outer)) == [EXAMPLE]
    assert decoder.bad_frames == 1


names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=10)
frames = st.builds(
    Frame,
    st.integers(0, 255), names, names, st.sampled_from("IE01"), st.sampled_from(["front", "platform"]),
    st.binary(max_size=200),
)  # fmt: skip
pieces = st.one_of(st.binary(max_size=60), frames.map(encode), st.just(MAGIC), st.just(PUBLISHED[:37]))


@settings(max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=10).map(b"".join), st.lists(st.integers(0, 1500)))
def test_any_split_gives_the_same_frames(stream: bytes, cuts: list[int]) -> None:
    whole, split, single = FrameDecoder(), FrameDecoder(), FrameDecoder()
    expected = whole.feed(stream)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    assert [one for a, b in itertools.pairwise(edges) for one in split.feed(stream[a:b])] == expected
    assert [one for byte in stream for one in single.feed(bytes((byte,)))] == expected
    sizes = sum(len(encode(one)) for one in expected)
    for decoder in (whole, split, single):
        assert sizes + decoder.dropped_bytes + decoder.pending == len(stream)


@settings(max_examples=100, deadline=None)
@given(st.lists(frames, max_size=5), st.binary(max_size=100).filter(lambda noise: MAGIC[0] not in noise))
def test_frames_behind_noise_are_all_found(sent: list[Frame], noise: bytes) -> None:
    assert FrameDecoder().feed(noise + b"".join(map(encode, sent))) == sent


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=4096), max_size=40))
def test_what_waits_is_bounded_by_the_longest_frame(chunks: list[bytes]) -> None:
    decoder = FrameDecoder()
    for chunk in chunks:
        decoder.feed(MAGIC + chunk)
        assert decoder.pending <= OVERHEAD_BYTES + MAX_BODY_BYTES
