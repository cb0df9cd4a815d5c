"""A port that closes while somebody is being let in: his connection has its task, and none is left open."""

import asyncio
import gc
import socket

import pytest

from edge.portable.serving import stop_accepting


async def turns(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turned: asyncio.Future[None] = loop.create_future()
        loop.call_soon(turned.set_result, None)
        await turned


async def let_in(before: int) -> int:
    """Close a port so many turns of the loop after a client came; returns how many were served."""
    served: list[asyncio.Task[None]] = []

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.append(task)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    with socket.create_connection(server.sockets[0].getsockname()):
        await turns(before)
        await stop_accepting(server)
        await asyncio.gather(*served)
        await server.wait_closed()
        await turns(3)
    return len(served)


@pytest.mark.parametrize("before", range(7))
async def test_nobody_is_left_open(before: int) -> None:
    """Before the first turn he waits in the kernel, which sends him away."""
    assert await let_in(before) == (before > 0)
    # A connection without a task would be told here.
    gc.collect()
