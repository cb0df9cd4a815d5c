"""`kakou offline CONFIG LANE --vehicles FILE`: sign which vehicles a lane may pass while nobody can be asked."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from edge.clearance.claims import is_identifier, is_integer
from edge.clearance.feeds import OFFLINE_LISTS
from edge.clearance.offline_list import MAX_ENTRIES, MAX_LIST_LIFE, MAX_USES, ListedVehicle, list_claims, seal_list
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.core.container import parse_container
from edge.core.plate import parse_plate
from edge.core.tag import parse_tag
from edge.text import plain, say
from edge.text.arguments import Parser
from edge.verbs.configured import configured
from edge.verbs.issuing import add_issuing, issue

EXIT_REFUSED = 1
EXIT_DATA = 65
EXIT_CONFIG = 78
_HOURS = range(1, MAX_LIST_LIFE // timedelta(hours=1) + 1)
_FIELDS = {"id", "plate", "containers", "tag", "max_uses", "risk"}


class VehicleError(ValueError):
    """An entry of the vehicles is none; the text says which and why."""


def main(arguments: Sequence[str]) -> int:
    """Write the signed list. 1 for a lane that takes none, 65 for vehicles that are none, 66 without key, 78."""
    parser = Parser("kakou offline", say("verb_offline"))
    add_issuing(parser)
    parser.add_argument("--vehicles", type=Path, required=True, metavar="FILE", help=say("offline_vehicles"))
    parser.add_argument("--hours", type=int, choices=_HOURS, default=_HOURS[-1], help=say("offline_hours"))
    given = parser.parse_args(arguments)
    loaded = configured(given.config)
    if loaded is None:
        return EXIT_CONFIG
    rules = next((one.limited_offline for one in loaded.lanes if one.id == given.lane), None)
    if rules is None:
        taking = ", ".join(one.id for one in loaded.lanes if one.limited_offline is not None)
        print(say("offline_no_lane", lane=plain(given.lane), lanes=taking or "-"), file=sys.stderr)
        return EXIT_REFUSED
    try:
        vehicles, denied = read_vehicles(given.vehicles.read_bytes())
    except (OSError, StrictJsonError, VehicleError) as error:
        print(f"{given.vehicles}: {plain(str(error))}", file=sys.stderr)
        return EXIT_DATA

    def make(version: int, now: datetime, secret: bytes) -> Callable[..., bytes]:
        not_after = now + timedelta(hours=given.hours)
        where = (rules.authority, loaded.site, given.lane, version)
        claims = list_claims(*where, vehicles, secret=secret, issued=now, not_after=not_after, denied=denied)
        return partial(seal_list, claims)

    return issue(given, loaded, OFFLINE_LISTS, rules.authority, make)


def read_vehicles(raw: bytes) -> tuple[tuple[ListedVehicle, ...], tuple[str, ...]]:
    """Return vehicles and denied ids of `{"vehicles": [...], "denied": [...]}`. Raises StrictJsonError, VehicleError.

    A vehicle: `id`, and at least two of `plate`, `containers` (with their check digits) and `tag` (its TID), spelled
    as a person would; `max_uses` and `risk` may be left out.
    """
    found = parse_object(raw)
    vehicles, denied = found.get("vehicles"), found.get("denied", [])
    if found.keys() - {"vehicles", "denied"} or not isinstance(vehicles, list) or not isinstance(denied, list):
        raise VehicleError('expected {"vehicles": [...], "denied": [...]}')
    if len(vehicles) > MAX_ENTRIES or len(denied) > MAX_ENTRIES:
        raise VehicleError(f"expected at most {MAX_ENTRIES} of each")
    if not all(is_identifier(one) for one in denied):
        raise VehicleError("denied: expected ids")
    listed = tuple(_vehicle(one) for one in vehicles)
    if len({one.id for one in listed}) != len(listed):
        raise VehicleError("expected each id once")
    return listed, tuple(denied)


def _vehicle(one: Any) -> ListedVehicle:
    if not isinstance(one, dict) or not is_identifier(one.get("id")) or one.keys() - _FIELDS:
        raise VehicleError(f"expected an id and some of {', '.join(sorted(_FIELDS))}: {one!r}")
    name, uses, risk = one["id"], one.get("max_uses", 1), one.get("risk", "low")
    plate = parse_plate(one["plate"]) if isinstance(one.get("plate"), str) else None
    codes = one.get("containers", [])
    spelled = codes if isinstance(codes, list) and all(isinstance(code, str) for code in codes) else [""]
    boxes = [parse_container(code) for code in spelled]
    tag = parse_tag("0000", one["tag"]) if isinstance(one.get("tag"), str) else None
    objections = (
        ("plate", "plate" in one and plate is None),
        ("containers", not all(box is not None and box.check == "verified" for box in boxes)),
        ("tag", "tag" in one and tag is None),
        ("max_uses", not is_integer(uses, least=1, most=MAX_USES)),
        ("risk", risk not in ("low", "high")),
        ("two of plate, containers, tag", ("plate" in one) + bool(boxes) + ("tag" in one) < 2),
    )
    for what, objects in objections:
        if objects:
            raise VehicleError(f"{name}: {what}")
    return ListedVehicle(
        name,
        None if plate is None else plate.text,
        tuple(box.code for box in boxes if box is not None),
        None if tag is None else tag.tid,
        uses,
        risk,
    )
