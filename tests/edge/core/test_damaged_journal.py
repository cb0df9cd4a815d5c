import pytest

from edge.core.effects import EndPassage, RaiseAlarm, RaiseBoom
from edge.core.events import PersonDecided, Started
from edge.core.state import Phase
from edge.core.step import initial, step
from tests.support.lane_bench import PROFILE


@pytest.mark.hazard("X5")
def test_x5_a_lane_that_lost_its_history_waits_for_a_person() -> None:
    state, effects = step(initial(PROFILE), Started(0, "boot", "seed", journal_damaged=True, damage="which"))
    assert state.phase is Phase.FAULT
    assert RaiseAlarm("journal_damaged", "which") in effects
    assert not [effect for effect in effects if isinstance(effect, RaiseBoom | EndPassage)]
    state, _ = step(state, PersonDecided(10, "Li", "open", "let it through"))
    assert state.phase is Phase.FAULT
    state, _ = step(state, PersonDecided(20, "Li", "reset", "looked at the lane"))
    assert state.phase is Phase.STARTING
