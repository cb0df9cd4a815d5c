"""Real Mosquitto killed and emptied under load, over and over (hazards.md C1, C3, I10).

    python -m tests.campaigns.broker_losses --losses 1000 --seed 1 --json

Ten losses a run, each at a random moment of the traffic; every other run keeps the broker's memory on its disk, with
`--always-empty` none does.
Exit status: 0 all done and held, 1 something was violated, 75 runs left.
"""

import asyncio
import contextlib
import random
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulators.world import Pace
from tests.campaigns.ledger import Ledger, arguments, tell, told
from tests.support.brokers import BrokerCase, Mosquitto
from tests.support.system_lane import SystemLane, open_system

LOSSES_A_RUN = 10
BETWEEN_S = 1.5
# Slow enough for a starved machine to see each loop occupied: a vehicle that no scan saw at the exit holds the lane.
PACE = Pace(drive_in_s=0.15, drive_through_s=1.5)


async def _lose(lane: SystemLane, broker: Mosquitto, draw: random.Random) -> None:
    """Kill the broker at random moments while trucks come; it is back after as random a time."""
    for _ in range(LOSSES_A_RUN):
        with contextlib.suppress(TimeoutError):
            await lane.controller.ended(draw.uniform(0.0, BETWEEN_S))
        broker.kill()
        with contextlib.suppress(TimeoutError):
            await lane.controller.ended(draw.uniform(0.0, 0.5))
        await asyncio.to_thread(broker.start)


async def _traffic(lane: SystemLane) -> None:
    while True:
        lane.arrive()
        await lane.until(lambda: lane.world.empty is False)
        await lane.settle()


async def one_run(folder: Path, run: str, seed: int) -> dict[str, Any]:
    """Lose the broker ten times under load; then central must hold every event once, as the journal has it."""
    kind, _ = run.split("/")
    keeps = f"persistence true\npersistence_location {folder}/\nautosave_interval 1\n" if kind == "kept" else ""
    broker = Mosquitto(folder, keeps)
    broker.start()
    began = time.monotonic()
    try:
        async with open_system(folder, BrokerCase(broker, "5")) as lane, lane.central() as database:
            lane.world.pace = PACE
            lane.write_config(deadline_ms=500)
            await lane.start_controller()
            traffic = asyncio.create_task(_traffic(lane))
            await _lose(lane, broker, random.Random(f"{seed}/{run}"))
            traffic.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await traffic
            await lane.settle()
            await lane.controller.stop()
            # Central asks the controller for what it lacks: one more start says the last words again.
            await lane.start_controller()
            stored = await lane.stored(database)
            facts = lane.facts()
            found = [
                name
                for name, holds in {
                    "event_lost_or_changed": [kind for _, kind in stored] == facts.events[: len(stored)],
                    "opened_more_often_than_authorised": lane.plant.raise_count <= len(facts.consumed),
                    "not_one_terminal_each": all(len(one) == 1 for one in facts.terminals),
                    "chain_broken": facts.first_broken is None,
                }.items()
                if not holds
            ]
            found += _troubles(database)
            duplicates = lane.repeated
    except (AssertionError, TimeoutError) as error:
        return {"run": run, "violations": ["not_recovered"], "detail": told(error)}
    finally:
        broker.kill()
    return {
        "run": run, "violations": found, "losses": LOSSES_A_RUN, "events": len(stored), "passages": len(facts.opened),
        "duplicates_identified": duplicates, "wall_s": round(time.monotonic() - began, 3),
    }  # fmt: skip


def _troubles(database: Path) -> list[str]:
    """What central itself noted: events that never came, or came with another content under the same number."""
    with contextlib.closing(sqlite3.connect(database)) as reading:
        return [name for name in ("lost", "conflict") if reading.execute(f"SELECT 1 FROM {name}").fetchone()]


def planned(losses: int, *, always_empty: bool) -> list[str]:
    """Return every run's name; it says whether the broker keeps its memory."""
    runs = range(-(-losses // LOSSES_A_RUN))
    return [f"{'kept' if n % 2 and not always_empty else 'emptied'}/{n}" for n in runs]


def main(given: Sequence[str] | None = None) -> int:
    """Run what is left of the campaign and print its figures."""
    parser = arguments("broker_losses", str(__doc__))
    parser.add_argument("--losses", type=int, default=1000, help="how often the broker is killed, in tens")
    parser.add_argument("--always-empty", action="store_true", help="no run keeps the broker's memory")
    options = parser.parse_args(given)
    plan = planned(options.losses, always_empty=options.always_empty)
    ledger = Ledger(options.ledger, options.seed)
    for run in ledger.left(plan)[: options.limit]:
        with tempfile.TemporaryDirectory() as folder:
            ledger.add(asyncio.run(one_run(Path(folder), run, options.seed)))
    totals = {name: ledger.sum(name) for name in ("losses", "events", "passages", "duplicates_identified")}
    totals["losses_emptied"] = sum(one.get("losses", 0) for name, one in ledger.runs.items() if "emptied" in name)
    figures = {
        **totals, "left": len(ledger.left(plan)), "seed": options.seed,
        "violations": {name: run["violations"] for name, run in ledger.runs.items() if run["violations"]},
        "machine_minutes": round(ledger.sum("wall_s") / 60, 1),
    }  # fmt: skip
    return tell(figures, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
