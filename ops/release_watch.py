"""The clock of the promised release time: which passages wait in a lane for longer than they may.

It runs on central's clock from when central stored the arrival, so a lane's wrong clock raises nothing; a passage
that is told late is late to alarm. It stops when the boom is up, or the passage ended. Drills have no promise.
"""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ops.envelope import Lane, LaneEvent, shown
from ops.tally import Period

OPENED, RAISED, ENDED = "passage_opened", "boom_raised", "passage_ended"
# The newest of these events tells where a lane stands: events may come out of their order.
_FOLLOWED = (OPENED, RAISED, ENDED)
SCHEMA = (
    """CREATE TABLE IF NOT EXISTS lane_passage (site TEXT NOT NULL, lane TEXT NOT NULL, epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL, type TEXT NOT NULL, passage TEXT NOT NULL, drill INTEGER NOT NULL, received_at TEXT NOT NULL,
  PRIMARY KEY (site, lane)) STRICT""",
    """CREATE TABLE IF NOT EXISTS late_release (site TEXT NOT NULL, lane TEXT NOT NULL, passage TEXT NOT NULL,
  since TEXT NOT NULL, limit_s INTEGER NOT NULL, raised_at TEXT NOT NULL, over_at TEXT,
  PRIMARY KEY (site, lane, passage)) STRICT""",
)
_FOLLOW = """ON CONFLICT DO UPDATE SET epoch=excluded.epoch, seq=excluded.seq, type=excluded.type,
  passage=excluded.passage, drill=excluded.drill, received_at=excluded.received_at
  WHERE (excluded.epoch, excluded.seq) > (epoch, seq)"""
_FOLLOW_NEW = f"INSERT INTO lane_passage VALUES (?,?,?,?,?,?,?,?) {_FOLLOW}"  # noqa: S608 - made of constants
FOLLOW_STORED = f"""INSERT INTO lane_passage SELECT site, lane, epoch, seq, type,
  substr(coalesce(json_extract(data, '$.passage'), ''), 1, 64), json_extract(data, '$.drill') IS 1, received_at
  FROM event WHERE type IN {_FOLLOWED} {_FOLLOW}"""  # noqa: S608 - made of constants


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a release may take, seconds: per lane where one is named, else `default_s`; None: no limit."""

    default_s: int | None = None
    lanes_s: dict[Lane, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.default_s is not None or bool(self.lanes_s)

    def of(self, lane: Lane) -> int | None:
        """The limit of a lane."""
        return self.lanes_s.get(lane, self.default_s)


@dataclass(frozen=True, slots=True)
class LateRelease:
    """A passage that waited for longer than the limit since `since` (ISO 8601, central's clock)."""

    lane: Lane
    passage: str
    since: str
    limit_s: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What one look found: newly late, no longer late, and all that are late now."""

    raised: tuple[LateRelease, ...] = ()
    over: tuple[LateRelease, ...] = ()
    standing: tuple[LateRelease, ...] = ()


def follow(connection: sqlite3.Connection, events: Iterable[LaneEvent], received_at: str) -> None:
    """Note where lanes stand after new events. Begins no transaction of its own."""
    newest: dict[Lane, LaneEvent] = {}
    for one in events:
        if one.type in _FOLLOWED:
            before = newest.get(one.lane)
            if before is None or (one.epoch, one.seq) > (before.epoch, before.seq):
                newest[one.lane] = one
    rows = (
        (lane.site, lane.name, one.epoch, one.seq, one.type, shown(one.data.get("passage")),
         one.data.get("drill") is True, received_at)
        for lane, one in newest.items()
    )  # fmt: skip
    connection.executemany(_FOLLOW_NEW, rows)


def watch(connection: sqlite3.Connection, limits: Limits, at: datetime) -> Watched:
    """Raise and end alarms as of `at`. Begins no transaction of its own."""
    stood = {(one.lane, one.passage): one for one in standing(connection)}
    waiting = {
        (Lane(site, lane), passage): since
        for site, lane, passage, since in connection.execute(
            "SELECT site, lane, passage, received_at FROM lane_passage WHERE type=? AND drill=0", (OPENED,)
        )
    }
    over = tuple(one for key, one in stood.items() if key not in waiting)
    raised = tuple(
        LateRelease(lane, passage, since, limit_s)
        for (lane, passage), since in waiting.items()
        if (lane, passage) not in stood
        and (limit_s := limits.of(lane)) is not None
        and at - datetime.fromisoformat(since) > timedelta(seconds=limit_s)
    )
    stamp = at.isoformat(timespec="milliseconds")
    connection.executemany(
        "INSERT OR REPLACE INTO late_release VALUES (?,?,?,?,?,?,NULL)",
        ((one.lane.site, one.lane.name, one.passage, one.since, one.limit_s, stamp) for one in raised),
    )
    connection.executemany(
        "UPDATE late_release SET over_at=? WHERE site=? AND lane=? AND passage=?",
        ((stamp, one.lane.site, one.lane.name, one.passage) for one in over),
    )
    now = (*(one for one in stood.values() if one not in over), *raised)
    return Watched(raised, over, now)


def standing(connection: sqlite3.Connection) -> list[LateRelease]:
    """Return what is late now, as of the last look."""
    query = "SELECT site, lane, passage, since, limit_s FROM late_release WHERE over_at IS NULL ORDER BY since"
    return [LateRelease(Lane(row[0], row[1]), *row[2:]) for row in connection.execute(query)]


def count_late(connection: sqlite3.Connection, period: Period) -> int:
    """How many alarms were raised in a period."""
    until = period.until_hour or "9"
    query = "SELECT count(*) FROM late_release WHERE raised_at >= ? AND raised_at < ?"
    (count,) = connection.execute(query, (period.from_hour, until)).fetchone()
    return int(count)
