"""Hands out what several lanes share, one turn a lane: who asks for much waits behind himself alone (I17).

Who yields waits behind all the others, and takes turns with those who yield as well.
"""

import asyncio
from collections import deque
from typing import Generic, TypeVar

Shared = TypeVar("Shared")


class FairQueue(Generic[Shared]):
    """Free things and the lanes that wait for one, served in turn. Of one lane, first come is first served."""

    def __init__(self) -> None:
        self._free: deque[Shared] = deque()
        # In the order of their turns: the lane that was served goes to the end.
        self._waiting: dict[str, deque[asyncio.Future[Shared]]] = {}
        self._yielding: dict[str, deque[asyncio.Future[Shared]]] = {}

    def waiting(self, lane: str) -> int:
        """How many requests of a lane wait."""
        return sum(len(queues.get(lane, ())) for queues in (self._waiting, self._yielding))

    @property
    def has_free(self) -> bool:
        """Whether a request would be served at once."""
        return bool(self._free)

    def put(self, one: Shared) -> None:
        """Give one back, or add it; the lane whose turn it is gets it."""
        self._free.append(one)
        self._serve()

    async def get(self, lane: str, *, yields: bool = False) -> Shared:
        """Wait for one. Cancelled while it waits, it takes none."""
        future: asyncio.Future[Shared] = asyncio.get_running_loop().create_future()
        queues = self._yielding if yields else self._waiting
        queues.setdefault(lane, deque()).append(future)
        self._serve()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.put(future.result())
            else:
                self._forget(queues, lane, future)
            raise

    def _serve(self) -> None:
        while self._free and (queues := self._waiting or self._yielding):
            lane = next(iter(queues))
            queue = queues.pop(lane)
            future = queue.popleft()
            if queue:
                queues[lane] = queue
            if not future.done():
                future.set_result(self._free.popleft())

    @staticmethod
    def _forget(queues: dict[str, deque[asyncio.Future[Shared]]], lane: str, future: asyncio.Future[Shared]) -> None:
        queue = queues.get(lane)
        if queue is not None and future in queue:
            queue.remove(future)
            if not queue:
                del queues[lane]
