"""Lanes with a calendar, and two persons who order, in single histories; and what the judge says of wrong ones."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog

from edge import log
from edge.core.hours import Calendar, Date
from simulators.prove import campaign, opening
from simulators.prove.history import Outcome
from simulators.prove.opening import Opening, drawn_hours, drawn_persons
from simulators.prove.virtual_time import FIRST_DAY
from simulators.prove.world import Plan, World
from tests.support.offline import PROFILE

WITHIN = 60


@pytest.fixture(autouse=True)
def _every_lane_has_hours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every lane has a calendar, and everything that a person orders two have to."""
    monkeypatch.setattr(opening, "_SHARE_OF_LANES", 1)
    monkeypatch.setattr(opening, "_SHARE_OF_TWO", {"open": 1, "lower": 1, "reset": 1})
    log.configure("critical")
    yield
    structlog.reset_defaults()


def history(number: int, *faults: str) -> Outcome:
    return campaign.run(Plan(f"hours-{number}", 20, frozenset(faults)))


def found(what: str, *faults: str) -> bool:
    return any(
        what in f"{name} {said}" for number in range(WITHIN) for name, said in history(number, *faults).violations
    )


def test_who_comes_in_the_hours_passes_and_the_others_wait_for_persons() -> None:
    ended = [history(number) for number in range(6)]
    assert [one.violations for one in ended] == [[]] * len(ended)
    assert [one.passed for one in ended] == [one.entitled for one in ended]
    assert any(one.entitled == 0 and one.terminals.get("MANUAL_PASSED") for one in ended), "closed all day"
    assert {"held_lane_closed", "opened_by_person_outside", "opened_by_two"} <= set[str]().union(
        *(one.cases for one in ended)
    )


def test_clocks_that_jump_and_controllers_that_die_open_nothing_outside_the_hours() -> None:
    ended = [history(number, "clock_jump", "killed", "paused") for number in range(4)]
    assert [one.violations for one in ended] == [[]] * len(ended)
    assert any("clock_not_believed" in one.cases for one in ended)


def test_what_runs_again_under_another_clock_has_no_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not drawn_hours(PROFILE, "any", asks_clock=False).calendar
    assert drawn_hours(PROFILE, "any", asks_clock=True).calendar
    assert drawn_persons(PROFILE, "any").two_persons == ("open", "lower", "reset")
    monkeypatch.setattr(opening, "_SHARE_OF_TWO", {"open": 0, "lower": 0, "reset": 0})
    assert drawn_persons(PROFILE, "any") is PROFILE


def test_the_judge_reads_a_calendar_as_the_lane_does() -> None:
    """It tells the hours from the windows by itself; a day of each calendar that seeds draw shows that they agree."""
    for number in range(8):
        world = World(Plan(f"hours-{number}", 1, frozenset()), campaign.run.__globals__["_signers"])
        judge, calendar = Opening(world), world.opening.calendar
        assert isinstance(calendar, Calendar)
        for minute in range(0, 3 * 1_440, 7):
            local = FIRST_DAY + timedelta(minutes=minute)
            day = Date(local.year, local.month, local.day, local.weekday())
            assert vars(Opening)["_at"](judge, local) == calendar.at(day, local.hour * 60 + local.minute)


BUGS: dict[str, tuple[str, Any, str]] = {
    "a closed lane decides": ("edge.core.order_guards.held_for", lambda mode, hours: None, "came outside the hours"),
    "no appointment is asked for": ("edge.core.actions.objections", lambda *_: (), "without an appointment"),
    "it does not say why it holds": ("edge.core.orders.held_for", lambda *_: "because", "and was held for"),
    "one person is enough": ("edge.core.guards.countersigned", lambda *_: True, "two persons order it"),
    "one person may order twice": (
        "edge.core.order_guards.completes",
        lambda first, action, about, _who, by_ms: (
            first is not None and (first.action, first.subject) == (action, about) and first.at_ms >= by_ms
        ),
        "two persons order it",
    ),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_lane_that_opens_too_soon_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, broken, what = BUGS[bug]
    monkeypatch.setattr(name, broken)
    assert found(what), bug


def test_who_passes_unasked_outside_the_hours_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.core.offline.mode_allows", lambda _state: True)
    assert found("the hours", "centre_cut")


@pytest.mark.parametrize(("action", "fault"), [("lower", "stops"), ("reset", "stuck_down")])
def test_a_boom_lowered_or_a_fault_reset_by_one_where_two_have_to_is_found(
    action: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.core.guards.countersigned", lambda *_: True)
    monkeypatch.setattr(opening, "_SHARE_OF_TWO", {"open": 0, "lower": 0, "reset": 0, action: 1})
    assert found("two persons order it", fault, "killed")
