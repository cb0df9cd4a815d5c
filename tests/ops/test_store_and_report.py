import io
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from ops.cli import main
from ops.envelope import Lane, LaneEvent
from ops.ingest import LaneView
from ops.period import Days
from ops.report import centre_of, report
from ops.store import EventStore, StoreError
from ops.table import _cells, lane_table

L1 = Lane("S1", "L1")


def event(
    seq: int, *, epoch: int = 5, oldest: int = 1, kind: str = "decided", digest: str = "", **data: Any
) -> LaneEvent:
    return LaneEvent(L1, epoch, seq, oldest, kind, "2026-03-01T12:00:00.000Z", digest or f"{seq:064x}", data)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ops.sqlite"


@pytest.mark.hazard("I12", "C23")
@pytest.mark.threat("repetition", "resequencing", "telemetry")
def test_events_are_stored_once_and_only_the_unbroken_run_is_acknowledged(database: Path) -> None:
    store = EventStore(database)
    assert store.store([event(1), event(2), event(2), event(4), event(5)], "now").through == {(L1, 5): 2}
    assert [(g.first_seq, g.last_seq, g.lost) for g in store.gaps()] == [(3, 3, False)]
    done = store.store([event(3), event(1)], "now")
    assert done.through == {(L1, 5): 5}
    assert (len(done.new), done.duplicates) == (1, 1)
    assert list(store.gaps()) == []
    assert store.store([event(1, epoch=6)], "now").through == {(L1, 6): 1}
    store.close()


@pytest.mark.hazard("I12", "C24", "O6")
@pytest.mark.threat("corruption", "telemetry")
def test_one_number_with_two_contents_is_a_conflict_and_the_first_stays(database: Path) -> None:
    store = EventStore(database)
    store.store([event(1, x=1)], "now")
    done = store.store([event(1, digest="f" * 64, x=2)], "now")
    assert len(done.conflicts) == 1
    assert store.conflicts() == 1
    assert [data for _, data in store.events("decided")] == [{"x": 1}]
    store.close()


@pytest.mark.hazard("C23")
@pytest.mark.threat("deletion", "telemetry")
def test_what_a_lane_no_longer_holds_is_named_as_lost_and_waited_for_no_more(database: Path) -> None:
    store = EventStore(database)
    store.store([event(1), event(3)], "now")
    assert store.store([event(9, oldest=6)], "now").through == {(L1, 5): 5}
    assert [(g.first_seq, g.last_seq, g.lost) for g in store.gaps()] == [(2, 2, True), (4, 5, True), (6, 8, False)]
    store.close()


def test_a_database_that_cannot_be_used_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.sqlite"
    bad.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="next"):
        EventStore(bad)
    with pytest.raises(StoreError, match="no database"):
        EventStore(tmp_path / "none.sqlite", read_only=True)
    newer = EventStore(tmp_path / "newer.sqlite")
    newer._connection.execute("PRAGMA user_version=9")
    newer.close()
    with pytest.raises(StoreError, match="newer"):
        EventStore(tmp_path / "newer.sqlite")
    assert main(["report", "--database", str(bad)]) == 75
    assert "kakou ops" in capsys.readouterr().err
    assert main(["--database", str(bad), "--quiet"]) == 75


def ended(seq: int, terminal: str, ms: float | None, **more: Any) -> LaneEvent:
    stages = {"identified": ms, "opened": None if ms is None else ms * 2}
    data = {"passage": f"p{seq}", "terminal": terminal, "decision": "release", "stages_ms": stages} | more
    return event(seq, kind="passage_ended", **data)


def test_the_report_counts_outcomes_and_stages_without_drills(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = EventStore(database)
    passed = [ended(n, "PASSED", 10.0 * n, simulated=True) for n in range(1, 21)]
    drill = ended(21, "PASSED", 1e9, drill=True)
    odd = ended(22, "TIMEOUT", None, stages_ms="nonsense")
    store.store([*passed, drill, odd, event(25, digest="a" * 64)], "now")
    store.store([event(25, digest="b" * 64)], "now")
    store.close()
    assert main(["--database", str(database), "report", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["passages"] == 21
    assert data["simulated"] == 20
    assert data["drills_excluded"] == 1
    assert data["outcomes"] == {"PASSED": 20, "TIMEOUT": 1}
    assert data["stages_ms"]["identified"] == {"n": 20, "p50": 100, "p90": 181, "p95": 191, "p99": 201}
    assert data["stages_ms"]["cleared"] == dict.fromkeys(("p50", "p90", "p95", "p99")) | {"n": 0}
    assert data["gaps"][0]["first_seq"] == 23
    assert data["conflicts"] == 1
    assert main(["report", "--database", str(database)]) == 0
    shown = capsys.readouterr().out
    assert "ALARM: 1" in shown
    assert "seq 23-24: expected again" in shown


def test_an_empty_database_reports_nothing(database: Path) -> None:
    store = EventStore(database)
    data = report(centre_of(store, Days()), Days())
    store.close()
    assert (data["passages"], data["gaps"], data["conflicts"]) == (0, [], 0)


@pytest.mark.parametrize("address", ["nowhere", ":1883", "host:", "host:0", "host:65536", "host:x"])
def test_an_address_of_any_other_form_is_refused(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--broker", address])
    assert "HOST:PORT" in capsys.readouterr().err


def test_a_lost_lane_shows_no_old_phase() -> None:
    view = LaneView(online=True, state={"phase": "IDLE"})
    assert _cells(view)[:2] == ("online", "IDLE")
    view.online = False
    assert _cells(view)[:2] == ("OFFLINE", "?")
    view.last_ended = {"decision": "release", "terminal": "PASSED", "drill": True}
    assert "release PASSED [drill]" in _cells(view)


def test_markup_from_the_wire_stays_text() -> None:
    view = LaneView(online=True, passage="[bold]p[/bold]", last_event="[red]x")
    shown = SimpleNamespace(counters=Counter({"conflicts": 1, "dropped_x": 2}), lanes={L1: view})
    out = io.StringIO()
    Console(file=out, width=200).print(lane_table(shown))  # type: ignore[arg-type]
    assert "[bold]p[/bold]" in out.getvalue()
    assert "1 CONFLICTS" in out.getvalue()
