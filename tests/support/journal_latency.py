"""Append latency of the journal beside a bare SQLite commit, interleaved: `python -m tests.support.journal_latency`."""

import asyncio
import sqlite3
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from edge.runtime.journal import Journal
from edge.runtime.outbox import OutboxEvent

BODY = '{"x":"' + "a" * 600 + '"}'
ROUNDS = 1500


async def measure(folder: Path) -> dict[str, list[float]]:
    """Return milliseconds per durable record: bare, the journal's, and the journal's with one event."""
    bare = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, body TEXT)")
    journal = await Journal.open(folder / "journal.sqlite", utc=lambda: datetime.now(UTC))
    event = OutboxEvent("decided", {"passage": "p", "decision": "release"})
    times: dict[str, list[float]] = {"bare": [], "journal": [], "journal_with_event": []}
    for _ in range(ROUNDS):
        began = time.perf_counter()
        bare.execute("BEGIN")
        bare.execute("INSERT INTO record (body) VALUES (?)", (BODY,))
        bare.execute("COMMIT")
        times["bare"].append(time.perf_counter() - began)
        for name, events in (("journal", ()), ("journal_with_event", (event,))):
            began = time.perf_counter()
            await journal.append("L1", "step", BODY, events).durable
            times[name].append(time.perf_counter() - began)
    await journal.close()
    bare.close()
    return times


def main() -> None:
    """Print p50 and p99 in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        for name, values in asyncio.run(measure(Path(folder))).items():
            ordered = sorted(values)
            p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
            sys.stdout.write(f"{name}: p50 {p50:.3f} ms, p99 {p99:.3f} ms\n")


if __name__ == "__main__":
    main()
