"""The session number of a lane's telemetry connection: it tells an old connection's will from the present one's."""

from collections.abc import Callable
from datetime import datetime

from edge.mqtt.values import Message
from edge.telemetry import payloads
from edge.telemetry.topics import LaneTopics


class TelemetrySession:
    """Counts connections. `will` goes into the link's settings: it is asked once per connection."""

    def __init__(self, topics: LaneTopics, utc: Callable[[], datetime]) -> None:
        self._topics = topics
        self._utc = utc
        self.number = 0

    def will(self) -> Message:
        """Begin the next session and return its retained last word.

        Numbers grow, over restarts too (milliseconds of the wall clock); readers need only compare for equality.
        """
        self.number = max(self.number + 1, int(self._utc().timestamp() * 1000))
        return Message(self._topics.availability, payloads.availability(False, self.number, None), True, 1)
