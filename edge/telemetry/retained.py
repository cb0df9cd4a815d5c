"""Retained values: the newest of each topic reaches the broker, whatever the link does meanwhile."""

import asyncio
from collections.abc import Callable

_RETRY_S = 1.0
# A lane has fewer alarms than this, and with the window of events they still fit into what a link may have unanswered.
MOST_STALE = 64


class RetainedValues:
    """Keeps the newest payload per topic; one publish per topic is under way, and the newest follows it.

    A burst of changes so costs the link one place a topic. An empty payload takes the topic back.
    """

    def __init__(self, publish: "Callable[[str, bytes, int, bool], asyncio.Future[None]]") -> None:
        self._publish = publish
        self._values: dict[str, bytes] = {}
        self._under_way: dict[str, bytes] = {}
        self._stale: set[str] = set()
        self._may_clear = MOST_STALE
        self._up = False

    def set(self, topic: str, payload: bytes) -> None:
        """Make `payload` the value of the topic, now or at the next connect."""
        self._stale.discard(topic)
        self._values[topic] = payload
        self._send(topic)

    def has(self, topic: str) -> bool:
        """Say whether the topic has a value that stands."""
        return bool(self._values.get(topic))

    def clear_stale(self, topic: str) -> bool:
        """Take back a value that the broker still holds though it no longer stands; False where no more may be.

        At most MOST_STALE per connection, each tried once: what the broker tells costs neither memory nor work without
        end, and the next connect tells it of whatever is left.
        """
        if topic in self._values:
            return True
        if not self._may_clear:
            return False
        self._may_clear -= 1
        self._stale.add(topic)
        self._values[topic] = b""
        self._send(topic)
        return True

    def connected(self) -> None:
        """Publish every value again: the broker may have forgotten all of them."""
        self._up = True
        self._under_way.clear()
        for topic in tuple(self._values):
            self._send(topic)

    def disconnected(self) -> None:
        """Wait for the next connect."""
        self._up = False
        # Not at the connect: the broker may tell of its values before the link says that it is up.
        self._may_clear = MOST_STALE
        self._under_way.clear()
        for topic in self._stale:
            del self._values[topic]
        self._stale.clear()

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
        if topic in self._stale:
            self._stale.remove(topic)
            del self._values[topic]
        elif future.cancelled() or future.exception() is not None:
            # Refused, or lost with its connection: then there is nothing to do before the next connect.
            asyncio.get_running_loop().call_later(_RETRY_S, self._send, topic)
        elif self._values[topic] is not payload:
            self._send(topic)
        elif not payload:
            del self._values[topic]
