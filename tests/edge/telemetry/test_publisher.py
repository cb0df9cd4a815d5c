import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.field_policy import FieldPolicy
from edge.mqtt import MqttLink
from edge.runtime.journal import Journal
from tests.support.brokers import BrokerCase
from tests.support.lane_telemetry import add_events, lane_telemetry, running, subscriber, utc

IDENTITY = {
    "plates": [{"place": "front", "text": "粤B12345", "colour": "yellow"}],
    "containers": [{"code": "TCLU4254260", "check": "verified"}],
    "tag": "E20012345678",
}
SECRETS = ("粤B12345", "TCLU4254260", "E20012345678")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    yield opened
    await opened.close()


async def test_a_subscriber_sees_events_in_order_and_the_outbox_empties_by_acknowledgement(
    broker: BrokerCase, journal: Journal
) -> None:
    async with subscriber(broker) as heard:
        await add_events(journal, 40)
        async with lane_telemetry(broker, journal) as publisher:
            await heard.until(lambda: len(set(heard.seqs())) == 40)
            assert list(dict.fromkeys(heard.seqs())) == list(range(1, 41))
            event = heard.payloads("/event/decided")[0]
            assert event["specversion"] == "1.0"
            assert event["source"] == "gate/v1/S1/L1"
            assert event["id"] == f"{journal.epoch}-1"
            assert (event["epoch"], event["seq"], event["oldestseq"]) == (journal.epoch, 1, 1)
            assert len(event["hash"]) == 64
            assert event["data"] == {"passage": "p0", "decision": "release"}
            assert journal.outbox.depth("L1") == 40
            await heard.acknowledge("L1", {"epoch": journal.epoch, "seq": 40})
            await add_events(journal, 1)
            await heard.until(lambda: 41 in heard.seqs() and journal.outbox.depth("L1") == 1)
            assert publisher.counters.acknowledged == 40
            assert not any(m.retain for m in heard.messages if "/event/" in m.topic)


@pytest.mark.hazard("C23")
@pytest.mark.threat("deletion", "delay", "ack")
async def test_without_a_word_from_central_events_go_again(broker: BrokerCase, journal: Journal) -> None:
    async with subscriber(broker) as heard, lane_telemetry(broker, journal) as publisher:
        await add_events(journal, 20)
        # The window bounds what goes again: 16 of 20, until central confirms some.
        await heard.until(lambda: heard.seqs().count(16) >= 3)
        assert heard.seqs().count(20) == 1
        await heard.acknowledge("L1", {"epoch": journal.epoch, "seq": 10})
        await heard.until(lambda: heard.seqs().count(20) >= 2)
        assert publisher.counters.resent > 0


@pytest.mark.hazard("C3", "I12")
async def test_a_broker_killed_and_emptied_loses_nothing(broker: BrokerCase, journal: Journal) -> None:
    async with subscriber(broker) as heard, lane_telemetry(broker, journal) as publisher:
        publisher.publish_state({"phase": "IDLE"})
        await add_events(journal, 30)
        await heard.until(lambda: 30 in heard.seqs())
        await heard.acknowledge("L1", {"epoch": journal.epoch, "seq": 12})
        ups = heard.ups
        await asyncio.to_thread(broker.broker.kill)
        heard.messages.clear()
        await add_events(journal, 30)
        await asyncio.to_thread(broker.broker.start)
        await heard.until(lambda: heard.ups > ups)
        seen: set[int] = set()
        async with asyncio.timeout(30):
            while len(seen) < 60:
                await heard.until(lambda: bool(heard.seqs()))
                seen.update(heard.seqs(), range(1, 13))
                heard.messages[:] = [m for m in heard.messages if "/event/" not in m.topic]
                through = next(n for n in range(1, 62) if n not in seen) - 1
                await heard.acknowledge("L1", {"epoch": journal.epoch, "seq": through})
        assert seen == set(range(1, 61))
        await heard.until(lambda: bool(heard.payloads("/state")))
        assert heard.payloads("/state")[-1]["phase"] == "IDLE"


@pytest.mark.hazard("S16", "I19")
async def test_personal_data_crosses_only_under_an_authoritys_policy(broker: BrokerCase, journal: Journal) -> None:
    policies = {
        "customs": FieldPolicy(containers="mask", tag="deny"),
        "port": FieldPolicy("deny", "deny", "hash", b"k" * 16),
    }
    async with subscriber(broker) as heard, lane_telemetry(broker, journal, policies=policies) as publisher:
        publisher.publish_state({"phase": "IDLE"})
        publisher.publish_health({"devices": {"barrier": "ok"}})
        await add_events(journal, 1, personal=IDENTITY)
        await heard.until(lambda: bool(heard.payloads("/customs") and heard.payloads("/port")))
        customs, port = heard.payloads("/customs")[0]["data"], heard.payloads("/port")[0]["data"]
        assert customs["decision"] == "release"
        assert customs["identity"] == {
            "plates": IDENTITY["plates"],
            "containers": [{"code": "*********60", "check": "verified"}],
        }
        assert list(port["identity"]) == ["tag"]
        assert len(port["identity"]["tag"]) == 64
        for message in heard.messages:
            if "/passage/customs" not in message.topic:
                assert not any(secret in message.payload.decode() for secret in SECRETS)


LANE = """
import asyncio, sys
from pathlib import Path
from edge.mqtt import MqttLink, MqttSettings
from edge.runtime.journal import Journal
from edge.telemetry import LaneTopics, TelemetryPublisher, TelemetrySession
from tests.support.lane_telemetry import utc

async def main():
    journal = await Journal.open(Path(sys.argv[3]), utc=utc)
    topics = LaneTopics("S1", "L1")
    session = TelemetrySession(topics, utc)
    link = MqttLink(MqttSettings("127.0.0.1", int(sys.argv[1]), "lane", version=sys.argv[2], will=session.will))
    publisher = TelemetryPublisher(link, journal.outbox, session, topics, utc=utc)
    await asyncio.gather(link.run(), publisher.run())

asyncio.run(main())
"""


async def test_availability_comes_with_a_session_and_the_will_takes_it_back(broker: BrokerCase, tmp_path: Path) -> None:
    port = broker.settings("x").port
    command = [sys.executable, "-c", LANE, str(port), broker.version, str(tmp_path / "journal.sqlite")]
    async with subscriber(broker) as heard:
        for round_number in (1, 2):
            lane = await asyncio.create_subprocess_exec(*command)
            await heard.until(lambda n=round_number: len(heard.payloads("/availability")) >= 2 * n - 1)  # type: ignore[misc]
            lane.kill()
            await lane.wait()
            await heard.until(lambda n=round_number: len(heard.payloads("/availability")) >= 2 * n)  # type: ignore[misc]
        said = [(p["status"], p["session"]) for p in heard.payloads("/availability")]
    assert [status for status, _ in said] == ["online", "offline"] * 2
    assert said[0][1] == said[1][1] < said[2][1] == said[3][1]


async def test_a_lane_that_stops_in_order_says_so(broker: BrokerCase, journal: Journal) -> None:
    async with subscriber(broker) as heard:
        async with lane_telemetry(broker, journal):
            await heard.until(lambda: bool(heard.payloads("/availability")))
        await heard.until(lambda: len(heard.payloads("/availability")) >= 2)
        assert [p["status"] for p in heard.payloads("/availability")] == ["online", "offline"]


@pytest.mark.hazard("C22")
@pytest.mark.threat("insertion", "resequencing", "ack")
async def test_wrong_acknowledgements_delete_nothing_and_are_counted(broker: BrokerCase, journal: Journal) -> None:
    async with subscriber(broker) as heard, lane_telemetry(broker, journal) as publisher:
        await add_events(journal, 3)
        await heard.until(lambda: 3 in heard.seqs())
        epoch = journal.epoch
        for payload in (b"", b"{", b"[]", b'{"epoch":1}', b"x" * 300, {"epoch": epoch, "seq": True}):
            await heard.acknowledge("L1", payload)
        await heard.acknowledge("L1", {"epoch": epoch, "seq": -1})
        await heard.acknowledge("L1", {"epoch": epoch - 1, "seq": 3})
        await heard.acknowledge("L1", {"epoch": epoch, "seq": 0})
        await heard.acknowledge("L2", {"epoch": epoch, "seq": 3})
        await heard.acknowledge("L1", {"epoch": epoch, "seq": 2**63 - 1})
        await heard.until(lambda: bool(heard.payloads("/alarm/ack_ahead")))
        assert publisher.counters.acks_malformed == 7
        assert publisher.counters.acks_ignored == 2
        # Clamped to what was sent: those were truly handed over.
        assert publisher.counters.acks_ahead == 1
        assert journal.outbox.acknowledged_seq("L1") == 3
        assert set(publisher.alarms) == {"ack_ahead"}
        await add_events(journal, 1)
        await heard.until(lambda: 4 in heard.seqs())
        await heard.acknowledge("L1", {"epoch": epoch, "seq": 4})
        await heard.until(lambda: any(m.topic.endswith("/ack_ahead") and not m.payload for m in heard.messages))
        assert publisher.alarms == {}


async def test_a_retained_acknowledgement_is_refused(broker: BrokerCase, journal: Journal) -> None:
    async with subscriber(broker) as heard:
        await add_events(journal, 3)
        await heard.acknowledge("L1", {"epoch": journal.epoch, "seq": 3}, retain=True)
        async with lane_telemetry(broker, journal) as publisher:
            await heard.until(lambda: 3 in heard.seqs() and publisher.counters.acks_retained == 1)
            assert journal.outbox.depth("L1") == 3


async def test_an_alarm_stands_until_taken_back_and_one_of_an_earlier_run_is_removed(
    broker: BrokerCase, journal: Journal
) -> None:
    async with subscriber(broker) as heard:
        await heard.link.publish("gate/v1/S1/L1/alarm/stale", b'{"code":"stale"}', 1, True)
        async with lane_telemetry(broker, journal) as publisher:
            publisher.publish_alarm("camera_lost", "front")
            await heard.until(lambda: bool(heard.payloads("/alarm/camera_lost")))
            await heard.until(lambda: any(m.topic.endswith("stale") and not m.payload for m in heard.messages))
            publisher.publish_alarm("camera_lost", None)
            await heard.until(lambda: any(m.topic.endswith("camera_lost") and not m.payload for m in heard.messages))
            with pytest.raises(ValueError, match="not an alarm code"):
                publisher.publish_alarm("a/b", "x")


async def test_a_burst_of_states_ends_with_the_newest(broker: BrokerCase, journal: Journal) -> None:
    async with subscriber(broker) as heard, lane_telemetry(broker, journal) as publisher:
        await heard.until(lambda: bool(heard.payloads("/availability")))
        for n in range(2000):
            publisher.publish_state({"n": n})
        await heard.until(lambda: any(p["n"] == 1999 for p in heard.payloads("/state")))
        assert heard.payloads("/state")[-1]["n"] == 1999
        assert len(heard.payloads("/state")) < 100


async def test_a_late_link_finds_the_state_retained(broker: BrokerCase, journal: Journal) -> None:
    async with subscriber(broker, "first") as heard, lane_telemetry(broker, journal) as publisher:
        publisher.publish_state({"phase": "HELD"})
        await heard.until(lambda: bool(heard.payloads("/state")))
        async with subscriber(broker, "late") as late:
            await late.until(lambda: bool(late.payloads("/state")))
            assert [m.retain for m in late.messages if m.topic.endswith("/state")] == [True]
            assert late.payloads("/state")[0]["updated_at"].endswith("Z")


async def test_wake_is_harmless_when_nothing_is_new(broker: BrokerCase, journal: Journal) -> None:
    link = MqttLink(broker.settings("idle"))
    async with running(link.run()), lane_telemetry(broker, journal) as publisher:
        publisher.wake()
        await add_events(journal, 1)
    assert journal.outbox.depth("L1") == 1


@pytest.mark.hazard("C22")
@pytest.mark.threat("masquerade", "repetition", "ack")
async def test_where_central_signs_nobody_else_makes_a_lane_let_go(broker: BrokerCase, journal: Journal) -> None:
    words = {b"central 3": 3, b"central 2": 2}

    def signed(raw: bytes) -> tuple[int, int] | None:
        return (journal.epoch, words[raw]) if raw in words else None

    async with subscriber(broker) as heard, lane_telemetry(broker, journal, signed=signed) as publisher:
        await add_events(journal, 3)
        await heard.until(lambda: 3 in heard.seqs())
        for _ in range(2):
            await heard.acknowledge("L1", {"epoch": journal.epoch, "seq": 3})
        await heard.until(lambda: bool(heard.payloads("/alarm/ack_refused")))
        await heard.until(lambda: publisher.counters.acks_malformed == 2)
        assert journal.outbox.depth("L1") == 3
        await heard.acknowledge("L1", b"central 3")
        await heard.until(lambda: journal.outbox.depth("L1") == 0)
        await heard.until(lambda: any(m.topic.endswith("/ack_refused") and not m.payload for m in heard.messages))
        # An old word of central comes again: the number never goes back.
        await heard.acknowledge("L1", b"central 2")
        await heard.until(lambda: publisher.counters.acks_ignored == 1)
        assert journal.outbox.acknowledged_seq("L1") == 3


@pytest.mark.hazard("C22")
async def test_central_and_a_stranger_in_turns_make_no_storm_of_alarms(broker: BrokerCase, journal: Journal) -> None:
    told: list[str | None] = []

    def signed(raw: bytes) -> tuple[int, int] | None:
        return (journal.epoch, 0) if raw == b"central" else None

    async with subscriber(broker) as heard, lane_telemetry(broker, journal, signed=signed) as publisher:
        await add_events(journal, 1)
        await heard.until(lambda: heard.seqs() == [1])
        publisher.on_alarm = lambda _code, detail: told.append(detail)
        for _ in range(20):
            await heard.acknowledge("L1", b"stranger")
            await heard.acknowledge("L1", b"central")
        await heard.until(lambda: publisher.counters.acks_malformed == publisher.counters.acks_ignored == 20)
        assert told.count(None) == 3
        assert "ack_refused" in publisher.alarms
