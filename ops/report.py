"""Release times by stage and outcomes, from stored events alone. Drills are counted apart, never mixed in."""

import math
from collections import Counter
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.envelope import shown
from ops.sharing import inspections, shares
from ops.store import EventStore

STAGES = ("identified", "requested", "granted", "opened", "cleared")


def percentile(values: list[float], share: float) -> float:
    """Return the nearest-rank percentile of a non-empty list; `share` is 0.0 to 1.0."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def report(store: EventStore) -> dict[str, Any]:
    """Return the report as JSON-able data; times are milliseconds, as the lanes reported them. Raises StoreError."""
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    outcomes: Counter[str] = Counter()
    decisions: Counter[str] = Counter()
    drills = simulated = 0
    for _, data in store.events("passage_ended"):
        if data.get("drill") is True:
            drills += 1
            continue
        outcomes[shown(data.get("terminal"))] += 1
        decisions[shown(data.get("decision"))] += 1
        simulated += data.get("simulated") is True
        times = data.get("stages_ms")
        for stage, values in stages.items():
            value = times.get(stage) if isinstance(times, dict) else None
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                values.append(value)
    return {
        "passages": outcomes.total(),
        "simulated": simulated,
        "drills_excluded": drills,
        "outcomes": dict(sorted(outcomes.items())),
        "decisions": dict(sorted(decisions.items())),
        "stages_ms": {stage: _summary(values) for stage, values in stages.items()},
        "inspections": inspections(store),
        "shares": shares(store),
        "events": store.count(),
        "conflicts": store.conflicts(),
        "gaps": [
            {
                "site": gap.lane.site,
                "lane": gap.lane.name,
                "epoch": gap.epoch,
                "first_seq": gap.first_seq,
                "last_seq": gap.last_seq,
                "lost": gap.lost,
            }
            for gap in store.gaps()
        ],
    }


def _summary(values: list[float]) -> dict[str, float | int | None]:
    if not values:
        return {"n": 0, "p50": None, "p95": None}
    return {"n": len(values), "p50": percentile(values, 0.5), "p95": percentile(values, 0.95)}


def print_report(data: dict[str, Any], console: Console) -> None:
    """Show the report to a person."""
    times = Table(title=f"Release times of {data['passages']} passages, ms ({data['simulated']} simulated)")
    for heading in ("stage", "n", "p50", "p95"):
        times.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, summary in data["stages_ms"].items():
        shown = ("-" if summary[name] is None else f"{summary[name]:g}" for name in ("p50", "p95"))
        times.add_row(stage, str(summary["n"]), *shown)
    console.print(times)
    outcomes = Table(title=f"Outcomes ({data['drills_excluded']} drills left out)")
    outcomes.add_column("terminal")
    outcomes.add_column("passages", justify="right")
    for terminal, count in data["outcomes"].items():
        outcomes.add_row(Text(terminal), str(count))
    console.print(outcomes)
    looked = data["inspections"]
    if looked["tasks"]:
        where = ", ".join(f"{target} {count}" for target, count in looked["targets"].items())
        line = f"inspections: {looked['tasks']}, {looked['merged']} for several authorities together ({where})"
        console.print(line, markup=False)
    for authority, kinds in data["shares"].items():
        forms = "; ".join(
            f"{kind} {' '.join(f'{form} {count}' for form, count in counts.items())}" for kind, counts in kinds.items()
        )
        console.print(f"shown to {authority}: {forms}", markup=False)
    for gap in data["gaps"]:
        kind = "lost" if gap["lost"] else "expected again"
        span = f"{gap['first_seq']}-{gap['last_seq']}"
        console.print(f"gap: {gap['site']}/{gap['lane']} epoch {gap['epoch']} seq {span}: {kind}", markup=False)
    if data["conflicts"]:
        console.print(f"ALARM: {data['conflicts']} events came again with another content", markup=False)
