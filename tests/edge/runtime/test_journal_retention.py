# ruff: noqa: ASYNC240 - these tests damage files, and nothing else waits
"""Old records go and the chain still proves what is left (hazards.md X18); the file grows a table safely (X20)."""

import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.runtime import journal_file
from edge.runtime.journal import Journal, JournalReader
from edge.runtime.journal_file import TAIL_RECORDS
from simulators.power_disk import Platter, PowerDisk
from tests.support.journals import fill, utc

OLD = utc() - timedelta(days=500)
BOOTS, STEPS = 4, 400


@pytest.fixture
async def old(path: Path) -> Path:
    """A lane of four boots, all of them old."""
    journal = await Journal.open(path, utc=lambda: OLD)
    for _ in range(BOOTS):
        tickets = [journal.append("L1", "step" if step else "boot", f"{step}") for step in range(STEPS)]
        await tickets[-1].durable
    await journal.close()
    return path


def broken_at(path: Path) -> int | None:
    reader = JournalReader(path)
    try:
        return reader.verify_chain("L1")
    finally:
        reader.close_reader()


@pytest.mark.hazard("X18", "O5")
async def test_whole_old_boots_go_and_the_chain_holds(old: Path):
    journal = await Journal.open(old, utc=utc)
    ticket = journal.prune("L1", utc() - timedelta(days=400))
    assert ticket is not None
    await ticket.durable
    # What the next start proves stays: two of the three earlier boots are older than that, one goes whole.
    assert ticket.seq == STEPS
    records = list(journal.records("L1"))
    assert (records[0].seq, records[0].kind, len(records)) == (STEPS + 1, "boot", 3 * STEPS)
    assert len(records) > TAIL_RECORDS
    assert journal.verify_chain("L1") is None
    (event,) = journal.outbox.pending("L1", 0, 9)
    assert (event.type, event.data["through_seq"]) == ("journal_pruned", STEPS)
    assert journal.prune("L1", utc() - timedelta(days=400)) is None
    assert journal.prune("L9", utc()) is None
    await journal.append("L1", "boot", "{}").durable
    await journal.close()
    assert journal.prune("L1", utc()) is None

    again = await Journal.open(old, utc=utc)
    assert again.quarantined is None
    assert again.verify_chain("L1") is None
    assert [one.seq for one in again.records("L1", "boot")] == [BOOTS * STEPS + 1]
    await again.close()


async def test_what_is_young_stays(old: Path):
    journal = await Journal.open(old, utc=utc)
    assert journal.prune("L1", OLD) is None
    assert len(list(journal.records("L1"))) == BOOTS * STEPS
    await journal.close()


@pytest.mark.hazard("X18")
@pytest.mark.parametrize(
    ("change", "seq"),
    [
        (f"DELETE FROM record WHERE id % {journal_file.LANE_SPAN} = {STEPS + 1}", STEPS + 1),
        ("UPDATE pruned SET through_seq = through_seq - 1", STEPS),
        ("UPDATE pruned SET hash = zeroblob(32)", STEPS + 1),
        ("DELETE FROM pruned", 1),
        ("DELETE FROM record", STEPS + 1),
    ],
)
async def test_what_another_hand_cuts_off_breaks_the_chain(old: Path, change: str, seq: int):
    journal = await Journal.open(old, utc=utc)
    ticket = journal.prune("L1", utc())
    assert ticket is not None
    await ticket.durable
    await journal.close()
    with closing(sqlite3.connect(old)) as database, database:
        database.execute(change)
    assert broken_at(old) == seq


def as_before(path: Path) -> None:
    """Make it a file of the program before: its schema had no table of what was cut off."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE pruned")


@pytest.mark.hazard("X20")
async def test_a_file_of_the_program_before_is_read_and_opened(old: Path):
    as_before(old)
    assert broken_at(old) is None
    journal = await Journal.open(old, utc=utc)
    assert journal.quarantined is None
    assert journal.read("PRAGMA user_version") == [(1,)], "the program before still takes the file"
    assert journal.prune("L1", utc()) is not None
    await journal.close()


@pytest.mark.hazard("X20")
async def test_power_may_go_at_every_step_of_the_change(path: Path, tmp_path: Path):
    await fill(path, 30)
    as_before(path)
    before = {path.name: path.read_bytes()}
    disk = PowerDisk()
    with disk.in_use():
        await (await Journal.open(path, utc=utc)).close()
    platter, draw = Platter(before), random.Random(1)
    cut = tmp_path / "cut" / path.name
    cut.parent.mkdir()
    for step in disk.steps:
        platter.apply(step)
        for name, content in platter.image(draw).items():
            (cut.parent / name).write_bytes(content)
        journal = await Journal.open(cut, utc=lambda: datetime(2026, 4, 1, tzinfo=UTC))
        assert journal.quarantined is None, step
        assert len(list(journal.records("L1"))) == 30
        assert journal.verify_chain("L1") is None
        await journal.close()
        for left in cut.parent.iterdir():
            left.unlink()
    assert len(disk.steps) > 10
