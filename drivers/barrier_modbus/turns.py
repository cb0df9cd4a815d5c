"""Whose turn it is on a line that carries one request at a time: commands before polling."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock with two ranks. A waiting command is served before the next poll, commands in their order."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._commands = 0
        self._no_commands = asyncio.Event()
        self._no_commands.set()

    @asynccontextmanager
    async def command(self) -> AsyncIterator[None]:
        """Hold the line for a command: waits for at most one request that is already on the wire."""
        self._commands += 1
        self._no_commands.clear()
        try:
            async with self._lock:
                yield
        finally:
            self._commands -= 1
            if not self._commands:
                self._no_commands.set()

    @asynccontextmanager
    async def poll(self) -> AsyncIterator[None]:
        """Hold the line for one request of the scan, once no command waits or runs."""
        # Looped, because a new command may have come between the event and this task's turn.
        while self._commands:
            await self._no_commands.wait()
        async with self._lock:
            yield
