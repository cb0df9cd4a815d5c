"""The codec against frames of domain.md 6.1, whose checksums were recomputed there."""

import pytest

from drivers.kit.wire import TagReport
from drivers.uhf_m100.driver import M100Dialect
from drivers.uhf_m100.wire import (
    ANSWER,
    CMD_ERROR,
    CMD_POLL,
    CMD_STOP,
    MAX_PARAM,
    NOTICE,
    Frame,
    FrameDecoder,
    ask_version,
    decode_notice,
    encode,
    encode_answer,
    encode_notice,
    poll,
    poll_many,
    stop,
)
from edge.core.tag import Tag

NOTICE_BYTES = bytes.fromhex("BB 02 22 00 11 C9 34 00 30 75 1F EB 70 5C 59 04 E3 D5 0D 70 3A 76 EF 7E")
NO_TAG = bytes.fromhex("BB 01 FF 00 01 15 16 7E")
EPC = "30751FEB705C5904E3D50D70"


def test_commands_match_the_documented_bytes() -> None:
    assert poll() == bytes.fromhex("BB 00 22 00 00 22 7E")
    assert poll_many() == bytes.fromhex("BB 00 27 00 03 22 27 10 83 7E")
    assert stop() == bytes.fromhex("BB 00 28 00 00 28 7E")
    assert ask_version() == bytes.fromhex("BB 00 03 00 01 00 04 7E")


def test_documented_answers_decode() -> None:
    notice, no_tag = FrameDecoder().feed(NOTICE_BYTES + NO_TAG)
    assert (notice.type, notice.command) == (NOTICE, CMD_POLL)
    assert decode_notice(notice) == TagReport(Tag(EPC), 0, -55)
    assert no_tag == Frame(ANSWER, CMD_ERROR, b"\x15")


def test_simulator_encoders_give_the_documented_answers() -> None:
    # The PC of the documented notice has the bit for user memory, which the length does not depend on.
    assert encode_notice(bytes.fromhex(EPC), rssi_dbm=-55)[:6] == NOTICE_BYTES[:6]
    assert encode_answer(CMD_ERROR, b"\x15") == NO_TAG


@pytest.mark.hazard("D16")
def test_a_frame_whose_sum_is_wrong_is_dropped_and_counted() -> None:
    decoder = FrameDecoder()
    spoilt = NOTICE_BYTES[:-2] + b"\xee\x7e"
    assert decoder.feed(spoilt + NO_TAG) == FrameDecoder().feed(NO_TAG)
    assert decoder.checksum_errors == 1
    assert decoder.dropped_bytes == len(spoilt)
    without_end = NOTICE_BYTES[:-1] + b"\x7f"
    assert FrameDecoder().feed(without_end) == []


@pytest.mark.parametrize("words", [1, 6, 31])
def test_the_end_marker_within_an_epc_ends_nothing(words: int) -> None:
    epc = b"\x7e\xbb" * words
    (frame,) = FrameDecoder().feed(encode_notice(epc, rssi_dbm=-128))
    assert decode_notice(frame) == TagReport(Tag(epc.hex().upper()), 0, -128)


@pytest.mark.parametrize(
    ("param", "reason"),
    [
        (b"\xc9\x30\x00", "short"),
        (bytes.fromhex("C9 3000 ABCD 0000"), "length_contradicts_pc"),
        (bytes.fromhex("C9 0000 0000"), "empty_epc"),
        (bytes.fromhex("C9 0800 ABCD 0000"), "air_crc"),
    ],
)
def test_a_notice_that_contradicts_itself_is_malformed(param: bytes, reason: str) -> None:
    assert decode_notice(Frame(NOTICE, CMD_POLL, param)) == reason
    heard = M100Dialect().hear(Frame(NOTICE, CMD_POLL, param))
    assert heard is not None
    assert (heard.malformed, heard.tags, heard.ends) == (reason, (), False)


def test_a_param_that_no_frame_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="68 bytes"):
        encode(Frame(ANSWER, CMD_STOP, bytes(MAX_PARAM + 1)))


def test_what_is_not_for_us_is_not_heard_and_a_refused_stop_is() -> None:
    dialect = M100Dialect()
    assert dialect.hear(Frame(0, CMD_STOP, b"")) is None
    assert dialect.hear(Frame(ANSWER, CMD_STOP, b"")) is None
    heard = dialect.hear(Frame(ANSWER, CMD_STOP, b"\x01"))
    assert heard is not None
    assert heard.refusal == "answer 01"
