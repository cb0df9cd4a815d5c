"""What every effect of a lane must hold: it is about its own passage and says all that it has to."""

from typing import get_args

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
    Terminal,
)
from edge.core.events import (
    ConfirmationReceived,
    Event,
    HoursTurned,
    JournalLost,
    ModeOrdered,
    PersonDecided,
    Started,
    Supplemented,
)
from edge.core.state import LaneState

# Which fields each report has, in order; `?` may be missing. In a drill each has `drill` as well.
REPORTS = {
    "alarm_cleared": "code",
    "alarm_raised": "code detail",
    "answered": "authority verdict reason",
    "boom_raised": "",
    "challenge_issued": "authority number pictures",
    "confirmation_ignored": "operator key_id reason",
    "decided": "decision targets? reasons",
    "device_back": "device",
    "device_lost": "device code",
    "grant_ignored": "authority reason",
    "hours_turned": "hours",
    "identified": "front_plate? rear_plate? containers tag weight? driver? seals?",
    "inspection_receipt": "referral of receipt",
    "lowered_by_person": "operator reason first_operator?",
    "mode_changed": "mode operator reason first_operator?",
    "mode_refused": "operator mode",
    "offline_list_accepted": "version entries",
    "offline_pass_denied": "entry version",
    "offline_passed": "entry",
    "offline_released": "entry version",
    "opened_by_person": "operator reason key_id? first_operator?",
    "order_refused": "operator action phase",
    "passage_opened": "number simulated",
    "recaptured": "number",
    "rechecked": "referral status swapped",
    "referral_arrived": "referral authority of",
    "referral_ended": "referral status ending",
    "referral_issued": "referral targets inspections",
    "referral_overdue": "referral of targets",
    "referral_report_ignored": "authority reason",
    "referral_result": "referral authority of result reason",
    "refused_by_person": "operator reason key_id?",
    "requested": "authority request_hash",
    "reset_by_person": "operator reason first_operator?",
    "sampling_drawn": "plan credit_class per_mille digest selected",
    "sampling_plan_accepted": "plan authority",
    "sampling_skipped": "reason",
    "second_person_awaited": "action operator reason key_id?",
    "started": "boot",
    "supplement_refused": "operator reason",
    "supplemented": "operator reason first_operator? plates containers",
    "vehicle_evacuated": "number",
}
ORDERED = (
    "lowered_by_person",
    "mode_changed",
    "opened_by_person",
    "refused_by_person",
    "reset_by_person",
    "second_person_awaited",
    "supplemented",
)


def passages(before: LaneState, event: Event, after: LaneState, effects: tuple[Effect, ...]) -> set[str | None]:
    """The passages that a step can be about: those open before and after it, and one that it opened and ended."""
    known: set[str | None] = {one.passage.id for one in (before, after) if one.passage}
    known |= {effect.passage for effect in effects if isinstance(effect, StartCapture)}
    return known | ({event.unfinished} if isinstance(event, Started) else set())


def _who_and_why(event: ModeOrdered | PersonDecided | Supplemented | ConfirmationReceived) -> tuple[str, str]:
    if isinstance(event, ConfirmationReceived):
        return event.confirmation.officer, event.confirmation.reason
    return event.operator, event.reason


def _action(event: Event) -> str:
    assert isinstance(event, ModeOrdered | PersonDecided | Supplemented | ConfirmationReceived)
    if isinstance(event, ConfirmationReceived):
        return event.confirmation.decision
    if isinstance(event, Supplemented):
        return "supplement"
    return "mode" if isinstance(event, ModeOrdered) else event.action


def judge_report(report: Report, event: Event) -> None:
    fields = [name for name, _ in report.fields if name != "drill"]
    assert report.name in REPORTS, f"say in {__name__} what {report.name} holds"
    wanted = REPORTS[report.name].split()
    assert [name for name in wanted if not name.endswith("?") or name[:-1] in fields] == [
        f"{name}?" if f"{name}?" in wanted else name for name in fields
    ], report
    assert all(isinstance(value, str | int | bool | None) for _, value in report.fields)
    said = dict(report.fields)
    assert said.get("drill", True) is True
    if report.name in ORDERED:
        assert isinstance(event, ModeOrdered | PersonDecided | Supplemented | ConfirmationReceived)
        assert (said["operator"], said["reason"]) == _who_and_why(event)
        assert ("key_id" in said) is isinstance(event, ConfirmationReceived)
    if report.name == "mode_changed":
        assert isinstance(event, ModeOrdered)
        assert said["mode"] == event.mode
    if report.name == "second_person_awaited":
        assert said["action"] == _action(event)
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
            assert effect.terminal in get_args(Terminal)
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
    if after.passage is not None and after.passage.authority is not None:
        assert after.passage.authority.source in ("grant", "person", "offline")
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
