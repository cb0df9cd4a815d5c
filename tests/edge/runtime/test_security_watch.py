"""Refused grants, taken-over sessions and expiring certificates become alarms, once, and end."""

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.mqtt import LinkCounters
from edge.runtime.journal import Journal, JournalReader
from edge.runtime.notes import security_note
from edge.runtime.recovery import recover, replay
from edge.runtime.security_watch import (
    CERTIFICATE_EXPIRES,
    CONNECTION_FLAPPING,
    GRANTS_REFUSED,
    SESSION_TAKEN_OVER,
    SecurityWatch,
)
from tests.support.certificates import CertificateAuthority
from tests.support.clocks import StoodClock
from tests.support.journal_facts import read_facts

DAY_MS = 86_400_000


class Bench:
    """A watch with all that it needs; `alarms` are those that stand at the broker, `notes` what was journaled."""

    def __init__(self, *certificates: Path, clock: StoodClock | None = None) -> None:
        self.clock = clock or StoodClock()
        self.alarms: dict[str, str | None] = {}
        self.notes: list[tuple[str, bool]] = []
        self.links = {"clearance": LinkCounters(), "telemetry": LinkCounters()}
        self.watch = SecurityWatch(
            "in-1", clock=self.clock, alarms=self, links=self.links, certificates=certificates,
            note=lambda code, stands, _detail: self.notes.append((code, stands)),
        )  # fmt: skip

    def publish_alarm(self, code: str, detail: str | None) -> None:
        self.alarms[code] = detail


@pytest.mark.hazard("S1", "C20")
def test_ten_refusals_within_a_minute_are_one_alarm_that_ends_with_them():
    bench = Bench()
    for _ in range(9):
        bench.watch.grant_refused("customs", "bad_signature")
    bench.clock.ms += 60_001
    bench.watch.grant_refused("customs", "bad_signature")
    assert bench.alarms == {}, "ten, but not within a minute"
    for _ in range(50_000):
        bench.watch.grant_refused("customs", "wrong_lane")
    assert "wrong_lane" in str(bench.alarms[GRANTS_REFUSED])
    assert bench.notes == [(GRANTS_REFUSED, True)], "a flood of failures is one note"
    bench.clock.ms += 60_000
    bench.watch.look()
    assert bench.alarms[GRANTS_REFUSED] is not None
    bench.clock.ms += 1
    bench.watch.look()
    assert bench.alarms[GRANTS_REFUSED] is None
    assert bench.notes[-1] == (GRANTS_REFUSED, False)


@pytest.mark.hazard("C11")
def test_a_taken_over_session_stands_for_an_hour():
    bench = Bench()
    bench.links["clearance"].takeovers = 1
    bench.watch.look()
    assert "clearance" in str(bench.alarms[SESSION_TAKEN_OVER])
    bench.clock.ms += 3_600_001
    bench.watch.look()
    assert bench.alarms[SESSION_TAKEN_OVER] is None
    assert bench.notes == [(SESSION_TAKEN_OVER, True), (SESSION_TAKEN_OVER, False)]


@pytest.mark.hazard("C11", "C12")
def test_a_connection_that_comes_up_again_and_again_is_told():
    bench = Bench()
    for _ in range(4):
        bench.links["telemetry"].connects += 1
        bench.clock.ms += 20_000
        bench.watch.look()
    assert bench.alarms == {}
    bench.links["telemetry"].connects += 1
    bench.watch.look()
    assert "telemetry" in str(bench.alarms[CONNECTION_FLAPPING])
    bench.clock.ms += 180_000
    bench.watch.look()
    assert bench.alarms[CONNECTION_FLAPPING] is None


@pytest.mark.hazard("C17", "O4")
def test_four_hundred_days_of_certificates_warn_at_30_14_7_1_and_the_end(tmp_path: Path):
    authority = CertificateAuthority(tmp_path)
    certificate, _ = authority.issue_client("lane", days=100)
    clock = StoodClock(datetime.now(UTC))
    bench = Bench(certificate, certificate, tmp_path / "missing.pem", clock=clock)
    told: list[int] = []
    for day in range(110):
        before = len(bench.notes)
        bench.watch.look()
        if len(bench.notes) > before:
            told.append(100 - day)
        clock.ms += DAY_MS
    # Issued a moment before day 0, so each step is crossed within a day of its number.
    assert told == pytest.approx([30, 14, 7, 1, 0], abs=1)
    assert "expired" in str(bench.alarms[CERTIFICATE_EXPIRES])
    # Renewed in place: the alarm ends by itself.
    renewed, _ = authority.issue_client("renewed", days=400)
    certificate.write_bytes(renewed.read_bytes())
    bench.watch.look()
    assert bench.alarms[CERTIFICATE_EXPIRES] is None


async def test_it_looks_until_it_is_cancelled():
    bench = Bench()
    looked = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        looked.set()
        await asyncio.get_running_loop().create_future()

    bench.clock.sleep = sleep  # type: ignore[method-assign]
    task = asyncio.create_task(bench.watch.run())
    async with asyncio.timeout(30):
        await looked.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.hazard("S21")
async def test_a_note_is_chained_sent_and_passed_over_by_recovery_and_replay(path: Path, journal: Journal):
    await security_note(journal, "in-1", SESSION_TAKEN_OVER, True, "clearance").durable
    (row,) = journal.outbox.pending("in-1", 0, 10)
    assert (row.type, row.data["code"], row.personal) == ("security_alarm", SESSION_TAKEN_OVER, None)
    assert recover(journal.records("in-1")).unfinished is None
    assert list(replay(journal.records("in-1"))) == []
    # The campaigns compare what central has with this.
    assert read_facts(path, "in-1").events == ["security_alarm"]
    reader = JournalReader(path)
    assert reader.verify_chain("in-1") is None
    reader.close_reader()
