"""Whose turn it is on a line that carries one request at a time: commands before polling."""

import asyncio
from contextlib import AbstractAsyncContextManager


class Turns:
    """A lock with two ranks. A waiting command is served before the next poll, commands in their order."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.no_commands = asyncio.Event()
        self.no_commands.set()
        # Each scan asks twice: both are made once, for they keep nothing of who holds the line.
        self._command, self._poll = _Command(self), _Poll(self)

    def command(self) -> AbstractAsyncContextManager[None]:
        """Hold the line for a command: waits for at most one request that is already on the wire."""
        return self._command

    def poll(self) -> AbstractAsyncContextManager[None]:
        """Hold the line for one request of the scan, once no command waits or runs."""
        return self._poll


class _Command(AbstractAsyncContextManager[None]):
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._waiting_or_running = 0

    async def __aenter__(self) -> None:
        self._waiting_or_running += 1
        self._turns.no_commands.clear()
        try:
            await self._turns.lock.acquire()
        except BaseException:
            # Cancelled while it waited.
            self._one_less()
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._turns.lock.release()
        self._one_less()

    def _one_less(self) -> None:
        self._waiting_or_running -= 1
        if not self._waiting_or_running:
            self._turns.no_commands.set()


class _Poll(AbstractAsyncContextManager[None]):
    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    async def __aenter__(self) -> None:
        # Looped, because a new command may have come between the event and this task's turn.
        while not self._turns.no_commands.is_set():
            await self._turns.no_commands.wait()
        await self._turns.lock.acquire()

    async def __aexit__(self, *_error: object) -> None:
        self._turns.lock.release()
