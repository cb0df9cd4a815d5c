"""Words of a Dahua event stream as the field has them (domain.md 6.3), and what is none."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.devices import Camera as ConfiguredCamera
from drivers.camera_dahua.driver import DahuaCamera
from drivers.camera_dahua.wire import MAX_BYTES, MAX_LINES, encode_event, encode_heartbeat, facts_of, parse_event
from drivers.kit.camera.events import Notice
from edge.core.plate import Plate
from edge.core.readings import PlateClaim
from edge.registry import CAMERA, build
from tests.support.camera_http import MonotonicClock

# The layout of the vendor's documents, shortened.
EVENT = """\
Events[0].CountInGroup=1\r
Events[0].EventBaseInfo.Action=Pulse\r
Events[0].EventBaseInfo.Code=TrafficJunction\r
Events[0].EventBaseInfo.Index=0\r
Events[0].GroupID=412\r
Events[0].IndexInGroup=1\r
Events[0].Object.BoundingBox[0]=3680\r
Events[0].Object.Confidence=97\r
Events[0].Object.Text=粤BF3871\r
Events[0].TrafficCar.PlateColor=Blue\r
Events[0].TrafficCar.PlateNumber=粤BF3871\r
Events[0].TrafficCar.PlateType=Normal\r
Events[0].UTC=1693300000\r
Events[0].UTCMS=250\r
"""
CLAIM = PlateClaim(Plate("粤BF3871", "blue", "ordinary"), 0.97)
FOUND = parse_event(EVENT.encode())


def with_(old: str, new: str) -> Notice:
    assert old in EVENT
    found = parse_event(EVENT.replace(old, new).encode())
    assert isinstance(found, Notice)
    return found


def test_an_event_says_when_and_which_plate() -> None:
    assert isinstance(FOUND, Notice)
    assert (FOUND.kind, FOUND.time_ms, FOUND.claim, FOUND.pictures) == ("plate", 1_693_300_000_250, CLAIM, None)
    assert parse_event(EVENT.encode("gb18030")) == FOUND
    assert parse_event(b"\xef\xbb\xbf" + EVENT.replace("\r", "").encode() + b"\n\0") == FOUND
    assert with_("PlateNumber=粤BF3871", "PlateNumber=蓝粤B·F3871").claim == CLAIM


def test_events_are_told_apart_by_what_makes_them() -> None:
    assert isinstance(FOUND, Notice)
    for old, new in (
        ("GroupID=412", "GroupID=413"),
        ("UTCMS=250", "UTCMS=251"),
        ("PlateNumber=粤B", "PlateNumber=京A"),
    ):
        assert with_(old, new).event != FOUND.event
    assert with_("Confidence=97", "Confidence=50").event == FOUND.event


@pytest.mark.parametrize("said", ["", "unknown", "无车牌", "粤BF38", "x" * 5000])
def test_what_is_no_plate_is_no_claim_and_still_an_event(said: str) -> None:
    found = with_("PlateNumber=粤BF3871", f"PlateNumber={said}")
    assert (found.kind, found.claim) == ("plate", None)


@pytest.mark.parametrize(
    ("old", "new", "colour"),
    [
        ("PlateColor=Blue", "PlateColor=Yellow", "yellow"),
        ("PlateColor=Blue", "PlateColor=Other", None),
        ("PlateColor=Blue", "PlateColor=Black", None),
    ],
)
def test_colours_are_ours(old: str, new: str, colour: str | None) -> None:
    claim = with_(old, new).claim
    assert claim is not None
    assert claim.plate.colour == colour


def test_two_vehicles_in_one_picture_are_no_claim() -> None:
    two = EVENT + "Events[1].TrafficCar.PlateNumber=京A12345\r\n"
    found = parse_event(two.encode())
    assert isinstance(found, Notice)
    assert (found.kind, found.claim) == ("plate", None)
    twice = EVENT + "Events[0].TrafficCar.PlateNumber=京A12345\r\n"
    found = parse_event(twice.encode())
    assert isinstance(found, Notice)
    assert found.claim is None


def test_events_without_a_car_and_heartbeats() -> None:
    bare = "\n".join(line for line in EVENT.splitlines() if "TrafficCar" not in line)
    assert parse_event(bare.encode()) == Notice("other", 1_693_300_000_250)
    assert parse_event(encode_heartbeat()) == parse_event(b"heartbeat") == Notice("heartbeat")
    assert with_("UTC=1693300000", "UTC=yesterday").time_ms is None
    assert with_("UTCMS=250", "UTCMS=-1").time_ms is None


def test_a_written_event_is_read_back() -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, 250_000, tzinfo=UTC)
    found = parse_event(encode_event(at, "粤BF3871", sequence=1, percent=97))
    assert isinstance(found, Notice)
    assert (found.claim, found.time_ms) == (CLAIM, round(at.timestamp() * 1000))
    again = parse_event(encode_event(at + timedelta(seconds=1), "粤BF3871", sequence=1))
    assert isinstance(again, Notice)
    assert again.event != found.event


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("", "no event"),
        ("Events[0].UTC", "a line without a value"),
        ("<html>", "a line without a value"),
        ("Error=1", "no event"),
        ("Events[0].a=1\n" * (MAX_LINES + 1), "too many lines"),
        ("a" * (MAX_BYTES + 1), "too large"),
    ],
)
def test_what_is_no_event_is_told(words: str, reason: str) -> None:
    assert parse_event(words.encode()) == reason


@given(st.binary(max_size=400))
def test_any_bytes_are_judged(data: bytes) -> None:
    assert isinstance(parse_event(data), Notice | str)
    assert isinstance(facts_of(EVENT.encode()[:200] + data), str | dict)


def test_any_flipped_bit_is_judged() -> None:
    whole = EVENT.encode()
    for place in range(0, len(whole) * 8, 3):
        spoilt = bytearray(whole)
        spoilt[place // 8] ^= 1 << place % 8
        assert isinstance(parse_event(bytes(spoilt)), Notice | str)


def test_the_registry_builds_it_from_the_configuration() -> None:
    given_ = {"driver": "dahua_camera", "id": "p-1", "url": "http://10.0.0.8", "place": "rear", "reads": ("plate",)}
    camera = build(CAMERA, ConfiguredCamera.model_validate(given_), MonotonicClock(), None)
    assert isinstance(camera, DahuaCamera)
    assert (camera.name, camera.address) == ("p-1", "http://10.0.0.8/cgi-bin/snapManager.cgi")
