"""Questions that the transition table asks. Each answers from the draft after the event was observed."""

from edge.core.binding import refusal
from edge.core.doubts import doubts
from edge.core.draft import Draft
from edge.core.events import (
    AuthorityDurable,
    BarrierAnswered,
    Event,
    GrantReceived,
    PersonDecided,
    RequestPrepared,
    Started,
)
from edge.core.fusion import is_complete
from edge.core.loop_order import unseen_long_enough
from edge.core.modes import held_for, keeps_open
from edge.core.observe import CHATTER_EDGES, CHATTER_WITHIN_MS, stands_on_arrival
from edge.core.order_guards import countersigned, drill_stays_closed

# Fewer are a technician who looks for a loose plug; more would only say later what is known by then.
MOST_FAILED_STARTS = 8


def history_lost(draft: Draft, event: Event) -> bool:
    """The first start after a damaged journal was put aside: what was left open is not known."""
    assert isinstance(event, Started)
    return event.journal_damaged and first_start(draft, event)


def crash_looping(draft: Draft, event: Event) -> bool:
    """Too many starts in a row ended before they were healthy: whatever ends them may end this one too (X16)."""
    assert isinstance(event, Started)
    return event.failed_starts >= MOST_FAILED_STARTS and first_start(draft, event)


def first_start(draft: Draft, event: Event) -> bool:
    """This boot has not begun yet."""
    return not draft.state.boot


def always(draft: Draft, event: Event) -> bool:
    """Whatever else holds."""
    return True


def emergency(draft: Draft, event: Event) -> bool:
    """The emergency stop or the fire alarm is tripped."""
    inputs = draft.state.inputs
    return inputs.emergency_stop is True or inputs.fire_alarm is True


def boom_broken(draft: Draft, event: Event) -> bool:
    """The boom was swung or broken off."""
    return draft.state.inputs.boom == "broken"


def limits_disagree(draft: Draft, event: Event) -> bool:
    """Both limit switches are made: the position is not known."""
    return draft.state.inputs.boom_up is True and draft.state.inputs.boom_down is True


def moved_uncommanded(draft: Draft, event: Event) -> bool:
    """The boom left its lower limit although nothing asked it to."""
    return draft.state.inputs.boom in ("up", "moving")


def proved_closed(draft: Draft, event: Event) -> bool:
    """Boom measured down, nothing below it, nothing tripped, journal writable: ready for a vehicle."""
    state = draft.state
    closed = state.inputs.boom == "down" and state.inputs.clear_under_boom
    return closed and not state.inputs.stopped and not state.journal_lost


def may_lower(draft: Draft, event: Event) -> bool:
    """Invariant I4: every safety input clear for `clear_ms` in samples no older than `sample_max_age_ms`.

    A "clear" counts only once the loop was seen to go from occupied to clear (P8).
    """
    return draft.state.safety_proved and clear_long_enough(draft, event)


def clear_long_enough(draft: Draft, event: Event) -> bool:
    """The part of I4 that is about now: fresh, clear, and clear for long enough."""
    state, timing = draft.state, draft.state.profile.timing
    if state.sampled_at_ms is None or state.clear_since_ms is None or state.inputs.stopped or blind(draft, event):
        return False
    return state.sampled_at_ms - state.clear_since_ms >= timing.clear_ms


def may_raise(draft: Draft, event: Event) -> bool:
    """Inputs proved again right before the raise: fresh, boom down, nothing tripped, authority still alive.

    A release counts for the vehicle that was identified: it must have stood on the arrival loop since its devices were
    triggered, and stand there still (P19). In doubt only a person's authority raises the boom.
    """
    assert isinstance(event, AuthorityDurable)
    state, passage = draft.state, draft.passage
    assert passage.authority is not None
    if blind(draft, event):
        return False
    since_ms = state.arrival_since_ms
    alone = since_ms is not None and since_ms <= passage.triggered_at_ms and not doubts(state)
    ready = state.inputs.boom == "down" and not state.inputs.stopped and not state.journal_lost
    by_person = passage.authority.source == "person"
    return ready and (alone or by_person) and draft.at_ms <= passage.authority.deadline_ms


def other_authority(draft: Draft, event: Event) -> bool:
    """What became durable is not the authority that this passage waits for, but one that was revoked before."""
    assert isinstance(event, AuthorityDurable)
    authority = draft.passage.authority
    return authority is None or event.passage != draft.passage.id or event.nonces != authority.nonces


def vehicle_arrived(draft: Draft, event: Event) -> bool:
    """The arrival loop is occupied, and not for a moment alone."""
    return stands_on_arrival(draft.state)


def loop_chatters(draft: Draft, event: Event) -> bool:
    """The arrival loop changes faster than vehicles can come and go (P7)."""
    edges = draft.state.arrival_edges_ms
    return len(edges) == CHATTER_EDGES and edges[-1] - edges[0] <= CHATTER_WITHIN_MS and edges[-1] == draft.at_ms


def loops_disagree(draft: Draft, event: Event) -> bool:
    """Something stands below the closed boom that came over no other loop: one of the loops is faulty (P6)."""
    return unseen_long_enough(draft.state)


def vehicle_left(draft: Draft, event: Event) -> bool:
    """The arrival loop is known to be clear."""
    return draft.state.inputs.arrival_loop is False


def wrong_way(draft: Draft, event: Event) -> bool:
    """Somebody comes from the exit while nothing was let in."""
    return draft.state.inputs.exit_loop is True and draft.state.inputs.arrival_loop is False


def boom_up(draft: Draft, event: Event) -> bool:
    """The upper limit switch proves the boom up."""
    return draft.state.inputs.boom == "up"


def boom_down(draft: Draft, event: Event) -> bool:
    """The lower limit switch proves the boom down."""
    return draft.state.inputs.boom == "down"


def up_and_clear(draft: Draft, event: Event) -> bool:
    """The boom was found up at the start, the space below it is provably clear by now, and nobody evacuates."""
    evacuating = keeps_open(draft.state.mode, draft.state.profile)
    return boom_up(draft, event) and may_lower(draft, event) and not evacuating


def under_boom(draft: Draft, event: Event) -> bool:
    """Something is, or may be, below the boom."""
    return not draft.state.inputs.clear_under_boom


def stranger_passed(draft: Draft, event: Event) -> bool:
    """The boom is down, and a stranger passed: behind the released vehicle (P3), in its place (P19), or unseen (P6)."""
    passage = draft.state.passage
    swapped = passage is not None and passage.entered and passage.backed_out
    strange = passage is not None and (passage.tailgated or passage.unseen or swapped)
    return boom_down(draft, event) and strange


def closed_unjournaled(draft: Draft, event: Event) -> bool:
    """The boom is down, and the journal was lost on the way."""
    return boom_down(draft, event) and draft.state.journal_lost


def gone_through(draft: Draft, event: Event) -> bool:
    """The vehicle crossed below the boom, reached the exit, and left the space below provably clear."""
    passage = draft.passage
    at_exit = passage.reached_exit or not draft.state.profile.exit_loop
    return passage.entered and at_exit and may_lower(draft, event)


def gone_back(draft: Draft, event: Event) -> bool:
    """The vehicle backed out without ever coming below the boom, and the space below is provably clear."""
    return draft.passage.backed_out and not draft.passage.entered and may_lower(draft, event)


def released_vehicle_left(draft: Draft, event: Event) -> bool:
    """The arrival loop is clear, so whoever comes next is not the vehicle that the grants are for (P19)."""
    authority = draft.passage.authority
    return vehicle_left(draft, event) and authority is not None and authority.source != "person"


def authority_expired(draft: Draft, event: Event) -> bool:
    """The journal did not confirm the spent authority while it was alive."""
    authority = draft.passage.authority
    return authority is not None and draft.at_ms > authority.deadline_ms


def blind(draft: Draft, event: Event) -> bool:
    """The last scan is too old to say anything about now."""
    state = draft.state
    return state.sampled_at_ms is None or draft.at_ms - state.sampled_at_ms > state.profile.timing.sample_max_age_ms


def identified(draft: Draft, event: Event) -> bool:
    """Waiting longer could add nothing to the identity, or its time is over."""
    profile, passage, lost = draft.state.profile, draft.passage, draft.state.lost_devices
    return identify_expired(draft, event) or is_complete(profile, passage, draft.fused(), lost)


def identify_expired(draft: Draft, event: Event) -> bool:
    """The time to identify is over."""
    return draft.phase_age_ms >= draft.state.profile.timing.identify_ms


def hold_expired(draft: Draft, event: Event) -> bool:
    """Nobody decided in time."""
    return draft.phase_age_ms >= draft.state.profile.timing.hold_ms


def open_expired(draft: Draft, event: Event) -> bool:
    """The boom did not reach its upper limit in time."""
    return draft.phase_age_ms >= draft.state.profile.timing.open_ms


def pass_expired(draft: Draft, event: Event) -> bool:
    """The vehicle did not drive through in time."""
    return draft.phase_age_ms >= draft.state.profile.timing.pass_ms


def unused_in_time(draft: Draft, event: Event) -> bool:
    """The vehicle did not come below the boom in time, and the space there is provably clear."""
    return pass_expired(draft, event) and not draft.passage.entered and may_lower(draft, event)


def close_expired(draft: Draft, event: Event) -> bool:
    """The boom did not reach its lower limit in time."""
    return draft.phase_age_ms >= draft.state.profile.timing.close_ms


def not_ready_in_time(draft: Draft, event: Event) -> bool:
    """The lane could not prove its inputs in the time that a technician is promised."""
    return draft.phase_age_ms >= draft.state.profile.timing.ready_ms


def grant_counts(draft: Draft, event: Event) -> bool:
    """The grant answers the question that was asked."""
    assert isinstance(event, GrantReceived)
    return refusal(draft.state, event.grant, draft.at_ms) is None


def denial_counts(draft: Draft, event: Event) -> bool:
    """A denial that arrived before the boom was asked to rise."""
    assert isinstance(event, GrantReceived)
    return event.grant.verdict == "deny" and grant_counts(draft, event)


def request_expected(draft: Draft, event: Event) -> bool:
    """The prepared request is one of this passage's."""
    assert isinstance(event, RequestPrepared)
    passage = draft.passage
    return event.passage == passage.id and any(
        one.authority == event.authority and one.request_hash is None for one in passage.requests
    )


def barrier_refused(draft: Draft, event: Event) -> bool:
    """The barrier certainly did not execute the raise."""
    assert isinstance(event, BarrierAnswered)
    return event.command == "raise" and event.outcome == "not_done"


def lower_failed(draft: Draft, event: Event) -> bool:
    """The barrier did not confirm the lowering."""
    assert isinstance(event, BarrierAnswered)
    return event.command == "lower" and event.outcome != "done"


def person_opens(draft: Draft, event: Event) -> bool:
    """A named person orders the opening, and gives a reason. In a drill the boom moves only where configured."""
    assert isinstance(event, PersonDecided)
    if drill_stays_closed(draft.state):
        return False
    named = bool(event.operator.strip()) and bool(event.reason.strip())
    return event.action == "open" and named and not draft.state.journal_lost and countersigned(draft, event)


def person_refuses(draft: Draft, event: Event) -> bool:
    """A person sends the vehicle back."""
    assert isinstance(event, PersonDecided)
    return event.action == "refuse"


def person_retries(draft: Draft, event: Event) -> bool:
    """A person asks for new pictures, at most twice in a passage, where the lane decides at all.

    A passage that began in another mode is not decided in this one.
    """
    assert isinstance(event, PersonDecided)
    state, passage = draft.state, draft.passage
    decides = held_for(state.mode, state.hours) is None and passage.mode == state.mode
    return (
        event.action == "retry"
        and passage.attempt - passage.recaptures - passage.supplements < 2
        and not state.journal_lost
        and decides
    )


def person_resets(draft: Draft, event: Event) -> bool:
    """A person at the lane says that the cause of the fault is gone."""
    assert isinstance(event, PersonDecided)
    return event.action == "reset" and not draft.state.journal_lost and countersigned(draft, event)


def person_lowers(draft: Draft, event: Event) -> bool:
    """A person at the lane confirms that it is clear; the fresh part of I4 is still asked for.

    Nobody lowers a boom while it is kept up for an evacuation.
    """
    assert isinstance(event, PersonDecided)
    raised = draft.state.inputs.boom in ("up", "moving") and not keeps_open(draft.state.mode, draft.state.profile)
    clear = clear_long_enough(draft, event)
    return event.action == "lower" and raised and clear and countersigned(draft, event)
