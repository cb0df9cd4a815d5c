"""A port that is closed without losing whoever is being let in."""

import asyncio
import contextlib

# From an accepted connection to the task that serves it, in turns of asyncio's loop: transport, protocol, task.
_TURNS_TO_BEGIN = 5


async def stop_accepting(server: asyncio.Server) -> None:
    """Close the port; whoever was let in at this moment has its task, which the caller ends as all others.

    A server that is closed at once leaves such a connection open, and without a task (CPython 3.11: the assertion in
    `Server._attach`), until the collector finds it. For tasks, not for a handler that is called back.
    """
    with contextlib.suppress(NotImplementedError):
        for one in server.sockets:
            asyncio.get_running_loop().remove_reader(one.fileno())
    for _ in range(_TURNS_TO_BEGIN):
        await asyncio.sleep(0)
    server.close()
