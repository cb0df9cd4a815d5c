"""Release times by stage, the human-touch rate and outcomes, from counted passages. Drills are never mixed in."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge.text import catalogue, default_language, say
from ops.envelope import shown
from ops.exchange import Centre
from ops.figures import PERCENTILES, counted, grouping
from ops.histogram import RELATIVE_ERROR
from ops.passages import ANSWERED, HOW, Cell
from ops.period import Days
from ops.release_watch import LateRelease
from ops.sharing import NOTHING_SHARED
from ops.store import EventStore

# What a group is told by: until released; where nobody was let in, until that was decided.
TOLD_BY = {"clean": "opened", "manual": "opened", "referred": "granted", "other": "granted"}
_COLUMNS = ("n", *(f"p{percent}" for percent in PERCENTILES))


def centre_of(store: EventStore, days: Days, keep: Collection[str] = Cell._fields) -> Centre:
    """Return what a database counted of some days. Its cells are read as they are used. Raises StoreError.

    `keep` says by which fields of `Cell` they are told apart (see `ops.tally.tallies`).
    """
    late, _ = store.late_releases(days.period)
    gaps = [
        {
            "site": gap.lane.site,
            "lane": gap.lane.name,
            "epoch": gap.epoch,
            "first_seq": gap.first_seq,
            "last_seq": gap.last_seq,
            "lost": gap.lost,
        }
        for gap in store.gaps()
    ]
    return Centre(store.tallies(days.period, keep), gaps, store.count(), store.conflicts(), late)


def report(
    centre: Centre,
    days: Days,
    by: str | None = None,
    late_now: Iterable[LateRelease] = (),
    shared: Mapping[str, Any] = NOTHING_SHARED,
) -> dict[str, Any]:
    """Return the report as JSON-able data; times are milliseconds since arrival, as the lanes reported them.

    `by` is one of `ops.figures.GROUPINGS`. Percentiles are within `relative_error` of the exact ones. `shared` is what
    `ops.sharing` found; it is of one database, and not merged.
    """
    found = counted(centre.cells, None if by is None else grouping(by, days.offset))
    data: dict[str, Any] = {
        "period": days.as_data(),
        "relative_error": RELATIVE_ERROR,
        **found.all.as_data(),
        "drills_excluded": found.drills,
        "undated": found.undated,
        "outcomes": dict(sorted(found.outcomes.items())),
        "decisions": dict(sorted(found.decisions.items())),
        **shared,
        "late_releases": centre.late_releases,
        "late_now": [
            {"site": one.lane.site, "lane": one.lane.name, "since": one.since, "limit_s": one.limit_s}
            for one in late_now
        ],
        "events": centre.events,
        "conflicts": centre.conflicts,
        "gaps": centre.gaps,
    }
    if by is not None:
        data |= {"by": by, "groups": {name: figures.as_data() for name, figures in sorted(found.groups.items())}}
    return data


def days_text(data: dict[str, Any]) -> str:
    """Say which days a report is of."""
    period = data["period"]
    if period["first_day"] is None and period["last_day"] is None:
        return say("report_all_days")
    first, last = period["first_day"] or "...", period["last_day"] or "..."
    return say("report_days", first_day=first, last_day=last, utc_offset=period["utc_offset"])


def stage_text(stage: str) -> str:
    """Say a stage; an authority is named by its id, any other word stays as it is."""
    if stage.startswith(ANSWERED):
        return say("report_stage_answered", authority=stage.removeprefix(ANSWERED))
    return word(f"report_stage_{stage}", stage)


def word(key: str, otherwise: str) -> str:
    """Return the text of `key`, or what the wire said where there is none."""
    return catalogue(default_language()).get(key, shown(otherwise))


def group_text(by: str, name: str) -> str:
    """Say the name of a group."""
    prefixes = {"direction": "direction_", "cargo": "cargo_"}
    if name == "unknown":
        return say("word_unknown")
    return word(f"{prefixes[by]}{name}", name) if by in prefixes else shown(name)


def print_report(data: dict[str, Any], console: Console) -> None:
    """Show the report to a person."""

    def line(text: str) -> None:
        console.print(text, markup=False, highlight=False)

    if data["passages"]:
        touch = f"{data['human_touch_per_100']:g}"
        line(say("report_headline", touch=touch, passages=data["passages"], days=days_text(data)))
    else:
        line(say("report_none", days=days_text(data)))
    for key, name in (
        ("simulated", "simulated"),
        ("drills", "drills_excluded"),
        ("undated", "undated"),
        ("late", "late_releases"),
    ):
        if data[name]:
            line(say(f"report_{key}", **{key: data[name]}))
    console.print(_stage_table(data))
    if "groups" in data:
        console.print(_group_table(data))
    console.print(_outcome_table(data))
    looked = data["inspections"]
    if looked["tasks"]:
        where = ", ".join(f"{target} {count}" for target, count in looked["targets"].items())
        line(say("report_inspections", tasks=looked["tasks"], merged=looked["merged"], where=where))
    for authority, kinds in data["shares"].items():
        forms = "; ".join(
            f"{kind} {' '.join(f'{form} {count}' for form, count in counts.items())}" for kind, counts in kinds.items()
        )
        line(say("report_shown", authority=authority, forms=forms))
    for gap in data["gaps"]:
        line(say("report_gap", **gap, kind=say("report_gap_lost" if gap["lost"] else "report_gap_open")))
    for late in data["late_now"]:
        line(say("report_late_now", **late))
    if data["conflicts"]:
        line(say("report_conflicts", conflicts=data["conflicts"]))


def _stage_table(data: dict[str, Any]) -> Table:
    table = _table(
        say("report_stages", error=f"{100 * data['relative_error']:.1f}"), say("report_way"), say("report_stage")
    )
    everybody = ("all", {"passages": data["passages"], "stages_ms": data["stages_ms"]})
    for way, one in (everybody, *((how, data["how"][how]) for how in HOW)):
        name = Text(f"{say(f'report_way_{way}')} {one['passages']}")
        for stage, times in one["stages_ms"].items():
            # Whoever opened the passage by arriving arrived at 0.
            if times["p99"] or (way == "all" and stage != "arrived"):
                table.add_row(name, Text(stage_text(stage)), *_cells(times))
                name = Text()
        table.add_section()
    return table


def _group_table(data: dict[str, Any]) -> Table:
    by = data["by"]
    named = say(f"report_by_{by}")
    headings = (say(f"report_{name}") for name in ("touch", "way"))
    table = _table(say("report_groups", by=named), named, *headings)
    for name, group in data["groups"].items():
        head = (Text(group_text(by, name)), Text(f"{group['human_touch_per_100']:g}"))
        for how in HOW:
            times = group["how"][how]["stages_ms"][TOLD_BY[how]]
            if group["how"][how]["passages"]:
                passages = str(group["how"][how]["passages"])
                table.add_row(*head, Text(say(f"report_way_{how}")), passages, *_cells(times)[1:])
                head = (Text(), Text())
        table.add_section()
    return table


def _outcome_table(data: dict[str, Any]) -> Table:
    table = Table(title=say("report_outcomes"))
    table.add_column(say("report_by_outcome"))
    table.add_column(say("report_passages"), justify="right")
    for terminal, count in data["outcomes"].items():
        table.add_row(Text(terminal), str(count))
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading)
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    return table


def _cells(times: dict[str, Any]) -> list[str]:
    return [str(times["n"]), *(seconds(times[name]) for name in _COLUMNS[1:])]


def seconds(ms: int | None) -> str:
    """Say a time in seconds, as finely as it is known."""
    return "-" if ms is None else f"{ms / 1000:.{2 if ms < 100_000 else 1}f}"
