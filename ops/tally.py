"""The statistics of passages in SQLite: counts per cell, and per cell and stage a histogram of times.

Whoever stores an event counts it in the same transaction, so each is counted exactly once whatever is killed when.
No row names a passage or a vehicle.
"""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
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
# After every hour that a lane can tell.
_NEVER = "9"


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

    def __contains__(self, hour: str) -> bool:
        if not (self.from_hour or self.until_hour):
            return True
        return hour != UNKNOWN and self.from_hour <= hour < (self.until_hour or _NEVER)

    def of(self, hour: str) -> tuple[str, tuple[str, ...]]:
        """What SQL asks of a column `hour`. What has no hour is in no period but the unbounded one."""
        if not (self.from_hour or self.until_hour):
            return "1", ()
        return f"{hour} <> '{UNKNOWN}' AND {hour} >= ? AND {hour} < ?", (self.from_hour, self.until_hour or _NEVER)


ALWAYS = Period()


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


def _add_cell(connection: sqlite3.Connection, cell: Cell, count: int) -> int:
    (number,) = connection.execute(_ADD_CELL, (*cell, count)).fetchone()
    return int(number)


def tallies(
    connection: sqlite3.Connection, period: Period, keep: Collection[str] = Cell._fields
) -> Iterator[tuple[Cell, Tally]]:
    """Yield the cells of a period, added up over the fields of `Cell` that are not in `keep`: these are left empty.

    `hour_of_day` keeps of the hour no date; an unknown hour, `simulated` and `drill` are kept always.
    """
    condition, values = period.of("hour")
    key = ", ".join(_expression(name, keep) for name in Cell._fields)
    numbers = ", ".join(str(number) for number in range(1, len(Cell._fields) + 1))
    # Made of constants: no word from anywhere else is in them.
    of_cells = f"SELECT {key}, SUM(passages) FROM passage_cell WHERE {condition} GROUP BY {numbers}"  # noqa: S608
    passages = {row[:-1]: row[-1] for row in connection.execute(of_cells, values)}
    of_times = f"""SELECT {key}, stage, bucket, SUM(t.passages) FROM passage_cell c JOIN stage_time t USING (cell)
      WHERE {condition} GROUP BY {numbers}, stage, bucket ORDER BY {numbers}"""  # noqa: S608
    for found, rows in groupby(connection.execute(of_times, values), key=lambda row: row[: len(Cell._fields)]):
        counts: dict[str, dict[int, int]] = {}
        for *_, stage, bucket, count in rows:
            counts.setdefault(stage, {})[bucket] = count
        stages = {stage: Histogram(buckets) for stage, buckets in counts.items()}
        yield _cell(found), Tally(passages.pop(found), stages)
    for found, count in passages.items():
        yield _cell(found), Tally(count)


def _expression(name: str, keep: Collection[str]) -> str:
    if name in keep or name in ("simulated", "drill"):
        return name
    if name != "hour":
        return "''"
    day = "'2000-01-01T' || substr(hour, 12)" if "hour_of_day" in keep else "''"
    return f"CASE hour WHEN '{UNKNOWN}' THEN hour ELSE {day} END"


def _cell(key: tuple[Any, ...]) -> Cell:
    return Cell(*key[:-2], *map(bool, key[-2:]))
