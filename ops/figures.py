"""From counted cells to the figures of a report. Pure: cells in, JSON-able data out."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ops.histogram import Histogram
from ops.passages import HOW, UNKNOWN, Cell, in_order
from ops.tally import Tally

PERCENTILES = (50, 90, 95, 99)
GROUPINGS = ("lane", "hour", "direction", "cargo", "outcome")


@dataclass(slots=True)
class Figures:
    """Passages that are looked at together, each way of passing (`ops.passages.HOW`) for itself."""

    passages: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HOW, 0))
    simulated: int = 0
    # Per way and stage; not histograms yet, which would be copied at each addition.
    _counts: dict[tuple[str, str], Counter[int]] = field(default_factory=dict)

    def add(self, cell: Cell, tally: Tally) -> None:
        """Count what is no drill."""
        self.passages[cell.how] += tally.passages
        self.simulated += tally.passages if cell.simulated else 0
        for stage, histogram in tally.stages.items():
            self._counts.setdefault((cell.how, stage), Counter()).update(histogram.counts)

    @property
    def total(self) -> int:
        """How many passages."""
        return sum(self.passages.values())

    @property
    def human_touch_per_100(self) -> float | None:
        """Passages that a person touched, or had to, of a hundred; None of no passages."""
        return round(100 * self.passages["manual"] / self.total, 2) if self.total else None

    @property
    def stages(self) -> list[str]:
        """The stages that anybody reached, and the fixed ones, in a vehicle's order."""
        return in_order({stage for _, stage in self._counts})

    def of_stage(self, stage: str, *ways: str) -> Histogram:
        """The times of a stage, of all ways of passing or of some."""
        found: Counter[int] = Counter()
        for how in ways or HOW:
            found.update(self._counts.get((how, stage), {}))
        return Histogram(found)

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {
            "passages": self.total,
            "simulated": self.simulated,
            "human_touch_per_100": self.human_touch_per_100,
            "stages_ms": {stage: summary(self.of_stage(stage)) for stage in self.stages},
            "how": {
                how: {
                    "passages": self.passages[how],
                    "stages_ms": {stage: summary(self.of_stage(stage, how)) for stage in self.stages},
                }
                for how in HOW
            },
        }


def summary(histogram: Histogram) -> dict[str, int | None]:
    """Return n and the percentiles, milliseconds; None of no times."""
    return {"n": histogram.n, **{f"p{percent}": histogram.percentile(percent) for percent in PERCENTILES}}


@dataclass(slots=True)
class Counted:
    """What the cells of one period come to. `groups` are by what was asked for."""

    all: Figures = field(default_factory=Figures)
    groups: dict[str, Figures] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    decisions: dict[str, int] = field(default_factory=dict)
    drills: int = 0
    undated: int = 0


def counted(cells: Iterable[tuple[Cell, Tally]], by: Callable[[Cell], str] | None = None) -> Counted:
    """Add cells up; drills are counted apart and nowhere else."""
    found = Counted()
    for cell, tally in cells:
        if cell.drill:
            found.drills += tally.passages
            continue
        found.all.add(cell, tally)
        if by is not None:
            found.groups.setdefault(by(cell), Figures()).add(cell, tally)
        found.undated += tally.passages if cell.hour == UNKNOWN else 0
        found.outcomes[cell.terminal] = found.outcomes.get(cell.terminal, 0) + tally.passages
        found.decisions[cell.decision] = found.decisions.get(cell.decision, 0) + tally.passages
    return found


_KEPT: dict[str | None, tuple[str, ...]] = {
    None: (),
    "lane": ("site", "lane"),
    "hour": ("hour_of_day",),
    "direction": ("direction",),
    "cargo": ("cargo_class",),
    "outcome": (),
}


def kept(by: str | None) -> tuple[str, ...]:
    """Return by which fields of `Cell` a report in this grouping tells passages apart."""
    return ("how", "terminal", "decision", *_KEPT[by])


def grouping(name: str, offset: timedelta) -> Callable[[Cell], str]:
    """Return how a cell is named in a grouping; hours are of the day, at `offset` from UTC."""
    ways: dict[str, Callable[[Cell], str]] = {
        "lane": lambda cell: f"{cell.site}/{cell.lane}",
        "hour": lambda cell: _local_hour(cell.hour, offset),
        "direction": lambda cell: cell.direction,
        "cargo": lambda cell: cell.cargo_class,
        "outcome": lambda cell: cell.terminal,
    }
    return ways[name]


def _local_hour(hour: str, offset: timedelta) -> str:
    return hour if hour == UNKNOWN else f"{(int(hour[-2:]) + offset // timedelta(hours=1)) % 24:02d}:00"
