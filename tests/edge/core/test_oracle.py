"""The oracle is proved on seeded bugs: each has to be found by a campaign of storms that a sound lane survives."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from edge.core import actions, binding, confirming, evacuation, guards, motion, order_guards, step
from edge.core.draft import Draft
from edge.core.effects import RaiseBoom
from edge.core.events import ConfirmationReceived, Event, PersonDecided
from edge.core.policy import Joined, join
from edge.core.profile import AuthorityProfile, LaneProfile
from edge.core.state import OpenAuthority, Request
from edge.core.table import BY_PAIR
from simulators.prove.oracle import LaneOracle
from tests.support.lane_bench import CUSTOMS, PROFILE, LaneBench
from tests.support.lane_storm import seeded_storm

STORMS = 600


def campaign(storms: int) -> None:
    """Run seeded storms until the oracle objects."""
    for seed in range(storms):
        storm = seeded_storm(seed)
        state, oracle = step.initial(storm.profile), LaneOracle()
        states = [state]
        for event in storm.events(lambda states=states: states[-1]):  # type: ignore[misc]
            before = states[-1]
            after, effects = step.step(before, event)
            states[:] = [after]
            oracle.judge(before, event, after, effects)


def never(draft: Draft, event: Event) -> bool:
    return False


def always(draft: Draft, event: Event) -> bool:
    return True


def entered(draft: Draft, event: Event) -> bool:
    return draft.passage.entered and draft.state.sampled_at_ms is not None and draft.state.clear_since_ms is not None


def raise_twice(draft: Draft, event: Event) -> None:
    draft.emit(RaiseBoom(draft.passage.id), RaiseBoom(draft.passage.id))


def unused(draft: Draft, event: Event) -> bool:
    return guards.pass_expired(draft, event) and draft.state.clear_since_ms is not None


def always_passed(draft: Draft, event: Event) -> None:
    if draft.state.passage is not None:
        draft.end_passage("PASSED")


def opens_alone(draft: Draft, event: Event) -> bool:
    assert isinstance(event, PersonDecided)
    named = event.action == "open" and bool(event.operator) and bool(event.reason) and not draft.state.journal_lost
    return named and not order_guards.drill_stays_closed(draft.state)


def opens_in_a_drill(draft: Draft, event: Event) -> bool:
    return opens_alone(draft, event) or (
        isinstance(event, PersonDecided)
        and event.action == "open"
        and bool(event.operator)
        and bool(event.reason)
        and not draft.state.journal_lost
    )


def forget_passage(draft: Draft, event: Event) -> None:
    draft.change(passage=None)


def stay_green(draft: Draft, event: Event) -> None:
    return None


def open_before_durable(draft: Draft, event: Event) -> None:
    actions.take_grant(draft, event)
    if draft.passage.authority is not None:
        draft.emit(RaiseBoom(draft.passage.id))


def any_answer(draft: Draft, event: Event) -> bool:
    assert isinstance(event, ConfirmationReceived)
    return event.confirmation.decision == "open" and draft.passage.challenge is not None


def move_without_spending(draft: Draft, event: Event) -> None:
    draft.change_passage(authority=OpenAuthority("person", ("made-up",), event.at_ms + 9_000))


BUGS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "I1 raise without proof": (guards.may_raise, always),
    "I1 any durable record opens": (guards.other_authority, never),
    "I2 raise before durable": (actions.take_grant, open_before_durable),
    "I3 raise twice": (motion.raise_boom, raise_twice),
    "I4 lower without proof": (guards.gone_through, entered),
    "I4 lower on abandoning without proof": (guards.unused_in_time, unused),
    "I5 nothing below the boom": (guards.under_boom, never),
    "I5 blind while closing": (motion.withdraw_blind, stay_green),
    "I6 everything passed": (motion.end_lowered, always_passed),
    "I7 stay green": (motion.watch_vehicle, stay_green),
    "I8 forget a passage": (actions.end_left, forget_passage),
    "I13 orders without a name": (guards.person_opens, lambda draft, event: event.action == "open"),
    "I1 any grant counts": (guards.grant_counts, always),
    "modes: every arrival is decided": (order_guards.arrives_undecided, never),
    "modes: an open passage goes on": (order_guards.turns_mode, never),
    "modes: one person is enough for a mode": (order_guards.first_for_mode, never),
    "modes: an evacuation leads in too": (evacuation.evacuation_ordered, always),
    "modes: an evacuation ends by itself": (evacuation.evacuation_over, guards.may_lower),
    "modes: the boom is lowered while people leave": (evacuation.evacuating, never),
    "modes: a drill opens by hand": (guards.person_opens, opens_in_a_drill),
    "modes: one person is enough to open": (guards.person_opens, opens_alone),
    "handheld: any answer to a held passage opens": (confirming.officer_opens, any_answer),
    "handheld: one officer is enough": (confirming.officer_opens, confirming.officer_orders_open),
    "handheld: an answer is not spent": (confirming.open_by_officer, move_without_spending),
}
WEAKENED: dict[str, tuple[str, Any]] = {
    "handheld: other pictures are the same": ("_in_force", lambda *shown: True),
    "handheld: an answer may be given again": ("_take", lambda draft, one: None),
    "handheld: an answer never grows old": ("answer_by_ms", lambda rules, challenge, confirmation=None: 10**12),
}


def test_a_sound_lane_survives_the_campaign() -> None:
    campaign(STORMS)


@pytest.mark.parametrize("bug", BUGS)
@pytest.mark.hazard("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10", "I14")
def test_each_seeded_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sound, broken = BUGS[bug]

    def seed(function: Callable[..., Any]) -> Callable[..., Any]:
        return broken if function is sound else function

    mutant = {
        pair: tuple(replace(row, guard=seed(row.guard), action=seed(row.action)) for row in rows)
        for pair, rows in BY_PAIR.items()
    }
    assert mutant != BY_PAIR
    monkeypatch.setattr(step, "BY_PAIR", mutant)
    with pytest.raises(AssertionError):
        campaign(STORMS)


@pytest.mark.parametrize("bug", WEAKENED)
def test_each_weakening_of_the_challenge_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, *WEAKENED[bug])
    with pytest.raises(AssertionError):
        campaign(STORMS)


def test_the_seeded_bug_of_freshness_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binding, "answer_by_ms", lambda state, request, grant=None: 10**12)
    with pytest.raises(AssertionError):
        campaign(STORMS)


def both_refer() -> None:
    """Judge a lane on which two authorities want to look: storms seldom bring that."""
    lane = LaneBench(replace(PROFILE, authorities=(CUSTOMS, AuthorityProfile("quarantine", 5_000))))
    lane.identify()
    lane.answer("refer", target="nii")
    lane.answer("refer", target="bay", authority="quarantine")
    oracle, state = LaneOracle(), step.initial(lane.state.profile)
    for _, event, _ in lane.history:
        before = state
        state, effects = step.step(before, event)
        oracle.judge(before, event, state, effects)
    assert state.referrals


def test_an_inspection_that_leaves_an_authority_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    both_refer()

    def first_alone(profile: LaneProfile, requests: Sequence[Request]) -> Joined | None:
        joined = join(profile, requests)
        return joined and replace(joined, inspections=joined.inspections[:1])

    monkeypatch.setattr(actions, "join", first_alone)
    with pytest.raises(AssertionError, match="all who want to look"):
        both_refer()
