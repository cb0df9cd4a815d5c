"""The codec against frames of domain.md 6.1 and the answers that a published driver is tested with (both profiles)."""

import pytest

from drivers.kit.wire import TagReport, crc16_mcrf4xx
from drivers.uhf_reader18.driver import Reader18Dialect
from drivers.uhf_reader18.wire import (
    CMD_ACTIVE,
    CMD_INFO,
    CMD_INVENTORY,
    Frame,
    FrameDecoder,
    Profile,
    ask_info,
    decode_active,
    decode_tags,
    encode,
    inventory,
)
from edge.core.tag import Tag

ACTIVE = bytes.fromhex("11 00 EE 00 2000708C2B380B2D00000000 E0 56")
INFO = bytes.fromhex("11 00 21 00 00160C034E001E0A01000000 E6 51")
# UHFReader288 (profile ur): one tag and more to come, a short EPC, two tags in one answer, none and the end.
ONE = bytes.fromhex("15 00 01 03 01 01 0C 3039606303C74380001A0559 40 F93E")
SHORT = bytes.fromhex("0D 00 01 03 01 01 04 00323038 6D A3D2")
FAR_ANTENNA = bytes.fromhex("15 00 01 03 04 01 0C 49440000000000000A000334 64 25C0")
TWO = bytes.fromhex("23 00 01 03 01 02 0C 000000000000000000000313 6B 0C 000000000000000000000314 6C 70F2")
NONE = bytes.fromhex("07 00 01 01 01 00 1E4B")


def only(data: bytes) -> Frame:
    (frame,) = FrameDecoder().feed(data)
    return frame


def test_commands_match_the_documented_bytes() -> None:
    assert ask_info() == bytes.fromhex("04 00 21 D9 6A")
    assert inventory("reader18")[:3] == bytes.fromhex("04 00 01")
    assert inventory("ur", 2)[:-2] == bytes.fromhex("0D 00 01 04 01 01 00 00 00 00 82 03")
    # As a published driver sends it to every address.
    assert encode(Frame(0xFF, CMD_INVENTORY, b"")) == bytes.fromhex("04 FF 01 1B B4")


def test_the_crc_is_the_documented_one() -> None:
    assert crc16_mcrf4xx(b"123456789") == 0x6F91
    assert crc16_mcrf4xx(ACTIVE) == 0


def test_published_answers_decode_with_the_profile_ur() -> None:
    assert decode_tags(only(ONE), "ur") == (TagReport(Tag("3039606303C74380001A0559"), 0, 0x40 - 129),)
    assert decode_tags(only(SHORT), "ur") == (TagReport(Tag("00323038"), 0, 0x6D - 129),)
    assert decode_tags(only(FAR_ANTENNA), "ur") == (TagReport(Tag("49440000000000000A000334"), 2, 0x64 - 129),)
    read = decode_tags(only(TWO), "ur")
    assert not isinstance(read, str)
    assert [report.tag.epc[-3:] for report in read] == ["313", "314"]
    assert decode_tags(only(NONE), "ur") == ()
    assert only(INFO).command == CMD_INFO


def test_the_documented_active_report_decodes_with_the_profile_reader18() -> None:
    assert decode_active(only(ACTIVE), "reader18") == (TagReport(Tag("2000708C2B380B2D00000000"), 0, None),)


def test_the_other_profiles_answers_contradict_their_length() -> None:
    assert decode_tags(only(ONE), "reader18") == "length"
    assert decode_active(only(ACTIVE), "ur") == "antenna"


@pytest.mark.hazard("D14", "D16")
def test_the_heartbeat_of_a_serial_server_is_no_frame() -> None:
    heartbeat = bytes.fromhex("56 00 00 00 00 00")
    decoder = FrameDecoder()
    # At once: its first byte must not hold back 86 bytes.
    assert decoder.feed(heartbeat + ONE) == FrameDecoder().feed(ONE)
    assert decoder.dropped_bytes == len(heartbeat)
    assert FrameDecoder().feed(ONE[:-1] + b"\x3f") == []


@pytest.mark.parametrize("profile", ["reader18", "ur"])
@pytest.mark.parametrize(
    "data", ["01", "0102", "01 01 3E", "01 01 02 ABCD 00 00", "01 02 02 ABCD", "01 01 01 AB", "05 01 02 ABCD 40"]
)
def test_contradictory_lengths_give_no_tag(profile: Profile, data: str) -> None:
    read = decode_tags(Frame(0, CMD_INVENTORY, b"\x03" + bytes.fromhex(data)), profile)
    assert isinstance(read, str)


def test_an_impossible_signal_is_unknown() -> None:
    assert decode_tags(Frame(0, CMD_INVENTORY, bytes.fromhex("03 01 01 02 ABCD FF")), "ur") == (
        TagReport(Tag("ABCD"), 0, None),
    )


def test_statuses_end_go_on_or_refuse() -> None:
    dialect = Reader18Dialect("ur")
    statuses = {status: dialect.hear(Frame(0, CMD_INVENTORY, bytes((status,)))) for status in (1, 2, 3, 4, 0xFB, 0xF8)}
    assert {status: heard.ends for status, heard in statuses.items() if heard and not heard.refusal} == {
        1: True,
        2: True,
        3: False,
        4: True,
        0xFB: True,
    }
    refused = statuses[0xF8]
    assert refused is not None
    assert refused.refusal == "status 0xf8"
    heartbeat = dialect.hear(Frame(0, CMD_ACTIVE, b"\x28"))
    assert heartbeat is not None
    assert (heartbeat.tags, heartbeat.ends) == ((), False)
    malformed = dialect.hear(Frame(0, CMD_ACTIVE, b"\x00"))
    assert malformed is not None
    assert malformed.malformed == "antenna"
    info = dialect.hear(Frame(0, CMD_INFO, b"\xfe"))
    assert info is not None
    assert info.refusal == "status 0xfe"


def test_what_no_frame_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="252 bytes"):
        encode(Frame(0, CMD_INVENTORY, bytes(252)))
