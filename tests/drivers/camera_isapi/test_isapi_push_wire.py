"""A push taken apart: every form in which firmwares send one event gives the same event."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera_isapi.push_wire import MOST_PARTS, Pushed, parts_of, read_push
from drivers.camera_isapi.wire import encode_event, encode_event_json, encode_heartbeat, parse_alert
from drivers.kit.camera.events import Notice

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PLATE = "粤BF3871"
XML = encode_event(AT, PLATE, uuid="u-1", pictures=2)
JSON = encode_event_json(AT, PLATE, uuid="u-1", pictures=2)
SCENE, CROP = b"\xff\xd8\xff scene \xff\xd9", b"\xff\xd8\xff crop \xff\xd9"
FORM = "multipart/form-data; boundary=----kakou"


def part(data: bytes, *head: str) -> bytes:
    return ("------kakou\r\n" + "".join(f"{line}\r\n" for line in head) + "\r\n").encode() + data + b"\r\n"


def named(name: str, filename: str = "") -> str:
    return f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")


END = b"------kakou--\r\n"
ALERT = part(XML, named("anpr.xml", "anpr.xml"), "Content-Type: text/xml", f"Content-Length: {len(XML)}")
PICTURE = part(SCENE, named("detectionPicture.jpg", "detectionPicture.jpg"), "Content-Type: image/jpeg")
PLATE_PICTURE = part(CROP, named("licensePlatePicture.jpg", "licensePlatePicture.jpg"), "Content-Type: image/jpeg")
PICTURES = PICTURE + PLATE_PICTURE
OCTETS = "Content-Type: application/octet-stream"
BEAT = part(encode_heartbeat(AT), named("a.xml"), "Content-Type: text/xml")
STRANGE = part(b'{"a": 1}', named("vehicle"), "Content-Type: application/json")
BODIES = {
    "as documented": ALERT + PICTURES + END,
    "pictures first": PICTURES + ALERT + END,
    "no end": ALERT + PICTURES[:-2],
    "a boundary twice": ALERT + b"------kakou\r\n" + PICTURES + END,
    "a preamble": b"this is no part\r\n" + ALERT + PICTURES + END,
    "octets without a file name": part(XML, named("MoveDetection.xml"), OCTETS)
    + part(SCENE, named("detectionPicture"), OCTETS.lower().replace(" ", ""))
    + part(CROP, named("licensePlatePicture"))
    + END,
    "no content type": part(XML, named("anpr")) + part(SCENE, named("detection")) + part(CROP, named("plate")) + END,
    "JSON": part(JSON, named("anpr"), "Content-Type: application/json") + PICTURES + END,
    "JSON in octets": part(JSON, named("event_log"), OCTETS) + PICTURES + END,
    "another alert before it": BEAT + ALERT + PICTURES + END,
    "something of another protocol": STRANGE + ALERT + PICTURES + END,
}


def read(body: bytes, media: str = FORM) -> Pushed:
    found = read_push(media, body, parse_alert, 10_000)
    assert isinstance(found, Pushed), found
    return found


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_form_of_one_event_is_one(body: bytes) -> None:
    found = read(body)
    assert (found.notice.kind, found.notice.pictures) == ("plate", 2)
    assert found.notice.event == read(BODIES["as documented"]).notice.event
    assert found.notice.claim is not None
    assert (found.notice.claim.plate.text, found.notice.claim.plate.colour) == (PLATE, "blue")
    assert [one.data for one in found.parts[1:]] == [SCENE, CROP]


@pytest.mark.parametrize("media", ["application/xml", 'text/xml; charset="UTF-8"', "", "application/octet-stream"])
@pytest.mark.parametrize("body", [encode_heartbeat(AT), b"\xef\xbb\xbf" + encode_heartbeat(AT)])
def test_an_alert_alone_is_a_push(media: str, body: bytes) -> None:
    found = read(body, media)
    assert (found.notice.kind, len(found.parts)) == ("heartbeat", 1)
    assert read(JSON, media).notice.kind == "plate"


def test_a_heartbeat_in_json_and_what_is_written_otherwise() -> None:
    beat = b'\xef\xbb\xbf {"EventType": "heartBeat", "dateTime": "2026-03-04T05:06:07Z"}\n'
    assert read(beat, "application/json").notice.kind == "heartbeat"
    gb = JSON.decode().encode("gb18030")
    assert read(gb, "application/json").notice.claim == read(JSON, "application/json").notice.claim
    # Said twice in two spellings it is not said.
    both = JSON.replace(b'"licensePlate"', '"LICENSEPLATE": "粤B99999", "licensePlate"'.encode())
    assert read(both, "application/json").notice.claim is None


@pytest.mark.parametrize(
    ("media", "body", "said"),
    [
        (FORM, PICTURES + END, "no alert among its parts"),
        ("multipart/form-data", ALERT + END, "without a boundary"),
        ("multipart/form-data; boundary=other", ALERT + PICTURE + END, "no part between"),
        (FORM, b"", "no part between"),
        ("application/xml", b"", "an empty body"),
        ("application/xml", SCENE, "no text"),
        ("application/xml", XML[:-20], "no XML"),
        ("application/json", JSON[:-20], "no JSON"),
        ("application/json", b'{"a": 1, "a": 2}', "no JSON"),
        ("application/json", b"{" + b'"a":{' * 40_000, "no JSON"),
        ("application/json", b'{"\xff\xff\xff": 1}', "no text"),
        ("application/json", b"{}", "no eventType"),
        ("application/json", b'{"eventType": true, "ANPR": []}', "no eventType"),
        (FORM, part(XML + bytes(20_000), named("anpr.xml"), "Content-Type: text/xml") + END, "too large"),
        ("application/xml", b'<!DOCTYPE a [<!ENTITY b "c">]>' + XML, "DTD"),
    ],
)
@pytest.mark.hazard("D14")
def test_what_is_no_push_says_why(media: str, body: bytes, said: str) -> None:
    found = read_push(media, body, parse_alert, 10_000)
    assert isinstance(found, str)
    assert said in found


@given(st.binary(max_size=400), st.integers(0, len(BODIES["as documented"])))
@pytest.mark.hazard("D14")
def test_any_bytes_raise_nothing(noise: bytes, at: int) -> None:
    body = BODIES["as documented"]
    for media in (FORM, "application/json", noise.decode("latin-1")):
        read_push(media, body[:at] + noise + body[at:], parse_alert, 10_000)
        parts_of(media, noise, 10_000)


@pytest.mark.hazard("D14")
def test_a_body_of_a_million_parts_costs_no_more_than_one_of_some() -> None:
    judged: list[bytes] = []

    def parse(data: bytes) -> Notice | str:
        judged.append(data)
        return parse_alert(data)

    body = b"--b\r\n\r\n{}\r\n" * 1_000_000
    assert read_push("multipart/form-data; boundary=b", body, parse, 10_000) == f"more than {MOST_PARTS} parts"
    assert judged == []
    some = part(XML, named("anpr.xml")) + part(SCENE, named("scene")) * (MOST_PARTS - 1) + END
    assert len(read(some).parts) == MOST_PARTS
