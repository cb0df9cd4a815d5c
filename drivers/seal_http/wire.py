"""What a reader of electronic seals answers over HTTP, as JSON. Pure.

    GET /seals  ->  {"seals": [{"id": "CNSEAL0001", "locked": true, "openings": 3, "battery_percent": 87}]}

`id` and `locked` have to be there; `locked`, `openings` and `battery_percent` may be null, the last two left out. Other
names are let be. Nothing is read of an answer that is wrong anywhere.
"""

import json
from collections.abc import Sequence

from drivers.kit import json_names
from drivers.kit.seals import FULL_PERCENT, MOST_OPENINGS, is_seal_id
from edge.core.readings import Seal
from edge.core.seal import MOST_SEEN


def encode_seals(seals: Sequence[Seal]) -> bytes:
    """Return the body of an answer: for simulators."""
    listed = [
        {"id": one.id, "locked": one.locked, "openings": one.openings, "battery_percent": one.battery_percent}
        for one in seals
    ]
    return json.dumps({"seals": listed}).encode()


def decode_seals(body: bytes) -> tuple[Seal, ...] | None:
    """Return the seals of a body; None where it is not of this form, or names a seal twice."""
    try:
        said = json_names.parse(body, whole_numbers=True)
    except (ValueError, RecursionError):
        return None
    listed = said.get("seals") if isinstance(said, dict) else None
    if not isinstance(listed, list) or len(listed) > MOST_SEEN:
        return None
    seals = [_seal(one) for one in listed]
    found = tuple(seal for seal in seals if seal is not None)
    whole = len(found) == len(listed) == len({seal.id for seal in found})
    return found if whole else None


def _seal(said: object) -> Seal | None:
    if not isinstance(said, dict) or not {"id", "locked"} <= said.keys():
        return None
    name, locked = said["id"], said["locked"]
    openings, battery = said.get("openings"), said.get("battery_percent")
    if not isinstance(name, str) or not is_seal_id(name) or not (locked is None or isinstance(locked, bool)):
        return None
    if not _is_number(openings, MOST_OPENINGS) or not _is_number(battery, FULL_PERCENT):
        return None
    return Seal(name, locked, openings, battery)


def _is_number(value: object, most: int) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most)
