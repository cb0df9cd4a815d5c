"""Turns: a lane that asks for much waits behind itself, whoever else gives up in between."""

import asyncio

import pytest

from models.fair_queue import FairQueue


async def asked(queue: FairQueue[str], lane: str, count: int) -> list[asyncio.Task[str]]:
    """Let `count` requests of a lane wait."""
    before = queue.waiting(lane)
    tasks = [asyncio.create_task(queue.get(lane)) for _ in range(count)]
    while queue.waiting(lane) < before + count:
        await asyncio.wait(tasks, timeout=0)
    return tasks


async def served(queue: FairQueue[str], lanes: dict[str, list[asyncio.Task[str]]], count: int) -> list[str]:
    """Give one thing back `count` times; returns the lane that got it each time."""
    order = []
    for _ in range(count):
        queue.put("worker")
        waiting = [task for tasks in lanes.values() for task in tasks]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        (one,) = done
        for lane, tasks in lanes.items():
            if one in tasks:
                order.append(lane)
                tasks.remove(one)
    return order


@pytest.mark.hazard("I17", "S24")
async def test_a_flooded_lane_waits_behind_itself():
    queue: FairQueue[str] = FairQueue()
    lanes = {"flooded": await asked(queue, "flooded", 50)}
    lanes["calm"] = await asked(queue, "calm", 2)
    assert await served(queue, lanes, 6) == ["flooded", "calm", "flooded", "calm", "flooded", "flooded"]
    for task in lanes["flooded"]:
        task.cancel()
    await asyncio.wait(lanes["flooded"])
    assert queue.waiting("flooded") == 0


async def test_three_lanes_take_turns_in_the_order_they_came():
    queue: FairQueue[str] = FairQueue()
    lanes = {lane: await asked(queue, lane, 2) for lane in ("a", "b", "c")}
    assert await served(queue, lanes, 6) == ["a", "b", "c", "a", "b", "c"]


@pytest.mark.hazard("I17")
async def test_who_yields_waits_behind_everybody_and_can_give_up():
    queue: FairQueue[str] = FairQueue()
    shadow = [asyncio.create_task(queue.get("a/shadow", yields=True)) for _ in range(3)]
    while queue.waiting("a/shadow") < 3:
        await asyncio.wait(shadow, timeout=0)
    lanes = {"a": await asked(queue, "a", 2), "b": await asked(queue, "b", 1), "shadow": shadow}
    assert await served(queue, lanes, 4) == ["a", "b", "a", "shadow"]
    shadow[0].cancel()
    await asyncio.wait(shadow[:1])
    assert queue.waiting("a/shadow") == 1
    queue.put("worker")
    assert await shadow[1] == "worker"


async def test_what_is_free_is_had_at_once():
    queue: FairQueue[str] = FairQueue()
    queue.put("worker")
    assert queue.has_free
    assert await queue.get("a") == "worker"
    assert not queue.has_free


async def test_one_who_gives_up_takes_none_and_loses_none():
    queue: FairQueue[str] = FairQueue()
    first, second = await asked(queue, "a", 2)
    first.cancel()
    await asyncio.wait([first])
    assert queue.waiting("a") == 1
    queue.put("worker")
    assert await second == "worker"

    # Served and cancelled in the same turn of the loop: it is handed on.
    (late,) = await asked(queue, "a", 1)
    (next_one,) = await asked(queue, "b", 1)
    queue.put("worker")
    late.cancel()
    assert await next_one == "worker"
    (alone,) = await asked(queue, "a", 1)
    queue.put("another")
    alone.cancel()
    await asyncio.wait([alone])
    assert queue.has_free
