"""A lane whose tasks are all cancelled in any turn of its loop, as a stop of the service does it (hazards.md X11)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.state import Phase
from edge.runtime.journal import Journal
from edge.runtime.recovery import recover
from tests.edge.runtime.test_lane_runner import effects, order, start
from tests.support.journals import utc
from tests.support.lane_bench import MOVING, UP
from tests.support.lane_parts import Running

MOST_TURNS = 50_000


async def opening(lane: Running) -> None:
    """A person opens for a vehicle that came, as far as it gets."""
    start(lane)
    lane.scan(arrival_loop=True)
    order(lane, "open")
    await lane.phase(Phase.OPENING)
    lane.scan(arrival_loop=True, **MOVING)
    lane.scan(arrival_loop=True, **UP)
    await lane.phase(Phase.OPEN)


async def cut(lane: Running, turns: int) -> bool:
    """Let it run for so many turns of the loop, then cancel whatever waits; says whether it was over before."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    mine = asyncio.current_task()
    story = loop.create_task(opening(lane))

    def turn(left: int) -> None:
        if left and not story.done():
            loop.call_soon(turn, left - 1)
            return
        over.set()

    turn(turns)
    await over.wait()
    ended = story.done()
    waiting = [task for task in asyncio.all_tasks() if task is not mine]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return ended


def moments() -> Iterator[int]:
    """Each of the first turns, then fewer and fewer: while the disk works the loop turns many times."""
    turns = 0
    while turns < MOST_TURNS:
        yield turns
        turns += 1 + turns // 8


@pytest.mark.hazard("X11", "I2", "I3", "I8")
async def test_x11_cancelled_in_any_turn_it_opens_only_what_is_durable_and_frees_its_journal(tmp_path: Path):
    raised: set[int] = set()
    for turns in moments():
        path = tmp_path / f"{turns}.sqlite"
        journal = await Journal.open(path, utc=utc)
        lane = Running(journal)
        ended = await cut(lane, turns)
        await lane.runner.close()
        await journal.close()

        caused, raises = effects(path), lane.barrier.commands.count("raise")
        assert raises <= caused.count("ConsumeAuthority") <= 1
        raised.add(raises)
        # The lock is free and the chain whole; whatever was open is unfinished, for the next start to end.
        again = await Journal.open(path, utc=utc)
        assert again.verify_chain("lane-1") is None
        found = recover(again.records("lane-1"))
        await again.append("lane-1", "boot", "{}").durable
        await again.close()
        assert (found.unfinished is not None, found.unfinished_authority) == (
            found.passages == 1,
            "ConsumeAuthority" in caused,
        )
        if ended:
            break
    assert ended, "it was never cancelled after its end"
    assert raised == {0, 1}
