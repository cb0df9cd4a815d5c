"""Journals for tests: a fixed wall clock, a fresh file, an open journal. `tests/edge/runtime/conftest.py` loads it."""

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.runtime.journal import Journal
from edge.runtime.outbox import OutboxEvent


def utc() -> datetime:
    return datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def later() -> datetime:
    return datetime(2026, 3, 1, 13, 0, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
async def journal(path: Path) -> AsyncIterator[Journal]:
    opened = await Journal.open(path, utc=utc)
    yield opened
    await opened.close()


async def fill(path: Path, count: int = 50) -> None:
    journal = await Journal.open(path, utc=utc)
    tickets = [journal.append("L1", "step", f"{n}" * 200, [OutboxEvent("decided", {"n": n})]) for n in range(count)]
    await tickets[-1].durable
    await journal.close()


# Three lanes that append for ever and say which record is durable.
APPENDER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from edge.runtime.journal import Journal
from edge.runtime.outbox import OutboxEvent

async def lane(journal, name):
    n = 0
    while True:
        n += 1
        ticket = journal.append(name, "step", f"{name} {n} " + "x" * 300, [OutboxEvent("e", {"n": n})])
        await ticket.durable
        print(name, ticket.seq, flush=True)

async def main():
    journal = await Journal.open(Path(sys.argv[1]), utc=lambda: datetime.now(UTC))
    await asyncio.gather(*(lane(journal, name) for name in ("L1", "L2", "L3")))

asyncio.run(main())
"""


def start_appender(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True)
