import asyncio
import io
import json
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console

from edge.mqtt import Message, MqttLink
from edge.runtime.journal import Journal
from ops.envelope import Lane
from ops.ingest import Ingest
from ops.store import EventStore, StoreError
from ops.table import lane_table
from tests.support.brokers import BrokerCase
from tests.support.lane_telemetry import add_events, lane_telemetry, running, subscriber, utc

OPS = "import sys; from ops.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    yield opened
    await opened.close()


@asynccontextmanager
async def ops_process(broker: BrokerCase, database: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    port = str(broker.settings("x").port)
    arguments = ("--broker", f"127.0.0.1:{port}", "--database", str(database), "--mqtt-version", broker.version)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", OPS, *arguments, "--quiet")
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Waiting:
    """Waits for the outbox to be acknowledged."""

    def __init__(self, journal: Journal, heard: object) -> None:
        self._journal = journal
        self._heard = heard

    async def until_depth(self, most: int) -> None:
        await self._heard.until(lambda: self._journal.outbox.depth("L1") <= most)  # type: ignore[attr-defined]


def stored(database: Path) -> list[int]:
    store = EventStore(database, read_only=True)
    seqs = [row[0] for row in store._query("SELECT seq FROM event WHERE lane='L1' ORDER BY seq")]
    assert list(store.gaps()) == []
    assert store.conflicts() == 0
    store.close()
    return seqs


@pytest.mark.hazard("I12")
async def test_killing_ops_mid_stream_loses_nothing(broker: BrokerCase, journal: Journal, tmp_path: Path) -> None:
    database = tmp_path / "ops.sqlite"
    await add_events(journal, 300)
    async with subscriber(broker) as heard, lane_telemetry(broker, journal):
        for most in (250, 120):
            async with ops_process(broker, database) as process:
                await Waiting(journal, heard).until_depth(most)
                process.kill()
                await process.wait()
            await add_events(journal, 50)
        async with ops_process(broker, database) as process:
            await Waiting(journal, heard).until_depth(0)
            process.terminate()
            assert await process.wait() == 0
    assert stored(database) == list(range(1, 401))


@pytest.mark.hazard("C3", "I12")
@pytest.mark.threat("delay", "telemetry")
async def test_killing_and_emptying_the_broker_mid_stream_loses_nothing(
    broker: BrokerCase, journal: Journal, tmp_path: Path
) -> None:
    database = tmp_path / "ops.sqlite"
    async with subscriber(broker) as heard, lane_telemetry(broker, journal), ops_process(broker, database):
        for _ in range(3):
            await add_events(journal, 60)
            await Waiting(journal, heard).until_depth(journal.outbox_head("L1").seq - 10)
            await asyncio.to_thread(broker.broker.kill)
            await add_events(journal, 20)
            await asyncio.to_thread(broker.broker.start)
        await Waiting(journal, heard).until_depth(0)
    assert stored(database) == list(range(1, 241))


@pytest.mark.hazard("C23")
async def test_a_receiver_that_begins_late_names_what_it_will_never_have(
    default_broker: object, journal: Journal, tmp_path: Path
) -> None:
    case = BrokerCase(default_broker, "3.1.1")  # type: ignore[arg-type]
    await add_events(journal, 10)
    async with subscriber(case) as heard, lane_telemetry(case, journal):
        await heard.until(lambda: 10 in heard.seqs())
        await heard.acknowledge("L1", {"epoch": journal.epoch, "seq": 7})
        await heard.until(lambda: journal.outbox.depth("L1") == 3)
        async with ops_process(case, tmp_path / "ops.sqlite"):
            await Waiting(journal, heard).until_depth(0)
    store = EventStore(tmp_path / "ops.sqlite", read_only=True)
    assert [(g.first_seq, g.last_seq, g.lost) for g in store.gaps()] == [(1, 7, True)]
    store.close()


HOSTILE = [
    ("event/x", b"", "not_json"),
    ("event/x", b"[" * 15000, "not_json"),
    ("event/x", b'{"a":1,"a":2}', "not_json"),
    ("event/x", b'{"a":NaN}', "not_json"),
    ("event/x", b'"\\ud800"', "not_json"),
    ("event/x", b"[]", "not_json"),
    ("event/x", b"\xff\xfe", "not_json"),
    ("event/x", b"{}", "bad_envelope"),
    ("event/a/b", b"{}", "bad_envelope"),
    ("availability", b'{"status":"maybe","session":1}', "bad_availability"),
    ("availability", b'{"status":"online","session":true}', "bad_availability"),
    ("state", b"nonsense", "not_json"),
]


@pytest.mark.threat("insertion", "telemetry")
async def test_hostile_payloads_are_dropped_and_counted(default_broker: object, tmp_path: Path) -> None:
    case = BrokerCase(default_broker, "5")  # type: ignore[arg-type]
    store = EventStore(tmp_path / "ops.sqlite")
    up = asyncio.Event()
    link = MqttLink(case.settings("ops"), on_up=up.set)
    ingest = Ingest(link, store, utc=utc)
    good = envelope(1)
    async with subscriber(case) as heard:
        await heard.link.publish("gate/v1/S1/L1/event/decided", json.dumps(good).encode(), 1, True)
    async with subscriber(case) as heard, running(link.run(), ingest.run()):
        await up.wait()
        for topic, payload, _ in HOSTILE:
            await heard.link.publish(f"gate/v1/S1/L1/{topic}", payload)
        for change in ({"epoch": -1}, {"seq": 2**63}, {"hash": "x"}, {"time": 1}, {"data": []}, {"oldestseq": 2},
                       {"specversion": "2"}, {"source": "gate/v1/S1/L2"}, {"type": "other"}):  # fmt: skip
            await heard.link.publish("gate/v1/S1/L1/event/decided", json.dumps(good | change).encode())
        await heard.link.publish("gate/v1/S%1/L1/event/decided", json.dumps(good).encode())
        await heard.link.publish("gate/v1/S1/L1/event/decided", json.dumps(good).encode())
        await heard.until(lambda: any(m.topic.endswith("/ack") for m in heard.messages))
    wanted: dict[str, int] = {"bad_topic": 1, "retained": 1}
    for reason in [reason for _, _, reason in HOSTILE] + ["bad_envelope"] * 9:
        wanted[reason] = wanted.get(reason, 0) + 1
    assert {name: ingest.counters[f"dropped_{name}"] for name in wanted} == wanted
    assert store.count() == 1
    store.close()


def envelope(seq: int, **changes: object) -> dict[str, object]:
    return {
        "specversion": "1.0", "id": f"5-{seq}", "source": "gate/v1/S1/L1", "type": "decided",
        "time": "2026-03-01T12:00:00.000Z", "epoch": 5, "seq": seq, "oldestseq": 1, "hash": f"{seq:064x}",
        "data": {"passage": "p"},
    } | changes  # fmt: skip


async def test_an_old_sessions_will_does_not_count(default_broker: object, tmp_path: Path) -> None:
    case = BrokerCase(default_broker, "3.1.1")  # type: ignore[arg-type]
    store = EventStore(tmp_path / "ops.sqlite")
    up = asyncio.Event()
    link = MqttLink(case.settings("ops"), on_up=up.set)
    ingest = Ingest(link, store, utc=utc)
    async with subscriber(case) as heard, running(link.run(), ingest.run()):
        await up.wait()
        for status, session in (("online", 2), ("offline", 1)):
            body = json.dumps({"status": status, "session": session}).encode()
            await heard.link.publish("gate/v1/S1/L1/availability", body, 1, True)
        await heard.link.publish("gate/v1/S1/L1/event/decided", json.dumps(envelope(1)).encode())
        await heard.until(lambda: any(m.topic.endswith("/ack") for m in heard.messages))
        assert ingest.lanes[Lane("S1", "L1")].online is True
        assert await asyncio.to_thread(redrawn, ingest)
        assert ingest.counters["dropped_old_session"] == 1
    store.close()


def redrawn(ingest: Ingest) -> str:
    out = io.StringIO()
    Console(file=out, width=200).print(lane_table(ingest))
    return out.getvalue() if "S1/L1" in out.getvalue() else ""


async def test_the_live_table_is_redrawn_until_told_to_stop(default_broker: object, tmp_path: Path) -> None:
    port = default_broker.port  # type: ignore[attr-defined]
    arguments = ("--broker", f"127.0.0.1:{port}", "--database", str(tmp_path / "ops.sqlite"))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OPS, *arguments, stdout=asyncio.subprocess.PIPE, env={**os.environ, "FORCE_COLOR": "1"}
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        shown = b""
        while shown.count(b"0 events stored") < 2:
            shown += await process.stdout.read(4096)
    process.terminate()
    assert await process.wait() == 0


async def test_what_does_not_fit_is_left_to_the_lane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.ingest._MAX_WAITING", 2)
    monkeypatch.setattr("ops.ingest._MAX_LANES", 1)
    store = EventStore(tmp_path / "ops.sqlite")
    link = FakeLink()
    ingest = Ingest(link, store, utc=utc)
    for seq in (1, 2, 3):
        link.say("gate/v1/+/+/event/#", "gate/v1/S1/L1/event/decided", envelope(seq))
    link.say("gate/v1/+/+/state", "gate/v1/S1/L1/state", {"phase": "IDLE"})
    link.say("gate/v1/+/+/state", "gate/v1/S1/L2/state", {"phase": "IDLE"})
    assert ingest.counters == {"dropped_overflow": 1, "dropped_too_many_lanes": 1}
    monkeypatch.setattr("ops.ingest._MAX_BATCH", 1)
    async with running(ingest.run()):
        await link.acknowledged(b'"seq":2')
    link.say("gate/v1/+/+/event/#", "gate/v1/S1/L1/event/decided", envelope(2, hash="f" * 64))
    ended = {"passage": "p", "terminal": "PASSED", "decision": "release"}
    link.say("gate/v1/+/+/event/#", "gate/v1/S1/L1/event/passage_ended", envelope(3, type="passage_ended", data=ended))
    async with running(ingest.run()):
        await link.acknowledged(b'"seq":3')
    assert ingest.counters["conflicts"] == 1
    assert ingest.lanes[Lane("S1", "L1")].outcomes == {"PASSED": 1}
    store.close()


@pytest.mark.hazard("C24", "C4")
async def test_a_loop_of_bridges_that_brings_each_event_again_and_again_counts_it_once(tmp_path: Path) -> None:
    store, link = EventStore(tmp_path / "ops.sqlite"), FakeLink()
    ingest = Ingest(link, store, utc=utc)
    ended = {"passage": "p", "terminal": "PASSED", "decision": "release"}
    last = envelope(5, type="passage_ended", data=ended)
    turns = 200
    for turn in range(turns):
        for place in range(4):
            link.say("gate/v1/+/+/event/#", "gate/v1/S1/L1/event/decided", envelope((turn + place) % 4 + 1))
        link.say("gate/v1/+/+/event/#", "gate/v1/S1/L1/event/passage_ended", last)
    async with running(ingest.run()):
        await link.acknowledged(b'"seq":5')
    assert store.count() == 5
    assert ingest.counters == {"stored": 5, "duplicates": turns * 5 - 5, "conflicts": 0}
    assert ingest.lanes[Lane("S1", "L1")].outcomes == {"PASSED": 1}
    store.close()


class FakeLink:
    """Where no broker is needed: the order of commit and acknowledgement is what is tested."""

    def __init__(self) -> None:
        self.published: list[bytes] = []
        self.handlers: dict[str, Callable[[Message], None]] = {}
        self._change = asyncio.Event()

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "asyncio.Future[None]":
        self.published.append(payload)
        self._change.set()
        return asyncio.get_running_loop().create_future()

    def subscribe(self, topic_filter: str, handler: Callable[[Message], None]) -> None:
        self.handlers[topic_filter] = handler

    def say(self, topic_filter: str, topic: str, payload: object) -> None:
        self.handlers[topic_filter](Message(topic, json.dumps(payload).encode()))

    async def acknowledged(self, part: bytes) -> None:
        async with asyncio.timeout(60):
            while not any(part in payload for payload in self.published):
                self._change.clear()
                await self._change.wait()


async def test_a_database_that_fails_acknowledges_nothing_and_ends_ops(tmp_path: Path) -> None:
    store = EventStore(tmp_path / "ops.sqlite")

    link = FakeLink()
    ingest = Ingest(link, store, utc=utc)
    store.close()
    link.say("gate/v1/+/+/event/#", "gate/v1/S1/L1/event/decided", envelope(1))
    with pytest.raises(StoreError):
        await ingest.run()
    assert link.published == []
