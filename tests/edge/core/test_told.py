"""What a lane asks for and tells, in any storm: every effect is about its own passage and says all that it has to."""

from collections import Counter
from collections.abc import Iterator

import pytest

from edge.core.effects import (
    ClearAlarm,
    ConsumeAuthority,
    Effect,
    EndPassage,
    PrepareRequest,
    RaiseAlarm,
    Report,
    SetLight,
    StartCapture,
    StopBoom,
    StopCapture,
)
from edge.core.events import Event, HoursTurned, JournalLost, ModeOrdered, PersonDecided, Started
from edge.core.state import LaneState
from edge.core.step import initial, step
from tests.support.lane_storm import seeded_storm

# Which fields each report has, in order; `?` may be missing. In a drill each has `drill` as well.
REPORTS = {
    "alarm_cleared": "code",
    "alarm_raised": "code detail",
    "answered": "authority verdict reason",
    "boom_raised": "",
    "decided": "decision target? reasons",
    "device_back": "device",
    "device_lost": "device code",
    "grant_ignored": "authority reason",
    "hours_turned": "hours",
    "identified": "front_plate? containers tag",
    "mode_changed": "mode operator reason first_operator?",
    "mode_refused": "operator mode",
    "opened_by_person": "operator reason first_operator?",
    "order_refused": "operator action phase",
    "passage_opened": "number simulated",
    "recaptured": "number",
    "refused_by_person": "operator reason",
    "requested": "authority",
    "reset_by_person": "operator reason first_operator?",
    "second_person_awaited": "action operator reason",
    "started": "boot",
    "vehicle_evacuated": "number",
}
ORDERED = ("mode_changed", "opened_by_person", "refused_by_person", "reset_by_person", "second_person_awaited")
STORMS = 200
Step = tuple[LaneState, Event, LaneState, tuple[Effect, ...]]


def steps(seed: int) -> Iterator[Step]:
    storm = seeded_storm(seed)
    states = [initial(storm.profile)]
    for event in storm.events(lambda: states[-1]):
        before = states[-1]
        after, effects = step(before, event)
        states.append(after)
        yield before, event, after, effects


def passages(before: LaneState, event: Event, after: LaneState, effects: tuple[Effect, ...]) -> set[str | None]:
    """The passages that a step can be about: those open before and after it, and one that it opened and ended."""
    known: set[str | None] = {one.passage.id for one in (before, after) if one.passage}
    known |= {effect.passage for effect in effects if isinstance(effect, StartCapture)}
    return known | ({event.unfinished} if isinstance(event, Started) else set())


def judge_report(report: Report, event: Event) -> None:
    fields = [name for name, _ in report.fields if name != "drill"]
    wanted = REPORTS[report.name].split()
    assert [name for name in wanted if not name.endswith("?") or name[:-1] in fields] == [
        f"{name}?" if f"{name}?" in wanted else name for name in fields
    ], report
    assert all(isinstance(value, str | int | bool | None) for _, value in report.fields)
    said = dict(report.fields)
    assert said.get("drill", True) is True
    if report.name in ORDERED:
        assert isinstance(event, ModeOrdered | PersonDecided)
        assert (said["operator"], said["reason"]) == (event.operator, event.reason)
    if report.name == "mode_changed":
        assert isinstance(event, ModeOrdered)
        assert said["mode"] == event.mode
    if report.name == "second_person_awaited":
        assert said["action"] == ("mode" if isinstance(event, ModeOrdered) else event.action)  # type: ignore[union-attr]
    if report.name == "hours_turned":
        assert isinstance(event, HoursTurned)
        assert said["hours"] == event.hours
    if report.name == "decided":
        assert said["decision"] in ("release", "refer", "hold", "deny")
        assert said["reasons"] or said["decision"] == "release"


def judge(before: LaneState, event: Event, after: LaneState, effects: tuple[Effect, ...]) -> None:
    own = passages(before, event, after, effects)
    alarms = [effect for effect in effects if isinstance(effect, RaiseAlarm | ClearAlarm)]
    for effect in effects:
        if isinstance(effect, StartCapture | StopCapture | PrepareRequest | ConsumeAuthority | EndPassage):
            assert effect.passage in own, effect
            assert effect.passage is not None
        if isinstance(effect, StartCapture):
            assert effect.since_ms == event.at_ms
        if isinstance(effect, EndPassage):
            assert effect.simulated is after.profile.simulated
            assert list(effect.stages) == sorted(effect.stages, key=lambda stage: stage[1])
        if isinstance(effect, SetLight):
            assert effect.light in ("red", "green")
        if isinstance(effect, StopBoom):
            assert effect.reason.replace("_", "").isalnum()
        if isinstance(effect, Report):
            assert effect.passage in {*own, None}
            judge_report(effect, event)
    assert after.light in ("red", "green", None)
    reports = [one for one in effects if isinstance(one, Report) and one.name in ("alarm_raised", "alarm_cleared")]
    assert [one.fields[:2] if one.name == "alarm_raised" else one.fields[:1] for one in reports] == [
        (("code", one.code), ("detail", one.detail)) if isinstance(one, RaiseAlarm) else (("code", one.code),)
        for one in alarms
    ]
    for alarm in alarms:
        assert isinstance(alarm, ClearAlarm) or (isinstance(alarm.detail, str) and alarm.code)
        if isinstance(event, JournalLost) and alarm.code == "journal_lost":
            assert isinstance(alarm, RaiseAlarm)
            assert alarm.detail == event.code


@pytest.mark.parametrize("twenty", range(STORMS // 20))
def test_every_effect_is_about_its_own_passage_and_says_all_that_it_has_to(twenty: int) -> None:
    for seed in range(twenty * 20, twenty * 20 + 20):
        for before, event, after, effects in steps(seed):
            judge(before, event, after, effects)


def test_the_storms_reach_every_report_of_the_table() -> None:
    seen = Counter(
        effect.name
        for seed in range(STORMS)
        for *_, effects in steps(seed)
        for effect in effects
        if isinstance(effect, Report)
    )
    assert seen.keys() == REPORTS.keys()
