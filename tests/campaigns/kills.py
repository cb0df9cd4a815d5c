"""kill -9 of the real controller, over and over: at every named point, and at random moments (hazards.md X1).

    python -m tests.campaigns.kills --each 20 --random 1000 --seed 1 --json

`--points NAME ...` kills at those alone. Judged by the journal, the plant and the state that the lane shows.
Exit status: 0 all done and held, 1 something was violated, 75 runs left.
"""

import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.runtime.failpoints import NAMES
from tests.campaigns.ledger import Ledger, arguments, tell, told
from tests.support.brokers import BrokerCase, Mosquitto
from tests.support.killing import die_at
from tests.support.replayed import replayed
from tests.support.system_lane import SystemLane, open_system

# A passage of the simulated lane ends before this: random moments are drawn from its whole length.
PASSAGE_S = 3.0


def violations(lane: SystemLane) -> list[str]:
    """Return what does not hold that must hold of every journal, however often its controller was killed."""
    facts = lane.facts()
    status, shown = replayed(lane.journal)
    modes = [one["mode"] for one in facts.named("mode_changed")]
    checks = {
        "chain_broken": facts.first_broken is None,
        "not_one_terminal_each": all(len(one) == 1 for one in facts.terminals),
        "terminal_without_passage": set(facts.ended) == set(facts.opened),
        "authority_spent_twice": len(set(facts.consumed)) == len(facts.consumed),
        "raised_without_authority": all(boot.raises <= len(boot.consumed) for boot in facts.boots),
        "opened_more_often_than_authorised": lane.plant.raise_count <= len(facts.consumed),
        "not_reproduced": (status, shown["same"]) == (0, True),
        "mode_forgotten": lane.state.get("mode") == (modes[-1] if modes else "NORMAL"),
        "not_recovered_to_idle": lane.state.get("phase") == "idle" and lane.world.empty,
    }
    return [name for name, holds in checks.items() if not holds]


async def _die(lane: SystemLane, run: str, seed: int) -> str:
    """Kill the controller as the run says; returns where."""
    kind, point, number = run.split("/")
    if kind == "random":
        draw_s = random.Random(f"{seed}/{run}").uniform(0.0, PASSAGE_S)
        await lane.start_controller()
        lane.arrive()
        with contextlib.suppress(TimeoutError):
            await lane.controller.ended(draw_s)
        phase = str(lane.state.get("phase"))
        await lane.controller.kill()
        return phase
    await die_at(lane, point, int(number))
    return point


async def one_run(folder: Path, run: str, seed: int) -> dict[str, Any]:
    """Kill, restart, let people settle the lane, judge."""
    broker = Mosquitto(folder)
    broker.start()
    began = time.monotonic()
    try:
        async with open_system(folder, BrokerCase(broker, "5")) as lane:
            where = await _die(lane, run, seed)
            restarted = time.monotonic()
            await lane.start_controller(ready=False)
            # Proved: the lane has heard its barrier and knows where everything is; a held truck may still stand there.
            await lane.until(lambda: lane.state.get("phase", "starting") != "starting" or _asks_a_person(lane))
            proved_s = time.monotonic() - restarted
            await lane.settle()
            idle_s = time.monotonic() - restarted
            stopped = await lane.controller.stop()
            found = violations(lane) + ([] if stopped == 0 else ["did_not_stop"])
            passages, opened = len(lane.facts().opened), lane.plant.raise_count
    except (AssertionError, TimeoutError) as error:
        return {"run": run, "violations": ["not_recovered"], "detail": told(error)}
    finally:
        broker.kill()
    return {
        "run": run, "where": where, "violations": found, "proved_s": round(proved_s, 3), "idle_s": round(idle_s, 3),
        "passages": passages, "raised": opened, "wall_s": round(time.monotonic() - began, 3),
    }  # fmt: skip


def _asks_a_person(lane: SystemLane) -> bool:
    return "boom_up_unproved" in lane.state.get("alarms", ())


def planned(each: int, drawn: int, points: Sequence[str] = NAMES) -> list[str]:
    """Return every run's name: each point `each` times, and `drawn` random moments."""
    return [f"point/{name}/{n}" for n in range(each) for name in points] + [f"random/-/{n}" for n in range(drawn)]


def main(given: Sequence[str] | None = None) -> int:
    """Run what is left of the campaign and print its figures."""
    parser = arguments("kills", str(__doc__))
    parser.add_argument("--each", type=int, default=20, help="kills at each named point")
    parser.add_argument("--points", nargs="+", choices=NAMES, default=NAMES, metavar="NAME", help="only these points")
    parser.add_argument("--random", type=int, default=1000, help="kills at random moments of a passage")
    options = parser.parse_args(given)
    ledger, plan = Ledger(options.ledger, options.seed), planned(options.each, options.random, options.points)
    for run in ledger.left(plan)[: options.limit]:
        with tempfile.TemporaryDirectory() as folder:
            ledger.add(asyncio.run(one_run(Path(folder), run, options.seed)))
    left = len(ledger.left(plan))
    figures = {
        "kills": len(ledger.runs), "left": left, "seed": options.seed, "points": len(options.points),
        "passages": ledger.sum("passages"), "raised": ledger.sum("raised"),
        "violations": {name: run["violations"] for name, run in ledger.runs.items() if run["violations"]},
        "proved_p99_s": ledger.p99("proved_s"), "idle_p99_s": ledger.p99("idle_s"),
        "machine_minutes": round(ledger.sum("wall_s") / 60, 1),
    }  # fmt: skip
    return tell(figures, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
