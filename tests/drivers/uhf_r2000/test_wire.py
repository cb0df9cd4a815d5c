"""The codec against frames of domain.md 6.1, whose checksums were recomputed there."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.kit.wire import TagReport
from drivers.uhf_r2000.wire import (
    CMD_REALTIME_INVENTORY,
    CMD_SESSION_INVENTORY,
    CMD_SET_ANTENNA,
    MAX_LEN,
    SUCCESS,
    Frame,
    FrameDecoder,
    Malformed,
    RoundEnd,
    RoundError,
    decode_inventory,
    encode,
    encode_result,
    encode_round_end,
    encode_tag_report,
    realtime_inventory,
    session_inventory,
    set_antenna,
)
from edge.core.tag import Tag

TAG = bytes.fromhex("A013018904 3000 E20030166613012115 5074EF 45 BF")
END = bytes.fromhex("A00A0189 00 0011 00000005 B6")
ANTENNA_SET = bytes.fromhex("A004017410D7")
# As printed in the README of a published IND903 driver; the right checksum is AE.
PUBLISHED_WRONG = bytes.fromhex("A00A0189 00 001D 00000001 BC")


def decode_all(data: bytes) -> list[Frame]:
    return FrameDecoder().feed(data)


def test_commands_match_the_documented_bytes() -> None:
    assert set_antenna(0) == bytes.fromhex("A004017400E7")
    assert realtime_inventory() == bytes.fromhex("A004018901D1")
    assert session_inventory() == bytes.fromhex("A006018B010001CC")


def test_documented_answers_decode() -> None:
    answer, tag, end = decode_all(ANTENNA_SET + TAG + END)
    assert answer == Frame(1, CMD_SET_ANTENNA, bytes((SUCCESS,)))
    assert decode_inventory(tag) == TagReport(Tag("E200301666130121155074EF"), 0, 0x45 - 129)
    assert decode_inventory(end) == RoundEnd(0, 17, 5)


def test_simulator_encoders_give_the_documented_answers() -> None:
    epc = bytes.fromhex("E200301666130121155074EF")
    assert encode_tag_report(epc, antenna=0, rssi_dbm=-60) == TAG
    assert encode_round_end(antenna=0, rate=17, total=5) == END
    assert encode_result(CMD_SET_ANTENNA, SUCCESS) == ANTENNA_SET


@pytest.mark.hazard("D16")
def test_the_published_frame_with_the_wrong_checksum_is_dropped_and_counted() -> None:
    decoder = FrameDecoder()
    assert decoder.feed(PUBLISHED_WRONG + ANTENNA_SET) == decode_all(ANTENNA_SET)
    assert decoder.checksum_errors == 1
    assert decoder.dropped_bytes == len(PUBLISHED_WRONG)
    assert len(decode_all(PUBLISHED_WRONG[:-1] + b"\xae")) == 1


@pytest.mark.parametrize("phase", [b"", b"\x12\x34"])
@pytest.mark.parametrize("words", [1, 6, 8, 31])
def test_the_pc_word_gives_the_epc_length_with_and_without_phase(phase: bytes, words: int) -> None:
    epc = bytes(range(1, 2 * words + 1))
    (frame,) = decode_all(encode_tag_report(epc, antenna=3, rssi_dbm=-99, phase=phase))
    assert decode_inventory(frame) == TagReport(Tag(epc.hex().upper()), 3, -99)


def test_user_memory_flag_does_not_change_the_length() -> None:
    data = bytes.fromhex("04 3400 751FEB705C5904E3D50D703A 45")
    answer = decode_inventory(Frame(1, CMD_REALTIME_INVENTORY, data))
    assert isinstance(answer, TagReport)
    assert answer.tag.epc == "751FEB705C5904E3D50D703A"


def test_an_impossible_signal_is_unknown() -> None:
    data = bytes.fromhex("04 0800 ABCD FF")
    assert decode_inventory(Frame(1, CMD_REALTIME_INVENTORY, data)) == TagReport(Tag("ABCD"), 0, None)


def test_end_and_error_share_the_command_and_differ_by_length() -> None:
    for command in (CMD_REALTIME_INVENTORY, CMD_SESSION_INVENTORY):
        assert decode_inventory(Frame(1, command, b"\x22")) == RoundError(0x22)
        assert isinstance(decode_inventory(Frame(1, command, bytes(7))), RoundEnd)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "short"),
        (bytes(2), "short"),
        (bytes.fromhex("04 3000 E200 45"), "length_contradicts_pc"),
        (bytes.fromhex("04 0000 45"), "empty_epc"),
    ],
)
def test_contradictory_lengths_are_malformed(data: bytes, reason: str) -> None:
    assert decode_inventory(Frame(1, CMD_REALTIME_INVENTORY, data)) == Malformed(reason)


@pytest.mark.parametrize("bad", [lambda: set_antenna(4), lambda: session_inventory(4), lambda: session_inventory(0, 2)])
def test_settings_outside_the_protocol_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        bad()  # type: ignore[operator]


def test_data_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        encode(Frame(1, 0x89, bytes(MAX_LEN)))


@pytest.mark.parametrize("frame", [TAG, END, ANTENNA_SET])
@pytest.mark.hazard("D16")
def test_no_single_flipped_bit_gives_a_frame(frame: bytes) -> None:
    for bit in range(len(frame) * 8):
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 1 << (bit % 8)
        assert decode_all(bytes(flipped)) == [], f"bit {bit}"


frames = st.builds(Frame, st.integers(0, 255), st.integers(0, 255), st.binary(max_size=MAX_LEN - 3))
pieces = st.one_of(st.binary(max_size=30), frames.map(encode), st.just(b"\xa0"), st.just(b"\xa0\x04"))


@settings(max_examples=200)
@given(st.lists(pieces, max_size=12).map(b"".join), st.lists(st.integers(0, 400)))
@pytest.mark.hazard("D15")
def test_any_chunking_gives_the_same_frames_and_counts(stream: bytes, cuts: list[int]) -> None:
    whole, split, single = FrameDecoder(), FrameDecoder(), FrameDecoder()
    expected = whole.feed(stream)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    got = [frame for a, b in itertools.pairwise(edges) for frame in split.feed(stream[a:b])]
    bytewise = [frame for byte in stream for frame in single.feed(bytes((byte,)))]
    assert expected == got == bytewise
    for other in (split, single):
        assert (other.dropped_bytes, other.checksum_errors) == (whole.dropped_bytes, whole.checksum_errors)
    framed = sum(len(encode(frame)) for frame in expected)
    assert framed + whole.dropped_bytes + whole.pending == len(stream)


@settings(max_examples=100)
@given(st.lists(frames, min_size=1, max_size=6))
def test_clean_streams_lose_nothing(sent: list[Frame]) -> None:
    decoder = FrameDecoder()
    assert decoder.feed(b"".join(map(encode, sent))) == sent
    assert decoder.dropped_bytes == decoder.pending == 0


@given(st.binary(max_size=300).filter(lambda noise: 0xA0 not in noise), frames)
@pytest.mark.hazard("D14")
def test_a_frame_behind_noise_is_found(noise: bytes, frame: Frame) -> None:
    decoder = FrameDecoder()
    assert decoder.feed(noise + encode(frame)) == [frame]
    assert decoder.dropped_bytes == len(noise)


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=4096), max_size=10))
@pytest.mark.hazard("D14")
def test_the_buffer_is_bounded_by_one_frame(chunks: list[bytes]) -> None:
    decoder = FrameDecoder()
    for chunk in chunks:
        for frame in decoder.feed(chunk):
            decode_inventory(frame)
        assert decoder.pending < MAX_LEN + 2


def test_giving_up_frees_the_frame_that_a_false_head_hid() -> None:
    decoder = FrameDecoder()
    assert decoder.give_up() == []
    assert decoder.feed(b"\xa0\x40" + END) == []
    assert decoder.give_up() == decode_all(END)
    assert decoder.dropped_bytes == 2


def test_reset_forgets_a_half_frame() -> None:
    decoder = FrameDecoder()
    decoder.feed(TAG[:10])
    decoder.reset()
    assert decoder.feed(END) == decode_all(END)
    assert decoder.dropped_bytes == 10
