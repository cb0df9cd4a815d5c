"""The clock of the promised release time."""

import asyncio
import io
import json
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edge.mqtt import Message
from ops.cli import _limits, main
from ops.envelope import Lane, LaneEvent
from ops.ingest import Ingest
from ops.period import Days
from ops.release_watch import LateRelease, Limits
from ops.store import EventStore
from ops.table import lane_table
from tests.support.central import L1, ended, write_version_1

L2 = Lane("S1", "L2")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = Limits(60)


def at(after_s: float) -> datetime:
    return START + timedelta(seconds=after_s)


def event(seq: int, kind: str, *, lane: Lane = L1, passage: str = "p1", **data: Any) -> LaneEvent:
    time = "1999-01-01T00:00:00.000Z"  # a lane's clock has no say
    return LaneEvent(lane, 5, seq, 1, kind, time, f"{seq:064x}", {"passage": passage, **data})


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = EventStore(tmp_path / "ops.sqlite")
    yield opened
    opened.close()


def take(store: EventStore, *events: LaneEvent, after_s: float = 0) -> None:
    store.store(events, at(after_s).isoformat(timespec="milliseconds"))


def test_a_vehicle_that_waits_for_longer_than_promised_raises_one_alarm(store: EventStore) -> None:
    take(store, event(1, "passage_opened"))
    assert store.watch_releases(MINUTE, at(60)).raised == ()
    late = LateRelease(L1, "p1", "2026-03-01T12:00:00.000+00:00", 60)
    first = store.watch_releases(MINUTE, at(60.001))
    assert (first.raised, first.over, first.standing) == ((late,), (), (late,))
    again = store.watch_releases(MINUTE, at(300))
    assert (again.raised, again.over, again.standing) == ((), (), (late,))


@pytest.mark.parametrize("kind", ["boom_raised", "passage_ended"])
def test_it_is_over_when_the_boom_is_up_or_the_passage_ended(store: EventStore, kind: str) -> None:
    take(store, event(1, "passage_opened"))
    (late,) = store.watch_releases(MINUTE, at(100)).raised
    take(store, event(2, kind))
    done = store.watch_releases(MINUTE, at(101))
    assert (done.raised, done.over, done.standing) == ((), (late,), ())
    assert store.watch_releases(MINUTE, at(999)).over == ()


def test_events_out_of_their_order_wake_no_passage_that_is_over(store: EventStore) -> None:
    take(store, event(5, "passage_ended"))
    take(store, event(1, "passage_opened"), event(3, "boom_raised"))
    take(store, event(9, "boom_raised", lane=L2), event(7, "passage_opened", lane=L2))
    assert store.watch_releases(MINUTE, at(999)).raised == ()


def test_the_next_passage_is_another_clock(store: EventStore) -> None:
    take(store, event(1, "passage_opened"))
    (late,) = store.watch_releases(MINUTE, at(100)).raised
    take(store, event(2, "passage_ended"), event(3, "passage_opened", passage="p2"), after_s=100)
    done = store.watch_releases(MINUTE, at(110))
    assert (done.raised, done.over, done.standing) == ((), (late,), ())
    assert [one.passage for one in store.watch_releases(MINUTE, at(161)).raised] == ["p2"]


def test_a_drill_has_no_promise(store: EventStore) -> None:
    take(store, event(1, "passage_opened", drill=True))
    assert store.watch_releases(MINUTE, at(999)).raised == ()


def test_a_lane_may_have_a_limit_of_its_own_and_others_none(store: EventStore) -> None:
    take(store, event(1, "passage_opened"), event(1, "passage_opened", lane=L2))
    assert [one.lane for one in store.watch_releases(_limits([(L2, 10)]), at(999)).raised] == [L2]
    limits = _limits([(None, 5), (L2, 2_000), (None, 500)])
    assert (limits.of(L1), limits.of(L2)) == (500, 2_000)
    assert [one.lane for one in store.watch_releases(limits, at(999)).raised] == [L1]
    assert not _limits([])


def test_alarms_outlive_the_receiver(tmp_path: Path) -> None:
    path = tmp_path / "ops.sqlite"
    store = EventStore(path)
    take(store, event(1, "passage_opened"))
    assert len(store.watch_releases(MINUTE, at(61)).raised) == 1
    store.close()
    store = EventStore(path)
    again = store.watch_releases(MINUTE, at(62))
    assert (again.raised, len(again.standing)) == ((), 1)
    store.close()


def test_a_database_of_version_1_knows_who_waits(tmp_path: Path) -> None:
    events = [event(1, "passage_opened"), ended(2), event(3, "passage_opened", passage="p3")]
    write_version_1(tmp_path / "old.sqlite", events)
    store = EventStore(tmp_path / "old.sqlite")
    rows = store._query("SELECT seq, type, passage, received_at FROM lane_passage")
    assert rows == [(3, "passage_opened", "p3", "then")]
    store.close()


def test_the_report_tells_what_stands_and_how_many_there_were(
    store: EventStore, capsys: pytest.CaptureFixture[str]
) -> None:
    take(store, event(1, "passage_opened"), event(1, "passage_opened", lane=L2))
    store.watch_releases(MINUTE, at(61))
    take(store, event(2, "boom_raised", lane=L2))
    store.watch_releases(MINUTE, at(62))
    assert main(["report", "--database", str(store.path), "--json", "--month", "2026-03"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["late_releases"] == 2
    assert data["late_now"] == [{"site": "S1", "lane": "L1", "since": "2026-03-01T12:00:00.000+00:00", "limit_s": 60}]
    assert main(["report", "--database", str(store.path), "--month", "2026-04"]) == 0
    assert "S1/L1 waits for longer than 60 s" in " ".join(capsys.readouterr().out.split())
    assert store.late_releases(Days.of_month("2026-04", "+08:00").period)[0] == 0


class Silent:
    """A link that takes acknowledgements and tells when one was sent."""

    def __init__(self) -> None:
        self.acknowledged = asyncio.Event()
        self.handlers: list[Any] = []

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "asyncio.Future[None]":
        self.acknowledged.set()
        return asyncio.get_running_loop().create_future()

    def subscribe(self, topic_filter: str, handler: Any) -> None:
        self.handlers.append(handler)


async def test_the_receiver_looks_by_itself_and_shows_what_it_found(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ops.ingest._WATCH_S", 0.01)
    now, link = [at(0)], Silent()
    ingest = Ingest(link, store, utc=lambda: now[0], limits=MINUTE)
    root = "gate/v1/S1/L1"
    body = {
        "specversion": "1.0", "type": "passage_opened", "source": root, "time": "2026-03-01T12:00:00Z",
        "hash": "a" * 64, "epoch": 5, "seq": 1, "oldestseq": 1, "data": {"passage": "p1"},
    }  # fmt: skip
    told = asyncio.Event()
    monkeypatch.setattr(ingest, "_tell", lambda watched, tell=ingest._tell: (tell(watched), told.set()))
    with caplog.at_level(logging.ERROR):
        receiving = asyncio.ensure_future(ingest.run())
        link.handlers[0](Message(f"{root}/event/passage_opened", json.dumps(body).encode()))
        await asyncio.wait_for(link.acknowledged.wait(), 10)
        now[0] = at(61)
        while not ingest.counters["late_releases"]:
            told.clear()
            await asyncio.wait_for(told.wait(), 10)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    assert [record.message for record in caplog.records] == ["release_late"]
    printed = io.StringIO()
    Console(file=printed, width=200).print(lane_table(ingest))
    assert "p1 LATE >60 s" in printed.getvalue()


async def test_a_receiver_that_starts_shows_what_was_late_before(store: EventStore) -> None:
    take(store, event(1, "passage_opened"))
    store.watch_releases(MINUTE, at(61))
    ingest = Ingest(Silent(), store, utc=lambda: at(62), limits=MINUTE)
    ingest._tell(store.watch_releases(MINUTE, at(62)))
    assert ingest.lanes[L1].late is not None
    assert ingest.counters["late_releases"] == 0


@pytest.mark.parametrize("limit", ["0", "x", "60s", "L1=60", "S1/L1=0", "S1/L 1=5", "-5", "9999999"])
def test_a_limit_of_any_other_form_is_refused(limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([f"--release-limit={limit}"])
    assert "SITE/LANE=" in capsys.readouterr().err
