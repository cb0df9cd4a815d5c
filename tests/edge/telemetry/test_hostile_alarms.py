"""A broker, or somebody at it, that holds more retained alarms than a lane ever raised: hazards.md C20."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.runtime.journal import Journal
from edge.telemetry.retained import MOST_STALE, RetainedValues
from tests.edge.telemetry.test_retained import FakeLink, settled
from tests.support.brokers import BrokerCase
from tests.support.lane_telemetry import Subscriber, add_events, lane_telemetry, subscriber, utc

FLOOD = 3 * MOST_STALE
ALARMS = "gate/v1/S1/L1/alarm"


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    yield opened
    await opened.close()


def cleared(heard: Subscriber) -> list[str]:
    return [one.topic for one in heard.messages if one.topic.startswith(ALARMS) and not one.payload]


async def test_a_flood_of_retained_alarms_is_cleared_in_part_and_the_lane_goes_on(broker: BrokerCase, journal: Journal):
    async with subscriber(broker) as heard:
        await asyncio.gather(*(heard.link.publish(f"{ALARMS}/x{n}", b"{}", 1, True) for n in range(FLOOD)))
        async with lane_telemetry(broker, journal) as publisher:
            # How many the broker tells of is its own choice: some queue no more than a hundred.
            await heard.until(lambda: publisher.counters.stale_alarms_left > 0 and len(cleared(heard)) == MOST_STALE)
            await add_events(journal, 3)
            publisher.publish_alarm("camera_lost", "front")
            await heard.until(lambda: 3 in heard.seqs() and bool(heard.payloads("/alarm/camera_lost")))
            assert len(cleared(heard)) == MOST_STALE
        # The next connection takes back what this one left.
        async with lane_telemetry(broker, journal):
            await heard.until(lambda: len(set(cleared(heard))) == 2 * MOST_STALE)


async def test_a_retained_alarm_whose_code_no_lane_could_have_is_left_alone(broker: BrokerCase, journal: Journal):
    async with subscriber(broker) as heard:
        for code in ("a b", "x" * 97, "\u8f66"):
            await heard.link.publish(f"{ALARMS}/{code}", b"{}", 1, True)
        await heard.link.publish(f"{ALARMS}/stale", b"{}", 1, True)
        async with lane_telemetry(broker, journal) as publisher:
            await heard.until(lambda: publisher.counters.alarms_foreign == 3 and bool(cleared(heard)))
            assert cleared(heard) == [f"{ALARMS}/stale"]


async def test_a_broker_that_answers_no_clearing_costs_no_memory_over_many_connections():
    link = FakeLink()
    values = RetainedValues(link.publish)
    values.set("own", b"")
    for connection in range(5):
        values.connected()
        assert [values.clear_stale(f"{connection}/{n}") for n in range(MOST_STALE)] == [True] * MOST_STALE
        assert values.clear_stale(f"{connection}/0")
        assert not values.clear_stale("one more")
        values.disconnected()
    # Each connection tries its own and the value that the lane itself took back, nothing of those before it.
    assert len(link.sent) == 5 * (MOST_STALE + 1)


async def test_a_clearing_that_was_refused_is_not_tried_again_and_an_alarm_raised_meanwhile_stands():
    link = FakeLink()
    values = RetainedValues(link.publish)
    values.connected()
    values.clear_stale("refused")
    values.clear_stale("raised")
    values.set("raised", b"1")
    link.sent[0][1].set_exception(OSError("refused"))
    link.sent[1][1].set_result(None)
    await settled()
    values.disconnected()
    values.connected()
    assert [payload for payload, _ in link.sent] == [b"", b"", b"1", b"1"]
    assert values.has("raised")
