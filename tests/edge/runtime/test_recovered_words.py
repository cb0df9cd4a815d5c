"""What a person said of a held vehicle, across a crash and through a replay: no word outlives its passage."""

import pytest

from edge.core.effects import EndPassage
from edge.core.events import Started
from edge.core.state import Phase
from edge.core.step import initial, step
from edge.runtime.recovery import recover, replay
from tests.edge.runtime.test_recovery import records
from tests.support.lane_bench import CODE, PLATE, LaneBench
from tests.support.supplements import OPENS, answered, held, say


def said(until: Phase) -> LaneBench:
    """A lane of which a person said box and plate, at every step until the boom is asked up."""
    lane = held(plate=False)
    assert say(lane, CODE, front=PLATE) == "asked"
    if until is not Phase.WAITING:
        assert answered(lane, "hold" if until is Phase.HELD else "release") in (Phase.HELD, Phase.CONSUMING)
    if until is Phase.OPENING:
        lane.durable()
    assert lane.phase is until
    return lane


@pytest.mark.hazard("X1", "I9")
@pytest.mark.parametrize("until", [Phase.WAITING, Phase.HELD, Phase.CONSUMING, Phase.OPENING])
def test_a_crash_behind_words_ends_the_passage_and_a_replay_agrees(until: Phase) -> None:
    lane = said(until)
    written = records(lane.history)
    assert set(replay(written)) == {None}
    left = recover(written)
    spent = until in (Phase.CONSUMING, Phase.OPENING)
    assert (left.unfinished, left.unfinished_authority) == (lane.passage.id, spent)
    boot = Started(0, "boot-2", "seed-2", passages=left.passages, unfinished=left.unfinished, sequences=left.sequences)
    state, effects = step(initial(OPENS), boot)
    assert [one.terminal for one in effects if isinstance(one, EndPassage)] == ["ABORTED_RESTART"]
    assert state.passage is None
    assert state.first_order is None
