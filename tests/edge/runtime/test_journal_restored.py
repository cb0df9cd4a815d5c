"""O6: a journal that came back from a backup is put aside, and its epoch is over."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from edge.runtime.checkpoints import Checkpoints
from edge.runtime.journal import Journal
from edge.runtime.journal_head import Head, head_file, keep_head, kept_head
from edge.runtime.outbox import OutboxEvent
from tests.support.clocks import StoodClock
from tests.support.journals import fill, later, utc

pytestmark = pytest.mark.hazard("O6")


async def keep(path: Path) -> Head:
    """Keep the head of the journal as it is on the disk."""
    journal = await Journal.open(path, utc=utc)
    head = journal.head()
    await journal.close()
    keep_head(path, head)
    return head


def back_up(path: Path) -> Path:
    return shutil.copy(path, path.with_name("backup"))


def restore(path: Path) -> None:
    shutil.copy(path.with_name("backup"), path)


async def reopened(path: Path) -> tuple[bool, int]:
    """Open the journal; returns whether it was put aside, and its epoch."""
    journal = await Journal.open(path, utc=utc)
    await journal.close()
    return journal.quarantined is not None, journal.epoch


async def test_a_restored_journal_is_put_aside_and_a_new_epoch_begins(path: Path) -> None:
    await fill(path, 5)
    first = (await keep(path)).epoch
    back_up(path)
    await fill(path, 5)
    head = await keep(path)
    assert (head.epoch, head.lanes["L1"][0]) == (first, 10)
    assert await reopened(path) == (False, first)
    restore(path)
    with capture_logs() as logged:
        assert await reopened(path) == (True, first + 1)
    (told,) = [one for one in logged if one["event"] == "journal_put_aside"]
    assert "restored from a backup: record 10 of L1" in told["cause"]
    assert await reopened(path) == (False, first + 1), "the old head says nothing about the new epoch"


async def test_one_that_went_on_after_it_was_restored_unnoticed_is_another_one(path: Path) -> None:
    await fill(path, 5)
    back_up(path)
    await fill(path, 5)
    await keep(path)
    restore(path)
    kept = head_file(path).read_bytes()
    head_file(path).unlink()
    journal = await Journal.open(path, utc=later)
    for _ in range(9):
        await journal.append("L1", "step", "another history", [OutboxEvent("decided", {})]).durable
    await journal.close()
    head_file(path).write_bytes(kept)
    assert (await reopened(path))[0]


async def test_one_of_an_epoch_that_is_over_is_put_aside_and_its_epoch_never_used_again(path: Path) -> None:
    await fill(path, 5)
    old = await keep(path)
    keep_head(path, Head(old.epoch + 7, {}))
    assert await reopened(path) == (True, old.epoch + 8)


async def test_a_lane_that_the_restored_one_does_not_know_is_noticed(path: Path) -> None:
    await fill(path, 5)
    head = await keep(path)
    keep_head(path, Head(head.epoch, {**head.lanes, "L2": (1, "00" * 32)}))
    assert (await reopened(path))[0]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"epoch": "x"}', b'{"epoch": 1, "lanes": {"L1": 3}}', b"[" * 99_999]
)
async def test_a_head_that_says_nothing_proves_nothing(path: Path, content: bytes) -> None:
    await fill(path, 5)
    head_file(path).write_bytes(content)
    with capture_logs() as logged:
        assert (await reopened(path))[0] is False
    assert {one["event"] for one in logged} == {"journal_head_unreadable"}


class OneMinute(StoodClock):
    """It passes a minute at once, and then nothing more: who waits lets others run."""

    slept = False

    async def sleep(self, seconds: float) -> None:
        if self.slept:
            await asyncio.Event().wait()
        self.slept = True
        self.ms += 60_000


async def test_the_checkpoints_keep_the_head(path: Path) -> None:
    journal = await Journal.open(path, utc=utc)
    clock = OneMinute()
    checkpoints = Checkpoints("yard", "L1", key=Ed25519PrivateKey.generate(), journal=journal, clock=clock)
    await journal.append("L1", "step", "{}").durable
    task = asyncio.create_task(checkpoints.run())
    async with asyncio.timeout(60):
        while kept_head(path) is None:
            await asyncio.to_thread(lambda: None)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    kept = kept_head(path)
    assert kept is not None
    assert kept.lanes["L1"][0] >= 1
    await journal.close()
    assert (await reopened(path))[0] is False


@pytest.mark.parametrize(
    "text", ["Infinity", '{"epoch": Infinity, "lanes": {}}', '{"epoch": 1, "lanes": {"L1": [1e999, ""]}}']
)
async def test_a_kept_head_that_cannot_be_understood_proves_nothing(path: Path, text: str) -> None:
    await fill(path, 1)
    head_file(path).write_text(text)
    with capture_logs() as logs:
        assert kept_head(path) is None
    assert [one["event"] for one in logs] == ["journal_head_unreadable"]
    assert (await reopened(path))[0] is False
