"""The codec against bytes written by hand from LLRP 1.0.1 and domain.md 6.1, not by the library that makes ours."""

import sys

import pytest

from drivers.kit.dialect import Heard
from drivers.kit.wire import TagReport
from drivers.uhf_llrp import wire
from drivers.uhf_llrp.driver import KEEPALIVE_MS, LIMIT_MS, LlrpDialect
from drivers.uhf_llrp.wire import CommandDecoder, Message, MessageDecoder, Seen
from edge.core.tag import Tag

KEEPALIVE = bytes.fromhex("04 3E 00 00 00 0A 00 00 00 01")
KEEPALIVE_ACK = bytes.fromhex("04 48 00 00 00 0A 00 00 00 01")
# RO_ACCESS_REPORT 5: one TagReportData (240) of 37 bytes: EPC-96, AntennaID 1, PeakRSSI -50, FirstSeenUTC, SeenCount 3.
REPORT = bytes.fromhex(
    "04 3D 00 00 00 2F 00 00 00 05"
    "00 F0 00 25"
    "8D E2 00 30 16 66 13 01 21 15 50 74 EF"
    "81 00 01"
    "86 CE"
    "82 00 06 1A 80 00 00 00 00"
    "88 00 03"
    "8E 30 00"
)
# EPCData (241) of 16 bits, on no named port.
SHORT_EPC = bytes.fromhex("04 3D 00 00 00 16 00 00 00 06  00 F0 00 0C  00 F1 00 08 00 10 AB CD")
ODD_EPC = bytes.fromhex("04 3D 00 00 00 16 00 00 00 06  00 F0 00 0C  00 F1 00 08 00 0C AB C0")
# READER_EVENT_NOTIFICATION: UTCTimestamp (128), ConnectionAttemptEvent (256).
GREETING = bytes.fromhex(
    "04 3F 00 00 00 20 00 00 00 00  00 F6 00 16  00 80 00 0C 00 00 00 00 00 00 00 00  01 00 00 06 00 00"
)
TAKEN = GREETING[:-1] + b"\x02"
# START_ROSPEC_RESPONSE 9: LLRPStatus (287) 100, "none".
REFUSED = bytes.fromhex("04 20 00 00 00 16 00 00 00 09  01 1F 00 0C 00 64 00 04 6E 6F 6E 65")
EPC = "E200301666130121155074EF"


def only(data: bytes) -> Message:
    (message,) = MessageDecoder().feed(data)
    assert isinstance(message, Message)
    return message


def heard(data: bytes, dialect: LlrpDialect | None = None) -> Heard:
    told = (dialect or LlrpDialect()).hear(only(data))
    assert told is not None
    return told


def test_documented_bytes_are_read_and_written() -> None:
    assert only(KEEPALIVE) == Message(wire.KEEPALIVE, 1)
    assert wire.keepalive_ack(1) == KEEPALIVE_ACK
    assert wire.encode_keepalive(1) == KEEPALIVE
    assert only(REPORT).seen == (Seen(bytes.fromhex(EPC), 1, -50),)
    assert wire.start_rospec(7) == bytes.fromhex("04 16 00 00 00 0E 00 00 00 07 00 00 4B 41")
    assert wire.stop_rospec(8) == bytes.fromhex("04 17 00 00 00 0E 00 00 00 08 00 00 4B 41")
    assert wire.delete_rospecs(2) == bytes.fromhex("04 15 00 00 00 0E 00 00 00 02 00 00 00 00")
    assert wire.enable_events(1) == bytes.fromhex("04 40 00 00 00 0A 00 00 00 01")
    assert wire.set_keepalive(3, 2_000) == bytes.fromhex("04 03 00 00 00 14 00 00 00 03 00 00 DC 00 09 01 00 00 07 D0")
    assert only(GREETING).connection == wire.CONNECTED
    assert wire.encode_greeting() == GREETING


def test_our_inventory_has_the_ports_its_own_end_and_one_report() -> None:
    encoded = wire.add_rospec(4, [1, 3], 3_000)
    assert encoded == bytes.fromhex(
        "04 14 00 00 00 4D 00 00 00 04"
        "00 B1 00 43 00 00 4B 41 00 00"
        "00 B2 00 12 00 B3 00 05 00 00 B6 00 09 01 00 00 0B B8"
        "00 B7 00 1A 00 02 00 01 00 03 00 B8 00 09 00 00 00 00 00 00 BA 00 07 00 01 01"
        "00 ED 00 0D 02 00 00 00 EE 00 06 14 00"
    )
    (command,) = CommandDecoder().feed(encoded)
    assert (command.rospec, command.ports, command.limit_ms) == (wire.OUR_ROSPEC, (1, 3), 3_000)


def test_tags_have_epc_antenna_and_strength() -> None:
    assert heard(REPORT).tags == (TagReport(Tag(EPC), 0, -50),)
    dialect = LlrpDialect((0,))
    # A port that is left out is that of the report before, a strength is nobody's.
    assert heard(SHORT_EPC, dialect).malformed
    assert heard(REPORT, dialect).tags
    assert heard(SHORT_EPC, dialect).tags == (TagReport(Tag("ABCD"), 0, None),)
    positive = REPORT.replace(b"\x86\xce", b"\x86\x05")
    assert heard(positive).tags == (TagReport(Tag(EPC), 0, None),)


def test_a_strange_tag_hides_no_other() -> None:
    assert only(ODD_EPC).broken == 1
    assert heard(ODD_EPC).malformed
    both = wire.encode_report([(b"", 1, -50), (bytes.fromhex(EPC), 1, -60), (bytes.fromhex(EPC), 4, -60)])
    assert heard(both) == Heard(-1, (TagReport(Tag(EPC), 0, -60),), ends=False)
    assert heard(wire.encode_report([])) == Heard(-1, ends=False)


def test_who_is_there_already_and_what_is_refused_is_told_with_the_status() -> None:
    assert heard(GREETING).refusal == ""
    taken = heard(TAKEN)
    assert taken.refusal == "connection attempt: Failed_A_Client_Initiated_Connection_Already_Exists"
    assert "other program" in taken.next_step
    refused = heard(REFUSED)
    assert (refused.command, refused.refusal) == (9, "LLRP status 100 (M_ParameterError): none")
    assert heard(wire.encode_answer(wire.ADD_ROSPEC, 3, 999, "a\nb")).refusal == "LLRP status 999 (999): ab"
    assert heard(wire.encode_answer(wire.ADD_ROSPEC, 3)) == Heard(3, next_step=refused.next_step)
    unknown = heard(wire.encode_answer(wire.ENABLE_EVENTS_AND_REPORTS, 5, 109))
    assert (unknown.command, unknown.refusal) == (5, "LLRP status 109 (M_UnsupportedMessage)")


def test_a_keepalive_is_answered_and_other_events_are_signs_of_life() -> None:
    assert heard(KEEPALIVE).reply == KEEPALIVE_ACK
    # An antenna was unplugged (255), which is no greeting.
    antenna = bytes.fromhex(
        "04 3F 00 00 00 21 00 00 00 00  00 F6 00 17  00 80 00 0C 00 00 00 00 00 00 00 00  00 FF 00 07 00 00 01"
    )
    assert heard(antenna) == Heard(-1, ends=False)
    assert not LlrpDialect().is_echo(only(antenna), b"")


def test_what_llrpkit_cannot_read_is_no_message() -> None:
    decoder = MessageDecoder()
    # An answer without its status; a report whose tag says it is longer; TLVs in each other, as deep as fits.
    lacking = bytes.fromhex("04 20 00 00 00 0A 00 00 00 09")
    longer = REPORT[:13] + b"\xff" + REPORT[14:]
    deep = b"".join((0xB7).to_bytes(2, "big") + (4_000 - 8 * one).to_bytes(2, "big") + bytes(4) for one in range(500))
    nested = b"\x04\x3d" + (10 + len(deep)).to_bytes(4, "big") + bytes(4) + deep
    frames = decoder.feed(lacking + longer + nested + KEEPALIVE)
    while decoder.pending:
        frames += decoder.give_up()
    assert frames[-1] == Message(wire.KEEPALIVE, 1)
    assert decoder.checksum_errors >= 2


def test_another_version_of_the_protocol_is_no_frame() -> None:
    decoder = MessageDecoder()
    # LLRP 2.0 of a reader that was not asked to speak it, and a version 1 that has a type nobody has.
    assert decoder.feed(b"\x0c" + KEEPALIVE[1:]) == []
    assert decoder.feed(b"\x04\xff" + KEEPALIVE[2:]) == []
    assert decoder.feed(KEEPALIVE) == [Message(wire.KEEPALIVE, 1)]


def test_the_greeting_and_our_settings_come_in_order() -> None:
    asks = LlrpDialect((0, 2)).hello(0)
    assert [ask.command[:2].hex() for ask in asks] == ["", "0440", "0415", "0414", "0418", "0402"]
    commands = CommandDecoder().feed(b"".join(ask.command for ask in asks))
    told = {one.type: one for one in commands}
    assert told[wire.SET_READER_CONFIG].keepalive_ms == KEEPALIVE_MS
    assert (told[wire.ADD_ROSPEC].ports, told[wire.ADD_ROSPEC].limit_ms) == ((1, 3), LIMIT_MS)
    assert len({one.id for one in commands}) == len(commands)


@pytest.mark.parametrize(
    ("module", "version", "found"),
    [("llrpkit.protocol", None, "llrpkit.protocol"), ("", "0.4.0", "llrpkit 0.4.0")],
)
def test_a_missing_or_other_llrpkit_is_told(
    monkeypatch: pytest.MonkeyPatch, module: str, version: str | None, found: str
) -> None:
    wire.demand_codec()
    if version:
        monkeypatch.setattr("llrpkit.__version__", version)
    else:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(wire.ExtraMissingError, match=found):
        wire.demand_codec()
