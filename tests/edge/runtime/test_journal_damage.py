# ruff: noqa: ASYNC240 - these tests damage files and run processes, and nothing else waits
import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.runtime.journal import Journal, JournalError, JournalReader
from edge.runtime.journal_file import LANE_SPAN, read_records
from tests.support.journals import fill, later, start_appender, utc


def pages(path: Path) -> int:
    return path.stat().st_size // 4096


DAMAGES = (
    "zero", "truncated", "foreign", "header", "page", "body", "other_program", "body_no_text", "schema_no_text",
    "lane_no_text",
)  # fmt: skip


def without_text(raw: bytes, where: str) -> bytes:
    """Put a byte there that no UTF-8 has: of a schema, what SQLite says of it can then not be read either."""
    written, bent = {
        "body": (b"49" * 200, b"\xd0" + b"9" * 399),
        "lane": (b"L1", b"L\xd0"),
        "schema": (b"tablerecordrecord", b"table\xd0ecordrecord"),
    }[where]
    assert written in raw
    raw = raw.replace(written, bent)
    return raw.replace(b"CREATE TABLE record", b"CREATE TABL? record") if where == "schema" else raw


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.hazard("X5")
async def test_a_damaged_file_is_put_aside_and_an_empty_one_begun(path: Path, damage: str) -> None:
    await fill(path)
    raw = bytearray(path.read_bytes())
    if damage == "zero":
        raw.clear()
    elif damage == "truncated":
        del raw[len(raw) // 2 :]
    elif damage == "foreign":
        raw = bytearray(b"not a database " * 500)
    elif damage == "header":
        raw[0:16] = bytes(16)
    elif damage == "page":
        raw[4096 * 3 : 4096 * 4] = b"\xa5" * 4096
    elif damage == "body":
        raw = bytearray(bytes(raw).replace(b"49" * 200, b"48" * 200))
    elif damage.endswith("no_text"):
        raw = bytearray(without_text(bytes(raw), damage.partition("_")[0]))
    else:
        raw[68:72] = b"ELSE"
    path.write_bytes(raw)
    journal = await Journal.open(path, utc=later)
    assert journal.quarantined is not None
    assert journal.quarantined.read_bytes() == raw
    assert journal.lanes() == ()
    assert journal.epoch == int(later().timestamp())
    await journal.append("L1", "boot", "{}").durable
    await journal.close()


@pytest.mark.parametrize("where", ["body", "schema", "lane"])
async def test_text_that_is_none_is_a_named_error_for_a_reader(path: Path, where: str) -> None:
    await fill(path)
    path.write_bytes(without_text(path.read_bytes(), where))
    with pytest.raises(JournalError, match=r"journal_corrupt.*text that is not UTF-8 \("):
        everything(path)


def everything(path: Path) -> None:
    """Read all that a reader of a journal can."""
    reader = JournalReader(path)
    try:
        for lane in reader.lanes():
            reader.verify_chain(lane)
            list(reader.records(lane))
        reader.head()
        reader.read("SELECT * FROM record")
    finally:
        reader.close_reader()


@pytest.mark.hazard("X19", "O6")
async def test_a_file_begun_again_has_a_higher_epoch_though_the_clock_went_back(path: Path) -> None:
    await fill(path)
    path.write_bytes(path.read_bytes().replace(b"49" * 200, b"48" * 200))
    journal = await Journal.open(path, utc=lambda: datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    assert journal.quarantined is not None
    assert journal.epoch == int(utc().timestamp()) + 1
    await journal.close()


@pytest.mark.hazard("X5")
async def test_every_flipped_page_is_noticed_or_harmless(path: Path) -> None:
    await fill(path, 200)
    good = path.read_bytes()
    for page in range(pages(path)):
        raw = bytearray(good)
        for offset in range(0, 4096, 64):
            raw[page * 4096 + offset] ^= 0xFF
        path.write_bytes(raw)
        journal = await Journal.open(path, utc=later)
        if journal.quarantined is None:
            assert len(list(journal.records("L1"))) == 200
            assert journal.verify_chain("L1") is None
        await journal.close()


@pytest.mark.hazard("X5")
async def test_a_lost_write_ahead_log_is_noticed(path: Path) -> None:
    child = start_appender(path)
    assert child.stdout is not None
    child.stdout.readline()
    child.kill()
    child.communicate()
    reader = JournalReader(path)
    reader.close_reader()
    journal_log = path.with_name(path.name + "-wal")
    assert journal_log.exists(), "a reader must leave the log"
    journal_log.unlink()
    journal = await Journal.open(path, utc=utc)
    assert journal.quarantined is not None
    await journal.close()


@pytest.mark.hazard("S21", "I13")
async def test_a_cut_or_changed_record_breaks_the_chain(path: Path) -> None:
    await fill(path, 1200)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE record SET body='forged' WHERE id=(SELECT min(id)+9 FROM record)")
    connection.close()
    reader = JournalReader(path)
    assert reader.verify_chain("L1") == 10
    reader.close_reader()
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM record WHERE id=(SELECT min(id)+4 FROM record)")
    connection.close()
    reader = JournalReader(path)
    assert reader.verify_chain("L1") == 5
    reader.close_reader()


async def test_a_damaged_table_is_a_named_error_for_a_reader(path: Path) -> None:
    await fill(path, 2)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE record")
    connection.close()
    reader = JournalReader(path)
    with pytest.raises(JournalError):
        list(reader.records("L1"))
    with pytest.raises(JournalError):
        reader.verify_chain("L1")
    reader.close_reader()
    journal = await Journal.open(path, utc=later)
    assert journal.quarantined is not None
    await journal.close()


async def test_a_lost_epoch_is_damage(path: Path) -> None:
    await fill(path, 2)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM meta WHERE key='epoch'")
    connection.close()
    journal = await Journal.open(path, utc=later)
    assert journal.quarantined is not None
    await journal.close()


def test_a_record_without_its_hash_is_a_damaged_file() -> None:
    # Found by fuzzing: a bent file has rows that its table forbids.
    with contextlib.closing(sqlite3.connect(":memory:")) as bent:
        bent.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, kind, body, hash, written_at)")
        bent.execute("INSERT INTO record VALUES (?, 'step', '{}', NULL, '2026-03-01T08:00:00Z')", (LANE_SPAN + 1,))
        with pytest.raises(sqlite3.DatabaseError, match="has no hash"):
            list(read_records(bent, 1, None))
