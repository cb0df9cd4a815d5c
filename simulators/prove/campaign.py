"""Many histories: which plan each has, what they came to together."""

import gc
import hashlib
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from multiprocessing import get_context
from random import Random

from edge import log
from edge.core.state import Phase
from simulators.prove.faults import DRAWN, ROWS
from simulators.prove.history import Outcome, run
from simulators.prove.keysets import KEY_FAULTS
from simulators.prove.ledger import Entry
from simulators.prove.opening import HOURS_CASES
from simulators.prove.outages import OFFLINE_CASES
from simulators.prove.people import ORDER_CASES
from simulators.prove.reached import REACHED
from simulators.prove.scale import WEIGHINGS
from simulators.prove.unreached import UNREACHED
from simulators.prove.world import Plan

TRUCKS = 20
# One history in five has no fault: there the lane has to let through who may pass.
_WITHOUT_FAULTS = 5
_REAL_KEYS = 100
_OTHER_CLOCK = 25
LEAST_LIVENESS = 0.99
# Histories that wait for each worker process; what is on its way when enough have ended is waited for in vain.
_AHEAD = 8
# From this many passages on, every row, state and end has to have been reached.
REACH_ALL_FROM = 20_000
# What has to have been reached beside rows, states, ends and weights.
CASES = (*OFFLINE_CASES, *HOURS_CASES, *ORDER_CASES, *sorted(REACHED))
# The sets of `Totals` that a line of a ledger keeps.
_EXERCISED = ("rows", "phases", "weighings", "cases")
_ENDS = (
    "PASSED",
    "REFERRED",
    "DENIED",
    "TURNED_BACK",
    "TIMEOUT",
    "ABANDONED",
    "MANUAL_PASSED",
    "OFFLINE_PASSED",
    "FAULT",
    "ABORTED_RESTART",
)


def plan(seed: int, index: int) -> Plan:
    """Return the plan of one history of a campaign."""
    draw = Random(f"{seed}|{index}")  # noqa: S311 - a repeatable simulation
    faults: frozenset[str] = frozenset()
    if index % _WITHOUT_FAULTS:
        names = sorted(ROWS)
        faults = frozenset(draw.sample(names, draw.randint(1, min(8, len(names)))))
    return Plan(
        f"{seed}|{index}", TRUCKS, faults, real_keys=index % _REAL_KEYS == 7, second_clock=index % _OTHER_CLOCK == 3
    )


@dataclass
class Totals:
    """What a campaign found."""

    seed: int
    passages: int = 0
    histories: int = 0
    entitled: int = 0
    passed: int = 0
    violations: list[dict[str, object]] = field(default_factory=list)
    rows: set[str] = field(default_factory=set)
    phases: set[str] = field(default_factory=set)
    weighings: set[str] = field(default_factory=set)
    cases: set[str] = field(default_factory=set)
    terminals: Counter[str] = field(default_factory=Counter)
    trace: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    started_s: float = field(default_factory=time.perf_counter)

    def add(self, index: int, outcome: Outcome) -> None:
        """Count one history in."""
        self.passages += outcome.passages
        self.histories += 1
        if not outcome.plan.faults:
            self.entitled += outcome.entitled
            self.passed += outcome.passed
        self.rows |= outcome.rows
        self.phases |= outcome.phases
        self.weighings |= outcome.weighings
        self.cases |= outcome.cases
        self.terminals.update(outcome.terminals)
        self.trace.update(outcome.trace.encode())
        for invariant, what in outcome.violations:
            self.violations.append({"invariant": invariant, "what": what, "seed": self.seed, "history": index})

    def never_reached(self) -> list[str]:
        """Rows, states, ends and all else that a campaign of this size reaches and this one did not."""
        if self.passages < REACH_ALL_FROM:
            return []
        rows = DRAWN - self.rows
        phases = {phase.value for phase in Phase} - self.phases
        weighings = {f"weight {one}" for one in set(WEIGHINGS) - self.weighings}
        cases = set(CASES) - self.cases
        return sorted(rows | phases | weighings | cases | (set(_ENDS) - self.terminals.keys()))

    def counts(self) -> dict[str, object]:
        """Return what a line of a ledger keeps of this, to be judged with all others (`counted`)."""
        exercised = {name: sorted(getattr(self, name)) for name in _EXERCISED}
        return {
            **exercised, "terminals": dict(sorted(self.terminals.items())), "entitled": self.entitled,
            "passed": self.passed,
        }  # fmt: skip

    def add_entry(self, entry: Entry) -> None:
        """Count a line of a ledger in. A line that names something else than this version does is counted as it is."""
        counts = entry.counts or {}
        self.passages += entry.passages
        self.entitled += counts.get("entitled", 0)
        self.passed += counts.get("passed", 0)
        self.terminals.update(counts.get("terminals", {}))
        for name in _EXERCISED:
            getattr(self, name).update(counts.get(name, ()))

    @property
    def lives(self) -> bool:
        """Whether enough of those who may pass did, where nothing was wrong; nobody is enough of nobody."""
        return self.liveness is None or self.liveness >= LEAST_LIVENESS

    @property
    def liveness(self) -> float | None:
        """The share of entitled trucks that passed where nothing was wrong."""
        return self.passed / self.entitled if self.entitled else None

    def as_json(self) -> dict[str, object]:
        """Return the figures as they are printed."""
        seconds = time.perf_counter() - self.started_s
        return {
            "passages": self.passages,
            "violations": self.violations,
            "per_s": round(self.passages / seconds, 1),
            "seed": self.seed,
            "trace_hash": self.trace.hexdigest(),
            "rows_exercised": sorted(self.rows, key=_row_order),
            "rows_not_drawn": UNREACHED,
            "states_exercised": [phase.value for phase in Phase if phase.value in self.phases],
            "weighings_exercised": [one for one in WEIGHINGS if one in self.weighings],
            "cases_exercised": [one for one in CASES if one in self.cases],
            "terminals": dict(sorted(self.terminals.items())),
            "never_reached": self.never_reached(),
            "liveness": None if self.liveness is None else round(self.liveness, 5),
            "entitled_without_faults": self.entitled,
        }


def counted(seed: int, entries: Iterable[Entry]) -> Totals:
    """Return what lines of a ledger come to together."""
    totals = Totals(seed)
    for entry in entries:
        totals.add_entry(entry)
    return totals


def _row_order(row: str) -> tuple[str, int, str]:
    """Rows of the catalogue by letter and number, the cases of domain.md behind them."""
    return (row[0], int(row[1:]), "") if row[0].isalpha() else ("~", 0, row)


def checked(one: Plan) -> Outcome:
    """Run a history; a sample of them again under a wall clock that jumps, which may change nothing (I15).

    When a key ends it does say.
    """
    outcome = run(one)
    if one.second_clock and not KEY_FAULTS & one.faults:
        other = run(replace(one, wall_jumps_s=(0, 86_400, -7_200, 30, -259_200)))
        if other.trace != outcome.trace:
            outcome.violations.append(("I15", "another wall clock gave another trace"))
    return outcome


def outcomes(seed: int, first: int = 0, jobs: int = 1) -> Iterator[tuple[int, Outcome]]:
    """Yield every history of a campaign in order, for ever, from `first`; `jobs` processes run them."""
    if jobs == 1:
        for index in count(first):
            yield index, checked(plan(seed, index))
    with ProcessPoolExecutor(jobs, get_context("spawn"), prepare_process) as workers:
        running: deque[tuple[int, Future[Outcome]]] = deque()
        try:
            for index in count(first):
                running.append((index, workers.submit(_one, seed, index)))
                if len(running) >= _AHEAD * jobs:
                    done, outcome = running.popleft()
                    yield done, outcome.result()
        finally:
            workers.shutdown(cancel_futures=True)


def prepare_process() -> None:
    """Make a process ready to run histories and nothing else."""
    # What the lane says about faults that were asked for is nothing to read.
    log.configure("critical")
    # A history leaves its garbage as a whole: to look for it more often, and among all modules, is time lost.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _one(seed: int, index: int) -> Outcome:
    return checked(plan(seed, index))


def until(passages: int, seed: int, found: Iterable[tuple[int, Outcome]]) -> Totals:
    """Add histories up until so many passages have ended."""
    totals = Totals(seed)
    for index, outcome in found:
        totals.add(index, outcome)
        if totals.passages >= passages:
            break
    return totals
