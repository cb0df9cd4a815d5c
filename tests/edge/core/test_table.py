"""The published table: complete, and what docs/lane.md was drawn from."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from edge.core import guards
from edge.core.events import Event, Started
from edge.core.state import Phase
from edge.core.table import BY_PAIR, TRANSITIONS

ROOT = Path(__file__).resolve().parents[3]


def test_i10_every_pair_but_a_second_start_is_in_the_table_and_ends_with_a_row_that_always_holds() -> None:
    for phase in Phase:
        for event in get_args(Event):
            if event is not Started:
                assert BY_PAIR[phase, event][-1].guard is guards.always, (phase, event)
    assert [phase for phase, event in BY_PAIR if event is Started] == [Phase.STARTING]


def test_every_row_can_be_reached() -> None:
    for rows in BY_PAIR.values():
        for row in rows[:-1]:
            if row.guard is guards.always:
                rest = rows[rows.index(row) + 1 :]
                assert {one.guard for one in rest} == {guards.always}, "only the do-nothing rows come after it"


@pytest.mark.parametrize("row", TRANSITIONS, ids=lambda row: f"{row.phase}-{row.event.__name__}")
def test_every_row_is_documented(row) -> None:  # type: ignore[no-untyped-def]
    assert row.guard.__doc__
    assert row.action.__doc__


def test_the_page_is_up_to_date() -> None:
    command = [sys.executable, "docs/draw_lane.py", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, "run `python docs/draw_lane.py`"
