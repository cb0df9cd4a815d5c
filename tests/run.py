"""`./kakou test`: the whole suite in random order, then the coverage floors, then what had to be skipped and why.

    ./kakou test              everything, floors included
    ./kakou test --no-skip    a skipped test counts as failed (the clean machine of .ci/run has all that tests need)
    ./kakou test -k barrier   anything else goes to pytest; a part of the suite has no floors

Floors are judged on a whole run without skips: a machine without Mosquitto cannot cover what speaks to Mosquitto.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from edge.text import say

ROOT = Path(__file__).resolve().parent.parent
# Most of a run is waiting, for real time-outs: these folders run beside all others, and the whole takes half as long.
BESIDE = ("tests/campaigns", "tests/ops", "tests/simulators", "tests/system")
SKIP_REASONS = (
    ("test_skipped_package", "package", re.compile(r"Debian packages? ([\w.+-]+(?: [\w.+-]+)*)")),
    ("test_skipped_folder", "folder", re.compile(r"folder (\S+)")),
)


@dataclass(frozen=True, slots=True)
class Floor:
    """Least share of lines and branches, in percent, that the files of one group must have covered."""

    name: str
    files: re.Pattern[str]
    percent: int


# What believes a signature, or judges what customs says: one branch nobody tried could let a vehicle pass.
_VERIFYING = (
    "strict_json|envelope|claims|keyset|grant|signed|trust|confirmation|acknowledgement|issued|offline_list|sampling_plan"
    "|manifest|referral_report|request|root_rotation|roots|key_types|picture_access"
    "|bridge/(bodies|dialects|json_body|judging|messages|picture_messages|said|slots|strict_xml|wire)"
)
# A file belongs to the first group that names it.
FLOORS = (
    Floor("edge.core", re.compile(r"edge/core/"), 100),
    Floor(
        "edge.clearance (grants)",
        re.compile(rf"edge/clearance/({_VERIFYING})\.py"),
        100,
    ),
    Floor("*", re.compile(r""), 95),
)


def shares(files: Mapping[str, Mapping[str, Mapping[str, int]]]) -> dict[str, float]:
    """Return the covered share in percent of each floor's group, from the `files` of `coverage json`.

    A group without files has no entry. Never rounded up: 99.999 is not 100.
    """
    covered: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for path, entry in files.items():
        name = next(floor.name for floor in FLOORS if floor.files.match(Path(path).as_posix()))
        summary = entry["summary"]
        covered[name] += summary["covered_lines"] + summary.get("covered_branches", 0)
        total[name] += summary["num_statements"] + summary.get("num_branches", 0)
    return {name: 100 * covered[name] / count for name, count in total.items() if count}


def floors_missed(found: Mapping[str, float]) -> list[str]:
    """Print each group's share beside its floor and return the names of the groups below theirs."""
    missed = []
    for floor in FLOORS:
        if floor.name not in found:
            continue
        below = found[floor.name] < floor.percent
        shown = f"{int(found[floor.name] * 100) / 100:.2f}"
        key = "test_floor_missed" if below else "test_floor_kept"
        print(say(key, name=floor.name, percent=shown, floor=floor.percent))
        if below:
            missed.append(floor.name)
    return missed


def skip_reasons(report: Path) -> list[str]:
    """Return the reason of every skipped test in a JUnit report (an expected failure is not a skip)."""
    # Our own pytest wrote the report a moment ago: nothing in it is from elsewhere.
    skipped = ElementTree.parse(report).iter("skipped")
    return [entry.get("message", "") for entry in skipped if entry.get("type") != "pytest.xfail"]


def skip_lines(reasons: Iterable[str]) -> list[str]:
    """Say, once for each cause, how many tests were skipped and which package or folder would mend it."""
    causes: Counter[tuple[str, str, str]] = Counter()
    for reason in reasons:
        for key, field, pattern in SKIP_REASONS:
            if found := pattern.search(reason):
                causes[key, field, found[1]] += 1
                break
        else:
            causes["test_skipped_other", "reason", reason] += 1
    return ["  " + say(key, None, count=count, **{field: text}) for (key, field, text), count in sorted(causes.items())]


def coverage(*arguments: str, environment: Mapping[str, str]) -> int:
    """Run the tool `coverage` in the repository root and return its exit status."""
    command = [sys.executable, "-m", "coverage", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def run_whole(folder: Path, environment: Mapping[str, str]) -> int:
    """Run both halves of the suite, each with its JUnit report in `folder`; returns the first status that is not 0.

    The half of `BESIDE` shows what it says when both have ended.
    """
    measured = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q"]
    others = [f"--ignore={one}" for one in BESIDE]
    with (folder / "beside.txt").open("wb") as output:
        beside = subprocess.Popen(
            [*measured, f"--junitxml={folder / 'beside.xml'}", *BESIDE],
            cwd=ROOT,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            half = [*measured, f"--junitxml={folder / 'report.xml'}", *others]
            status = subprocess.run(half, cwd=ROOT, env=environment, check=False).returncode
            beside.wait()
        finally:
            beside.kill()
            beside.wait()
    print((folder / "beside.txt").read_text(encoding="utf-8", errors="replace"))
    return status or beside.returncode


def judge_coverage(folder: Path, environment: Mapping[str, str], *, judged: bool) -> int:
    """Join the data of all processes and print the shares; return 1 if `judged` and a floor was missed."""
    report = folder / "coverage.json"
    steps = (["combine", "--quiet"], ["json", "--quiet", "-o", str(report)])
    if any(coverage(*step, environment=environment) for step in steps):
        return 1
    missed = floors_missed(shares(json.loads(report.read_text(encoding="utf-8"))["files"]))
    if not missed:
        return 0
    if not judged:
        print(say("test_floors_not_judged_skips"))
        return 0
    coverage("report", environment=environment)
    return 1


def main(arguments: Sequence[str]) -> int:
    """Run the tests and return the exit status: 0, pytest's own, or 1 for a missed floor or a refused skip."""
    no_skip = "--no-skip" in arguments
    passed_on = [argument for argument in arguments if argument != "--no-skip"]
    with tempfile.TemporaryDirectory(prefix="kakou-test-") as name:
        folder = Path(name)
        environment = {**os.environ, "COVERAGE_FILE": str(folder / "coverage")}
        part = [sys.executable, "-m", "pytest", "-q", f"--junitxml={folder / 'report.xml'}", *passed_on]
        try:
            status = (
                subprocess.run(part, cwd=ROOT, check=False).returncode if passed_on else run_whole(folder, environment)
            )
        except KeyboardInterrupt:
            return 130
        reasons = [reason for report in folder.glob("*.xml") for reason in skip_reasons(report)]
        if not passed_on:
            # Also where a test failed: who mends that one wants to know now what else is missing.
            missed = judge_coverage(folder, environment, judged=not reasons)
            status = status or missed
    if passed_on:
        print(say("test_floors_not_judged"))
    if reasons:
        print(say("test_skipped_heading", count=len(reasons)), *skip_lines(reasons), sep="\n")
        if no_skip:
            print(say("test_skip_refused"))
            return status or 1
    return status
