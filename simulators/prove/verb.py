"""`kakou prove`: run a campaign and print what it found."""

import json
import sys
from collections.abc import Sequence

from edge import log
from edge.text import say
from edge.text.arguments import Parser
from simulators.prove.campaign import LEAST_LIVENESS, outcomes, until
from simulators.prove.mutants import MUTANTS, killed

EXIT_FAILED = 1


def parser() -> Parser:
    """Return the verb's parser."""
    top = Parser("kakou prove", say("verb_prove"))
    top.add_argument("--passages", type=int, default=1_000, metavar="N", help=say("prove_passages"))
    top.add_argument("--seed", type=int, default=1, metavar="S", help=say("prove_seed"))
    top.add_argument("--mutants", action="store_true", help=say("prove_mutants"))
    top.add_argument("--json", action="store_true", help=say("option_json"))
    return top


def main(arguments: Sequence[str]) -> int:
    """Run; 0, or 1 where an invariant was violated."""
    given = parser().parse_args(arguments)
    if given.passages < 1:
        parser().error("--passages: at least 1")
    # What the lane says about faults that were asked for is nothing to read.
    log.configure("critical")
    if given.mutants:
        return _prove_judge(given.seed)
    totals = until(given.passages, given.seed, outcomes(given.seed))
    figures = totals.as_json()
    lines = [json.dumps(figures)] if given.json else [f"{name}: {value}" for name, value in figures.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    live = totals.liveness is None or totals.liveness >= LEAST_LIVENESS
    return 0 if live and not totals.violations else EXIT_FAILED


def _prove_judge(seed: int) -> int:
    """Seed one bug after the other and see each found."""
    survivors, named = [], {}
    for mutant in MUTANTS:
        found = killed(mutant, seed)
        if found is None:
            survivors.append(f"{mutant.invariant}: {mutant.bug}")
        else:
            named[mutant.invariant] = found
    figures = {"mutants": len(MUTANTS), "killed": len(named), "survivors": survivors, "found_as": named}
    sys.stdout.write(json.dumps(figures) + "\n")
    return EXIT_FAILED if survivors else 0
