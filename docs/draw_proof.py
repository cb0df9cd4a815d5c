"""Draw docs/proof.md: what the campaigns showed, from docs/proof.json.

    python docs/draw_proof.py --take FOLDER   take the figures of the ledgers in FOLDER into docs/proof.json, then draw
    python docs/draw_proof.py                 write the page
    python docs/draw_proof.py --check         say whether the page is what the figures say; 1 where not

FOLDER holds what the campaigns wrote, each under the name that the table of this module gives. Ledgers are not
committed: docs/proof.json is. It keeps the figures of each seed apart, so that a campaign that goes on elsewhere,
without its old ledger, adds to what is known: give it a seed that the page does not name yet.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "proof.json"
PAGE = ROOT / "docs" / "proof.md"
Data = dict[str, Any]
# Of tests.campaigns.fuzz: how many parsers, and the processor seconds that each is for.
PARSERS = 89
FUZZED_S = 600


@dataclass(frozen=True, slots=True)
class Campaign:
    """One row: `file` is its ledger, `goal` how much of `unit` it is for, `shows` what its figures say in words.

    `take` reads a ledger: the figures of each seed. Those of other seeds stay where `adds`, and go otherwise.
    """

    name: str
    file: str
    take: Callable[[Path], dict[str, Data]]
    command: str
    goal: int
    unit: str
    shows: Callable[[Data], str]
    not_proved: str
    adds: bool = False
    reached: Callable[[Data], int] = lambda data: int(data["reached"])


def _lines(path: Path) -> list[Data]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _at(share: float, values: list[float]) -> float | None:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def _by_seed(lines: list[Data]) -> dict[str, list[Data]]:
    found: dict[str, list[Data]] = {}
    for line in lines:
        found.setdefault(str(line["seed"]), []).append(line)
    return found


def _take_runs(count: str, *sums: str) -> Callable[[Path], dict[str, Data]]:
    """Return what reads a ledger of `tests.campaigns.ledger`: the last line of a run counts."""

    def figures(lines: list[Data]) -> Data:
        runs = list({run["run"]: run for run in lines}.values())
        return {
            "reached": len(runs) if count == "runs" else round(sum(run.get(count, 0) for run in runs)),
            "violations": sum(bool(run["violations"]) for run in runs),
            "hours": sum(run.get("wall_s", 0.0) for run in runs) / 3600,
            "commits": sorted({run["commit"] for run in runs}),
            **{name: sum(run.get(name, 0) for run in runs) for name in sums},
            "proved_s": sorted(round(run["proved_s"], 1) for run in runs if "proved_s" in run),
            "at_points": sum(run["run"].startswith("point/") for run in runs),
        }

    return lambda path: {seed: figures(lines) for seed, lines in _by_seed(_lines(path)).items()}


def _take_fuzz(path: Path) -> dict[str, Data]:
    """Return the figures with the processor time of each parser: more than its goal for one is none for another."""
    found = _take_runs("cpu_s", "executions")(path)
    for seed, lines in _by_seed(_lines(path)).items():
        fed: dict[str, float] = {}
        for run in {run["run"]: run for run in lines}.values():
            name = run["run"].partition("/")[0]
            fed[name] = round(fed.get(name, 0.0) + run["cpu_s"], 2)
        found[seed]["by_parser_s"] = fed
    return found


def _fed_s(data: Data) -> int:
    return int(sum(min(FUZZED_S, one) for one in data.get("by_parser_s", {}).values()))


def _fed_whole(data: Data) -> int:
    return sum(one >= FUZZED_S for one in data.get("by_parser_s", {}).values())


def _take_prove(path: Path) -> dict[str, Data]:
    return {
        seed: {
            "reached": sum(one["passages"] for one in entries),
            "violations": sum(one["violations"] for one in entries),
            "hours": sum(one["machine_s"] for one in entries) / 3600,
            "commits": sorted({one["commit"] for one in entries}),
            **_exercised([one["counts"] for one in entries if one.get("counts")]),
        }
        for seed, entries in _by_seed(_lines(path)).items()
    }


def _exercised(counts: list[Data]) -> Data:
    """What the lines say who exercised something; lines of an earlier version do not, nor then the whole."""
    if not counts:
        return {}
    return {
        "rows": sorted({row for one in counts for row in one["rows"]}),
        "entitled": sum(one["entitled"] for one in counts),
        "passed": sum(one["passed"] for one in counts),
    }


def _lived(data: Data) -> str:
    if not data.get("entitled"):
        return ""
    share, rows = data["passed"] / data["entitled"], len(set(data["rows"]))
    return (
        f"; {rows} rows exercised, {_percent(share)} of {data['entitled']:,} who may pass did where nothing was wrong"
    )


def _take_cuts(path: Path) -> dict[str, Data]:
    figures = json.loads(path.read_text(encoding="utf-8"))
    figures |= {
        "reached": figures["cuts"],
        "violations": figures["lost"] + figures["corrupt"] + figures["wrong"],
        "hours": figures["wall_s"] / 3600,
        "commits": [figures["commit"]],
    }
    return {str(figures["seed"]): figures}


def _take_mutants(path: Path) -> dict[str, Data]:
    figures = json.loads(path.read_text(encoding="utf-8"))
    figures |= {
        "reached": figures["killed"],
        "violations": len(figures["survivors"]),
        "hours": figures["machine_s"] / 3600,
        "commits": [figures["commit"]],
    }
    return {str(figures["seed"]): figures}


def _take_sample(path: Path) -> dict[str, Data]:
    figures = json.loads(path.read_text(encoding="utf-8"))
    figures |= {
        "reached": figures["sample"] - figures["left"],
        "violations": len(figures["violations"]),
        "hours": figures["machine_s"] / 3600,
        "commits": [figures["commit"]],
    }
    return {str(figures["seed"]): figures}


def _total(seeds: dict[str, Data]) -> Data:
    """Return what the figures of all seeds come to together; what cannot be added is that of the last seed."""
    total: Data = {}
    for data in seeds.values():
        for name, value in data.items():
            known = total.get(name)
            adds = isinstance(value, int | float | list) and not isinstance(value, bool) and known is not None
            if isinstance(value, dict) and known is not None:
                total[name] = known | {key: known.get(key, 0) + one for key, one in value.items()}
            else:
                total[name] = known + value if adds else value
    total["commits"] = sorted(set(total["commits"]))
    return total


def _proved(data: Data) -> str:
    times: list[float] = data["proved_s"]
    if not times:
        return ""
    return (
        f"; proved again after a restart ({len(times)} measured): p50 {_at(0.5, times)} s, p99 {_at(0.99, times)} s "
        "(to be at most 5 s)"
    )


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


CAMPAIGNS = (
    Campaign(
        "Passages without a violation of I1 to I21", "prove.ledger", _take_prove,
        "./kakou prove --passages 1000000 --seed 1 --campaign prove.ledger --json", 10_000_000, "passages",
        lambda data: f"{data['violations']} violations" + _lived(data),
        "Faults that are not modelled; SQLite, broker, TCP and kernel are simulated (decision 18)", adds=True,
    ),
    Campaign(
        "Seeded bugs that the judge finds, one for each invariant", "mutants.json", _take_mutants,
        "./kakou prove --mutants --seed 1 --json > mutants.json", 21, "bugs",
        lambda data: f"{data['killed']} of {data['mutants']} found",
        "One bug for each invariant, no more; another bug may hide",
    ),
    Campaign(
        "Power cuts under the journal", "power_cuts.ledger", _take_cuts,
        "python -m simulators.power_cuts --cuts 20000 --seed 1 --json --ledger power_cuts.ledger", 20_000, "cuts",
        lambda data: f"{data['lost']} of {data['records_promised']} promised records lost, {data['corrupt']} files "
        f"corrupt, {data['wrong']} wrong",
        "A disk that lies about its syncs; a file system other than one that loses, tears and reorders sectors",
    ),
    Campaign(
        "The same with `synchronous=NORMAL`: has to lose", "control.ledger", _take_cuts,
        "python -m simulators.power_cuts --cuts 200 --seed 1 --control --json --ledger control.ledger", 200, "cuts",
        lambda data: f"{data['lost']} promised records lost, as it must be",
        "Nothing of the product: it shows that the cuts above can find a loss",
    ),
    Campaign(
        "kill -9 of the real controller", "kills.ledger", _take_runs("runs", "passages", "raised"),
        "python -m tests.campaigns.kills --each 20 --random 1000 --seed 1 --json --ledger kills.ledger", 1_740, "kills",
        lambda data: f"{data['violations']} violations; {data['at_points']} at named points, "
        f"{data['reached'] - data['at_points']} at random; {data['passages']} passages, {data['raised']} openings"
        + _proved(data),
        "Power loss (see above); the recovery time is that of a machine which other work kept busy", adds=True,
    ),
    Campaign(
        "Mosquitto killed under load; seeds 1 and 3 emptied it every other time, seed 5 each time", "broker.ledger",
        _take_runs("losses", "events", "passages", "duplicates_identified"),
        "python -m tests.campaigns.broker_losses --losses 1000 --seed 1 --json --ledger broker.ledger", 1_000, "losses",
        lambda data: f"{data['violations']} violations; {data['events']} events of {data['passages']} passages "
        f"came, {data['duplicates_identified']} duplicates told apart",
        "A broker that lies, or is cut off for days; EMQX", adds=True,
    ),
    Campaign(
        "Spoilt grants", "grants.ledger", _take_runs("mutations", "accepted"),
        "python -m tests.campaigns.grants --mutations 10000000 --seed 1 --json --ledger grants.ledger", 10_000_000,
        "mutations", lambda data: f"{data['accepted']} accepted",
        "That Ed25519 is sound; a key that was stolen; the mutations are drawn, a few are drawn twice", adds=True,
    ),
    Campaign(
        "Mutants of the core and of grant verification that the small tests kill", "mutation.json", _take_sample,
        "python -m tests.campaigns.mutation_sample --sample 200 --seed 2 --json > mutation.json", 200, "mutants",
        lambda data: f"{_percent(data['score'])} died, of all {data['mutants']} between {_percent(data['low'])} and "
        f"{_percent(data['high'])} (95 %); {data['survived']} survived",
        "A sample; nothing outside of functions (the transition table) is mutated, and what runs at import cannot die",
    ),
    Campaign(
        f"Every parser fed by atheris, {FUZZED_S} processor seconds for each of {PARSERS}", "fuzz.ledger", _take_fuzz,
        "python -m tests.campaigns.fuzz --minutes 10 --seed 2 --json --ledger fuzz.ledger",
        PARSERS * FUZZED_S, "processor seconds",
        lambda data: f"{_fed_whole(data)} of {PARSERS} parsers done; {data['violations']} violations left; "
        f"{data['executions']:,} inputs",
        "FFmpeg's RTP and H.264 are not fed; SQLite, expat and OpenCV are fed, and not watched from inside", adds=True,
        reached=_fed_s,
    ),
)  # fmt: skip

INTRODUCTION = """# Proof: what the campaigns showed, and what they do not

Drawn by `python docs/draw_proof.py` from `docs/proof.json`, which takes the campaigns' ledgers. Each campaign goes on
where it ended: run its command again, with the same ledger, until the goal is reached; without that ledger, with a
seed that its row does not name, and the figures add up. Where fewer were reached than the goal, the row says so. A
`note` that a person adds there stays, and so does what a person writes under `measured`. Where a commit is marked
`-changed`, the campaign's own code was newer than it; the product was that commit's.

"""

# Figures that hold by tests of each run: what, shown by, what it does not prove.
TESTED = (
    (
        "More than 300 named bytes that are no grant, each refused for its own reason",
        "`tests/edge/clearance/test_grant_vectors.py`",
        "that there is no other (see the spoilt grants above)",
    ),
    (
        "A loop that is occupied below a closing boom withdraws the lowering within the same scan",
        "`test_p2_i5_lowering_is_withdrawn_within_the_scan`; judged in every history of `kakou prove`",
        "the time that a real module and its relay take after the write",
    ),
    (
        "A frozen or killed process has its output released by the module's own watchdog within 3 s",
        "`tests/drivers/barrier_modbus/test_killed.py`",
        "that a site's module is set up as ours is simulated",
    ),
    (
        "ENOSPC, EIO and failing syncs at the n-th operation, once and for ever",
        "`tests/edge/runtime/test_journal_faults.py`",
        "a disk that reports success and forgets (see the power cuts)",
    ),
    ("Every threat of EN 50159 to every channel", "[hazards.md](hazards.md)", "what its gaps say"),
)


def take(folder: Path, known: Data) -> Data:
    """Return the figures with those of the ledgers in `folder`; notes of people stay."""
    figures = dict(known)
    for one in CAMPAIGNS:
        if (folder / one.file).is_file():
            before = known.get(one.file, {})
            seeds = (before.get("seeds", {}) if one.adds else {}) | one.take(folder / one.file)
            figures[one.file] = before | {"seeds": seeds}
    return figures


def draw(figures: Data) -> str:
    """Return the page."""
    head = "| figure | reached | shown | command | seed | commit | machine hours | what it does not prove |"
    lines = [head, "|---" * 8 + "|"]
    for one in CAMPAIGNS:
        known = figures.get(one.file)
        if known is None:
            cells = [one.name, f"not run; goal {one.goal:,} {one.unit}", "", f"`{one.command}`", "", "", ""]
        else:
            data = _total(known["seeds"])
            count = one.reached(data)
            reached = f"{count:,} of {one.goal:,} {one.unit}"
            if count < one.goal:
                reached = f"**not reached:** {reached}"
            shown = one.shows(data) + (f". {known['note']}" if "note" in known else "")
            cells = [
                one.name, reached, shown, f"`{one.command}`", ", ".join(known["seeds"]),
                ", ".join(data["commits"]), f"{data['hours']:.2f}",
            ]  # fmt: skip
        lines.append("| " + " | ".join([*cells, one.not_proved]) + " |")
    if measured := figures.get("measured"):
        head = "| figure | goal | measured | command | seed | commit | machine hours | what it does not prove |"
        lines += ["", "## Measured once", "", head, "|---" * 8 + "|"]
        fields = ("goal", "shown", "command", "seed", "commit", "hours", "not_proved")
        lines += [f"| {name} | {' | '.join(str(one[field]) for field in fields)} |" for name, one in measured.items()]
    lines += ["", "## Shown by tests of each run", "", "| what | shown by | what it does not prove |", "|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in TESTED]
    return INTRODUCTION + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Take figures, write or check the page."""
    figures: Data = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.is_file() else {}
    if arguments[:1] == ["--take"]:
        figures = take(Path(arguments[1]), figures)
        FIGURES.write_text(json.dumps(figures, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    page = draw(figures)
    if arguments == ["--check"]:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
            return 0
        print(
            f"proof_page_old: {PAGE.name} is not what {FIGURES.name} says; run python docs/draw_proof.py",
            file=sys.stderr,
        )
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
