import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from edge.runtime.codec import CodecError
from edge.telemetry import LaneTopics, TelemetrySession, payloads

NOW = datetime(2026, 3, 1, 20, 0, tzinfo=timezone(timedelta(hours=8)))


@pytest.mark.parametrize("bad", ["", "a/b", "+", "#", "a b", "粤B12345", "x" * 65, "a\n"])
@pytest.mark.hazard("S6")
def test_ids_are_checked_at_use(bad: str) -> None:
    with pytest.raises(ValueError, match="not an id"):
        LaneTopics("S1", bad)
    with pytest.raises(ValueError, match="not an id"):
        LaneTopics(bad, "L1")
    topics = LaneTopics("S1", "L1")
    for build in (topics.event, topics.passage):
        with pytest.raises(ValueError, match="not an id"):
            build(bad)


@pytest.mark.parametrize("bad", ["", "a/b", "+", "#", "a b", "粤B12345", "x" * 97, "a\n"])
@pytest.mark.hazard("S6")
def test_codes_of_alarms_are_checked_at_use(bad: str) -> None:
    with pytest.raises(ValueError, match="not an alarm code"):
        LaneTopics("S1", "L1").alarm(bad)


def test_the_longest_id_of_a_device_can_be_in_its_alarm() -> None:
    longest = "d" * 64
    assert LaneTopics("S1", "L1").alarm(f"device_lost_{longest}").endswith(f"/alarm/device_lost_{longest}")


def test_topics_are_those_of_the_house_plan() -> None:
    topics = LaneTopics("S1", "L_1-a")
    assert topics.availability == "gate/v1/S1/L_1-a/availability"
    assert topics.state == "gate/v1/S1/L_1-a/state"
    assert topics.health == "gate/v1/S1/L_1-a/health"
    assert topics.acknowledgement == "gate/v1/S1/L_1-a/ack"
    assert topics.alarms == "gate/v1/S1/L_1-a/alarm/+"
    assert topics.event("decided") == "gate/v1/S1/L_1-a/event/decided"
    assert topics.passage("customs") == "gate/v1/S1/L_1-a/passage/customs"


def test_times_are_rfc_3339_in_utc() -> None:
    assert json.loads(payloads.state({"phase": "IDLE"}, NOW)) == {
        "phase": "IDLE",
        "updated_at": "2026-03-01T12:00:00.000Z",
    }
    assert json.loads(payloads.alarm("x", "why", NOW))["raised_at"] == "2026-03-01T12:00:00.000Z"


def test_a_state_that_is_not_json_is_refused() -> None:
    with pytest.raises(CodecError):
        payloads.state({"x": float("nan")}, NOW)


def test_sessions_grow_though_the_clock_stands() -> None:
    session = TelemetrySession(LaneTopics("S1", "L1"), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    first, second = (json.loads(session.will().payload) for _ in range(2))
    assert second["session"] == first["session"] + 1 == session.number
    assert first["status"] == "offline"
    assert session.will().retain


@pytest.mark.parametrize(
    "payload", [b"", b"[1,2]", b"null", b'{"epoch":1,"seq":1.0}', b'{"epoch":1,"seq":1,"seq":2}', b"\xff"]
)
@pytest.mark.threat("corruption", "ack")
def test_an_acknowledgement_of_any_other_form_is_none(payload: bytes) -> None:
    assert payloads.parse_acknowledgement(payload) is None


def test_an_acknowledgement_is_read() -> None:
    assert payloads.parse_acknowledgement(b'{"seq":7,"epoch":5}') == (5, 7)
