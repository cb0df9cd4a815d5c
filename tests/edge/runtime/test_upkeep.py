"""The hourly upkeep: old records and pictures go, a disk that fills is told early (hazards.md C21, X18, O5)."""

import hashlib
import os
import shutil
from collections import namedtuple
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.runtime.clock_memory import CLOCK_FILE, ClockMemory
from edge.runtime.evidence import EvidenceError, EvidenceLimits, EvidenceStore
from edge.runtime.journal import Journal, JournalError, Ticket
from edge.runtime.upkeep import CLOCK_STEPPED, EVERY_S, Upkeep, disk_alarms
from tests.support.clocks import StoodClock
from tests.support.journals import utc

Usage = namedtuple("Usage", "total used free")


class Told:
    def __init__(self) -> None:
        self.alarms: dict[str, str | None] = {}

    def publish_alarm(self, code: str, detail: str | None) -> None:
        self.alarms[code] = detail


class OneHourError(Exception):
    pass


class Clock:
    async def sleep(self, seconds: float) -> None:
        assert seconds == EVERY_S
        raise OneHourError

    def now_ms(self) -> int:
        return 0

    def utc(self) -> datetime:
        return utc() + timedelta(days=500)


@pytest.mark.hazard("C21")
@pytest.mark.parametrize(
    ("used", "raised"),
    [(69, None), (70, "state_disk_filling"), (89, "state_disk_filling"), (90, "state_disk_nearly_full"),
     (100, "state_disk_nearly_full")],
)  # fmt: skip
def test_a_disk_that_fills_is_told_at_two_shares(used: int, raised: str | None):
    alarms = disk_alarms(used, 100)
    assert set(alarms) == {"state_disk_filling", "state_disk_nearly_full"}
    assert [code for code, detail in alarms.items() if detail is not None] == ([raised] if raised else [])
    assert raised is None or f"{used}%" in str(alarms[raised])


def test_a_disk_without_size_is_full():
    assert disk_alarms(0, 0)["state_disk_nearly_full"] is not None


@pytest.fixture
async def upkeep(journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceLimits(1 << 20, 0, 0), utc=utc)
    await evidence.open()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 75, 20))
    clock = Clock()
    yield Upkeep(tmp_path, journal, evidence, clock, ClockMemory(tmp_path, clock.utc), [Told()])
    await evidence.close()


async def test_recordings_go_when_their_pictures_would(upkeep: Upkeep, tmp_path: Path):
    upkeep.keep_recordings = timedelta(days=30)
    folder, now_s = tmp_path / "recordings", upkeep.clock.utc().timestamp()
    folder.mkdir()
    ages = {"lane-1-a.jsonl": 31, "lane-1-a.jsonl.1": 31, "lane-1-b.jsonl": 29, "other.txt": 99}
    for name, days in ages.items():
        (folder / name).touch()
        os.utime(folder / name, (now_s - days * 86_400,) * 2)
    await upkeep.once()
    assert sorted(path.name for path in folder.iterdir()) == ["lane-1-b.jsonl", "other.txt"]
    # What cannot be deleted is told, and costs nothing else.
    (folder / "folder.jsonl").mkdir()
    os.utime(folder / "folder.jsonl", (0, 0))
    with capture_logs() as logs:
        await upkeep.once()
    assert "recordings_not_swept" in [one["event"] for one in logs]


@pytest.mark.hazard("X18", "C21", "O5")
async def test_every_hour_what_is_old_goes_and_what_fills_is_told(upkeep: Upkeep):
    tickets = [upkeep.journal.append("L1", "boot", "{}") for _ in range(1500)]
    await tickets[-1].durable
    with pytest.raises(OneHourError):
        await upkeep.run()
    assert upkeep.lanes[0].alarms["state_disk_filling"] is not None  # type: ignore[index]
    assert upkeep.lanes[0].alarms["state_disk_nearly_full"] is None  # type: ignore[index]
    assert len(list(upkeep.journal.records("L1"))) == 1002
    assert upkeep.journal.verify_chain("L1") is None


async def test_a_disk_that_answers_nothing_ends_no_lane(upkeep: Upkeep, monkeypatch: pytest.MonkeyPatch):
    await upkeep.journal.append("L1", "boot", "{}").durable

    def refuse(*_: Any) -> Ticket:
        raise JournalError("journal_io_error", Path("j"), "no answer", "check the disk")

    async def fail() -> int:
        raise EvidenceError("evidence_io_error", Path("e"), "no answer", "check the disk")

    monkeypatch.setattr(upkeep.journal, "prune", refuse)
    monkeypatch.setattr(upkeep.evidence, "sweep", fail)
    with capture_logs() as logged:
        await upkeep.once()
    assert {"evidence_not_swept", "journal_not_pruned"} <= {line["event"] for line in logged}


async def test_a_clock_that_stepped_deletes_nothing_for_a_day(journal: Journal, tmp_path: Path):
    clock, told = StoodClock(utc()), Told()
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceLimits(1 << 20, 0, 90 * 86_400), utc=clock.utc)
    await evidence.open()
    picture = b"picture"
    digest = hashlib.sha256(picture).hexdigest()
    await evidence.keep(picture, digest, "p1")
    evidence.release("p1")
    upkeep = Upkeep(tmp_path, journal, evidence, clock, ClockMemory(tmp_path, clock.utc), [told])

    async def hours(count: int) -> None:
        for _ in range(count):
            await upkeep.once()
            await clock.sleep(EVERY_S)

    await hours(24)
    assert CLOCK_STEPPED not in told.alarms
    clock.begin += timedelta(days=3650)
    await hours(24)
    assert told.alarms[CLOCK_STEPPED] == (
        "the wall clock stepped by +315360000 s: set it right; nothing old is deleted for a day"
    )
    assert await evidence.read(digest) == picture
    # Somebody set it right: that is a step as well, and nothing was lost.
    clock.begin -= timedelta(days=3650)
    await hours(25)
    assert told.alarms[CLOCK_STEPPED] is None
    assert await evidence.read(digest) == picture
    # Where nobody does for a day, it is believed: what is kept for ever fills the disk.
    clock.begin += timedelta(days=3650)
    await hours(25)
    with pytest.raises(EvidenceError, match="evidence_missing"):
        await evidence.read(digest)
    await evidence.close()


async def test_a_clock_that_is_corrected_a_little_is_trusted(journal: Journal, tmp_path: Path):
    clock, told = StoodClock(utc()), Told()
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceLimits(1 << 20, 0, 0), utc=clock.utc)
    await evidence.open()
    upkeep = Upkeep(tmp_path, journal, evidence, clock, ClockMemory(tmp_path, clock.utc), [told])
    for step_s in (0, 60, -60, 299):
        clock.begin += timedelta(seconds=step_s)
        with capture_logs() as logged:
            await upkeep.once()
        assert "evidence_swept" in {line["event"] for line in logged}
    assert CLOCK_STEPPED not in told.alarms
    await evidence.close()


@pytest.mark.hazard("X19", "O3")
async def test_a_clock_that_is_far_ahead_from_the_start_on_deletes_nothing_for_a_day(journal: Journal, tmp_path: Path):
    clock, told = StoodClock(utc()), Told()
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceLimits(1 << 20, 0, 90 * 86_400), utc=clock.utc)
    await evidence.open()
    picture = b"picture"
    digest = hashlib.sha256(picture).hexdigest()
    await evidence.keep(picture, digest, "p1")
    evidence.release("p1")
    ClockMemory(tmp_path, clock.utc).remember()
    before = (tmp_path / CLOCK_FILE).read_bytes()
    clock.begin += timedelta(days=3650)
    upkeep = Upkeep(tmp_path, journal, evidence, clock, ClockMemory(tmp_path, clock.utc), [told])
    await upkeep.once()
    assert told.alarms[CLOCK_STEPPED] == (
        "the wall clock is 3650 days after it was last looked at: set it right; nothing old is deleted for a day"
    )
    assert await evidence.read(digest) == picture
    assert (tmp_path / CLOCK_FILE).read_bytes() == before, "what is doubted is not remembered"
    await clock.sleep(24 * EVERY_S)
    await upkeep.once()
    assert told.alarms[CLOCK_STEPPED] is None
    with pytest.raises(EvidenceError, match="evidence_missing"):
        await evidence.read(digest)
    await evidence.close()


async def test_a_moment_that_cannot_be_kept_is_said_and_ends_nothing(upkeep: Upkeep, tmp_path: Path):
    upkeep.memory.path = tmp_path / "gone" / CLOCK_FILE
    with capture_logs() as logged:
        await upkeep.once()
    assert "clock_not_remembered" in {line["event"] for line in logged}
