"""`kakou ops report`: print, export, merge and publish what was counted."""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from edge.text import say
from edge.text.arguments import Parser
from ops import exchange
from ops.exchange import Centre, ExchangeError
from ops.figures import GROUPINGS, kept
from ops.passages import Cell
from ops.period import DEFAULT_OFFSET, Days, offset_of
from ops.publish import FORMS, publish
from ops.release_watch import LateRelease
from ops.report import centre_of, print_report, report
from ops.sharing import NOTHING_SHARED, sharing
from ops.store import EventStore

EXIT_OK = 0
EXIT_USAGE = 64
EXIT_DATA = 65  # EX_DATAERR: a file to merge is not one, or counts twice


def add_options(to: Parser) -> None:
    """Add the verb's options, but for the database."""
    to.add_argument("--json", action="store_true", help=say("option_json"))
    to.add_argument("--by", choices=GROUPINGS, help=say("ops_by"))
    to.add_argument("--month", metavar="YYYY-MM", help=say("ops_month"))
    to.add_argument("--from", dest="first", type=date.fromisoformat, metavar="YYYY-MM-DD", help=say("ops_from"))
    to.add_argument("--to", dest="last", type=date.fromisoformat, metavar="YYYY-MM-DD", help=say("ops_to"))
    to.add_argument("--utc-offset", type=_offset, default=DEFAULT_OFFSET, metavar="+HH:00", help=say("ops_offset"))
    to.add_argument("--export", type=Path, metavar="FILE", help=say("ops_export"))
    to.add_argument("--merge", type=Path, nargs="+", default=[], metavar="FILE", help=say("ops_merge"))
    to.add_argument("--publish", type=_published, metavar="FILE", help=say("ops_publish"))


def _offset(text: str) -> str:
    try:
        offset_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(say("ops_offset_bad", text=text)) from None
    return text


def _published(text: str) -> Path:
    path = Path(text)
    if path.suffix not in FORMS:
        raise argparse.ArgumentTypeError(say("ops_publish_bad", path=path))
    return path


def run(arguments: argparse.Namespace, *, ours: bool) -> int:
    """Do it; returns the exit code. `ours`: the database was named, so that it has to be there. Raises StoreError."""
    try:
        days = _days(arguments)
    except ValueError:
        print(f"kakou ops: {say('ops_days_bad')}", file=sys.stderr)  # noqa: T201 - a command's own output
        return EXIT_USAGE
    try:
        # Where only files are added up, there need be no database.
        if arguments.merge and not ours and not arguments.database.is_file():
            return _report(arguments, days, Centre(), [], NOTHING_SHARED)
        store = EventStore(arguments.database, read_only=True)
        try:
            _, late_now = store.late_releases(days.period)
            more = arguments.merge or arguments.export or arguments.publish
            keep = Cell._fields if more else kept(arguments.by)
            shared = sharing(store, days.period)
            return _report(arguments, days, centre_of(store, days, keep), late_now, shared)
        finally:
            store.close()
    except ExchangeError as error:
        print(f"kakou ops: {error}", file=sys.stderr)  # noqa: T201 - a command's own output
        return EXIT_DATA


def _days(arguments: argparse.Namespace) -> Days:
    first, last = arguments.first, arguments.last
    if arguments.month is not None:
        if first is not None or last is not None:
            raise ValueError
        return Days.of_month(arguments.month, arguments.utc_offset)
    if first is not None and last is not None and first > last:
        raise ValueError
    return Days(first, last, arguments.utc_offset)


def _report(
    arguments: argparse.Namespace,
    days: Days,
    centre: Centre,
    late_now: list[LateRelease],
    shared: Mapping[str, Any],
) -> int:
    if arguments.merge:
        merged = [(str(path), exchange.read(path, days.period)) for path in arguments.merge]
        centre = exchange.together([(str(arguments.database), centre), *merged])
    if arguments.export is not None:
        centre = centre.kept()
        exchange.write(arguments.export, centre, days.as_data())
    if arguments.publish is not None:
        centre = centre.kept()
        publish(arguments.publish, centre, days)
    data = report(centre, days, arguments.by, late_now, shared)
    if arguments.json:
        print(json.dumps(data, ensure_ascii=False))  # noqa: T201 - a command's own output
    else:
        print_report(data, Console())
    return EXIT_OK
