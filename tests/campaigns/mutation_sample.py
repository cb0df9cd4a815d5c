"""Mutants of the core and of grant verification, a sample of them drawn by seed, run by mutmut (CONTRIBUTING.md).

    python -m tests.campaigns.mutation_sample --sample 200 --seed 1 --json

All of them take hours: `mutmut run`. A sample says how many of all die, within the interval that is printed (Wilson,
95 %). Results lie in `mutants/`, so that a stopped run goes on; `mutmut show NAME` prints a survivor. Exit status:
0 at least 85 % died, 1 fewer did, 75 mutants of the sample left.
"""

import argparse
import json
import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from simulators.prove.ledger import commit
from tests.campaigns.ledger import tell

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = ROOT / "mutants"
LEAST_SCORE = 0.85
# mutmut makes all mutants before it runs any: this asks for the fewest.
_FEWEST = "edge.core.two_persons.*"
_A_BATCH = 50
# What mutmut notes of a mutant: the exit status of its tests. Whatever hung was found as well.
_SURVIVED, _NO_TEST, _TIMED_OUT = 0, 33, (24, -24, 36, 152, 255)


def results() -> dict[str, int | None]:
    """Return what is known of every mutant, by name: None where it was not run yet."""
    found: dict[str, int | None] = {}
    for path in sorted((MUTANTS / "edge").rglob("*.py.meta")):
        found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def seconds() -> dict[str, float]:
    """Return how long the tests of each mutant ran that was run."""
    found: dict[str, float] = {}
    for path in sorted((MUTANTS / "edge").rglob("*.py.meta")):
        found |= json.loads(path.read_text(encoding="utf-8")).get("durations_by_key", {})
    return found


def run(names: Sequence[str]) -> None:
    """Let mutmut run these, one after the other."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names]
    if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        raise SystemExit(f"mutmut_failed: run it to see why: {' '.join(command[:6])} {names[0]}")


def interval(hits: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of Wilson for a share that was seen `hits` times in `of`."""
    z, share = 1.96, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return middle - half, middle + half


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _A_BATCH):
        yield names[start : start + _A_BATCH]


def _outcome(status: int) -> str:
    if status == _SURVIVED:
        return "survived"
    if status == _NO_TEST:
        return "no_test"
    return "timed_out" if status in _TIMED_OUT else "killed"


def main(given: Sequence[str] | None = None) -> int:
    """Run what is left of the sample and print what it says of the whole."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.mutation_sample", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="mutants")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=None, help="at most so many now")
    parser.add_argument("--again", action="store_true", help="those that survived too: there are new tests")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(given)
    if not results():
        run([_FEWEST])
    known = results()
    sample = random.Random(options.seed).sample(sorted(known), min(options.sample, len(known)))
    wanted = (None, _SURVIVED, _NO_TEST) if options.again else (None,)
    # Which test runs which function is not what it was where a test was changed.
    (MUTANTS / "mutmut-stats.json").unlink(missing_ok=True)
    for batch in _batches([name for name in sample if known[name] in wanted][: options.limit]):
        run(batch)
    known = results()
    done = {name: _outcome(status) for name in sample if (status := known[name]) is not None}
    counts = Counter(done.values())
    died = counts["killed"] + counts["timed_out"]
    low, high = interval(died, len(done)) if done else (0.0, 1.0)
    figures = {
        "mutants": len(known), "sample": len(sample), "left": len(sample) - len(done), "seed": options.seed,
        **{name: counts[name] for name in ("killed", "timed_out", "survived", "no_test")},
        "score": round(died / len(done), 4) if done else None, "low": round(low, 4), "high": round(high, 4),
        "machine_s": round(sum(seconds().get(name, 0.0) for name in done), 1), "commit": commit(),
        "violations": [] if done and died / len(done) >= LEAST_SCORE else ["below_85_percent"],
        "survivors": sorted(name for name, outcome in done.items() if outcome in ("survived", "no_test")),
    }  # fmt: skip
    return tell(figures, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
