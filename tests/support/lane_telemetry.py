"""A lane's real telemetry for tests: journal, link, publisher; and a subscriber that waits for what it wants."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from edge.field_policy import FieldPolicy
from edge.mqtt import Message, MqttLink, MqttSettings
from edge.runtime.journal import Journal
from edge.runtime.outbox import OutboxEvent
from edge.telemetry import LaneTopics, PublisherTimes, TelemetryPublisher, TelemetrySession
from tests.support.brokers import BrokerCase

FAST = PublisherTimes(window=16, resend_after_s=0.3, resend_max_s=1.0)

LOOK_AGAIN_S = 0.05


def utc() -> datetime:
    return datetime.now(UTC)


class Subscriber:
    """Hears everything under `gate/#` and can wait for it."""

    def __init__(self, settings: MqttSettings) -> None:
        self.messages: list[Message] = []
        self.link = MqttLink(settings, on_up=self._changed)
        self.link.subscribe("gate/#", self._heard)
        self.ups = 0
        self._change = asyncio.Event()

    def _changed(self) -> None:
        self.ups += 1
        self._change.set()

    def _heard(self, message: Message) -> None:
        self.messages.append(message)
        self._change.set()

    async def until(self, true: Callable[[], bool], timeout_s: float = 60) -> None:
        """Wait until `true`; what it asks may also change without a message, as where a lane took one in later."""
        async with asyncio.timeout(timeout_s):
            while not true():
                self._change.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_S):
                        await self._change.wait()

    def payloads(self, part: str) -> list[dict[str, Any]]:
        return [json.loads(m.payload) for m in self.messages if part in m.topic and m.payload]

    def seqs(self) -> list[int]:
        return [event["seq"] for event in self.payloads("/event/")]

    async def acknowledge(self, lane: str, payload: object, retain: bool = False) -> None:
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        await self.link.publish(f"gate/v1/S1/{lane}/ack", raw, 1, retain)


@asynccontextmanager
async def running(*works: Any) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def subscriber(case: BrokerCase, name: str = "subscriber") -> AsyncIterator[Subscriber]:
    heard = Subscriber(case.settings(name))
    async with running(heard.link.run()):
        await heard.until(lambda: heard.ups > 0)
        yield heard


@asynccontextmanager
async def lane_telemetry(
    case: BrokerCase,
    journal: Journal,
    lane: str = "L1",
    policies: dict[str, FieldPolicy] | None = None,
    signed: Callable[[bytes], tuple[int, int] | None] | None = None,
) -> AsyncIterator[TelemetryPublisher]:
    topics = LaneTopics("S1", lane)
    session = TelemetrySession(topics, utc)
    link = MqttLink(case.settings(f"lane-{lane}", will=session.will))
    publisher = TelemetryPublisher(
        link, journal.outbox, session, topics, utc=utc, policies=policies, times=FAST, signed=signed
    )
    async with running(publisher.run(), link.run()):
        yield publisher


async def add_events(journal: Journal, count: int, lane: str = "L1", personal: dict[str, Any] | None = None) -> None:
    for n in range(count):
        event = OutboxEvent("decided", {"passage": f"p{n}", "decision": "release"}, personal)
        ticket = journal.append(lane, "step", "{}", [event])
    await ticket.durable
