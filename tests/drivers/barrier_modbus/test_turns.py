"""Who gets the line next."""

import asyncio

from drivers.barrier_modbus.turns import Turns


async def loop_turn() -> None:
    """Let every task that is ready run once."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()


async def test_a_waiting_command_goes_before_a_poll_that_waited_longer() -> None:
    turns, order, release = Turns(), [], asyncio.Event()

    async def command(name: str) -> None:
        async with turns.command():
            order.append(name)
            await release.wait()

    async def poll() -> None:
        async with turns.poll():
            order.append("poll")

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(command("first"))
        await loop_turn()
        waiting = group.create_task(poll())
        await loop_turn()
        group.create_task(command("second"))
        await loop_turn()
        assert order == ["first"]
        release.set()
        await waiting
    assert order == ["first", "second", "poll"]


async def test_a_cancelled_command_does_not_block_the_poll() -> None:
    turns = Turns()
    async with turns.poll():
        command = asyncio.create_task(turns.command().__aenter__())
        await loop_turn()
        command.cancel()
    await asyncio.wait({command})
    async with asyncio.timeout(5), turns.poll():
        pass
