"""The DXP pass record against a fixture in its bytes, and what is no such record."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edge.clearance.bridge.pass_record import DxpWords, read_record, record_bytes
from edge.clearance.bridge.strict_xml import BodyError
from tests.support.customs import PLATE, RECORD

GOLDEN = Path(__file__).parent / "golden"
WORDS = DxpWords()
GOOD = (GOLDEN / "dxp.pass.xml").read_bytes()


def test_it_writes_and_reads_its_fixture_byte_for_byte() -> None:
    assert record_bytes(RECORD, WORDS) == GOOD
    assert read_record(GOOD, WORDS) == RECORD


def test_the_fixture_says_the_passage_to_a_reader_of_its_own() -> None:
    root = ElementTree.fromstring(GOOD)
    assert root.findtext("MessageHead/messageType") == "BAYONETPASSREC"
    # yyyyMMddHHmmssSSS on the clocks of China.
    assert root.findtext("MessageHead/messageTime") == "20260301080012345"
    passed = root.find("MessageBody/VePassResponse")
    assert passed is not None
    assert [passed.findtext(name) for name in ("billNo", "billType", "ioFlag")] == ["HF2026030001", "1", "I"]
    assert [one.tag for one in passed] == [
        "billNo", "billType", "ioFlag", "VeicList", "status", "entryTime", "note",
    ]  # fmt: skip
    assert [passed.findtext(f"VeicList/Veic/{name}") for name in ("veNo", "icNo")] == [PLATE, "6217000123"]


def test_an_empty_truck_on_its_way_out_and_a_site_with_other_words() -> None:
    out = replace(RECORD, loaded=False, inward=False, bill="", vehicles=((PLATE, ""), ("", "")), note="夜间")
    assert read_record(record_bytes(out, WORDS), WORDS) == out
    assert b"<billType>0</billType><ioFlag>O</ioFlag>" in record_bytes(out, WORDS)
    other = DxpWords(encoding="gb18030", declares="GB2312", passed="9", outward="E")
    assert read_record(record_bytes(out, other), other) == out


def test_time_is_that_of_china_whatever_its_zone() -> None:
    late = replace(RECORD, sent_at=datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
    assert b"<messageTime>20270101075959999</messageTime>" in record_bytes(late, WORDS)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"DxpMessage", b"Dxp", "dxp_DxpMessage"),
        (b"BAYONETPASSREC", b"OTHER", "dxp_messageType"),
        (b"<version>1.0</version>", b"", "dxp_version"),
        (b"<version>1.0</version>", b"<version>2.0</version>", "dxp_messageType"),
        (b"<senderId>SITE0001</senderId>", b"<senderId/>", "dxp_senderId"),
        (b"20260301080012345", b"20260301080012", "dxp_messageTime"),
        (b"20260301080012345", b"20260231080012345", "dxp_messageTime"),
        (b"20260301080005", b"2026-03-01", "dxp_entryTime"),
        (b"<billType>1", b"<billType>2", "dxp_billType"),
        (b"<ioFlag>I", b"<ioFlag>E", "dxp_ioFlag"),
        (b"<status>1", b"<status>0", "dxp_status"),
        (b"<veNo>", b"<vNo>", "xml_syntax"),
        (b"Veic>", b"Vehicle>", "dxp_VeicList"),
        (b"VeicList>", b"List>", "dxp_VeicList"),
        (b"<note/>", b"", "dxp_note"),
        (b"<note/>", b"<note/><note/>", "xml_twice"),
        (b"<billNo>", b"<!DOCTYPE a><billNo>", "xml_syntax"),
    ],
)
def test_what_is_no_record_of_a_passed_vehicle_is_refused(old: bytes, new: bytes, reason: str) -> None:
    assert old in GOOD
    with pytest.raises(BodyError) as refused:
        read_record(GOOD.replace(old, new), WORDS)
    assert refused.value.reason == reason
