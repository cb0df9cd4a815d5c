"""Power cuts under the journal: `python -m simulators.power_cuts --cuts 20000 --seed 1 --json` (hazards.md X2).

The journal works on a disk that remembers every write and sync; each cut leaves what such a disk may leave, and the
journal must open it again with everything that it had promised. `--control` weakens `synchronous` to NORMAL: it has
to lose records, or the cuts prove nothing. Needs the development packages (apsw). With `--ledger FILE` a campaign
that was stopped goes on where it was. Exit status: 0 nothing lost, 1 something was.
"""

import argparse
import asyncio
import json
import random
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from edge.files import write_whole
from edge.runtime import journal_file, journal_writer
from edge.runtime.journal import Journal
from edge.runtime.journal_file import LANE_SPAN, open_for_writing
from edge.runtime.outbox import OutboxEvent
from simulators.power_disk import Platter, PowerDisk, Step
from simulators.prove.ledger import commit

LANES = ("lane-1", "lane-2", "lane-3")
NAME = "journal.sqlite"
CUTS_A_SESSION = 50
# Each session of a life starts from what a cut of the one before left; then a new file is begun.
SESSIONS_A_LIFE = 4
CUTS_A_LIFE = CUTS_A_SESSION * SESSIONS_A_LIFE
ROUNDS = 40
_COUNTS = ("cuts", "lost", "corrupt", "wrong", "records_promised", "sessions", "reopened_after_cut")


@dataclass(slots=True)
class Promised:
    """What was asked of the journal (every body ever appended), and how many records of each lane it promised."""

    bodies: dict[str, list[str]] = field(default_factory=lambda: {lane: [] for lane in LANES})
    durable: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LANES, 0))


@dataclass(slots=True)
class Found:
    """What the cuts of a campaign showed. `wrong`: a record that nobody wrote, or an event without its record."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))

    def add(self, name: str, count: int = 1) -> None:
        """Count."""
        self.counts[name] += count


def utc() -> datetime:
    """The wall clock of a life: it stands still."""
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


async def work(path: Path, disk: PowerDisk, promised: Promised, draw: random.Random) -> int:
    """Write for a while, end in order, open again and go on; returns how many steps the disk had seen by then."""
    for _ in range(2):
        journal = await Journal.open(path, utc=utc)
        for _ in range(ROUNDS):
            tickets = []
            for lane in draw.sample(LANES, draw.randint(1, len(LANES))):
                body = f"{lane} {len(promised.bodies[lane])} " + "x" * draw.randint(0, 1500)
                tickets.append((lane, journal.append(lane, "step", body, [OutboxEvent("e", {"n": 1})])))
                promised.bodies[lane].append(body)
            for lane, ticket in tickets:
                await ticket.durable
                disk.note((lane, ticket.seq))
            lane = draw.choice(LANES)
            head = journal.outbox_head(lane)
            if head.seq > head.acknowledged_seq + 5:
                journal.outbox.mark_sent(lane, head.seq - 3)
                journal.outbox.acknowledge(lane, journal.epoch, head.seq - 3)
        seen = len(disk.steps)
        await journal.close()
    return seen


def judge(folder: Path, promised: Promised, durable: dict[str, int], found: Found) -> dict[str, list[str]]:
    """Open what a cut left, as a start does, and compare it with what was promised before; returns what is there."""
    there: dict[str, list[str]] = {lane: [] for lane in LANES}
    found.add("cuts")
    opened = open_for_writing(folder / NAME, utc)
    try:
        if opened.quarantined is not None:
            found.add("corrupt")
            found.add("lost", sum(durable.values()))
            return there
        numbers = journal_file.lane_numbers(opened.connection)
        for lane in LANES:
            number = numbers.get(lane, 0)
            if number:
                there[lane] = [one.body for one in journal_file.read_records(opened.connection, number, None)]
            bodies = there[lane]
            found.add("lost", max(0, durable[lane] - len(bodies)))
            broken = journal_file.first_broken(opened.connection, number, lane) if number else None
            events = _last_event(opened.connection, number) if number else 0
            if bodies != promised.bodies[lane][: len(bodies)] or broken is not None or events != len(bodies):
                found.add("wrong")
    finally:
        opened.connection.close()
        opened.lock.close()
    return there


def _last_event(connection: Any, number: int) -> int:
    """Return the seq of a lane's newest event; -1 where the waiting ones are not a run without a gap."""
    base = number * LANE_SPAN
    query = "SELECT acknowledged_seq FROM lane WHERE number=?"
    acknowledged: int = connection.execute(query, (number,)).fetchone()[0]
    rows = connection.execute("SELECT id FROM outbox WHERE id BETWEEN ? AND ?", (base, base + LANE_SPAN - 1)).fetchall()
    seqs = sorted(row_id - base for (row_id,) in rows)
    return acknowledged + len(seqs) if seqs == list(range(acknowledged + 1, acknowledged + 1 + len(seqs))) else -1


class Life:
    """One journal from its beginning through several sessions, each from what a cut of the last one left."""

    def __init__(self, folder: Path, draw: random.Random, *, weaken: bool) -> None:
        self._folder = folder
        self._draw = draw
        self._weaken = weaken

    def run(self, found: Found) -> None:
        """Work, cut, judge."""
        promised = Promised()
        journal_file.create(self._folder / NAME, 1)
        for _ in range(SESSIONS_A_LIFE):
            self._session(promised, found)
            found.add("sessions")

    def _session(self, promised: Promised, found: Found) -> None:
        before = {path.name: path.read_bytes() for path in self._folder.iterdir() if path.name in _names()}
        disk = PowerDisk(weaken=self._weaken)
        # Checkpoints as often as a busy week has them.
        often = patch.object(journal_writer, "_CHECKPOINT_FORCED_STATEMENTS", self._draw.randint(40, 160))
        with often, disk.in_use():
            seen = asyncio.run(work(self._folder / NAME, disk, promised, self._draw))
        steps = disk.steps[:seen]
        moments = sorted(self._draw.randrange(len(steps) + 1) for _ in range(CUTS_A_SESSION))
        image, there = self._cut(before, steps, moments, promised, found)
        # The next session goes on from the last cut: what that held is what was written until now.
        self._lay(self._folder, image)
        promised.bodies = there
        promised.durable = {lane: len(bodies) for lane, bodies in there.items()}
        found.add("records_promised", sum(promised.durable.values()))
        found.add("reopened_after_cut")

    def _cut(
        self, before: dict[str, bytes], steps: Sequence[Step], moments: Sequence[int], promised: Promised, found: Found
    ) -> tuple[dict[str, bytes], dict[str, list[str]]]:
        platter, durable, image = Platter(before), dict(promised.durable), before
        there = promised.bodies
        position = 0
        for moment in moments:
            for step in steps[position:moment]:
                platter.apply(step)
                if step.kind == "note":
                    lane, seq = step.note
                    durable[lane] = max(seq, durable[lane])
            position = moment
            image = platter.image(self._draw)
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                self._lay(Path(folder), image)
                there = judge(Path(folder), promised, durable, found)
        return image, there

    def _lay(self, folder: Path, image: dict[str, bytes]) -> None:
        for name in (*_names(), f"{NAME}-shm"):
            (folder / name).unlink(missing_ok=True)
        for name, content in image.items():
            (folder / name).write_bytes(content)


def _names() -> tuple[str, ...]:
    return (NAME, f"{NAME}-wal")


def campaign(cuts: int, seed: int, *, weaken: bool = False, told: Callable[[Found, int], None] | None = None,
             first: int = 0, found: Found | None = None) -> Found:  # fmt: skip
    """Run whole lives until `cuts` were made; `told` hears after each. `first`: the life to begin with."""
    found = found or Found()
    memory = Path("/dev/shm")  # noqa: S108 - images are small and many; a private folder is made in it
    for life in range(first, -(-cuts // CUTS_A_LIFE)):
        folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        try:
            Life(folder, random.Random(f"{seed}/{life}"), weaken=weaken).run(found)  # noqa: S311 - drawn again by seed
        finally:
            shutil.rmtree(folder)
        if told is not None:
            told(found, life + 1)
    return found


def main(given: Sequence[str] | None = None) -> int:
    """Run a campaign, or the rest of one, and print what it found."""
    parser = argparse.ArgumentParser(prog="python -m simulators.power_cuts", description=__doc__)
    parser.add_argument("--cuts", type=int, default=20_000, help=f"rounded up to whole lives of {CUTS_A_LIFE}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="synchronous=NORMAL: has to lose records")
    parser.add_argument("--ledger", type=Path, help="goes on where it was cut")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(given)
    before: dict[str, Any] = {}
    if options.ledger is not None and options.ledger.exists():
        before = json.loads(options.ledger.read_text(encoding="utf-8"))
        if before["seed"] != options.seed or before["control"] != options.control:
            parser.error(f"{options.ledger} is of another campaign: {before}")
    earlier_s, began = before.get("wall_s", 0.0), time.monotonic()
    figures: dict[str, Any] = {}
    at_commit = commit()

    def told(found: Found, lives: int) -> None:
        wall_s = round(earlier_s + time.monotonic() - began, 1)
        figures.update(found.counts, seed=options.seed, control=options.control, lives=lives, wall_s=wall_s)
        figures["commit"] = at_commit
        if options.ledger is not None:
            write_whole(options.ledger, json.dumps(figures).encode())

    told(Found({name: before.get(name, 0) for name in _COUNTS}), before.get("lives", 0))
    if options.ledger is not None:
        sys.stderr.write(f"to go on after a stop: {shlex.join(sys.orig_argv)}\n")
    found = Found({name: figures[name] for name in _COUNTS})
    campaign(options.cuts, options.seed, weaken=options.control, told=told, first=figures["lives"], found=found)
    lines = "".join(f"{name}: {value}\n" for name, value in figures.items())
    sys.stdout.write(json.dumps(figures) + "\n" if options.json else lines)
    harmed = bool(figures["lost"] or figures["corrupt"] or figures["wrong"])
    return 0 if harmed == options.control else 1


if __name__ == "__main__":
    raise SystemExit(main())
