# ruff: noqa: ASYNC221, ASYNC240 - these tests damage files and run processes, and nothing else waits
import asyncio
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from edge.runtime.journal import Journal, JournalError, JournalReader
from edge.runtime.journal_file import NEWEST_USABLE_SCHEMA, first_broken
from edge.runtime.outbox import OutboxEvent
from tests.support.journals import fill, start_appender, utc


async def test_records_come_back_in_order_with_an_unbroken_chain(journal: Journal) -> None:
    tickets = [journal.append(lane, "step", f"{lane}{n}") for n in range(20) for lane in ("L1", "L2")]
    await asyncio.gather(*(ticket.durable for ticket in tickets))
    assert journal.lanes() == ("L1", "L2")
    assert [(r.seq, r.body) for r in journal.records("L2")] == [(n + 1, f"L2{n}") for n in range(20)]
    assert [ticket.seq for ticket in tickets[::2]] == list(range(1, 21))
    assert journal.verify_chain("L1") is None
    assert next(journal.records("L1")).written_at == "2026-03-01T12:00:00.000Z"


async def test_whoever_asks_is_told_at_once_what_became_of_a_record(journal: Journal, path: Path) -> None:
    told: list[tuple[object, bool, int]] = []

    def written(error: JournalError | None) -> None:
        told.append((error, ticket.durable.done(), len(list(journal.records("L1")))))

    ticket = journal.append("L1", "step", "{}", written=written)
    journal.flush()
    await ticket.durable
    # Before whoever waits for the future, and not before the disk.
    assert told == [(None, False, 1)]
    await journal.close()
    refused = asyncio.Event()
    refusals: list[JournalError | None] = []

    def never(error: JournalError | None) -> None:
        refusals.append(error)
        refused.set()

    journal.append("L1", "step", "{}", written=never)
    assert not refusals
    await asyncio.wait_for(refused.wait(), 10)
    assert [error.code for error in refusals if error] == ["journal_closed"]


async def test_recovery_reads_from_the_last_boot_record(journal: Journal) -> None:
    for kind in ("boot", "step", "boot", "step", "step"):
        ticket = journal.append("L1", kind, "{}")
    await ticket.durable
    assert [r.seq for r in journal.records("L1", "boot")] == [3, 4, 5]
    assert [r.seq for r in journal.records("L1", "never")] == [1, 2, 3, 4, 5]
    assert list(journal.records("L9")) == []
    assert journal.verify_chain("L9") is None


async def test_the_chain_goes_on_after_a_restart(path: Path) -> None:
    await fill(path, 3)
    journal = await Journal.open(path, utc=utc)
    ticket = journal.append("L1", "boot", "{}", [OutboxEvent("x", {})])
    await ticket.durable
    assert ticket.seq == 4
    assert journal.verify_chain("L1") is None
    assert [row.seq for row in journal.outbox.pending("L1", 0, 99)] == [1, 2, 3, 4]
    assert journal.quarantined is None
    await journal.close()
    await journal.close()


@pytest.mark.hazard("X2")
async def test_the_file_is_durable_by_its_pragmas_and_named_by_its_epoch(journal: Journal, path: Path) -> None:
    assert journal.epoch == int(utc().timestamp())
    assert journal.read("PRAGMA journal_mode") == [("wal",)]


@pytest.mark.hazard("X15")
async def test_a_second_writer_is_refused_and_readers_are_not(journal: Journal, path: Path) -> None:
    await journal.append("L1", "step", "{}").durable
    with pytest.raises(JournalError) as refused:
        await Journal.open(path, utc=utc)
    assert refused.value.code == "journal_locked"
    reader = JournalReader(path)
    assert [r.body for r in reader.records("L1")] == ["{}"]
    reader.close_reader()


@pytest.mark.hazard("X15")
async def test_a_writer_in_another_process_holds_the_lock_until_it_is_killed(path: Path) -> None:
    child = start_appender(path)
    assert child.stdout is not None
    child.stdout.readline()
    with pytest.raises(JournalError, match="journal_locked"):
        await Journal.open(path, utc=utc)
    child.kill()
    child.communicate()
    await (await Journal.open(path, utc=utc)).close()


@pytest.mark.hazard("X1")
async def test_every_acknowledged_record_survives_kill_9(path: Path) -> None:
    acknowledged: dict[str, int] = {}
    for round_number in range(4):
        child = start_appender(path)
        assert child.stdout is not None
        for _ in range(40 + 37 * round_number):
            lane, seq = child.stdout.readline().split()
            acknowledged[lane] = int(seq)
        child.send_signal(signal.SIGKILL)
        for line in child.communicate()[0].splitlines(keepends=True):
            if line.endswith("\n"):
                lane, seq = line.split()
                acknowledged[lane] = int(seq)
        journal = await Journal.open(path, utc=utc)
        assert journal.quarantined is None
        for lane, seq in acknowledged.items():
            records = list(journal.records(lane))
            assert [r.seq for r in records] == list(range(1, len(records) + 1))
            assert len(records) >= seq
            assert journal.verify_chain(lane) is None
            # A record and its events are one transaction.
            assert journal.outbox_head(lane).seq == len(records)
        await journal.close()


FULL = """
import asyncio, resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from edge.runtime.journal import Journal, JournalError

async def main():
    journal = await Journal.open(Path(sys.argv[1]), utc=lambda: datetime.now(UTC))
    told = []
    journal.on_failure = lambda error: told.append(error.code)
    await journal.append("L1", "step", "first").durable
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    durable = 1
    try:
        while True:
            await journal.append("L1", "step", "x" * 2000).durable
            durable += 1
    except JournalError as error:
        print(error.code)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ticket = journal.append("L1", "step", "with room again")
    print(type(ticket.durable.exception()).__name__, ticket.durable.done(), journal.failure is not None, told)
    journal.append("L2", "step", "another lane")
    await journal.close()
    print(durable)

asyncio.run(main())
"""


@pytest.mark.hazard("X3")
async def test_a_full_disk_fails_the_journal_for_good_and_loses_nothing_acknowledged(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    code, after, durable = done.stdout.splitlines()
    assert code in ("journal_full", "journal_io_error")
    assert after == f"JournalError True True ['{code}']"
    journal = await Journal.open(path, utc=utc)
    assert journal.quarantined is None
    assert len(list(journal.records("L1"))) >= int(durable)
    assert journal.verify_chain("L1") is None
    await journal.close()


def test_the_limit_of_the_test_above_is_not_ours() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


@pytest.mark.parametrize("name", ["missing/journal.sqlite", "file/journal.sqlite", "folder.sqlite"])
async def test_a_place_that_cannot_hold_a_journal_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(JournalError) as refused:
        await Journal.open(tmp_path / name, utc=utc)
    assert refused.value.code in ("journal_read_only", "journal_failed")
    with pytest.raises(JournalError):
        JournalReader(tmp_path / name)


@pytest.mark.hazard("X4")
async def test_a_read_only_folder_is_refused_for_writing_and_still_readable(path: Path) -> None:
    await fill(path, 3)
    path.chmod(stat.S_IREAD)
    path.parent.chmod(stat.S_IREAD | stat.S_IEXEC)
    done = subprocess.run([sys.executable, "-c", UNPRIVILEGED, str(path)], capture_output=True, text=True, timeout=60)
    path.parent.chmod(stat.S_IRWXU)
    assert done.stdout.split() == ["3", "journal_read_only"], done.stderr


UNPRIVILEGED = """
import asyncio, concurrent.futures.thread, os, sys  # all of it while the interpreter is still readable
from datetime import UTC, datetime
from pathlib import Path
from edge.runtime.journal import Journal, JournalError, JournalReader

path = Path(sys.argv[1])
if os.geteuid() == 0:
    for folder in list(path.parents)[:-1]:
        try:
            folder.chmod(folder.stat().st_mode | 0o055)
        except OSError:
            pass
    path.chmod(0o444)
    os.setuid(65534)

async def main():
    reader = JournalReader(path)
    print(len(list(reader.records("L1"))))
    reader.close_reader()
    try:
        await Journal.open(path, utc=lambda: datetime.now(UTC))
    except JournalError as error:
        print(error.code)

asyncio.run(main())
"""


@pytest.mark.hazard("X20", "O2")
async def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    await fill(path, 1)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="journal_newer_schema"):
        await Journal.open(path, utc=utc)
    assert path.read_bytes() == before


@pytest.mark.hazard("O2")
async def test_what_the_next_release_wrote_is_read_and_written_on(path: Path) -> None:
    """A rollback: the next schema added a table and a column with a default, as it is allowed to."""
    await fill(path, 3)
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE record ADD COLUMN signature BLOB DEFAULT NULL")
        connection.execute("ALTER TABLE outbox ADD COLUMN priority INTEGER NOT NULL DEFAULT 0")
        connection.execute("CREATE TABLE checkpoint (id INTEGER PRIMARY KEY, signature BLOB NOT NULL) STRICT")
        connection.execute(f"PRAGMA user_version={NEWEST_USABLE_SCHEMA}")
    connection.close()
    await fill(path, 2)
    journal = await Journal.open(path, utc=utc)
    assert journal.quarantined is None
    await journal.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (NEWEST_USABLE_SCHEMA,)
        assert connection.execute("SELECT count(*) FROM record").fetchone() == (5,)
        ((number, name),) = connection.execute("SELECT number, name FROM lane").fetchall()
        assert first_broken(connection, number, name) is None
    connection.close()


async def test_text_that_is_not_unicode_is_refused_and_the_journal_lives(journal: Journal) -> None:
    with pytest.raises(JournalError, match="journal_bad_record"):
        journal.append("L1", "step", "\ud800")
    await journal.append("L1", "step", "nul \0 and 粤").durable
    assert [r.body for r in journal.records("L1")] == ["nul \0 and 粤"]


async def test_an_append_after_close_fails_at_once(path: Path) -> None:
    journal = await Journal.open(path, utc=utc)
    await journal.close()
    ticket = journal.append("L1", "step", "{}")
    with pytest.raises(JournalError, match="journal_closed"):
        await ticket.durable


async def test_a_waiter_that_gave_up_disturbs_nobody(journal: Journal) -> None:
    first = journal.append("L1", "step", "1")
    second = journal.append("L1", "step", "2")
    first.durable.cancel()
    await second.durable
    assert len(list(journal.records("L1"))) == 2


async def test_a_long_run_is_checkpointed(path: Path) -> None:
    journal = await Journal.open(path, utc=utc)
    for _ in range(11):
        tickets = [journal.append("L1", "step", "x" * 20) for _ in range(1000)]
        await tickets[-1].durable
    await journal.close()
    assert not path.with_name(path.name + "-wal").exists()
    reader = JournalReader(path)
    assert reader.verify_chain("L1") is None
    reader.close_reader()


async def test_reading_a_closed_journal_is_a_named_error(path: Path) -> None:
    await fill(path, 2)
    reader = JournalReader(path)
    reader.close_reader()
    with pytest.raises(JournalError):
        reader.lanes()
    with pytest.raises(JournalError):
        reader.read("SELECT 1")
