"""From a real lane's chain to central's database, and every way to tamper with it (hazards.md S21)."""

import asyncio
import base64
import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.clearance.keys import write_public_key
from edge.runtime.checkpoints import EVERY_EVENTS, Checkpoints, contradictions
from edge.runtime.journal import Journal, JournalReader
from edge.runtime.notes import append_note
from edge.runtime.outbox import OutboxEvent
from edge.telemetry import payloads
from edge.telemetry.topics import LaneTopics
from edge.verbs import replay as replayed
from ops import cli
from ops.audit import audit, keys_in
from ops.envelope import Lane, parse_event
from ops.store import EventStore
from tests.support.clocks import StoodClock
from tests.support.journals import utc

pytestmark = pytest.mark.hazard("S21", "I13")
TOPICS = LaneTopics("yard", "in-1")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
EVENTS = 9


@pytest.fixture
async def written(tmp_path: Path) -> Path:
    """A folder with `journal.sqlite` and `ops.sqlite`: nine events, a checkpoint after each third, the key."""
    clock = StoodClock()
    journal = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    checkpoints = Checkpoints("yard", "in-1", key=KEY, journal=journal, clock=clock)
    assert not checkpoints.look()
    for number in range(EVENTS):
        data = {"number": number, "车道": "一", "share": 0.1 * number}
        ticket = journal.append("in-1", "step", '{"effects": []}', [OutboxEvent("decided", data)])
        if number % 3 == 2:
            clock.ms += 60_000
            assert checkpoints.look()
            assert not checkpoints.look(), "a checkpoint alone is nothing new"
            clock.ms += 60_000
            assert not checkpoints.look()
    await ticket.durable
    store = EventStore(tmp_path / "ops.sqlite")
    rows = journal.outbox.pending("in-1", 0, 100)
    events = [parse_event(TOPICS.event(row.type), payloads.event(TOPICS, journal.epoch, row, 1)) for row in rows]
    store.store(events, "now")
    store.close()
    await journal.close()
    write_public_key(tmp_path / "lane-in-1.pub.pem", KEY.public_key())
    return tmp_path


def findings(folder: Path) -> list[str]:
    store = EventStore(folder / "ops.sqlite", read_only=True)
    try:
        return [one.code for one in audit(store, keys_in(folder)).findings]
    finally:
        store.close()


def change(folder: Path, sql: str, *values: object, file: str = "ops.sqlite") -> None:
    with contextlib.closing(sqlite3.connect(folder / file)) as connection:
        assert connection.execute(sql, values).rowcount == 1
        connection.commit()


@pytest.mark.threat("masquerade", "telemetry")
async def test_an_event_that_somebody_else_said_breaks_the_signed_chain(written: Path):
    """Before the lane's own of that number came, with a hash that fits: the next checkpoint tells."""
    change(written, "UPDATE event SET type='passage_ended', data='{}' WHERE seq=2")
    assert findings(written)


async def test_what_a_lane_wrote_is_proved(written: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["--database", str(written / "ops.sqlite"), "audit", "--lane-keys", str(written)]
    assert cli.main([*arguments, "--json"]) == 0
    proved = json.loads(capsys.readouterr().out)
    assert proved == {"ok": True, "events": 12, "checkpoints": 3, "unsigned": 0, "draws": 0, "findings": []}
    change(written, "UPDATE event SET data='{}' WHERE seq=5")
    assert cli.main(arguments) == 65
    assert "chain_broken" in capsys.readouterr().out


@pytest.mark.parametrize("seq", range(1, EVENTS + 4))
@pytest.mark.parametrize(
    "tamper",
    [
        lambda folder, seq: change(folder, "UPDATE event SET data='{\"number\": 99}' WHERE seq=?", seq),
        lambda folder, seq: change(folder, "UPDATE event SET time='2026-03-01T12:00:01.000Z' WHERE seq=?", seq),
        lambda folder, seq: change(folder, "UPDATE event SET type='refused' WHERE seq=?", seq),
        lambda folder, seq: change(folder, f"UPDATE event SET hash='{'0' * 64}' WHERE seq=?", seq),
        lambda folder, seq: change(folder, "DELETE FROM event WHERE seq=?", seq),
    ],
    ids=["data", "time", "type", "hash", "deleted"],
)
async def test_each_row_that_is_tampered_with_is_found(written: Path, tamper: Callable[[Path, int], None], seq: int):
    tamper(written, seq)
    assert findings(written)


async def test_a_chain_that_is_rewritten_with_fitting_hashes_contradicts_the_signed_checkpoint(written: Path):
    from ops.audit import _hash_of

    store = EventStore(written / "ops.sqlite", read_only=True)
    rows, previous = list(store.rows()), bytes(32).hex()
    store.close()
    with contextlib.closing(sqlite3.connect(written / "ops.sqlite")) as connection:
        for row in rows:
            if row.seq == 2:
                row.data["number"] = 77
            previous = _hash_of(row, previous)
            statement = "UPDATE event SET data=?, hash=? WHERE seq=?"
            connection.execute(statement, (json.dumps(row.data, ensure_ascii=False), previous, row.seq))
        connection.commit()
    assert set(findings(written)) == {"checkpoint_contradicts"}


async def test_without_the_lane_s_key_nothing_counts_as_signed(written: Path):
    write_public_key(written / "lane-in-1.pub.pem", Ed25519PrivateKey.generate().public_key())
    assert findings(written) == ["checkpoint_unsigned"] * 3
    (written / "lane-in-1.pub.pem").write_bytes(b"no key")
    assert findings(written) == ["no_key"] * 3


async def test_events_that_the_lane_gave_up_are_a_gap_and_no_tampering(written: Path):
    change(written, "DELETE FROM event WHERE seq=6")
    assert findings(written) == ["event_missing"]
    change(written, "INSERT INTO lost SELECT 'yard', 'in-1', epoch, 6, 6, 'now' FROM progress")
    assert findings(written) == []


async def test_two_lanes_are_two_chains(written: Path):
    store = EventStore(written / "ops.sqlite")
    raw = payloads.to_bytes
    event = {
        "specversion": "1.0", "source": "gate/v1/yard/in-2", "type": "decided", "time": "t", "epoch": 1, "seq": 1,
        "oldestseq": 1, "hash": "1" * 64, "data": {},
    }  # fmt: skip
    store.store([parse_event("gate/v1/yard/in-2/event/decided", raw(event))], "now")
    found = audit(store, keys_in(written))
    store.close()
    assert [(one.lane, one.code) for one in found.findings] == [(Lane("yard", "in-2"), "chain_broken")]
    assert (found.checkpoints, found.unsigned) == (3, 1)


async def test_a_hundred_events_are_due_before_a_minute_is_over(tmp_path: Path):
    journal = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    checkpoints = Checkpoints("yard", "in-1", key=KEY, journal=journal, clock=StoodClock())
    due = []
    for number in range(EVERY_EVENTS * 2 + 1):
        journal.append("in-1", "step", "{}", [OutboxEvent("decided", {})])
        if checkpoints.look():
            due.append(number + 1)
    await journal.close()
    assert due == [EVERY_EVENTS, EVERY_EVENTS * 2]


async def test_a_journal_that_is_rewritten_with_fitting_hashes_contradicts_its_checkpoints(written: Path):
    from edge.runtime.journal_file import LANE_SPAN, record_hash

    def said() -> list[str]:
        reader = JournalReader(written / "journal.sqlite")
        try:
            assert reader.verify_chain("in-1") is None
            return [one.code for one in contradictions(reader.records("in-1"), KEY.public_key())]
        finally:
            reader.close_reader()

    assert said() == []
    with contextlib.closing(sqlite3.connect(written / "journal.sqlite")) as connection:
        previous = bytes(32)
        for row_id, kind, body, at in connection.execute("SELECT id, kind, body, written_at FROM record").fetchall():
            changed = '{"effects": [], "rewritten": 1}' if row_id % LANE_SPAN == 2 else body
            previous = record_hash(previous, "in-1", (row_id % LANE_SPAN, kind, changed, at))
            connection.execute("UPDATE record SET body=?, hash=? WHERE id=?", (changed, previous, row_id))
        connection.commit()
    assert said() == ["record_changed"] * 3


async def test_replay_checks_the_checkpoints_with_the_lane_s_key(written: Path, capsys: pytest.CaptureFixture[str]):
    stranger = written / "stranger.pem"
    write_public_key(stranger, Ed25519PrivateKey.generate().public_key())
    journal = str(written / "journal.sqlite")
    for key, codes in ((written / "lane-in-1.pub.pem", []), (stranger, ["bad_signature"] * 3)):
        replayed.main([journal, "--lane-key", str(key), "--json"])
        (lane,) = json.loads(capsys.readouterr().out)["lanes"]
        assert [one["code"] for one in lane["contradictions"]] == codes
        assert replayed.main([journal, "--lane-key", str(key)]) == 1  # the records of this test are no steps
        assert ("bad_signature" in capsys.readouterr().out) == bool(codes)


async def test_it_writes_them_by_itself_and_goes_on_until_it_is_cancelled(tmp_path: Path):
    clock, looked_twice = StoodClock(), asyncio.Event()
    turns = 0

    async def sleep(_seconds: float) -> None:
        nonlocal turns
        turns += 1
        clock.ms += 60_000
        if turns > 2:
            looked_twice.set()
            await asyncio.get_running_loop().create_future()

    clock.sleep = sleep  # type: ignore[method-assign]
    journal = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    journal.append("in-1", "step", "{}", [OutboxEvent("decided", {})])
    task = asyncio.create_task(Checkpoints("yard", "in-1", key=KEY, journal=journal, clock=clock).run())
    async with asyncio.timeout(30):
        await looked_twice.wait()
    task.cancel()
    await asyncio.wait({task})
    await journal.close()
    reader = JournalReader(tmp_path / "journal.sqlite")
    assert [record.kind for record in reader.records("in-1")] == ["step", "note"]
    reader.close_reader()


async def test_a_note_that_is_no_checkpoint_is_none_and_a_broken_one_is_told(tmp_path: Path):
    journal = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    append_note(journal, "in-1", "security_alarm", {"code": "x"})
    append_note(journal, "in-1", "checkpoint", {"signature": "zz"})
    await journal.append("in-1", "note", "[]").durable
    await journal.close()
    reader = JournalReader(tmp_path / "journal.sqlite")
    found = [(one.seq, one.code) for one in contradictions(reader.records("in-1"), KEY.public_key())]
    reader.close_reader()
    assert found == [(2, "bad_checkpoint"), (3, "bad_checkpoint")]


def test_a_key_of_a_kind_that_nobody_knows_is_no_key(tmp_path: Path) -> None:
    der = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    strange = base64.b64encode(der.replace(b"\x06\x03\x2b\x65\x70", b"\x06\x03\x78\x65\x70")).decode()
    pem = f"-----BEGIN PUBLIC KEY-----\n{strange}\n-----END PUBLIC KEY-----\n"
    (tmp_path / "lane-in-1.pub.pem").write_text(pem)
    assert keys_in(tmp_path)(Lane("yard", "in-1")) is None
