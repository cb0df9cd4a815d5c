"""Every parser fuzzed by atheris, which looks for bytes that take new ways through it (issue 5).

    python -m tests.campaigns.fuzz --minutes 10 --json --ledger fuzz.ledger
    python -m tests.campaigns.fuzz --only uhf_m100 --minutes 1
    python -m tests.campaigns.fuzz --only uhf_m100 --input bb0022000022

Minutes are those of the processor, for each parser, in runs of half a minute that take turns; what was found worth
keeping lies beside the ledger, so that the next run goes on from there. A crash, an input that takes seconds, and
memory that grows are violations: the run names the bytes, and the command that feeds them once more. After a mend the
parser is fuzzed again, beginning with those bytes. Atheris is the extra `fuzzing` (docs/decisions/0054).
Exit status: 0 all done and held, 1 something was violated, 75 minutes left.
"""

import importlib.util
import json
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.campaigns.fuzzed.child import HUNG_S, Desk, Found
from tests.campaigns.fuzzed.target import Target
from tests.campaigns.fuzzed.targets import TARGETS
from tests.campaigns.ledger import Ledger, arguments, tell

RUN_S = 30
MOST_TOLD_BYTES = 4_096


def one_run(run: str, seed: int, corpus: Path, cpu_s: float = RUN_S) -> dict[str, Any]:
    """Fuzz one parser for so long in a process of its own; what it leaves in `corpus` is where the next run begins."""
    name, began = run.partition("/")[0], time.monotonic()
    folder = corpus / name
    folder.mkdir(parents=True, exist_ok=True)
    # Files of a parser are written thousands of times: in memory, where the machine has such a folder.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory if memory.is_dir() else None) as scratch:
        drawn = str(zlib.crc32(f"{seed}/{run}".encode()) & 0x7FFFFFFF)
        command = [sys.executable, "-m", "tests.campaigns.fuzzed.child", name, str(cpu_s), drawn, str(folder), scratch]
        done = subprocess.run(command, capture_output=True, check=False)
        found = _found(Path(scratch), done.returncode, done.stderr.decode("utf-8", "replace"))
    if found.given:
        # The next run begins with it.
        (folder / f"found-{zlib.crc32(found.given):08x}").write_bytes(found.given)
    return {
        "run": run, "cpu_s": round(found.cpu_s, 2), "executions": found.executions, "grown_kib": found.grown_kib,
        "violations": [f"{found.what}; {repeated(name, found.given)}"] if found.what else [],
        "wall_s": round(time.monotonic() - began, 3),
    }  # fmt: skip


def _found(scratch: Path, status: int, said: str) -> Found:
    """Return what the process said, or what lay before it where it was ended in the middle."""
    result = scratch / "result.json"
    if result.exists():
        told = json.loads(result.read_text(encoding="utf-8"))
        return Found(**(told | {"given": bytes.fromhex(told["given"])}))
    why = f"hung: {HUNG_S} s of the processor, and no end" if status == -signal.SIGXCPU else f"ended with {status}"
    return Found(what=f"{why}: {said[-600:]}", given=Desk.left(scratch / "desk"))


def repeated(name: str, given: bytes) -> str:
    """Return the command that feeds these bytes once more."""
    return shlex.join(
        ["python", "-m", "tests.campaigns.fuzz", "--only", name, "--input", given[:MOST_TOLD_BYTES].hex()]
    )


def feed(target: Target, given: bytes) -> int:
    """Feed one input, without atheris; returns 1 where the contract was broken, and shows how."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        fed = target.prepare(Path(folder))
        began_s = time.process_time()
        try:
            fed.take(given)
        except Exception:  # noqa: BLE001 - whatever it is, it is what was looked for
            traceback.print_exc()
            return 1
    sys.stdout.write(f"{target.name}: {len(given)} bytes taken in {time.process_time() - began_s:.3f} s\n")
    return 0


def _left(ledger: Ledger, plan: Sequence[str]) -> list[str]:
    """The runs that have not ended, or ended with a violation in another version of the product."""
    return [run for run in plan if run not in ledger.runs or _mended(ledger, run)]


def _mended(ledger: Ledger, run: str) -> bool:
    one = ledger.runs[run]
    return bool(one["violations"]) and one["commit"] != ledger.commit


def _by_target(ledger: Ledger) -> dict[str, dict[str, Any]]:
    total: dict[str, dict[str, Any]] = {}
    for run, one in ledger.runs.items():
        known = total.setdefault(run.partition("/")[0], {"cpu_minutes": 0.0, "executions": 0, "violations": 0})
        known["cpu_minutes"] = round(known["cpu_minutes"] + one["cpu_s"] / 60, 2)
        known["executions"] += one["executions"]
        known["violations"] += bool(one["violations"])
    return total


def main(given: Sequence[str] | None = None) -> int:
    """Run what is left of the campaign and print its figures."""
    parser = arguments("fuzz", str(__doc__))
    parser.add_argument("--minutes", type=float, default=10.0, help="processor minutes for each parser")
    parser.add_argument("--only", choices=sorted(TARGETS), action="append", help="these parsers alone")
    parser.add_argument("--input", type=bytes.fromhex, help="feed the parser of --only these bytes (hex), no more")
    options = parser.parse_args(given)
    names = options.only or list(TARGETS)
    if options.input is not None:
        return max(feed(TARGETS[name], options.input) for name in names)
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("atheris is missing: python -m pip install 'atheris>=3,<4' (or the extra `fuzzing`)\n")
        return 2
    rounds = -(-int(options.minutes * 60) // RUN_S)
    plan = [f"{name}/{number}" for number in range(rounds) for name in names]
    ledger = Ledger(options.ledger, options.seed)
    stopped: set[str] = set()
    for run in _left(ledger, plan)[: options.limit]:
        name = run.partition("/")[0]
        if name in stopped:
            continue
        ledger.add(one_run(run, options.seed, options.ledger.with_suffix(".corpus")))
        if ledger.runs[run]["violations"]:
            # The same bytes would end each of its runs until they are mended.
            stopped.add(name)
    figures = {
        "parsers": len(names), "cpu_minutes": round(ledger.sum("cpu_s") / 60, 1),
        "executions": ledger.sum("executions"), "left": len(_left(ledger, plan)), "seed": options.seed,
        "violations": {name: run["violations"] for name, run in ledger.runs.items() if run["violations"]},
        "by_parser": _by_target(ledger), "machine_minutes": round(ledger.sum("wall_s") / 60, 1),
    }  # fmt: skip
    return tell(figures, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
