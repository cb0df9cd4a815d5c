"""The live table of lanes and passages in the terminal."""

import asyncio
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ops.envelope import shown
from ops.ingest import Ingest, LaneView

REFRESH_S = 0.5
_WORDS = {None: "not known", True: "online", False: "OFFLINE"}


def lane_table(ingest: Ingest) -> Table:
    """Return what is known now, a row a lane."""
    counters = ingest.counters
    dropped = sum(count for name, count in counters.items() if name.startswith("dropped_"))
    caption = f"{counters['stored']} events stored, {counters['duplicates']} duplicates, {dropped} dropped"
    if counters["conflicts"]:
        caption += f", {counters['conflicts']} CONFLICTS"
    table = Table(title="Lanes", caption=caption)
    for heading in ("lane", "link", "phase", "passage", "last event", "at", "ended", "last outcome", "stored"):
        table.add_column(heading)
    for lane, view in sorted(ingest.lanes.items(), key=lambda item: (item[0].site, item[0].name)):
        # Text, not str: a value from the wire is never markup, nor a command to the terminal.
        table.add_row(Text(f"{lane.site}/{lane.name}"), *(Text(shown(cell)) for cell in _cells(view)))
    return table


def _cells(view: LaneView) -> tuple[str, ...]:
    ended = ", ".join(f"{terminal} {count}" for terminal, count in sorted(view.outcomes.items()))
    return (
        _WORDS[view.online],
        # What a lane said before it was lost is not what it is now.
        _short(view.state.get("phase", "")) if view.online else "?",
        f"{view.passage or ''} LATE >{view.late.limit_s} s".strip() if view.late else view.passage or "",
        view.last_event,
        view.last_event_at,
        ended,
        _outcome(view.last_ended),
        str(view.through_seq),
    )


def _outcome(ended: dict[str, Any]) -> str:
    if not ended:
        return ""
    marks = "".join(f" [{name}]" for name in ("simulated", "drill") if ended.get(name) is True)
    return f"{_short(ended.get('decision'))} {_short(ended.get('terminal'))}{marks}"


def _short(value: object) -> str:
    return str(value)[:32]


async def show(ingest: Ingest, console: Console) -> None:
    """Redraw until cancelled."""
    with Live(lane_table(ingest), console=console, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(REFRESH_S)
            live.update(lane_table(ingest), refresh=True)
