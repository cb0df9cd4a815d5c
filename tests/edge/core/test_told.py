"""Every effect says all that it has to, in any storm as in every story of a `LaneBench` (tests.support.told)."""

from collections.abc import Iterator

import pytest

from edge.core.effects import Effect
from edge.core.events import Event
from edge.core.state import LaneState
from edge.core.step import initial, step
from tests.support.lane_storm import seeded_storm
from tests.support.told import judge

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


@pytest.mark.parametrize("twenty", range(STORMS // 20))
def test_every_effect_is_about_its_own_passage_and_says_all_that_it_has_to(twenty: int) -> None:
    for seed in range(twenty * 20, twenty * 20 + 20):
        for before, event, after, effects in steps(seed):
            judge(before, event, after, effects)
