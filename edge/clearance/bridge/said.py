"""What a person said of a vehicle in a request, for customs: it stands where nothing was read, and nowhere else. Pure.

The lane judged it before it signed it; this is the authority's own look.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.core.boxes import MOST_CONTAINERS
from edge.core.container import parse_container
from edge.core.plate import parse_plate


@dataclass(frozen=True, slots=True)
class Said:
    """Plates by place, and container codes front to rear; empty where nobody said anything."""

    plates: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[str, ...] = ()


def said_of(words: Any, plates: Mapping[str, Any], containers: Mapping[str, Any]) -> Said | str:
    """Return what was said in the claim `supplement`, or the reason why customs cannot be asked with it.

    Reasons: withheld_plates, withheld_containers, supplement_of_reading, supplement_malformed, supplement_of_nothing.
    Raises KeyError or TypeError for claims of another form.
    """
    if words is None:
        return Said()
    given, boxes = words["plates"], words["containers"]
    if not given and not boxes["codes"]:
        return "supplement_of_nothing"
    if given and any(one["policy"] != "allow" for one in given):
        return "withheld_plates"
    if boxes["codes"] and boxes["policy"] != "allow":
        return "withheld_containers"
    unread = [plates.get(one["place"], {}).get("status") == "unread" for one in given]
    unread += [containers["status"] == "unread"] if boxes["codes"] else []
    if not all(unread):
        return "supplement_of_reading"
    said = Said({one["place"]: one["text"] for one in given}, tuple(boxes["codes"]))
    good = len(said.plates) == len(given) and len(set(said.containers)) == len(said.containers) <= MOST_CONTAINERS
    good = good and all(map(_is_plate, said.plates.values())) and all(map(_is_code, said.containers))
    return said if good else "supplement_malformed"


def _is_plate(text: Any) -> bool:
    plate = parse_plate(text) if isinstance(text, str) else None
    return plate is not None and plate.text == text


def _is_code(text: Any) -> bool:
    box = parse_container(text) if isinstance(text, str) else None
    return box is not None and (box.code, box.check) == (text, "verified")
