"""Passages are counted exactly once: with the event, in its transaction, whatever comes again or is killed."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ops.cli import main
from ops.envelope import LaneEvent
from ops.histogram import Histogram
from ops.passages import Cell
from ops.store import EventStore, StoreError
from ops.tally import Period, Tally
from tests.support.central import L1, ended, write_version_1

ALWAYS = Period()
# Stores passages in small batches until it is killed, and says after each batch that it is stored.
WRITER = """
import sys
from pathlib import Path
from ops.store import EventStore
from tests.support.central import ended
store = EventStore(Path(sys.argv[1]))
first = store.count() + 1
for number in range(first, first + 100_000, 3):
    store.store([ended(number), ended(number + 1), ended(number + 2)], "now")
    print(number, flush=True)
"""


def counted(store: EventStore, period: Period = ALWAYS) -> dict[Cell, Tally]:
    return dict(store.tallies(period))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ops.sqlite"


def test_what_comes_again_is_counted_once(database: Path) -> None:
    store = EventStore(database)
    store.store([ended(1), ended(1), ended(2)], "now")
    store.store([ended(2), ended(3), ended(3, digest="f" * 64, terminal="FAULT")], "now")
    ((cell, tally),) = counted(store).items()
    assert cell == Cell("2026-03-01T12", "S1", "L1", "in", "tank", "clean", "PASSED", "release", False, False)
    assert tally == Tally(3, {"arrived": Histogram.of([0] * 3), "opened": Histogram.of([101, 102, 103])})
    store.close()


def test_what_was_not_stored_was_not_counted(database: Path) -> None:
    store = EventStore(database)
    store.store([ended(1)], "now")
    store._connection.execute(
        "CREATE TEMP TRIGGER full BEFORE INSERT ON progress BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(StoreError, match="full"):
        store.store([ended(2)], "now")
    assert (store.count(), sum(tally.passages for tally in counted(store).values())) == (1, 1)
    store.close()


@pytest.mark.hazard("I12")
def test_a_killed_receiver_counted_what_it_stored_and_nothing_else(database: Path) -> None:
    for batches in (1, 2, 5, 9):
        with subprocess.Popen([sys.executable, "-c", WRITER, database], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(batches):
                assert writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
        store = EventStore(database)
        times = [one.data["stages_ms"]["opened"] for one in store.rows()]
        ((_, tally),) = counted(store).items()
        assert len(times) >= 3 * batches
        assert (tally.passages, tally.stages["opened"]) == (len(times), Histogram.of(times))
        store.close()


def test_a_drill_is_counted_and_never_timed(database: Path) -> None:
    store = EventStore(database)
    store.store([ended(1, drill=True)], "now")
    ((cell, tally),) = counted(store).items()
    assert (cell.drill, tally) == (True, Tally(1))
    store.close()


def test_cells_are_added_up_over_what_is_not_kept(database: Path) -> None:
    store = EventStore(database)
    store.store([ended(1), ended(2, cargo_class="empty"), ended(3, stages_ms={}, touched=True)], "now")
    assert len(counted(store)) == 3
    found = dict(store.tallies(ALWAYS, ("how", "hour_of_day")))
    assert {(cell.hour, cell.site, cell.cargo_class, cell.how): tally.passages for cell, tally in found.items()} == {
        ("2000-01-01T12", "", "", "clean"): 2,
        ("2000-01-01T12", "", "", "manual"): 1,
    }
    (clean,) = (tally for cell, tally in found.items() if cell.how == "clean")
    assert clean.stages["opened"] == Histogram.of([101, 102])
    store.close()


def test_passages_without_an_hour_are_in_no_period(database: Path) -> None:
    store = EventStore(database)
    odd = ended(2)
    store.store([ended(1), LaneEvent(L1, 5, 2, 1, odd.type, "soon", odd.hash, odd.data)], "now")
    assert sum(tally.passages for tally in counted(store).values()) == 2
    for period in (Period("2026-03-01T12"), Period("", "2026-03-01T13"), Period("2026-03-01T12", "2026-03-01T13")):
        assert [cell.hour for cell in counted(store, period)] == ["2026-03-01T12"]
    assert counted(store, Period("2026-03-01T13")) == {}
    assert {cell.hour for cell, _ in store.tallies(ALWAYS, ())} == {"", "unknown"}
    store.close()


def test_a_database_of_version_1_is_counted_once(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ops.store._COUNTED_AT_ONCE", 2)
    write_version_1(database, [*(ended(seq) for seq in range(1, 6)), ended(6, passage=None, drill="x", stages_ms=3)])
    assert main(["report", "--database", str(database)]) == 75
    assert "start kakou ops" in capsys.readouterr().err
    for _ in range(2):
        store = EventStore(database)
        store.store([ended(5)], "now")
        (tally,) = counted(store).values()
        assert tally.passages == 6
        assert tally.stages["opened"] == Histogram.of(100 + seq for seq in range(1, 6))
        store.close()
    assert main(["report", "--database", str(database), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passages"] == 6


def test_a_migration_that_was_cut_off_is_done_again_whole(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_version_1(database, [ended(seq) for seq in range(1, 6)])
    monkeypatch.setattr("ops.release_watch.FOLLOW_STORED", "SELECT nonsense")
    with pytest.raises(StoreError, match="nonsense"):
        EventStore(database)
    monkeypatch.undo()
    store = EventStore(database)
    (tally,) = counted(store).values()
    assert tally.passages == 5
    store.close()
