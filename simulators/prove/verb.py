"""`kakou prove`: run a campaign and print what it found."""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from edge.text import say
from edge.text.arguments import Parser
from simulators.prove.campaign import Totals, counted, outcomes, plan, prepare_process, until
from simulators.prove.ledger import Entry, Ledger, commit
from simulators.prove.mutants import MUTANTS, killed
from simulators.prove.shrink import LAST_STEPS, shortest

EXIT_FAILED = 1
EXIT_USAGE = 64
# Passages between two entries of a ledger: what an interrupted campaign loses at most.
_RANGE = 5_000


def parser() -> Parser:
    """Return the verb's parser."""
    top = Parser("kakou prove", say("verb_prove"))
    top.add_argument("--passages", type=int, default=1_000, metavar="N", help=say("prove_passages"))
    top.add_argument("--seed", type=int, default=1, metavar="S", help=say("prove_seed"))
    top.add_argument("--jobs", type=int, default=1, metavar="N", help=say("prove_jobs"))
    top.add_argument("--campaign", type=Path, metavar="FILE", help=say("prove_campaign"))
    top.add_argument("--mutants", action="store_true", help=say("prove_mutants"))
    top.add_argument("--json", action="store_true", help=say("option_json"))
    return top


def main(arguments: Sequence[str]) -> int:
    """Run; 0, or 1 where an invariant was violated, a mutant survived, or what has to be reached was not."""
    given = parser().parse_args(arguments)
    if given.passages < 1 or given.jobs < 1:
        parser().error("--passages, --jobs: at least 1")
    prepare_process()
    if given.mutants:
        return _prove_judge(given.seed)
    if given.campaign is not None:
        return _campaign(given)
    totals = until(given.passages, given.seed, outcomes(given.seed, jobs=given.jobs))
    _shrink_first(totals)
    _tell(totals.as_json(), as_json=given.json)
    return 0 if totals.lives and not totals.violations and not totals.never_reached() else EXIT_FAILED


def _tell(figures: dict[str, object], *, as_json: bool) -> None:
    lines = [json.dumps(figures)] if as_json else [f"{name}: {value}" for name, value in figures.items()]
    sys.stdout.write("\n".join(lines) + "\n")


def _shrink_first(totals: Totals) -> None:
    """Give the first violation of each invariant the shortest history that shows it."""
    done: set[object] = set()
    for violation in totals.violations:
        invariant, index = str(violation["invariant"]), violation["history"]
        if invariant in done or not isinstance(index, int):
            continue
        done.add(invariant)
        found = shortest(plan(totals.seed, index), invariant)
        if found is not None:
            violation["shortest"] = {
                "trucks": found.plan.trucks,
                "faults": sorted(found.plan.faults),
                "what": next(what for name, what in found.violations if name == invariant),
                "steps": found.steps[-LAST_STEPS:],
            }


def _campaign(given: argparse.Namespace) -> int:
    """Add ranges to the ledger until `--passages` more have ended."""
    try:
        ledger = Ledger(given.campaign)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    done = violations = 0
    at_commit = commit()
    while done < given.passages:
        first, started_s = ledger.next_history(given.seed), time.perf_counter()
        totals = until(min(_RANGE, given.passages - done), given.seed, outcomes(given.seed, first, given.jobs))
        machine_s = (time.perf_counter() - started_s) * given.jobs
        ledger.add(
            Entry(
                given.seed, first, first + totals.histories - 1, totals.passages, len(totals.violations),
                round(machine_s, 1), at_commit, totals.trace.hexdigest(), totals.counts(),
            )
        )  # fmt: skip
        done, violations = done + totals.passages, violations + len(totals.violations)
        if totals.violations:
            _shrink_first(totals)
            _tell({"violations": totals.violations}, as_json=True)
    judged = _judged(ledger, given.seed, at_commit)
    _tell({"added": done, **ledger.totals(), **judged[0]}, as_json=given.json)
    again = f"kakou prove --campaign {given.campaign} --seed {given.seed} --passages {given.passages}"
    sys.stderr.write(say("prove_resume", command=again) + "\n")
    return EXIT_FAILED if violations or not judged[1] else 0


def _judged(ledger: Ledger, seed: int, at_commit: str) -> tuple[dict[str, object], bool]:
    """What the lines that say so exercised, all together and those of this commit alone; and whether it is enough.

    What an earlier commit reached says nothing of this one, and a campaign of this one alone may be too small to judge.
    """
    whole, here = counted(seed, ledger.counted()), counted(seed, ledger.counted(at_commit))
    found = whole.as_json()
    told = ("rows_exercised", "states_exercised", "weighings_exercised", "cases_exercised", "terminals")
    figures = {
        "counted_passages": whole.passages,
        **{name: found[name] for name in (*told, "never_reached", "liveness", "entitled_without_faults")},
        "at_this_commit": {
            "passages": here.passages, "never_reached": here.never_reached(),
            "liveness": None if here.liveness is None else round(here.liveness, 5),
        },
    }  # fmt: skip
    reached = not whole.never_reached() and not here.never_reached()
    return figures, whole.lives and here.lives and reached


def _prove_judge(seed: int) -> int:
    """Seed one bug after the other and see each found."""
    survivors, named = [], {}
    started_s = time.perf_counter()
    for mutant in MUTANTS:
        found = killed(mutant, seed)
        if found is None:
            survivors.append(f"{mutant.invariant}: {mutant.bug}")
        else:
            named[mutant.invariant] = found
    figures = {
        "mutants": len(MUTANTS), "killed": len(named), "survivors": survivors, "found_as": named,
        "seed": seed, "commit": commit(), "machine_s": round(time.perf_counter() - started_s, 1),
    }  # fmt: skip
    sys.stdout.write(json.dumps(figures) + "\n")
    return EXIT_FAILED if survivors else 0
