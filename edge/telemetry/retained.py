"""Retained values: the newest of each topic reaches the broker, whatever the link does meanwhile."""

import asyncio
from collections.abc import Callable

_RETRY_S = 1.0


class RetainedValues:
    """Keeps the newest payload per topic; one publish per topic is under way, and the newest follows it.

    A burst of changes so costs the link one place a topic. An empty payload takes the topic back.
    """

    def __init__(self, publish: "Callable[[str, bytes, int, bool], asyncio.Future[None]]") -> None:
        self._publish = publish
        self._values: dict[str, bytes] = {}
        self._under_way: dict[str, bytes] = {}
        self._up = False

    def set(self, topic: str, payload: bytes) -> None:
        """Make `payload` the value of the topic, now or at the next connect."""
        self._values[topic] = payload
        self._send(topic)

    def has(self, topic: str) -> bool:
        """Say whether the topic has a value that stands."""
        return bool(self._values.get(topic))

    def connected(self) -> None:
        """Publish every value again: the broker may have forgotten all of them."""
        self._up = True
        self._under_way.clear()
        for topic in tuple(self._values):
            self._send(topic)

    def disconnected(self) -> None:
        """Wait for the next connect."""
        self._up = False
        self._under_way.clear()

    def _send(self, topic: str) -> None:
        if not self._up or topic in self._under_way or topic not in self._values:
            return
        payload = self._values[topic]
        self._under_way[topic] = payload
        self._publish(topic, payload, 1, True).add_done_callback(lambda future: self._sent(topic, payload, future))

    def _sent(self, topic: str, payload: bytes, future: "asyncio.Future[None]") -> None:
        if self._under_way.get(topic) is not payload:
            return
        del self._under_way[topic]
        if future.cancelled() or future.exception() is not None:
            # Refused, or lost with its connection: then there is nothing to do before the next connect.
            asyncio.get_running_loop().call_later(_RETRY_S, self._send, topic)
        elif self._values[topic] is not payload:
            self._send(topic)
        elif not payload:
            del self._values[topic]
