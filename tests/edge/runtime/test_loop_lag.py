"""How late the loop was, on a loop whose time a test moves."""

from types import SimpleNamespace

import pytest

from edge.runtime.loop_lag import SAMPLE_EVERY_S, LoopLag


class HandMovedLoop:
    """What `LoopLag` needs of a loop; `turn` lets the next timer come `late_s` after it was due."""

    def __init__(self) -> None:
        self.now_s = 5.0

    def time(self) -> float:
        return self.now_s

    def call_at(self, due_s, callback, *arguments):
        self.due = (due_s, callback, arguments)
        return SimpleNamespace(cancel=lambda: None)

    def turn(self, late_s: float) -> None:
        due_s, callback, arguments = self.due
        self.now_s = due_s + late_s
        callback(*arguments)


@pytest.mark.hazard("X9")
async def test_what_came_late_is_told(monkeypatch: pytest.MonkeyPatch):
    loop, lag = HandMovedLoop(), LoopLag()
    assert lag.figures() == {"p50_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0, "samples": 0}
    with monkeypatch.context() as patch:
        patch.setattr("edge.runtime.loop_lag.asyncio.get_running_loop", lambda: loop)
        lag.start()
    for late_s in (0.0, 0.001, 0.25):
        loop.turn(late_s)
    assert lag.figures() == {"p50_ms": 1.0, "p99_ms": 250.0, "max_ms": 250.0, "samples": 3}
    # The next turn is asked for from now: one stall is one late sample.
    assert loop.due[0] == pytest.approx(loop.now_s + SAMPLE_EVERY_S)
    for _ in range(700):
        loop.turn(0.0)
    assert lag.figures() == {"p50_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0, "samples": 600}
    lag.close()
    lag.close()


async def test_one_that_never_started_may_be_closed():
    LoopLag().close()
