"""Good grants spoilt, millions of times: by noise, wrong keys, bent headers and JSON, foreign claims (S1, S2, S3).

    python -m tests.campaigns.grants --mutations 10000000 --seed 1 --json

Judged by the real verification and the core's binding. Where the bytes are another's or arrive at another moment, and
count all the same, that is a violation: also another spelling of the very same envelope. Exit status: 0 all done and
none accepted, 1 one was, 75 mutations left.
"""

import base64
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

from tests.campaigns.grant_mutations import MUTATIONS
from tests.campaigns.grant_world import GrantWorld
from tests.campaigns.ledger import Ledger, arguments, tell

MUTATIONS_A_RUN = 10_000
MOST_TOLD = 5


def one_run(run: str) -> dict[str, Any]:
    """Make one world and spoil its grants; the run's name is what everything is drawn from."""
    began = time.monotonic()
    world = GrantWorld(run)
    accepted: list[str] = []
    # Were good grants refused, the refusal of bad ones would prove nothing.
    lost = sum(world.judged(world.unaltered(good)) is not None for good in world.good)
    drawn, reasons = Counter[str](), Counter[str]()
    mutations, weights = list(MUTATIONS), list(MUTATIONS.values())
    while drawn.total() < MUTATIONS_A_RUN:
        (mutate,) = world.draw.choices(mutations, weights)
        good = world.draw.choice(world.good)
        attempt = mutate(world, good)
        if attempt == world.unaltered(good):
            continue
        drawn[mutate.__name__] += 1
        reason = world.judged(attempt)
        if reason is None:
            accepted.append(f"{mutate.__name__}: {base64.b64encode(attempt.raw).decode()}")
        else:
            reasons[reason] += 1
    return {
        "run": run, "mutations": drawn.total(), "accepted": len(accepted), "drawn": drawn, "reasons": reasons,
        "violations": accepted[:MOST_TOLD] + ["good_grant_refused"] * bool(lost),
        "wall_s": round(time.monotonic() - began, 3),
    }  # fmt: skip


def _runs(names: Sequence[str], jobs: int) -> Iterator[dict[str, Any]]:
    if jobs == 1:
        yield from map(one_run, names)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as workers:
        try:
            for done in as_completed([workers.submit(one_run, name) for name in names]):
                yield done.result()
        finally:
            workers.shutdown(cancel_futures=True)


def _added(ledger: Ledger, field: str) -> dict[str, int]:
    """Return what the runs' counters come to together, the most frequent first."""
    total = Counter[str]()
    for run in ledger.runs.values():
        total.update(run[field])
    return dict(total.most_common())


def main(given: Sequence[str] | None = None) -> int:
    """Run what is left of the campaign and print its figures."""
    parser = arguments("grants", str(__doc__))
    parser.add_argument("--mutations", type=int, default=10_000_000, help=f"in runs of {MUTATIONS_A_RUN}")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    options = parser.parse_args(given)
    plan = [f"{options.seed}/{n}" for n in range(-(-options.mutations // MUTATIONS_A_RUN))]
    ledger = Ledger(options.ledger, options.seed)
    for run in _runs(ledger.left(plan)[: options.limit], options.jobs):
        ledger.add(run)
    machine_s = ledger.sum("wall_s")
    figures = {
        "mutations": ledger.sum("mutations"), "accepted": ledger.sum("accepted"), "left": len(ledger.left(plan)),
        "seed": options.seed, "per_s": round(ledger.sum("mutations") / machine_s) if machine_s else None,
        "violations": {name: run["violations"] for name, run in ledger.runs.items() if run["violations"]},
        "drawn": _added(ledger, "drawn"), "reasons": _added(ledger, "reasons"),
        "machine_minutes": round(machine_s / 60, 1),
    }  # fmt: skip
    return tell(figures, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
