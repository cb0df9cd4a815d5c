"""The disk fails at its N-th write or sync, once or for ever (hazards.md X3, X4): what was promised stays."""

import errno
import sqlite3
from pathlib import Path

import pytest

from edge.runtime import journal_file
from edge.runtime.journal import Journal, JournalError
from edge.runtime.journal_file import RESERVE_BYTES, reserve_of
from edge.runtime.outbox import OutboxEvent
from simulators.power_disk import Failure, Fault, PowerDisk
from tests.support.journals import utc

RECORDS = 2
CODES: dict[Failure, str] = {"full": "journal_full", "io_error": "journal_io_error", "sync_error": "journal_io_error"}


async def write(journal: Journal) -> tuple[int, str | None]:
    """Append until one fails; returns how many were promised and the code of the first that was not."""
    for promised in range(RECORDS):
        try:
            await journal.append("L1", "step", "x" * 100, [OutboxEvent("e", {})]).durable
        except JournalError as error:
            return promised, error.code
    return RECORDS, None


async def with_fault(path: Path, fault: Fault, *, opening: bool) -> None:
    """Let the disk fail in the opening or in the work; then it is well again, and the journal must be whole."""
    promised, told = 0, []
    refused: JournalError | None = None
    disk = PowerDisk()
    with disk.in_use():
        if opening:
            disk.fault = fault
        try:
            journal = await Journal.open(path, utc=utc)
        except JournalError as error:
            refused = error
        else:
            disk.fault = fault
            journal.on_failure = lambda error: told.append(error.code)
            promised, code = await write(journal)
            if code is not None:
                assert fault.hit
                assert code == CODES[fault.failure]
                assert told == [code]
                # An error is for good, though the disk is well again: no later record is ever promised.
                assert (await write(journal))[1] == code
            tried = fault.tried_after
            if code is not None and fault.failure == "sync_error":
                assert tried == 0, "nothing is written or synced after a sync that failed"
            await journal.close()
            if code is not None and fault.failure == "sync_error":
                assert fault.tried_after == tried, "nor by the end"
    if refused is not None:
        assert fault.hit, refused
        assert refused.code in (CODES[fault.failure], "journal_not_durable", "journal_read_only"), refused
    healthy = await Journal.open(path, utc=utc)
    assert healthy.quarantined is None
    records = list(healthy.records("L1"))
    assert promised <= len(records) <= promised + 2
    assert healthy.verify_chain("L1") is None
    await healthy.append("L1", "boot", "{}").durable
    await healthy.close()


@pytest.mark.hazard("X3", "X4")
@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for_ever"])
@pytest.mark.parametrize("failure", list(CODES))
async def test_the_nth_operation_of_the_work_fails(path: Path, failure: Failure, for_ever: bool):
    hits = 0
    for number in range(1, 100):
        place = path.with_name(f"{number}.sqlite")
        fault = Fault(failure, number, for_ever)
        await with_fault(place, fault, opening=False)
        hits += fault.hit
        if not fault.hit:
            break
    assert hits >= RECORDS
    assert number == hits + 1, "every operation of the work has failed once"


@pytest.mark.hazard("X3", "X4")
@pytest.mark.parametrize("for_ever", [False, True], ids=["once", "for_ever"])
@pytest.mark.parametrize("failure", list(CODES))
async def test_the_nth_operation_of_an_opening_fails(path: Path, failure: Failure, for_ever: bool):
    for number in range(1, 100):
        place = path.with_name(f"{number}.sqlite")
        await (await Journal.open(place, utc=utc)).close()
        fault = Fault(failure, number, for_ever)
        await with_fault(place, fault, opening=True)
        if not fault.hit:
            break
    assert number > 3


def test_errors_are_those_of_the_real_library(tmp_path: Path):
    disk = PowerDisk()
    with disk.in_use(), pytest.raises(sqlite3.OperationalError) as refused:
        journal_file.connect(tmp_path / "missing" / "x")
    assert refused.value.sqlite_errorname == "SQLITE_CANTOPEN"


@pytest.mark.hazard("X3")
async def test_a_full_disk_frees_its_reserve_for_the_last_words(path: Path):
    disk = PowerDisk()
    with disk.in_use():
        journal = await Journal.open(path, utc=utc)
        assert reserve_of(path).stat().st_size == RESERVE_BYTES
        disk.fault = Fault("full", 1)
        consumed = journal.append("L1", "step", "consume", [OutboxEvent("e", {})])
        with pytest.raises(JournalError, match="journal_full"):
            await consumed.durable
        assert not reserve_of(path).exists()
        ended = journal.append("L1", "step", "terminal", [OutboxEvent("e", {})])
        assert isinstance(ended.durable.exception(), JournalError), "nothing is promised any more"
        await journal.close()
    again = await Journal.open(path, utc=utc)
    assert [one.body for one in again.records("L1")] == ["consume", "terminal"]
    assert again.verify_chain("L1") is None
    assert len(again.outbox.pending("L1", 0, 9)) == 2
    assert reserve_of(path).stat().st_size == RESERVE_BYTES
    await again.close()


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "journal_full"), (errno.EIO, "journal_failed")])
async def test_no_start_without_room_for_the_reserve(
    path: Path, number: int, code: str, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(journal_file, "write_whole", refuse)
    with pytest.raises(JournalError, match=code):
        await Journal.open(path, utc=utc)
