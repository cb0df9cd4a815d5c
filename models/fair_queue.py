"""Hands out what several lanes share, one turn a lane: who asks for much waits behind himself alone (I17)."""

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

    def waiting(self, lane: str) -> int:
        """How many requests of a lane wait."""
        return len(self._waiting.get(lane, ()))

    @property
    def has_free(self) -> bool:
        """Whether a request would be served at once."""
        return bool(self._free)

    def put(self, one: Shared) -> None:
        """Give one back, or add it; the lane whose turn it is gets it."""
        self._free.append(one)
        self._serve()

    async def get(self, lane: str) -> Shared:
        """Wait for one. Cancelled while it waits, it takes none."""
        future: asyncio.Future[Shared] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(lane, deque()).append(future)
        self._serve()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.put(future.result())
            else:
                self._forget(lane, future)
            raise

    def _serve(self) -> None:
        while self._free and self._waiting:
            lane = next(iter(self._waiting))
            queue = self._waiting.pop(lane)
            future = queue.popleft()
            if queue:
                self._waiting[lane] = queue
            if not future.done():
                future.set_result(self._free.popleft())

    def _forget(self, lane: str, future: "asyncio.Future[Shared]") -> None:
        queue = self._waiting.get(lane)
        if queue is not None and future in queue:
            queue.remove(future)
            if not queue:
                del self._waiting[lane]
