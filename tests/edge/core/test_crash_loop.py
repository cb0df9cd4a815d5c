"""X16: a controller that keeps crashing leaves its lane to a person and says why."""

from edge.core.effects import EndPassage, RaiseAlarm, RaiseBoom
from edge.core.events import InputsSampled, PersonDecided, Started
from edge.core.guards import MOST_FAILED_STARTS
from edge.core.state import LaneState, Phase
from edge.core.step import initial, step
from tests.support.lane_bench import CLOSED, PROFILE


def after(failed_starts: int, *, unfinished: str | None = None) -> tuple[LaneState, tuple[object, ...]]:
    return step(initial(PROFILE), Started(0, "boot", "seed", failed_starts=failed_starts, unfinished=unfinished))


def test_x16_a_lane_that_was_restarted_too_often_waits_for_a_person() -> None:
    assert after(MOST_FAILED_STARTS - 1)[0].phase is Phase.STARTING
    state, effects = after(MOST_FAILED_STARTS, unfinished="left-open")
    assert (state.phase, state.alarms, state.light) == (Phase.FAULT, ("crash_loop",), "red")
    assert [one.terminal for one in effects if isinstance(one, EndPassage)] == ["ABORTED_RESTART"]
    (alarm,) = [one for one in effects if isinstance(one, RaiseAlarm)]
    assert alarm.detail.startswith(f"{MOST_FAILED_STARTS} starts in a row ended early")
    state, effects = step(state, PersonDecided(10, "Li", "open", "let it through"))
    assert (state.phase, [one for one in effects if isinstance(one, RaiseBoom)]) == (Phase.FAULT, [])
    state, _ = step(state, PersonDecided(20, "Li", "reset", "new power supply"))
    assert (state.phase, state.alarms) == (Phase.STARTING, ())
    assert step(state, InputsSampled(70, CLOSED))[0].phase is Phase.IDLE
