"""Counted passages of a centre as a file, and files of several centres read back to be added up.

One JSON document; its histograms add up bucket by bucket. It names lanes and hours, no vehicle and no passage.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ops.envelope import shown
from ops.histogram import RELATIVE_ERROR, Histogram
from ops.passages import HOW, Cell
from ops.tally import Period, Tally

FORMAT = "kakou-passages-1"
_MOST_BYTES = 1 << 30
_LONGEST = 128
_WORDS = Cell._fields[:-2]


class ExchangeError(Exception):
    """A file cannot be added. The text says which, why, what to do."""


@dataclass(frozen=True, slots=True)
class Centre:
    """What one centre counted, and how whole it is."""

    cells: Iterable[tuple[Cell, Tally]] = ()
    gaps: list[dict[str, Any]] = field(default_factory=list)
    events: int = 0
    conflicts: int = 0
    late_releases: int = 0

    def kept(self) -> "Centre":
        """Return the same with cells that can be gone through more than once."""
        return replace(self, cells=list(self.cells))


def write(path: Path, centre: Centre, period: dict[str, Any]) -> None:
    """Write a centre's counts. Raises ExchangeError."""
    data = {
        "format": FORMAT,
        "relative_error": RELATIVE_ERROR,
        "period": period,
        "events": centre.events,
        "conflicts": centre.conflicts,
        "gaps": centre.gaps,
        "late_releases": centre.late_releases,
        "cells": [_cell_data(cell, tally) for cell, tally in centre.cells],
    }
    try:
        path.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    except OSError as error:
        raise ExchangeError(f"{path}: {error}; next: name a file that can be written") from error


def _cell_data(cell: Cell, tally: Tally) -> dict[str, Any]:
    stages = {stage: histogram.as_json() for stage, histogram in tally.stages.items()}
    return {**cell._asdict(), "passages": tally.passages, "stages_ms": stages}


def read(path: Path, period: Period) -> Centre:
    """Read a file that `write` made, as far as its hours are of `period`.

    Alarms of late releases are counted by the period that the file was made for. Raises ExchangeError for anything
    that is no such file: a part of one is never added.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        data = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError(f"expected the format {FORMAT}")
        counts = [_count(data[name]) for name in ("events", "conflicts", "late_releases")]
        gaps = [_gap(one) for one in data["gaps"]]
        cells = [_counted(one) for one in data["cells"]]
        return Centre([one for one in cells if one[0].hour in period], gaps, *counts)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ExchangeError(f"{path}: {why[:200]}; next: name a file that --export wrote, whole") from error


def _counted(data: dict[str, Any]) -> tuple[Cell, Tally]:
    words = [data[name] for name in _WORDS]
    if not all(isinstance(one, str) and len(one) <= _LONGEST for one in words) or data["how"] not in HOW:
        raise ValueError(f"cell {words!r:.100}")
    flags = [data[name] for name in Cell._fields[-2:]]
    if not all(isinstance(one, bool) for one in flags):
        raise ValueError(f"cell {words!r:.100}: simulated and drill are true or false")
    if not isinstance(data["stages_ms"], dict):
        raise ValueError(f"cell {words!r:.100}: stages_ms is an object")
    stages = {stage: Histogram.from_json(one) for stage, one in data["stages_ms"].items()}
    tally = Tally(_count(data["passages"]), stages)
    if any(one.n > tally.passages for one in stages.values()):
        raise ValueError(f"cell {words!r:.100}: more times than passages")
    return Cell(*words, *flags), tally


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ValueError(f"{value!r:.40} is no count")
    return value


def _gap(data: dict[str, Any]) -> dict[str, Any]:
    numbers = {name: _count(data[name]) for name in ("epoch", "first_seq", "last_seq")}
    return {"site": shown(data["site"]), "lane": shown(data["lane"]), **numbers, "lost": data["lost"] is True}


def together(centres: Sequence[tuple[str, Centre]]) -> Centre:
    """Add several centres up. Raises ExchangeError where two of them counted one lane in the same hour."""
    cells: list[tuple[Cell, Tally]] = []
    counted_by: dict[tuple[str, str, str], int] = {}
    for number, (name, centre) in enumerate(centres):
        for cell, tally in centre.cells:
            other = counted_by.setdefault((cell.site, cell.lane, cell.hour), number)
            if other != number:
                raise ExchangeError(
                    f"{shown(cell.site)}/{shown(cell.lane)}, {shown(cell.hour)}: counted in {centres[other][0]} and in "
                    f"{name}; next: leave one of them out, or give each its own days when it is exported"
                )
            cells.append((cell, tally))
    found = [centre for _, centre in centres]
    return Centre(
        cells,
        [gap for centre in found for gap in centre.gaps],
        sum(centre.events for centre in found),
        sum(centre.conflicts for centre in found),
        sum(centre.late_releases for centre in found),
    )
