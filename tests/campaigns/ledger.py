"""A campaign's memory: one JSON line for each run that ended. Started again, a campaign goes on where it was cut."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulators.prove.ledger import commit


class Ledger:
    """The runs of one campaign in one file; each run is on the disk before the next begins."""

    def __init__(self, path: Path, seed: int) -> None:
        """Read what is there; a line that a kill cut short is a run that did not end. `seed` is that of new runs."""
        self.path = path
        self._seed = seed
        self.commit = commit()
        self.runs: dict[str, dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    run = json.loads(line)
                except ValueError:
                    continue
                self.runs[run["run"]] = run

    def add(self, run: dict[str, Any]) -> None:
        """Keep a run that ended, with its seed and the commit that it ran from."""
        run = {**run, "seed": self._seed, "commit": self.commit}
        self.runs[run["run"]] = run
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" + json.dumps(run, ensure_ascii=False))
            file.flush()
            os.fsync(file.fileno())

    def left(self, planned: Sequence[str]) -> list[str]:
        """The planned runs that have not ended yet, in order."""
        return [run for run in planned if run not in self.runs]

    def sum(self, field: str) -> int:
        return sum(run.get(field, 0) for run in self.runs.values())

    def p99(self, field: str) -> float | None:
        """The 99th percentile of a field over the runs that have it: no run in a hundred was above."""
        values = sorted(run[field] for run in self.runs.values() if run.get(field) is not None)
        return values[min(len(values) - 1, int(len(values) * 0.99))] if values else None


def told(error: Exception) -> str:
    """What an error says, without its middle: how the lane stood is at its beginning, the last words at its end."""
    text = repr(error)
    return text if len(text) <= 6_000 else f"{text[:3_000]} ... {text[-3_000:]}"


def arguments(name: str, about: str) -> argparse.ArgumentParser:
    """Return a parser with what every campaign takes."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.campaigns.{name}", description=about)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ledger", type=Path, default=Path(f"{name}.ledger"), help="goes on where it was cut")
    parser.add_argument("--limit", type=int, default=None, help="at most so many runs now")
    parser.add_argument("--json", action="store_true")
    return parser


def tell(figures: dict[str, Any], *, as_json: bool) -> int:
    """Print the figures; returns the exit status: 0 where nothing was found and nothing is left."""
    if as_json:
        sys.stdout.write(json.dumps(figures, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("".join(f"{name}: {value}\n" for name, value in figures.items()))
    if figures["left"]:
        sys.stdout.flush()
        sys.stderr.write(f"to go on: {shlex.join(sys.orig_argv)}\n")
    return 1 if figures["violations"] else 75 if figures["left"] else 0
