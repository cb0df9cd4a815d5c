"""A control loop that stands still is told with the place where it stands."""

import asyncio
import threading

import pytest
from structlog.dev import ConsoleRenderer

from edge.runtime.loop_watch import LoopWatch

LIMIT_S = 30


def stand_still(told: threading.Event) -> None:
    assert told.wait(LIMIT_S)


@pytest.mark.hazard("X9")
async def test_a_stall_is_told_with_its_place_and_its_end():
    heard: list[tuple[str, dict[str, object]]] = []
    stalled, moving = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def tell(event: str, fields: dict[str, object]) -> None:
        heard.append((event, fields))
        if event == "loop_stalled":
            stalled.set()
        else:
            loop.call_soon_threadsafe(moving.set)

    with LoopWatch(stall_s=0.2, tell=tell):
        stand_still(stalled)
        async with asyncio.timeout(LIMIT_S):
            await moving.wait()
    (stall, where), (_, end) = heard[:2]
    assert stall == "loop_stalled"
    assert "stand_still" in str(where["calls"])
    # A terminal takes it as well.
    assert "stand_still" in ConsoleRenderer()(None, "warning", {"event": stall, **where})
    assert end["stalled_ms"] >= 200  # type: ignore[operator]


async def test_its_thread_ends_with_its_block():
    before = threading.active_count()
    with LoopWatch():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


async def test_a_stall_is_a_line_of_the_log(monkeypatch: pytest.MonkeyPatch):
    told = threading.Event()
    lines: list[dict[str, object]] = []

    class Lines:
        def warning(self, event: str, **fields: object) -> None:
            lines.append({"event": event, **fields})
            told.set()

    monkeypatch.setattr("edge.runtime.loop_watch.logger", Lines)
    with LoopWatch(stall_s=0.1):
        stand_still(told)
    assert lines[0]["event"] == "loop_stalled"
