"""What central stores: ended passages, and a database as version 1 of its schema left it."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from ops.envelope import Lane, LaneEvent

L1 = Lane("S1", "L1")
# Written by version 1 of the schema, as it was.
VERSION_1 = """
CREATE TABLE event (site TEXT NOT NULL, lane TEXT NOT NULL, epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL, type TEXT NOT NULL, time TEXT NOT NULL, hash TEXT NOT NULL, data TEXT NOT NULL,
  received_at TEXT NOT NULL, PRIMARY KEY (site, lane, epoch, seq)) STRICT;
CREATE INDEX event_type ON event (type);
CREATE TABLE progress (site TEXT NOT NULL, lane TEXT NOT NULL, epoch INTEGER NOT NULL,
  through_seq INTEGER NOT NULL, PRIMARY KEY (site, lane, epoch)) STRICT;
CREATE TABLE lost (site TEXT NOT NULL, lane TEXT NOT NULL, epoch INTEGER NOT NULL,
  first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, noted_at TEXT NOT NULL,
  PRIMARY KEY (site, lane, epoch, first_seq)) STRICT;
CREATE TABLE conflict (site TEXT NOT NULL, lane TEXT NOT NULL, epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL, hash_stored TEXT NOT NULL, hash_received TEXT NOT NULL, noted_at TEXT NOT NULL,
  PRIMARY KEY (site, lane, epoch, seq, hash_received)) STRICT;
PRAGMA user_version=1;
"""


def ended(seq: int, *, digest: str = "", **more: Any) -> LaneEvent:
    data = {
        "passage": f"p{seq}", "terminal": "PASSED", "decision": "release", "reasons": [], "touched": False,
        "drill": False, "simulated": False, "direction": "in", "cargo_class": "tank",
        "stages_ms": {"arrived": 0, "opened": 100 + seq % 7},
    }  # fmt: skip
    time = "2026-03-01T12:00:00.000Z"
    return LaneEvent(L1, 5, seq, 1, "passage_ended", time, digest or f"{seq:064x}", data | more)


def write_version_1(database: Path, events: list[LaneEvent]) -> None:
    connection = sqlite3.connect(database)
    connection.executescript(VERSION_1)
    for one in events:
        row = (
            one.lane.site,
            one.lane.name,
            one.epoch,
            one.seq,
            one.type,
            one.time,
            one.hash,
            json.dumps(one.data),
            "then",
        )
        connection.execute("INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?)", row)
    connection.commit()
    connection.close()
