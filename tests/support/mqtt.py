"""Links and waiting for tests: every wait is for an event, with a limit."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from edge.mqtt import Message, MqttDown, MqttLink, MqttSettings

LIMIT_S = 60.0


class Probe:
    """A link with what happened to it: `ups`, `downs` and `messages` are queues to await."""

    def __init__(self, settings: MqttSettings, **options: Any) -> None:
        self.ups: asyncio.Queue[None] = asyncio.Queue()
        self.downs: asyncio.Queue[MqttDown] = asyncio.Queue()
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.link = MqttLink(
            settings, on_up=lambda: self.ups.put_nowait(None), on_down=self.downs.put_nowait, **options
        )

    def listen(self, topic_filter: str) -> None:
        self.link.subscribe(topic_filter, self.messages.put_nowait)

    @contextlib.asynccontextmanager
    async def running(self, *, wait_up: bool = True) -> AsyncIterator["Probe"]:
        async with serving(self.link.run):
            if wait_up:
                await within(self.ups.get())
            yield self


@contextlib.asynccontextmanager
async def serving(run: Callable[[], Any]) -> AsyncIterator[None]:
    """Run a service until the block ends; its own failure fails the test."""
    task = asyncio.ensure_future(run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def within(awaitable: Any, limit_s: float = LIMIT_S) -> Any:
    """Await with a limit."""
    async with asyncio.timeout(limit_s):
        return await awaitable
