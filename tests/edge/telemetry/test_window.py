"""When the publisher looks into the outbox: for what is new, and where something waits for a place in its window."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from edge.mqtt import Message, MqttDown
from edge.runtime.journal import Journal
from edge.runtime.outbox import OutboxRow
from edge.telemetry import LaneTopics, PublisherTimes, TelemetryPublisher, TelemetrySession
from tests.support.lane_telemetry import add_events, running, utc

WINDOW = 4


class HeldLink:
    """A link whose broker confirms when the test says so. `events` are the futures of what was sent of the outbox."""

    on_up: Callable[[], None] | None = None
    on_down: Callable[[MqttDown], None] | None = None

    def __init__(self) -> None:
        self.events: list[asyncio.Future[None]] = []
        self._news = asyncio.Event()

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "asyncio.Future[None]":
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if "/event/" in topic:
            self.events.append(sent)
            self._news.set()
        return sent

    def subscribe(self, topic_filter: str, handler: Callable[[Message], None]) -> None: ...

    async def until(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.events) < count:
                self._news.clear()
                await self._news.wait()


def confirm(sent: Sequence["asyncio.Future[None]"]) -> None:
    for one in sent:
        one.set_result(None)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    yield opened
    await opened.close()


async def test_a_place_that_nothing_waits_for_is_no_reason_to_look(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, pending = list[int](), journal.outbox.pending

    def looked(lane: str, after_seq: int, limit: int) -> list[OutboxRow]:
        looks.append(after_seq)
        return pending(lane, after_seq, limit)

    monkeypatch.setattr(journal.outbox, "pending", looked)
    link, topics = HeldLink(), LaneTopics("S1", "L1")
    session, times = TelemetrySession(topics, utc), PublisherTimes(window=WINDOW, gather_s=0.0)
    publisher = TelemetryPublisher(link, journal.outbox, session, topics, utc=utc, times=times)
    async with running(publisher.run()):
        assert link.on_up is not None
        link.on_up()
        await add_events(journal, WINDOW - 1)
        await link.until(WINDOW - 1)
        looks.clear()
        confirm(link.events)
        await add_events(journal, 1)
        await link.until(WINDOW)
        assert looks == [WINDOW - 1]
        # The window fills, and what does not fit goes as soon as there is a place.
        await add_events(journal, 2 * WINDOW)
        await link.until(2 * WINDOW - 1)
        assert sum(not one.done() for one in link.events) == WINDOW
        confirm(link.events[WINDOW - 1 : WINDOW])
        await link.until(2 * WINDOW)
        confirm(link.events[WINDOW:])
        await link.until(3 * WINDOW)
