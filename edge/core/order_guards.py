"""Questions about the orders of persons, their modes and their second persons (decision 0012)."""

from edge.core.draft import Draft
from edge.core.effects import Scalar
from edge.core.events import ConfirmationReceived, Event, ModeOrdered, PersonDecided, Supplemented
from edge.core.modes import held_for, keeps_open
from edge.core.observe import stands_on_arrival
from edge.core.profile import LaneProfile
from edge.core.state import LaneState
from edge.core.two_persons import completes


def ordered(event: Event) -> tuple[str, str, str]:
    """What is ordered, by whom, and why."""
    if isinstance(event, ConfirmationReceived):
        return event.confirmation.decision, event.confirmation.officer, event.confirmation.reason
    if isinstance(event, Supplemented):
        return "supplement", event.operator, event.reason
    assert isinstance(event, ModeOrdered | PersonDecided)
    return "mode" if isinstance(event, ModeOrdered) else event.action, event.operator, event.reason


def subject(draft: Draft, event: Event) -> str | None:
    """What an order is about: mode, open passage, or what is said of it. Orders about different things are no pair."""
    if isinstance(event, ModeOrdered):
        return event.mode
    passage = draft.state.passage.id if draft.state.passage else None
    if isinstance(event, Supplemented):
        # Both have to say exactly the same, whatever each saw the other type.
        return f"{passage}|{event.plates}|{event.containers}"
    return passage


def countersigned(draft: Draft, event: Event) -> bool:
    """One person is enough for this order, or another one gave the same a short time ago."""
    action, operator, _ = ordered(event)
    profile = draft.state.profile
    by_ms = event.at_ms - profile.second_person_ms
    return not _by_two(profile, action) or completes(
        draft.state.first_order, action, subject(draft, event), operator, by_ms
    )


def _by_two(profile: LaneProfile, action: str) -> bool:
    """Words that open where the authorities agree are no way around the two persons who open."""
    opens = action == "supplement" and profile.supplement_opens and "open" in profile.two_persons
    return action in profile.two_persons or opens


def first_operator(draft: Draft, event: Event) -> str | None:
    """Return who gave the order first where two had to; the order is carried out and waits no longer."""
    first = draft.state.first_order
    if first is None or not _by_two(draft.state.profile, ordered(event)[0]):
        return None
    draft.change(first_order=None)
    return first.operator


def persons(event: Event, first: str | None) -> tuple[tuple[str, Scalar], ...]:
    """Return the fields that say who ordered what and why."""
    _, operator, reason = ordered(event)
    named: tuple[tuple[str, Scalar], ...] = (("operator", operator), ("reason", reason))
    if isinstance(event, ConfirmationReceived):
        named = (*named, ("key_id", event.confirmation.key_id))
    return named if first is None else (*named, ("first_operator", first))


def _first_of_two(draft: Draft, event: Event) -> bool:
    _, operator, reason = ordered(event)
    named = bool(operator.strip()) and bool(reason.strip())
    return named and not draft.state.journal_lost and not countersigned(draft, event)


def first_to_open(draft: Draft, event: Event) -> bool:
    """The first of two persons orders the opening."""
    may = ordered(event)[0] == "open" and not drill_stays_closed(draft.state)
    return may and _first_of_two(draft, event)


def first_to_lower(draft: Draft, event: Event) -> bool:
    """The first of two persons orders the boom down."""
    may = ordered(event)[0] == "lower" and not keeps_open(draft.state.mode, draft.state.profile)
    return may and _first_of_two(draft, event)


def first_to_reset(draft: Draft, event: Event) -> bool:
    """The first of two persons says that the cause of the fault is gone."""
    return ordered(event)[0] == "reset" and _first_of_two(draft, event)


def first_for_mode(draft: Draft, event: Event) -> bool:
    """The first of two persons orders a mode."""
    return _first_of_two(draft, event)


def mode_unacceptable(draft: Draft, event: Event) -> bool:
    """Nobody is named, no reason is given, or the order cannot be recorded: after a restart nobody would know it."""
    _, operator, reason = ordered(event)
    return not operator.strip() or not reason.strip() or draft.state.journal_lost


def ends_drill(draft: Draft, event: Event) -> bool:
    """The drill is over, and its passage with it."""
    assert isinstance(event, ModeOrdered)
    return draft.passage.drill and event.mode != "DRILL"


def turns_mode(draft: Draft, event: Event) -> bool:
    """Another mode than the present one."""
    assert isinstance(event, ModeOrdered)
    return event.mode != draft.state.mode


def means_another(draft: Draft, event: Event) -> bool:
    """A person ordered something for a passage that is not in the lane any more: its vehicle may have driven off."""
    assert isinstance(event, PersonDecided)
    return event.passage is not None and subject(draft, event) != event.passage


def drill_stays_closed(state: LaneState) -> bool:
    """A drill moves no boom, unless the lane is configured to; a passage that began before the drill is none of it."""
    drill = state.mode == "DRILL" and (state.passage is None or state.passage.drill)
    return drill and not state.profile.drill_moves_boom


def arrives_undecided(draft: Draft, event: Event) -> bool:
    """A vehicle stands on the arrival loop, and mode or hours let nothing be decided, or it is a person's already."""
    state = draft.state
    return stands_on_arrival(state) and (state.handed_over or held_for(state.mode, state.hours) is not None)
