"""What a box knows of its wall clock from before its start (hazards.md X19)."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.runtime.clock_memory import CLOCK_FILE, ClockMemory
from edge.times import NEVER

NOW = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


class Wall:
    def __init__(self) -> None:
        self.now = NOW

    def utc(self) -> datetime:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


def test_a_box_that_never_ran_knows_nothing(wall: Wall, tmp_path: Path) -> None:
    memory = ClockMemory(tmp_path, wall.utc)
    assert (memory.known, memory.ahead()) == (NEVER, None)


@pytest.mark.hazard("X19")
def test_the_latest_moment_outlives_a_start_and_never_goes_back(wall: Wall, tmp_path: Path) -> None:
    memory = ClockMemory(tmp_path, wall.utc)
    memory.remember()
    wall.now -= timedelta(days=40)
    memory.remember()
    assert ClockMemory(tmp_path, wall.utc).known == NOW
    wall.now = NOW + timedelta(days=7)
    assert ClockMemory(tmp_path, wall.utc).ahead() is None
    wall.now += timedelta(seconds=1)
    assert ClockMemory(tmp_path, wall.utc).ahead() == timedelta(days=7, seconds=1)


def test_a_clock_that_was_ahead_is_forgotten_once_somebody_vouches_for_it(wall: Wall, tmp_path: Path) -> None:
    wall.now += timedelta(days=3650)
    memory = ClockMemory(tmp_path, wall.utc)
    memory.remember()
    wall.now = NOW
    memory.vouched()
    memory.remember()
    assert ClockMemory(tmp_path, wall.utc).known == NOW


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"latest": 7}', '{"latest": "today"}'])
def test_a_file_that_nobody_understands_is_said_and_tells_nothing(wall: Wall, tmp_path: Path, text: str) -> None:
    (tmp_path / CLOCK_FILE).write_text(text, encoding="utf-8")
    with capture_logs() as logged:
        assert ClockMemory(tmp_path, wall.utc).known == NEVER
    assert [line["event"] for line in logged] == ["clock_memory_damaged"]
