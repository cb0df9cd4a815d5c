"""What the lane does with the boom: raise, watch who drives through, lower, withdraw, write how it ended."""

from edge.core.actions import become_ready
from edge.core.draft import Draft
from edge.core.effects import LowerBoom, RaiseBoom, StopBoom
from edge.core.events import Event, PersonDecided
from edge.core.offline import entry_of
from edge.core.order_guards import first_operator, persons
from edge.core.state import Phase


def raise_boom(draft: Draft, event: Event) -> None:
    """The spent authority is durable and the inputs were proved again: ask the boom to rise, once."""
    draft.emit(RaiseBoom(draft.passage.id))


def hold_unproved(draft: Draft, event: Event) -> None:
    """Something changed while the authority was made durable: it stays spent, a person decides."""
    draft.change_passage(decision="hold", authority=None, reasons=(*draft.passage.reasons, "not_proved_before_raise"))
    draft.stage_decided()
    draft.report("decided", ("decision", "hold"), ("reasons", "not_proved_before_raise"))


def hold_barrier_refused(draft: Draft, event: Event) -> None:
    """The barrier did not take the command: the authority stays spent, a person decides."""
    draft.change_passage(decision="hold", authority=None, reasons=(*draft.passage.reasons, "barrier_refused"))
    draft.stage_decided()
    draft.alarm("barrier_refused")


def show_open(draft: Draft, event: Event) -> None:
    """The boom is measured up: green, as long as this vehicle has not used it (I7)."""
    _tell_pace(draft, "boom_slow_raising", draft.state.profile.timing.open_ms)
    draft.stage("opened")
    draft.report("boom_raised")
    _show_light(draft)


def _tell_pace(draft: Draft, alarm: str, longest_ms: int) -> None:
    """A boom in wind or ice is slow long before it is stuck: a warning until it moves as it should (P23)."""
    taken_ms = draft.phase_age_ms
    if taken_ms * 100 > longest_ms * draft.state.profile.timing.boom_slow_percent:
        draft.alarm(alarm, f"{taken_ms} ms of at most {longest_ms} ms")
    else:
        draft.clear_alarms([alarm])


def watch_vehicle(draft: Draft, event: Event) -> None:
    """One release is one vehicle: red again as soon as it came below the boom or backed out."""
    _show_light(draft)
    _tell_strangers(draft)


def _tell_strangers(draft: Draft) -> None:
    """Another than the released vehicle came below the boom: in its place (P19), or behind it (P3)."""
    passage = draft.passage
    if passage.entered and passage.backed_out:
        draft.alarm("vehicle_swapped", "the released vehicle backed out and another one came below the boom")
    if passage.tailgated:
        draft.alarm("tailgate", "something came below the boom after the released vehicle")


def _show_light(draft: Draft) -> None:
    passage = draft.passage
    used = passage.entered or passage.backed_out or not passage.may_go
    draft.light("green" if draft.state.inputs.boom == "up" and not used else "red")


def go_red(draft: Draft, event: Event) -> None:
    """Green needs a measured boom; without it the light is red within one scan."""
    draft.light("red")


def lose_sight(draft: Draft, event: Event) -> None:
    """Nobody knows who stands at the boom from now on: red, and it does not become green again."""
    draft.light("red")
    draft.change_passage(may_go=False)


def lower_boom(draft: Draft, event: Event) -> None:
    """Ask the boom down, carrying the proof."""
    state = draft.state
    assert state.sampled_at_ms is not None
    assert state.clear_since_ms is not None
    draft.light("red")
    if state.passage is not None:
        draft.change_passage(may_go=False)
        if state.passage.entered:
            draft.stage("cleared")
    draft.emit(LowerBoom(state.sampled_at_ms - state.clear_since_ms, draft.at_ms - state.sampled_at_ms))


def lower_by_person(draft: Draft, event: Event) -> None:
    """A person at the lane confirmed that it is clear."""
    assert isinstance(event, PersonDecided)
    draft.report("lowered_by_person", *persons(event, first_operator(draft, event)))
    if draft.state.passage is not None:
        draft.change_passage(touched=True)
    lower_boom(draft, event)


def withdraw_lowering(draft: Draft, event: Event) -> None:
    """Something came below the closing boom: withdraw at once; a new proof is needed (I5)."""
    passage = draft.state.passage
    single = passage is not None and passage.evacuated is None
    if passage is not None and single and passage.entered and draft.state.inputs.safety_loop is True:
        draft.change_passage(tailgated=True)
        draft.alarm("tailgate", "something came below the boom after the released vehicle")
    _withdraw(draft, "under_boom")


def withdraw_blind(draft: Draft, event: Event) -> None:
    """Nobody knows what is below the closing boom: withdraw at once; a new proof is needed (I5)."""
    _withdraw(draft, "inputs_not_known")


def withdraw_unconfirmed(draft: Draft, event: Event) -> None:
    """The barrier did not confirm the lowering: withdraw it, say so, and prove anew before it is asked again."""
    draft.alarm("barrier_refused")
    _withdraw(draft, "lowering_not_confirmed")


def _withdraw(draft: Draft, reason: str) -> None:
    draft.emit(StopBoom(reason))
    draft.change(clear_since_ms=None)
    draft.enter(Phase.STARTING if draft.state.passage is None else Phase.OPEN)


def end_unasked(draft: Draft, event: Event) -> None:
    """The boom is down although nothing asked it to: by hand, by a key, or by a lowering that was withdrawn (P13)."""
    draft.light("red")
    draft.alarm("boom_down_unasked")
    end_closed(draft, event)


def let_go(draft: Draft, event: Event) -> None:
    """The vehicle whose passage had ended before leaves: it stood there until now."""
    draft.note_gone()
    become_ready(draft, event)


def end_lowered(draft: Draft, event: Event) -> None:
    """The boom that was asked down is measured down: say how it moved, then how the passage ended."""
    _tell_pace(draft, "boom_slow_lowering", draft.state.profile.timing.close_ms)
    end_closed(draft, event)


def end_closed(draft: Draft, event: Event) -> None:
    """The boom is measured down: write how the passage ended, as far as the loops prove it (I6)."""
    passage = draft.state.passage
    if passage is None:
        return
    # The scan that saw the boom down may be the first that saw them.
    _tell_strangers(draft)
    if passage.entered:
        # A boom that came down unasked was never asked down behind the vehicle.
        draft.stage("cleared")
    reasons = ("tailgated",) if passage.tailgated else ()
    if not passage.entered:
        draft.end_passage("ABANDONED", *(("backed_out",) if passage.backed_out else ()))
    elif passage.backed_out:
        draft.end_passage("FAULT", "vehicle_swapped", *reasons)
    elif draft.state.profile.exit_loop and not passage.reached_exit:
        draft.end_passage("FAULT", "exit_not_seen", *reasons)
    elif passage.authority is not None and passage.authority.source == "person":
        draft.end_passage("MANUAL_PASSED", *reasons)
    elif passage.authority is not None and passage.authority.source == "offline":
        draft.report("offline_passed", ("entry", entry_of(passage.authority.nonces[0])))
        draft.end_passage("OFFLINE_PASSED", *reasons)
    else:
        draft.end_passage("PASSED", *reasons)


def report_stopped(draft: Draft, event: Event) -> None:
    """The vehicle stopped half way: the boom stays up however long it takes (P18), for nobody else."""
    lose_sight(draft, event)
    draft.alarm("vehicle_stopped", "the vehicle has not cleared the boom in time")


def abandon_unused(draft: Draft, event: Event) -> None:
    """The opening was not used in time; the vehicle may still stand there."""
    draft.change_passage(reasons=(*draft.passage.reasons, "unused"))
    lower_boom(draft, event)
