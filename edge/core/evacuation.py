"""EMERGENCY_EVACUATE in an out lane: opened once on the word of named persons, up until the mode ends."""

from edge.core.actions import new_passage
from edge.core.draft import Draft
from edge.core.effects import ConsumeAuthority, RaiseBoom, StartCapture
from edge.core.events import AuthorityDurable, Event, ModeOrdered
from edge.core.guards import blind, may_lower, may_raise
from edge.core.modes import keeps_open
from edge.core.order_guards import first_operator, persons
from edge.core.state import OpenAuthority


def evacuation_ordered(draft: Draft, event: Event) -> bool:
    """The ordered mode leads out through this lane."""
    assert isinstance(event, ModeOrdered)
    return keeps_open(event.mode, draft.state.profile)


def evacuation_joins(draft: Draft, event: Event) -> bool:
    """The ordered mode leads out through this lane, whose boom is up, or on its way, for one vehicle as yet."""
    return evacuation_ordered(draft, event) and draft.passage.evacuated is None and not draft.passage.drill


def may_evacuate(draft: Draft, event: Event) -> bool:
    """What became durable is the evacuation's authority, and the inputs were proved again right before the raise."""
    authority = draft.passage.authority
    return authority is not None and authority.evacuation and may_raise(draft, event)


def evacuation_durable(draft: Draft, event: Event) -> bool:
    """The boom rises or is up already, and the evacuation's authority became durable in time."""
    assert isinstance(event, AuthorityDurable)
    passage = draft.passage
    authority = passage.authority
    if authority is None or not authority.evacuation or draft.state.journal_lost:
        return False
    this_one = (event.passage, event.nonces) == (passage.id, authority.nonces)
    return this_one and event.at_ms <= authority.deadline_ms and keeps_open(draft.state.mode, draft.state.profile)


def evacuation_goes_on(draft: Draft, event: Event) -> bool:
    """The boom is up for an evacuation that nobody ended."""
    return draft.passage.evacuated is not None and keeps_open(draft.state.mode, draft.state.profile)


def evacuation_over(draft: Draft, event: Event) -> bool:
    """The evacuation was ended, and the space below the boom is provably clear."""
    return draft.passage.evacuated is not None and not evacuation_goes_on(draft, event) and may_lower(draft, event)


def evacuating(draft: Draft, event: Event) -> bool:
    """The evacuation goes on, or was ended and something may still be below the boom."""
    return draft.passage.evacuated is not None


def order_evacuation(draft: Draft, event: Event) -> None:
    """Spend the authority of the named persons, durable before anything moves; one passage holds the whole column.

    A passage of a drill ends: an evacuation is real.
    """
    assert isinstance(event, ModeOrdered)
    first = first_operator(draft, event)
    if draft.state.passage is not None and draft.passage.drill:
        draft.end_passage("ABANDONED", "drill_ended")
    draft.change(mode=event.mode)
    draft.report("mode_changed", ("mode", event.mode), *persons(event, first))
    if draft.state.passage is None:
        new_passage(draft)
        draft.emit(StartCapture(draft.passage.id, event.at_ms))
    passage = draft.passage
    deadline_ms = event.at_ms + draft.state.profile.timing.grant_max_ms
    nonces = (draft.identifier(f"person|{passage.id}|{passage.orders}"),)
    draft.change_passage(
        authority=OpenAuthority("person", nonces, deadline_ms, evacuation=True),
        orders=passage.orders + 1,
        touched=True,
        reasons=(*passage.reasons, "evacuation"),
    )
    draft.stage_decided()
    draft.emit(ConsumeAuthority(passage.id, "person", nonces, deadline_ms, event.operator, event.reason, first))


def open_for_column(draft: Draft, event: Event) -> None:
    """The authority is durable and the inputs were proved again: ask the boom to rise, once, for all who come."""
    draft.change_passage(evacuated=0)
    draft.emit(RaiseBoom(draft.passage.id))


def keep_up(draft: Draft, event: Event) -> None:
    """The boom is already asked up: it now stays up for all who come."""
    draft.change_passage(evacuated=0)


def watch_column(draft: Draft, event: Event) -> None:
    """Green for all as long as the boom is measured up and nobody ended it; the count is of the safety loop."""
    draft.light("green" if evacuation_goes_on(draft, event) and draft.state.inputs.boom == "up" else "red")


def wait_in_sight(draft: Draft, event: Event) -> None:
    """However long it takes, the boom stays up; red while nobody sees it."""
    if blind(draft, event):
        draft.light("red")
