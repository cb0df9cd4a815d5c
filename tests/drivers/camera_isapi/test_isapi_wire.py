"""Alerts as the field has them (domain.md 6.3), and what is none."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.camera_isapi.wire import (
    MAX_ELEMENTS,
    MAX_XML_BYTES,
    encode_event,
    encode_heartbeat,
    facts_of,
    parse_alert,
)
from drivers.kit.camera.events import Notice
from edge.core.plate import Plate
from edge.core.readings import PlateClaim

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
AT_MS = round(AT.timestamp() * 1000)
UUID = "9f6a7e2e-1dd2-11b2-9a1e-c051e2f3a001"
# The layout of the vendor's documents, with what firmware misspells and adds.
ALERT = """<?xml version="1.0" encoding="UTF-8" ?>
<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
<ipAddress>192.168.1.64</ipAddress><portNo>80</portNo><protocol>HTTP</protocol>
<macAddress>44:19:b6:aa:bb:cc</macAddress><channelID>1</channelID>
<dateTime>2026-03-04T13:06:07+08:00</dateTime><activePostCount>1</activePostCount>
<eventType>ANPR</eventType><eventState>active</eventState><eventDescription>ANPR</eventDescription>
<ANPR><country>CN</country><licensePlate>粤BF3871</licensePlate><line>1</line><direction>forward</direction>
<confidenceLevel>97</confidenceLevel><plateType>unknown</plateType><plateColor>blue</plateColor>
<plateCharBelieve>99,98,97,99,99,99,97</plateCharBelieve><vehicleType>truck</vehicleType>
<barrierGateCtrlType>0</barrierGateCtrlType><alarmDataType>0</alarmDataType>
<vehicleInfo><index>1</index><vehileModel>0</vehileModel><color>white</color></vehicleInfo>
<pictureInfoList><pictureInfo><fileName>detectionPicture.jpg</fileName><type>detectionPicture</type>
<vehicelRect><X>1</X></vehicelRect><plateRect><X>400</X><Y>500</Y><width>90</width><height>30</height></plateRect>
</pictureInfo></pictureInfoList>
<listType>temporary</listType><originalLicensePlate>粤BF3871</originalLicensePlate></ANPR>
<UUID>9f6a7e2e-1dd2-11b2-9a1e-c051e2f3a001</UUID><picNum>2</picNum><deviceUUID>device-7</deviceUUID>
<VehicleGATInfo><palteTypeByGAT>02</palteTypeByGAT></VehicleGATInfo>
</EventNotificationAlert>
"""
CLAIM = PlateClaim(Plate("粤BF3871", "blue", "ordinary"), 0.97)
FOUND = parse_alert(ALERT.encode())


def with_(old: str, new: str) -> Notice | str:
    assert old in ALERT
    return parse_alert(ALERT.replace(old, new).encode())


def claim_with(old: str, new: str) -> PlateClaim | None:
    found = with_(old, new)
    assert isinstance(found, Notice)
    return found.claim


def test_an_alert_says_when_which_plate_and_how_many_pictures() -> None:
    assert isinstance(FOUND, Notice)
    assert (FOUND.kind, FOUND.time_ms, FOUND.claim, FOUND.pictures) == ("plate", AT_MS, CLAIM, 2)
    assert FOUND.event == parse_alert(ALERT.replace("97", "50").encode()).event  # type: ignore[union-attr]
    assert FOUND.event != with_("c051e2f3a001", "c051e2f3a002").event  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("http://www.isapi.org/ver20/XMLSchema", "http://www.hikvision.com/ver20/XMLSchema"),
        ("http://www.isapi.org/ver20/XMLSchema", "http://www.std-cgi.com/ver10/XMLSchema"),
        (' xmlns="http://www.isapi.org/ver20/XMLSchema"', ""),
        ("2026-03-04T13:06:07+08:00", "2026-03-04T05:06:07Z"),
        ("2026-03-04T13:06:07+08:00", "2026-03-04T05:06:07"),
        ("<confidenceLevel>97</confidenceLevel>", "<confidenceLevel>97.0</confidenceLevel>"),
        ("<eventType>ANPR</eventType>", "<eventType>anpr</eventType>"),
        ("<plateColor>blue</plateColor>", "<plateColor>Blue</plateColor>"),
        ("粤BF3871</licensePlate>", "蓝粤BF3871</licensePlate>"),
        ("粤BF3871</licensePlate>", "粤B·F3871 </licensePlate>"),
    ],
)
def test_dialects_of_one_alert_are_one(old: str, new: str) -> None:
    assert with_(old, new) == FOUND


def test_prefixed_names_and_other_encodings_are_read_alike() -> None:
    prefixed = ALERT.replace("<?xml", "<?_").replace("</", "</ns1:").replace("<?_", "<?xml")
    names = ("EventNotificationAlert", "ANPR", "licensePlate", "dateTime", "eventType", "eventState", "UUID", "picNum")
    for name in (*names, "confidenceLevel", "plateColor"):
        prefixed = prefixed.replace(f"<{name}", f"<ns1:{name}")
    others = [one for one in ("country", "line", "direction", "plateType") if f"<{one}" in prefixed]
    assert others
    import re

    prefixed = re.sub(r"<(?!/|\?|ns1:)", "<ns1:", prefixed)
    assert parse_alert(prefixed.encode()) == FOUND
    assert parse_alert(b"\xef\xbb\xbf" + ALERT.encode()) == FOUND
    assert parse_alert(ALERT.replace("UTF-8", "GB2312").encode("gb18030")) == FOUND
    # What it says of its encoding is not true.
    assert parse_alert(ALERT.encode("gb18030")) == FOUND
    assert parse_alert(ALERT.encode() + b"\0\r\n") == FOUND


def test_a_plate_that_somebody_read_as_latin_1_is_put_right() -> None:
    mangled = "苏A88888".encode("gb2312").decode("latin-1")
    assert mangled == "ËÕA88888"
    claim = claim_with("粤BF3871</licensePlate>", f"{mangled}</licensePlate>")
    assert claim is not None
    assert claim.plate.text == "苏A88888"
    assert claim_with("粤BF3871</licensePlate>", "\xff\xff</licensePlate>") is None


@pytest.mark.parametrize("said", ["unknown", "", "无车牌", "粤BF38", "MSCU1234567", "x" * 5000])
def test_what_is_no_plate_is_no_claim_and_still_an_event(said: str) -> None:
    found = with_("粤BF3871</licensePlate>", f"{said}</licensePlate>")
    assert isinstance(found, Notice)
    assert (found.kind, found.claim) == ("plate", None)


@pytest.mark.parametrize(("said", "confidence"), [("", 0.0), ("high", 0.0), ("nan", 0.0), ("140", 0.0), ("0", 0.0)])
def test_a_confidence_that_is_none_is_none(said: str, confidence: float) -> None:
    claim = claim_with("<confidenceLevel>97<", f"<confidenceLevel>{said}<")
    assert claim is not None
    assert claim.confidence == confidence


def test_said_twice_and_not_the_same_it_is_not_said() -> None:
    twice = "<licensePlate>粤BF3871</licensePlate>"
    assert claim_with(twice, twice + "<licensePlate>京A12345</licensePlate>") is None
    assert claim_with(twice, twice * 2) == CLAIM
    # Deeper down the word is another one.
    assert claim_with("<X>1</X>", "<licensePlate>京A12345</licensePlate>") == CLAIM


@pytest.mark.parametrize(
    ("colour", "plate", "expected"),
    [
        ("newEnergyGreen", "粤BD12345", "green"),
        ("newEnergyYellowGreen", "粤B12345D", "yellow_green"),
        ("yellow", "粤BF3871", "yellow"),
        ("mixedColor", "粤BF3871", None),
        # A colour that the kind of plate does not have is one of two misreadings.
        ("black", "粤BF3871", None),
    ],
)
def test_colours_are_ours(colour: str, plate: str, expected: str | None) -> None:
    found = parse_alert(encode_event(AT, plate, uuid="u", pictures=1, colour=colour))
    assert isinstance(found, Notice)
    assert found.claim is not None
    assert found.claim.plate.colour == expected


def test_without_a_uuid_the_event_is_named_by_what_it_says() -> None:
    unnamed = ALERT.replace(f"<UUID>{UUID}</UUID>", "")
    first, again = parse_alert(unnamed.encode()), parse_alert(unnamed.encode())
    later = parse_alert(unnamed.replace("13:06:07", "13:06:08").encode())
    assert isinstance(first, Notice)
    assert isinstance(later, Notice)
    assert first == again
    assert first.event != later.event


def test_heartbeats_and_other_alerts() -> None:
    assert parse_alert(encode_heartbeat(AT)) == Notice("heartbeat", AT_MS)
    assert with_("<eventType>ANPR", "<eventType>heartBeat") == Notice("heartbeat", AT_MS)
    assert with_("<eventType>ANPR", "<eventType>VMD") == Notice("other", AT_MS)
    # A camera whose video is lost in fact says so with the same word.
    lost = encode_heartbeat(AT).replace(b"inactive", b"active")
    assert parse_alert(lost) == Notice("other", AT_MS)
    assert parse_alert(encode_heartbeat(AT).replace(b"2026-", b"20262-")) == Notice("heartbeat", None)


def test_a_written_event_is_read_back() -> None:
    found = parse_alert(encode_event(AT, "粤BF3871", uuid=UUID, pictures=2, percent="97"))
    assert found == FOUND


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    "]><EventNotificationAlert><eventType>&b;</eventType></EventNotificationAlert>"
)
OUTSIDE = (
    '<!DOCTYPE x SYSTEM "file:///etc/passwd"><EventNotificationAlert><eventType>ANPR</eventType>'
    "</EventNotificationAlert>"
)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (BOMB, "a DTD"),
        (OUTSIDE, "a DTD"),
        (ALERT.replace("<licensePlate>", "<licensePlate>&x;"), "no XML"),
        (ALERT.replace("</ANPR>", ""), "no XML"),
        (ALERT[:400], "no XML"),
        ("", "no XML"),
        ("Heartbeat", "no XML"),
        ("<html><body>401</body></html>", "not an alert"),
        ("<EventNotificationAlert/>", "no eventType"),
        ("<EventNotificationAlert>" + "<a>" * 40, "too many elements"),
        ("<EventNotificationAlert>" + "<a/>" * MAX_ELEMENTS, "too many elements"),
        (ALERT + " " * MAX_XML_BYTES, "too large"),
    ],
)
def test_what_is_no_alert_is_told(document: str, reason: str) -> None:
    found = parse_alert(document.encode())
    assert isinstance(found, str)
    assert found.startswith(reason)


def test_bytes_that_are_no_text_are_told() -> None:
    assert parse_alert(b"\xff\xff\xff\xff") == "no text"
    assert parse_alert(b"\xff\xfe" + ALERT.encode("utf-16-le")) != FOUND


@given(st.binary(max_size=400))
def test_any_bytes_are_judged(data: bytes) -> None:
    assert isinstance(parse_alert(data), Notice | str)
    assert isinstance(facts_of(ALERT.encode()[:200] + data), str | dict)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(ALERT.encode()) * 8 - 1))
def test_any_flipped_bit_is_judged(place: int) -> None:
    spoilt = bytearray(ALERT.encode())
    spoilt[place // 8] ^= 1 << place % 8
    found = parse_alert(bytes(spoilt))
    assert isinstance(found, Notice | str)


def test_every_cut_of_an_alert_is_no_alert() -> None:
    data = ALERT.strip().encode()
    assert [size for size in range(0, len(data), 7) if isinstance(parse_alert(data[:size]), Notice)] == []
