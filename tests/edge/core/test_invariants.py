"""Any sequence of events, hostile ones too: `step` never raises and the invariants of hazards.md hold."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from edge.core.effects import Effect
from edge.core.events import Event, Started, Tick
from edge.core.state import LaneState
from edge.core.step import initial, is_quiet, next_deadline_ms, step
from simulators.prove.oracle import LaneOracle
from tests.support.lane_bench import PROFILE
from tests.support.lane_storm import AUTHORITIES, Storm, seeded_storm, storms

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
LONG = settings(max_examples=250, deadline=None, suppress_health_check=SLOW)
SHORT = settings(max_examples=60, deadline=None, suppress_health_check=SLOW)


class Run:
    """One storm over one lane."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.state = initial(storm.profile)

    def __iter__(self) -> Iterator[tuple[LaneState, Event, LaneState, tuple[Effect, ...]]]:
        for event in self.storm.events(lambda: self.state):
            before = self.state
            self.state, effects = step(before, event)
            yield before, event, self.state, effects


@given(storms())
@LONG
@pytest.mark.hazard("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10", "I13", "I14", "P8", "P19")
def test_i1_to_i10_hold_whatever_happens(storm: Storm) -> None:
    oracle = LaneOracle()
    for before, event, after, effects in Run(storm):
        oracle.judge(before, event, after, effects)


def leave_out_the_quiet(storm: Storm) -> None:
    """What replay and recovery rest on: the time of the last scan, carried over, is all that they lose."""
    journal = [
        (before.sampled_at_ms, event, after, effects)
        for before, event, after, effects in Run(storm)
        if not is_quiet(before, after, effects)
    ]
    state = initial(storm.profile)
    for sampled_at_ms, event, after, effects in journal:
        state, again = step(replace(state, sampled_at_ms=sampled_at_ms), event)
        assert (state, again) == (after, effects)


@given(storms())
@LONG
def test_quiet_events_can_be_left_out_of_the_journal(storm: Storm) -> None:
    leave_out_the_quiet(storm)


@pytest.mark.parametrize("hundred", range(4))
def test_quiet_events_can_be_left_out_of_long_journals(hundred: int) -> None:
    for seed in range(100):
        leave_out_the_quiet(seeded_storm(hundred * 100 + seed))


@given(storms())
@SHORT
def test_i15_the_same_events_give_the_same_states_and_effects(storm: Storm) -> None:
    state = initial(storm.profile)
    for _, event, after, effects in Run(storm):
        state, again = step(state, event)
        assert (state, again) == (after, effects)


@given(storms())
@SHORT
def test_i18_memory_is_bounded_whatever_is_sent(storm: Storm) -> None:
    for _, _, after, _ in Run(storm):
        assert len(after.sequences) <= 2 * len(AUTHORITIES)
        if after.passage is not None:
            assert len(after.passage.frames) <= 64
            assert len(after.passage.tags) <= 16


def test_a_deadline_that_has_passed_is_quiet_the_second_time() -> None:
    state, _ = step(initial(PROFILE), Started(0, "boot", "seed"))
    due_ms = next_deadline_ms(state)
    assert due_ms is not None
    late, effects = step(state, Tick(due_ms))
    assert effects
    again, nothing = step(late, Tick(due_ms + 1_000))
    assert is_quiet(late, again, nothing)
