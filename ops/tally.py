"""The statistics of passages in SQLite: counts per cell, and per cell and stage a histogram of times.

Whoever stores an event counts it in the same transaction, so each is counted exactly once whatever is killed when.
No row names a passage or a vehicle.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ops.envelope import Lane
from ops.histogram import Histogram, bucket_of
from ops.passages import UNKNOWN, Cell, cell_of, stage_times

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS passage_cell (cell INTEGER PRIMARY KEY, hour TEXT NOT NULL, site TEXT NOT NULL,
  lane TEXT NOT NULL, direction TEXT NOT NULL, cargo_class TEXT NOT NULL, how TEXT NOT NULL, terminal TEXT NOT NULL,
  decision TEXT NOT NULL, simulated INTEGER NOT NULL, drill INTEGER NOT NULL, passages INTEGER NOT NULL,
  UNIQUE (hour, site, lane, direction, cargo_class, how, terminal, decision, simulated, drill)) STRICT""",
    """CREATE TABLE IF NOT EXISTS stage_time (cell INTEGER NOT NULL, stage TEXT NOT NULL, bucket INTEGER NOT NULL,
  passages INTEGER NOT NULL, PRIMARY KEY (cell, stage, bucket)) STRICT, WITHOUT ROWID""",
)
_KEY = ", ".join(Cell._fields)
_ADD_CELL = f"""INSERT INTO passage_cell ({_KEY}, passages) VALUES ({"?," * len(Cell._fields)} ?)
  ON CONFLICT ({_KEY}) DO UPDATE SET passages = passages + excluded.passages RETURNING cell"""  # noqa: S608 - constants
_ADD_TIMES = """INSERT INTO stage_time VALUES (?,?,?,?)
  ON CONFLICT DO UPDATE SET passages = passages + excluded.passages"""


@dataclass(slots=True)
class Tally:
    """What was counted of one cell."""

    passages: int = 0
    stages: dict[str, Histogram] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole hours of UTC, `2026-03-01T12`, until before the last; empty texts: without a bound."""

    from_hour: str = ""
    until_hour: str = ""

    @property
    def condition(self) -> tuple[str, tuple[str, ...]]:
        """What SQL asks of `hour`. A passage without an hour is in no period but the unbounded one."""
        if not (self.from_hour or self.until_hour):
            return "1", ()
        return f"hour <> '{UNKNOWN}' AND hour >= ? AND hour < ?", (self.from_hour, self.until_hour or "9")


def count_passages(connection: sqlite3.Connection, ended: Iterable[tuple[Lane, str, dict[str, Any]]]) -> None:
    """Count passages: lane, time and data of their events. Begins no transaction of its own."""
    cells: dict[Cell, list[tuple[str, int]]] = {}
    passages: Counter[Cell] = Counter()
    for lane, time, data in ended:
        cell = cell_of(lane, time, data)
        passages[cell] += 1
        # A drill is counted, and never timed.
        times = {} if cell.drill else stage_times(data)
        cells.setdefault(cell, []).extend((stage, bucket_of(ms)) for stage, ms in times.items())
    rows = []
    for cell, buckets in cells.items():
        number = _add_cell(connection, cell, passages[cell])
        rows += [(number, stage, bucket, count) for (stage, bucket), count in Counter(buckets).items()]
    connection.executemany(_ADD_TIMES, rows)


def add_tally(connection: sqlite3.Connection, cell: Cell, tally: Tally) -> None:
    """Add what was counted elsewhere. Begins no transaction of its own."""
    number = _add_cell(connection, cell, tally.passages)
    rows = (
        (number, stage, bucket, count)
        for stage, histogram in tally.stages.items()
        for bucket, count in histogram.counts.items()
    )
    connection.executemany(_ADD_TIMES, rows)


def _add_cell(connection: sqlite3.Connection, cell: Cell, count: int) -> int:
    (number,) = connection.execute(_ADD_CELL, (*cell, count)).fetchone()
    return int(number)


def tallies(connection: sqlite3.Connection, period: Period) -> Iterator[tuple[Cell, Tally]]:
    """Yield every cell of a period, oldest hour first."""
    condition, values = period.condition
    query = f"""SELECT c.cell, {_KEY}, c.passages, t.stage, t.bucket, t.passages
      FROM passage_cell c LEFT JOIN stage_time t ON t.cell = c.cell WHERE {condition}
      ORDER BY {_KEY}, t.stage, t.bucket"""  # noqa: S608 - made of constants
    counted = groupby(connection.execute(query, values), key=lambda row: row[: len(Cell._fields) + 2])
    for (_, *key, passages), rows in counted:
        counts: dict[str, dict[int, int]] = {}
        for *_, stage, bucket, count in rows:
            if stage is not None:
                counts.setdefault(stage, {})[bucket] = count
        yield _cell(key), Tally(passages, {stage: Histogram(buckets) for stage, buckets in counts.items()})


def _cell(key: list[Any]) -> Cell:
    return Cell(*key[:-2], *map(bool, key[-2:]))
