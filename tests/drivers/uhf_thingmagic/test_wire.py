"""The codec against frames of domain.md 6.1; the CRC is the variant that fits them."""

import pytest

from drivers.kit.wire import TagReport, crc16_thingmagic
from drivers.uhf_thingmagic.driver import ThingMagicDialect
from drivers.uhf_thingmagic.wire import (
    CMD_CLEAR_BUFFER,
    CMD_GET_BUFFER,
    CMD_READ_MANY,
    CMD_SET_REGION,
    INVALID_OPCODE,
    MAX_DATA,
    NO_TAGS,
    WITH_RSSI,
    Command,
    CommandDecoder,
    Frame,
    FrameDecoder,
    boot,
    decode_buffer,
    encode,
    encode_answer,
    encode_buffer,
    get_buffer,
    read_many,
    set_antenna,
    set_protocol,
    set_region,
)
from edge.core.tag import Tag

EPC = "E200301666130121155074EF"
MISPRINT = bytes.fromhex("FF 01 87 08 4B B5")


def test_commands_match_the_documented_bytes() -> None:
    assert boot() == bytes.fromhex("FF 00 04 1D 0B")
    assert set_protocol() == bytes.fromhex("FF 02 93 00 05 51 7D")
    assert read_many(500) == bytes.fromhex("FF 02 22 01 F4 E7 76")
    assert get_buffer(0) == bytes.fromhex("FF 03 29 00 00 00 F4 22")


@pytest.mark.hazard("D16")
def test_the_misprinted_frame_of_the_manual_is_dropped() -> None:
    decoder = CommandDecoder()
    assert decoder.feed(MISPRINT + boot()) == [Command(0x04, b"")]
    assert decoder.checksum_errors == 1
    # Its CRC fits the operation code of set region, which is what it was meant to be.
    assert set_region(0x08) == MISPRINT[:2] + bytes((CMD_SET_REGION,)) + MISPRINT[3:]
    assert crc16_thingmagic(MISPRINT[1:-2]) != int.from_bytes(MISPRINT[-2:], "big")


def test_tags_of_the_buffer_have_strength_and_antenna() -> None:
    (frame,) = FrameDecoder().feed(encode_buffer([(bytes.fromhex(EPC), -61, 3), (b"\xab\xcd", -40, 0)]))
    assert decode_buffer(frame.data) == (TagReport(Tag(EPC), 3, -61), TagReport(Tag("ABCD"), 0, -40))
    (frame,) = FrameDecoder().feed(encode_buffer([(b"\xab\xcd", -40, 2)], metadata=0))
    assert decode_buffer(frame.data) == (TagReport(Tag("ABCD"), 0, None),)
    (frame,) = FrameDecoder().feed(encode_buffer([(b"\xab\xcd", -40, 2)], metadata=WITH_RSSI))
    assert decode_buffer(frame.data) == (TagReport(Tag("ABCD"), 0, -40),)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("0006", "short"),
        ("0010 00 00", "metadata_not_asked_for"),
        ("0006 00 01", "length_contradicts_pc"),
        ("0006 00 01 C3 11 0030 0800 ABCD", "length_contradicts_pc"),
        ("0006 00 01 C3 11 0030 1000 ABCD 0000", "length_contradicts_pc"),
        ("0006 00 01 C3 11 0020 0000 0000", "empty_epc"),
        ("0006 00 01 C3 91 0030 0800 ABCD 0000", "antenna"),
        ("0006 00 00 C3", "length"),
    ],
)
def test_a_buffer_that_contradicts_itself_gives_no_tag(data: str, reason: str) -> None:
    assert decode_buffer(bytes.fromhex(data)) == reason
    heard = ThingMagicDialect().hear(Frame(CMD_GET_BUFFER, 0, bytes.fromhex(data)))
    assert heard is not None
    assert (heard.malformed, heard.tags, heard.more) == (reason, (), False)


def test_an_empty_field_is_no_refusal() -> None:
    dialect = ThingMagicDialect()
    nothing = dialect.hear(Frame(CMD_READ_MANY, NO_TAGS, b""))
    refused = dialect.hear(Frame(CMD_CLEAR_BUFFER, INVALID_OPCODE, b""))
    assert nothing is not None
    assert refused is not None
    assert (nothing.refusal, nothing.more, refused.refusal) == ("", False, "status 0x0101")


def test_what_no_frame_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="249 bytes"):
        encode(CMD_READ_MANY, bytes(MAX_DATA + 1))
    with pytest.raises(ValueError, match="249 bytes"):
        encode_answer(CMD_READ_MANY, 0, bytes(MAX_DATA + 1))
    with pytest.raises(ValueError, match="antenna 4"):
        set_antenna(4)
    assert FrameDecoder().feed(b"\xff\xf9\x22") == []
    assert CommandDecoder().feed(b"\xff\xf9\x22") == []
