"""What the lane does when its mode or its hours turn, and with an order that waits for a second person."""

from edge.core.actions import open_passage
from edge.core.draft import Draft
from edge.core.effects import StopCapture
from edge.core.events import Event, HoursTurned, ModeOrdered
from edge.core.modes import held_for
from edge.core.order_guards import first_operator, ordered, persons, subject
from edge.core.two_persons import FirstOrder

CLOCK_DOUBTED = "clock_not_believed"


def await_second(draft: Draft, event: Event) -> None:
    """Remember the order and carry nothing out: a second person has to give it too."""
    action, operator, _ = ordered(event)
    draft.change(first_order=FirstOrder(action, subject(draft, event), operator, event.at_ms))
    draft.report("second_person_awaited", ("action", action), *persons(event, None))


def refuse_mode(draft: Draft, event: Event) -> None:
    """An order of a mode that cannot count is recorded and refused."""
    assert isinstance(event, ModeOrdered)
    draft.report("mode_refused", ("operator", event.operator), ("mode", event.mode))


def change_mode(draft: Draft, event: Event) -> None:
    """From now on the lane is in the ordered mode; a boom that moves finishes what it does."""
    assert isinstance(event, ModeOrdered)
    first = first_operator(draft, event)
    draft.change(mode=event.mode)
    draft.report("mode_changed", ("mode", event.mode), *persons(event, first))


def hold_for_mode(draft: Draft, event: Event) -> None:
    """The mode turned under an open passage: a person decides it; an authority that was spent stays spent, unused."""
    change_mode(draft, event)
    _hold(draft, "mode_changed")


def hand_over(draft: Draft, event: Event) -> None:
    """A restart waits for this passage no longer: a person decides it, before the restart or after it (O1)."""
    _hold(draft, "handed_over")


def _hold(draft: Draft, reason: str) -> None:
    draft.change_passage(decision="hold", authority=None, reasons=(*draft.passage.reasons, reason))
    draft.stage_decided()
    draft.emit(StopCapture(draft.passage.id))
    draft.light("red")
    draft.report("decided", ("decision", "hold"), ("reasons", reason))


def end_drill(draft: Draft, event: Event) -> None:
    """The drill is over: its passage ends with it, so that nothing real is done in its name."""
    draft.light("red")
    draft.end_passage("ABANDONED", "drill_ended")
    change_mode(draft, event)


def hold_arrival(draft: Draft, event: Event) -> None:
    """Nothing may be decided here: take pictures, ask nobody, and leave it to a person."""
    open_passage(draft, event)
    reason = held_for(draft.state.mode, draft.state.hours) or "handed_over"
    draft.change(handed_over=False)
    draft.change_passage(decision="hold", reasons=(reason,))
    draft.stage_decided()
    draft.report("decided", ("decision", "hold"), ("reasons", reason))


def turn_hours(draft: Draft, event: Event) -> None:
    """The lane opens, closes, or takes appointments alone. Whoever stands there already is decided as they came."""
    assert isinstance(event, HoursTurned)
    if event.hours != draft.state.hours:
        draft.change(hours=event.hours)
        draft.report("hours_turned", ("hours", event.hours))
    if event.doubt:
        draft.alarm(CLOCK_DOUBTED, event.doubt)
    else:
        draft.clear_alarms([CLOCK_DOUBTED])
