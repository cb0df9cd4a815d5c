"""Somebody who says "stored" for what was never sent, over and over: hazards.md C20, C22."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.runtime.journal import Journal
from tests.support.brokers import BrokerCase
from tests.support.lane_telemetry import add_events, lane_telemetry, subscriber, utc

FLOOD = 60


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    yield opened
    await opened.close()


@pytest.mark.hazard("C22")
async def test_a_flood_of_acknowledgements_ahead_is_told_once(broker: BrokerCase, journal: Journal):
    async with subscriber(broker) as heard, lane_telemetry(broker, journal) as publisher:
        await add_events(journal, 3)
        await heard.until(lambda: 3 in heard.seqs())
        for number in range(FLOOD):
            await heard.acknowledge("L1", {"epoch": journal.epoch, "seq": 2**62 + number})
        await heard.until(lambda: publisher.counters.acks_ahead == FLOOD)
        # What comes after the flood is delivered as ever, and another such word about it is told again.
        await add_events(journal, 1)
        await heard.until(lambda: 4 in heard.seqs())
        assert len(heard.payloads("/alarm/ack_ahead")) == 1
        await heard.acknowledge("L1", {"epoch": journal.epoch, "seq": 2**62})
        await heard.until(lambda: len(heard.payloads("/alarm/ack_ahead")) == 2)
        assert journal.outbox.acknowledged_seq("L1") == 4
