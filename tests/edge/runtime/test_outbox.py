import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from edge.runtime.journal import Journal
from edge.runtime.outbox import MAX_EVENT_BYTES, QUARANTINED_TYPE, OutboxEvent
from tests.support.journals import utc


async def add(journal: Journal, count: int, lane: str = "L1") -> None:
    ticket = journal.append(lane, "step", "{}", [OutboxEvent("decided", {"n": n}, {"tag": "E2"}) for n in range(count)])
    await ticket.durable


@pytest.mark.hazard("I12", "C23")
async def test_rows_are_numbered_without_a_gap_and_chained(journal: Journal) -> None:
    await add(journal, 3)
    await add(journal, 2, "L2")
    await add(journal, 2)
    rows = journal.outbox.pending("L1", 0, 99)
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert len({row.hash for row in rows}) == 5
    assert rows[0].data == {"n": 0}
    assert rows[0].personal == {"tag": "E2"}
    assert [row.seq for row in journal.outbox.pending("L2", 1, 99)] == [2]
    assert [row.seq for row in journal.outbox.pending("L1", 2, 2)] == [3, 4]
    assert journal.outbox.pending("L9", 0, 9) == []


@pytest.mark.hazard("I12")
async def test_acknowledged_rows_leave_and_numbers_go_on_after_a_restart(journal: Journal, path: Path) -> None:
    await add(journal, 3)
    chained = journal.outbox_head("L1").event_hash
    journal.outbox.mark_sent("L1", 3)
    assert journal.outbox.acknowledge("L1", journal.epoch, 3).outcome == "advanced"
    assert journal.outbox.pending("L1", 0, 9) == []
    assert journal.outbox.depth("L1") == 0
    await journal.close()
    again = await Journal.open(path, utc=utc)
    assert again.read("SELECT count(*) FROM outbox") == [(0,)]
    assert again.outbox_head("L1").event_hash == chained
    await add(again, 1)
    assert [row.seq for row in again.outbox.pending("L1", 0, 9)] == [4]
    await again.close()


async def test_a_deletion_waits_for_a_quiet_moment_and_happens(journal: Journal, path: Path) -> None:
    await add(journal, 3)
    journal.outbox.mark_sent("L1", 3)
    journal.outbox.acknowledge("L1", journal.epoch, 2)
    await asyncio.to_thread(until_rows_left, path, 1)


def until_rows_left(path: Path, count: int) -> None:
    deadline_s = time.monotonic() + 10
    connection = sqlite3.connect(path)
    while connection.execute("SELECT count(*) FROM outbox").fetchone() != (count,):
        assert time.monotonic() < deadline_s
    connection.close()


@pytest.mark.parametrize(
    ("epoch_off", "seq", "outcome", "through"),
    [
        (0, 2, "advanced", 2),
        (0, 0, "behind", 0),
        (1, 2, "other_epoch", 0),
        (-1, 2, "other_epoch", 0),
        (0, 3, "ahead", 2),  # exists, but was never sent
        (0, 99, "ahead", 2),
    ],
)
@pytest.mark.hazard("C22", "I12")
async def test_acknowledgements_never_delete_what_was_not_sent(
    journal: Journal, epoch_off: int, seq: int, outcome: str, through: int
) -> None:
    await add(journal, 4)
    journal.outbox.mark_sent("L1", 2)
    done = journal.outbox.acknowledge("L1", journal.epoch + epoch_off, seq)
    assert (done.outcome, done.through_seq) == (outcome, through)
    assert [row.seq for row in journal.outbox.pending("L1", 0, 9)] == list(range(through + 1, 5))


@pytest.mark.threat("repetition", "ack")
async def test_an_acknowledgement_for_the_run_before_is_no_alarm_and_deletes_nothing(
    journal: Journal, path: Path
) -> None:
    await add(journal, 3)
    await journal.close()
    again = await Journal.open(path, utc=utc)
    assert again.outbox.acknowledge("L1", again.epoch, 3).outcome == "behind"
    assert len(again.outbox.pending("L1", 0, 9)) == 3
    assert again.outbox.acknowledge("L1", again.epoch, 4).outcome == "ahead"
    await again.close()


class Odd:
    def __repr__(self) -> str:
        return "odd \ud800"


@pytest.mark.parametrize(
    "event",
    [
        OutboxEvent("bad", {"x": Odd()}),
        OutboxEvent("bad", {"x": float("nan")}),
        OutboxEvent("bad", {"x": "a" * MAX_EVENT_BYTES}),
        OutboxEvent("bad", {}, {"x": "a" * MAX_EVENT_BYTES}),
        OutboxEvent("bad", None),  # type: ignore[arg-type]
        OutboxEvent("\ud800", {}),
        OutboxEvent(None, {}),  # type: ignore[arg-type]
    ],
)
@pytest.mark.hazard("X17")
async def test_a_poison_event_leaves_a_placeholder_and_the_others_flow(journal: Journal, event: Any) -> None:
    ticket = journal.append("L1", "step", "{}", [OutboxEvent("a", {}), event, OutboxEvent("b", {})])
    await ticket.durable
    rows = journal.outbox.pending("L1", 0, 9)
    assert [(row.seq, row.type) for row in rows] == [(1, "a"), (2, QUARANTINED_TYPE), (3, "b")]
    assert rows[1].personal is None
    assert journal.poisoned_events == 1
    assert len(journal.read("SELECT detail FROM poison")) == 1


async def test_a_row_that_does_not_read_back_is_a_placeholder(journal: Journal, path: Path) -> None:
    await add(journal, 3)
    await journal.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE outbox SET data='{' WHERE id=(SELECT min(id) FROM outbox)")
        connection.execute("UPDATE outbox SET personal='[]' WHERE id=(SELECT max(id) FROM outbox)")
    connection.close()
    again = await Journal.open(path, utc=utc)
    rows = again.outbox.pending("L1", 0, 9)
    assert [row.type for row in rows] == [QUARANTINED_TYPE, "decided", QUARANTINED_TYPE]
    assert rows[0].data == {"event_type": "decided"}
    assert again.outbox.poisoned == 2
    await again.close()


async def test_listeners_hear_of_durable_rows_only_of_their_lane(journal: Journal) -> None:
    heard: list[int] = []
    stop = journal.outbox.listen("L1", lambda: heard.append(len(journal.outbox.pending("L1", 0, 9))))
    await add(journal, 2)
    await add(journal, 2, "L2")
    await journal.append("L1", "step", "{}").durable
    assert heard == [2]
    stop()
    await add(journal, 1)
    assert heard == [2]


async def test_reading_does_not_wait_for_a_writer(journal: Journal, path: Path) -> None:
    await add(journal, 1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM outbox")
    assert len(journal.outbox.pending("L1", 0, 9)) == 1
    other.execute("ROLLBACK")
    other.close()
