"""What a lane tells central operations over MQTT: topics, payloads, and the publisher that drains the outbox."""

from edge.telemetry.publisher import Link, PublisherCounters, PublisherTimes, TelemetryPublisher
from edge.telemetry.session import TelemetrySession
from edge.telemetry.topics import LaneTopics

__all__ = [
    "LaneTopics",
    "Link",
    "PublisherCounters",
    "PublisherTimes",
    "TelemetryPublisher",
    "TelemetrySession",
]
