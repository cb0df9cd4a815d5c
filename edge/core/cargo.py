"""What kind of traffic a lane is for, and what class of cargo a passage carried: words without personal data.

The class tells release times apart. It follows from the lane's traffic and from what was read, and decides nothing.
"""

from typing import Literal

from edge.core.container import Container
from edge.core.readings import Identity

Traffic = Literal["container", "general", "bulk", "car", "bus"]
CargoClass = Literal[
    "container_one",
    "container_two",
    "reefer",
    "open_top",
    "flat_rack",
    "tank",
    "bulk_container",
    "empty",
    "general",
    "bulk",
    "car",
    "bus",
    "unknown",
]

# Third character of size and type: letters since 1995, digits before (ISO 6346, both editions).
_SPECIAL: dict[str, CargoClass] = {
    "R": "reefer", "H": "reefer", "U": "open_top", "P": "flat_rack", "T": "tank", "B": "bulk_container",
    "3": "reefer", "4": "reefer", "5": "open_top", "6": "flat_rack", "7": "tank", "8": "bulk_container",
}  # fmt: skip


def cargo_class(traffic: Traffic, identity: Identity) -> CargoClass:
    """Return the class of a passage. Two boxes of one special type are of that type, unlike ones are two boxes."""
    if traffic in ("bulk", "car", "bus"):
        return traffic
    containers = identity.containers
    if containers.value:
        return _of_boxes(containers.value)
    if traffic == "general":
        looked_for = containers.reason != "not_looked_for"
        return "unknown" if looked_for and containers.status != "read" else "general"
    return "empty" if containers.status == "read" else "unknown"


def _of_boxes(containers: tuple[Container, ...]) -> CargoClass:
    classes = {_SPECIAL.get(one.size_type[2]) if one.size_type else None for one in containers}
    special = classes.pop() if len(classes) == 1 else None
    return special or ("container_one" if len(containers) == 1 else "container_two")
