"""`kakou calendar`: the opening hours of the lanes, from the configuration alone."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.schema import Lane
from edge.profiles import core_calendar, utc_offset
from edge.runtime.opening_hours import date_of, local_hours
from edge.text import plain, say
from edge.text.arguments import EXIT_USAGE, Parser
from edge.verbs.configured import configured
from edge.verbs.person import DEFAULT_CONFIG, EXIT_CONFIG, EXIT_REFUSED

DAYS_AHEAD = 14
MOST_TURNS = 6


def main(arguments: Sequence[str]) -> int:
    """Show the hours now and the next turns; 0, 64 for a bad moment, 78 for a bad configuration, 1 for no such lane."""
    parser = Parser("kakou calendar", say("verb_calendar"))
    parser.add_argument("lane", nargs="?", help=say("open_lane"))
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=say("person_config"))
    parser.add_argument("--at", help=say("calendar_at"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    given = parser.parse_args(arguments)
    loaded = configured(given.config)
    if loaded is None:
        return EXIT_CONFIG
    lanes = [lane for lane in loaded.lanes if given.lane in (None, lane.id)]
    if not lanes:
        known = ", ".join(plain(lane.id) for lane in loaded.lanes)
        print(say("open_unknown_lane", lanes=known), file=sys.stderr)
        return EXIT_REFUSED
    try:
        at = None if given.at is None else datetime.fromisoformat(given.at).replace(tzinfo=None)
    except ValueError:
        print(say("calendar_bad_moment", text=plain(given.at)), file=sys.stderr)
        return EXIT_USAGE
    _show(given, [_described(lane, at) for lane in lanes])
    return 0


def _described(lane: Lane, at: datetime | None) -> dict[str, Any]:
    if lane.calendar is None:
        return {"lane": lane.id, "calendar": False, "hours": "open", "turns": []}
    calendar = core_calendar(lane.calendar)
    local = at or (datetime.now(UTC) + utc_offset(lane.calendar)).replace(tzinfo=None)
    hours = local_hours(calendar, local)
    turns: list[dict[str, str]] = []
    before = hours
    for ahead in range(DAYS_AHEAD + 1):
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=ahead)
        for minute, after in calendar.turns(date_of(midnight)):
            moment = midnight + timedelta(minutes=minute)
            if moment > local and after != before and len(turns) < MOST_TURNS:
                turns.append({"at": moment.isoformat(timespec="minutes"), "hours": after})
            if moment > local:
                before = after
    shown = local.isoformat(timespec="minutes")
    return {"lane": lane.id, "calendar": True, "local_time": shown, "hours": hours, "turns": turns}


def _show(given: argparse.Namespace, lanes: list[dict[str, Any]]) -> None:
    if given.json:
        print(json.dumps({"lanes": lanes}, ensure_ascii=False))
        return
    for lane in lanes:
        if not lane["calendar"]:
            print(f"{lane['lane']}: {say('calendar_always')}")
            continue
        print(f"{lane['lane']}: {lane['local_time']} {say('calendar_now', hours=lane['hours'])}")
        for turn in lane["turns"]:
            print(f"  {turn['at']} {turn['hours']}")
