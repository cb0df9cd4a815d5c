"""Opening hours: the calendar itself, and what it takes away from the lane."""

from dataclasses import replace

import pytest

from edge.core.effects import ClearAlarm, RaiseAlarm, RaiseBoom
from edge.core.hours import Calendar, Date, Window
from edge.core.modes import Hours
from edge.core.state import Phase
from tests.support.lane_bench import NOTE, PROFILE, LaneBench

CALENDAR = replace(PROFILE, calendar=True)
DAY = (Window(8 * 60, 18 * 60), Window(17 * 60, 22 * 60, appointments_only=True))
WEEK = Calendar((DAY, DAY, DAY, DAY, DAY, (Window(0, 1440),), ()), (((2026, 10, 1), ()), ((2026, 10, 4), DAY)))
MONDAY = Date(2026, 9, 28, 0)


@pytest.mark.parametrize(
    ("minute", "hours"),
    [
        (0, "closed"), (479, "closed"), (480, "open"), (1020, "open"), (1079, "open"), (1080, "appointments"),
        (1319, "appointments"), (1320, "closed"), (1439, "closed"),
    ],
)  # fmt: skip
def test_windows_of_a_weekday(minute: int, hours: Hours) -> None:
    assert WEEK.at(MONDAY, minute) == hours


def test_a_day_of_24_hours_and_one_of_none() -> None:
    assert {WEEK.at(Date(2026, 10, 3, 5), minute) for minute in (0, 720, 1439)} == {"open"}
    assert WEEK.at(Date(2026, 9, 27, 6), 720) == "closed"


def test_a_date_replaces_its_weekday() -> None:
    assert WEEK.at(Date(2026, 10, 1, 3), 720) == "closed", "a holiday"
    assert WEEK.at(Date(2026, 10, 4, 6), 720) == "open", "a Sunday that is worked"
    assert WEEK.at(Date(2027, 10, 1, 4), 720) == "open", "only in its year"


def test_the_turns_of_a_day() -> None:
    assert list(WEEK.turns(MONDAY)) == [(0, "closed"), (480, "open"), (1080, "appointments"), (1320, "closed")]
    assert list(WEEK.turns(Date(2026, 10, 3, 5))) == [(0, "open")]
    assert list(WEEK.turns(Date(2026, 10, 1, 3))) == [(0, "closed")]


def test_a_lane_with_a_calendar_is_closed_until_it_is_told() -> None:
    lane = LaneBench(CALENDAR)
    lane.arrive()
    assert lane.phase is Phase.HELD
    assert lane.passage.reasons == ("lane_closed",)
    lane.order("retry")
    assert lane.phase is Phase.HELD
    lane.turn_hours("open")
    lane.order("retry")
    assert lane.phase is Phase.IDENTIFYING


def test_within_the_hours_it_decides() -> None:
    lane = LaneBench(CALENDAR)
    lane.turn_hours("open")
    lane.consume()


def test_who_came_in_time_is_decided_after_the_hours() -> None:
    lane = LaneBench(CALENDAR)
    lane.turn_hours("open")
    lane.identify()
    lane.turn_hours("closed")
    lane.answer()
    lane.durable()
    assert lane.all(RaiseBoom)


@pytest.mark.parametrize(("appointment", "phase"), [("YY-1", Phase.CONSUMING), (None, Phase.HELD)])
def test_by_appointment_the_release_note_names_one(appointment: str | None, phase: Phase) -> None:
    lane = LaneBench(CALENDAR)
    lane.turn_hours("appointments")
    lane.identify()
    lane.answer(note=replace(NOTE, appointment=appointment))
    assert lane.phase is phase
    assert lane.passage.reasons == (() if appointment else ("no_appointment",))


def test_a_clock_that_is_not_believed_raises_an_alarm_until_it_is() -> None:
    lane = LaneBench(CALENDAR)
    lane.turn_hours("open")
    lane.turn_hours("closed", "clock_went_back")
    assert lane.last(RaiseAlarm).code == "clock_not_believed"
    assert lane.state.hours == "closed"
    lane.forget()
    assert not lane.turn_hours("closed", "clock_went_back")
    lane.turn_hours("open")
    assert lane.last(ClearAlarm).code == "clock_not_believed"
    assert not lane.turn_hours("open")
