"""The lane as one pure function: `step(state, event)` gives the next state and what to do.

The same events always give the same states and effects, whatever the wall clock says; `kakou replay` and the
recovery after a crash rest on that.
"""

from edge.core.actions import fail
from edge.core.binding import answer_by_ms
from edge.core.confirming import keep_challenge, renew_at_ms
from edge.core.draft import Draft
from edge.core.effects import Effect
from edge.core.events import Event
from edge.core.guidance import guide
from edge.core.observe import observe
from edge.core.profile import LaneProfile
from edge.core.referring import next_due_ms
from edge.core.state import LaneState, Phase
from edge.core.table import BY_PAIR

_UNEXPECTED = fail("unexpected_event")


def initial(profile: LaneProfile) -> LaneState:
    """Return the state before the first event, which must be `Started`."""
    return LaneState(profile)


def step(state: LaneState, event: Event) -> tuple[LaneState, tuple[Effect, ...]]:
    """Take in one event. Never raises for anything that a device, a network or a person can send."""
    draft = Draft(state, event.at_ms)
    rows = BY_PAIR.get((state.phase, type(event)))
    if rows is None:
        _UNEXPECTED(draft, event)
        draft.enter(Phase.FAULT)
        guide(draft)
        return draft.state, tuple(draft.effects)
    observe(draft, event)
    # Every pair ends with a row that always holds.
    candidates = iter(rows)
    row = next(candidates)
    while not row.guard(draft, event):
        row = next(candidates)
    row.action(draft, event)
    if row.to is not None:
        draft.enter(row.to)
    keep_challenge(draft)
    guide(draft)
    return draft.state, tuple(draft.effects)


def is_quiet(before: LaneState, after: LaneState, effects: tuple[Effect, ...]) -> bool:
    """Say whether an event changed nothing but the time of the last scan: such events are not journaled.

    The next journaled record carries that time, so that a replay takes the same decisions.
    """
    return not effects and {**vars(after), "sampled_at_ms": before.sampled_at_ms} == vars(before)


def next_deadline_ms(state: LaneState) -> int | None:
    """Return when the lane wants a `Tick`, or None where only an event can move it."""
    phase_ms = _phase_deadline_ms(state)
    if not state.referrals:
        return phase_ms
    referral_ms = next_due_ms(state.referrals)
    if phase_ms is None or referral_ms is None:
        return referral_ms if phase_ms is None else phase_ms
    return min(phase_ms, referral_ms)


def _phase_deadline_ms(state: LaneState) -> int | None:
    timing, since = state.profile.timing, state.phase_since_ms
    match state.phase:
        case Phase.STARTING:
            return since + timing.ready_ms
        case Phase.IDENTIFYING:
            return since + timing.identify_ms
        case Phase.WAITING:
            assert state.passage is not None
            open_requests = [one for one in state.passage.requests if one.answer is None and not one.silent]
            return min((answer_by_ms(state, one) + 1 for one in open_requests), default=since)
        case Phase.CONSUMING:
            assert state.passage is not None
            assert state.passage.authority is not None
            return state.passage.authority.deadline_ms + 1
        case Phase.HELD:
            renew_ms = renew_at_ms(state)
            return since + timing.hold_ms if renew_ms is None else min(renew_ms, since + timing.hold_ms)
        case Phase.TURNING_BACK:
            return since + timing.hold_ms
        case Phase.OPENING:
            return since + timing.open_ms
        case Phase.OPEN:
            return (
                min(since + timing.pass_ms, _blind_at_ms(state)) if state.light == "green" else since + timing.pass_ms
            )
        case Phase.CLOSING:
            return min(since + timing.close_ms, _blind_at_ms(state))
        case _:
            return None


def _blind_at_ms(state: LaneState) -> int:
    """When the last scan becomes too old to be trusted; a lane that knows nothing has withdrawn already."""
    assert state.sampled_at_ms is not None
    return state.sampled_at_ms + state.profile.timing.sample_max_age_ms + 1
