"""Keeps pushes without letting a device wait for a slow disk longer than it would, and without losing what it sent.

Few devices wait longer than five seconds for an answer, and few of those send a push again (domain.md 6.3): what was
taken whole is kept and handed on also where the answer had to be 503 meanwhile. One that does send it again is told 200
then, for its name is known.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from drivers.kit.push.head import PushRefusedError
from drivers.kit.push.listener import MOST_CONNECTIONS

# Less than what devices wait for.
ANSWER_WITHIN_S = 4.0


class Keeping:
    """At most `MOST_CONNECTIONS` pushes that are on their way to the disk."""

    def __init__(self, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._answer_within_s = answer_within_s
        self._tasks: set[asyncio.Task[None]] = set()

    async def keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Do `work`, and wait for it as long as the device does: PushRefusedError is that of it, or 503 before its end.

        What it raises behind the answer is nobody's any more: 503 has told of it.
        """
        if len(self._tasks) >= MOST_CONNECTIONS:
            work.close()
            raise PushRefusedError(503, "pushes wait for the disk")
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        try:
            async with asyncio.timeout(self._answer_within_s):
                await asyncio.shield(task)
        except TimeoutError as error:
            raise PushRefusedError(503, f"not kept within {self._answer_within_s:g} s: the disk is slow") from error

    async def end(self) -> None:
        """Wait for what is on its way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # Taken here, so that asyncio does not complain where nobody waits for it any more.
            task.exception()
