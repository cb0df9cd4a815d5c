"""The public report of release times: a page or a table, without any identity and without small numbers.

Few passages, or a percentile that few reach, would tell about single vehicles: nothing is told of these.
"""

import csv
import html
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.text import say
from ops.exchange import Centre, ExchangeError
from ops.figures import PERCENTILES, Counted, Figures, counted, grouping
from ops.histogram import RELATIVE_ERROR, Histogram
from ops.passages import HOW
from ops.period import Days
from ops.report import TOLD_BY, days_text, group_text, seconds, stage_text

FEWEST = 5
_NOTHING = "-"
_GROUPINGS = ("lane", "direction", "cargo", "hour")
_STYLE = (
    "body{font-family:sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}"
    "td,th{border:1px solid #999;padding:.3em .6em;text-align:right}td.word,th.word{text-align:left}"
)


@dataclass(frozen=True, slots=True)
class Section:
    """One table: a title, what its first columns say (`words`), and its rows, all of them as text."""

    title: str
    words: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """All columns."""
        return (*self.words, say("report_passages"), *(f"p{percent}" for percent in PERCENTILES))


def publish(path: Path, centre: Centre, days: Days) -> None:
    """Write the report in the form that the name's end says. Raises ExchangeError where it cannot be written."""
    found = [(by, counted(centre.cells, grouping(by, days.offset))) for by in _GROUPINGS]
    notes = _notes(found[0][1].all, centre.late_releases, days)
    text = FORMS[path.suffix](notes, _touch(found[0][1].all), _sections(found))
    try:
        # Spreadsheets take a CSV without the mark for another encoding.
        path.write_text(text, encoding="utf-8-sig" if path.suffix == ".csv" else "utf-8")
    except OSError as error:
        raise ExchangeError(f"{path}: {error}; next: name a file that can be written") from error


def _sections(found: list[tuple[str, Counted]]) -> list[Section]:
    everybody = found[0][1].all
    rows = tuple(_rows_of_stages(everybody))
    sections = [Section(say("published_title"), (say("report_way"), say("report_stage")), rows)]
    for by, one in found:
        named = say(f"report_by_{by}")
        rows = tuple(
            (group_text(by, name), *row)
            for name, figures in sorted(one.groups.items())
            for row in _rows_of_ways(figures)
        )
        sections.append(Section(say("published_by", by=named), (named, say("report_way")), rows))
    return sections


def _rows_of_stages(figures: Figures) -> Iterator[tuple[str, ...]]:
    for how in HOW:
        for stage in figures.stages:
            times = figures.of_stage(stage, how)
            if times.n and stage != "arrived":
                yield (say(f"report_way_{how}"), stage_text(stage), *_cells(times))


def _rows_of_ways(figures: Figures) -> Iterator[tuple[str, ...]]:
    for how in HOW:
        if figures.passages[how]:
            times = figures.of_stage(TOLD_BY[how], how)
            yield (say(f"report_way_{how}"), *_cells(times))


def _cells(times: Histogram) -> list[str]:
    return [str(times.n) if times.n >= FEWEST else _NOTHING, *(_told(times, percent) for percent in PERCENTILES)]


def _told(times: Histogram, percent: int) -> str:
    """Some passages have to be as slow as the percentile: else it is the time of one vehicle."""
    return seconds(times.percentile(percent)) if times.at_or_above(percent) >= FEWEST else _NOTHING


def _touch(figures: Figures) -> str:
    return f"{figures.human_touch_per_100:.1f}" if figures.total >= FEWEST else _NOTHING


def _notes(everybody: Figures, late_releases: int, days: Days) -> list[str]:
    ways = ((how, everybody.passages[how]) for how in HOW)
    notes = [
        days_text({"period": days.as_data()}),
        say("published_within", error=f"{100 * RELATIVE_ERROR:.1f}"),
        say("published_few", fewest=FEWEST),
        ", ".join(f"{say(f'report_way_{how}')} {n if n >= FEWEST else _NOTHING}" for how, n in ways),
    ]
    if late_releases >= FEWEST:
        notes.append(say("report_late", late=late_releases))
    if everybody.simulated:
        notes.append(say("published_simulated", simulated=everybody.simulated))
    return notes


def _as_csv(notes: list[str], touch: str, sections: list[Section]) -> str:
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow([say("published_title")])
    rows.writerows([note] for note in notes)
    rows.writerow([say("published_touch"), touch])
    for section in sections:
        rows.writerows([[], [section.title], section.headings])
        # A word from the wire must not become a formula.
        rows.writerows([_harmless(cell) for cell in row] for row in section.rows)
    return text.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@")) and cell != _NOTHING else cell


def _as_html(notes: list[str], touch: str, sections: list[Section]) -> str:
    title = html.escape(say("published_title"))
    parts = [
        f'<!doctype html><html><head><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style></head><body>',
        f"<h1>{title}</h1>",
        *(f"<p>{html.escape(note)}</p>" for note in notes),
        f"<p><strong>{html.escape(say('published_touch'))}: {touch}</strong></p>",
        *(_table(section) for section in sections),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _table(section: Section) -> str:
    words = len(section.words)

    def row(tag: str, cells: tuple[str, ...]) -> str:
        kinds = [' class="word"'] * words + [""] * (len(cells) - words)
        marked = (f"<{tag}{kind}>{html.escape(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True))
        return f"<tr>{''.join(marked)}</tr>"

    rows = [row("th", section.headings), *(row("td", cells) for cells in section.rows)]
    return f"<h2>{html.escape(section.title)}</h2>\n<table>\n" + "\n".join(rows) + "\n</table>"


FORMS: dict[str, Callable[[list[str], str, list[Section]], str]] = {".html": _as_html, ".csv": _as_csv}
