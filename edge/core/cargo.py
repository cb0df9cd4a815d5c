"""What kind of traffic a lane is for, and what class of cargo a passage carried: words without personal data.

The class tells release times apart. It follows from the lane's traffic and from what was read, and decides nothing.
That a vehicle is empty is what cameras saw; where the site says what empty ones weigh, the scale tells an empty chassis
from a truck without one (docs/decisions/0016).
"""

from dataclasses import dataclass
from typing import Literal

from edge.core.container import Container
from edge.core.readings import Identity, Reading, Weight

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
    "empty_truck",
    "empty_chassis",
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


@dataclass(frozen=True, slots=True)
class EmptyWeights:
    """What vehicles without a box weigh on this lane's scale, in kilograms; as the site says, never learnt.

    A truck without a chassis weighs at most `truck_most_kg`, one with an empty chassis at least `chassis_least_kg` and
    at most `chassis_most_kg`. Between the two it may be either, and above all of them it carries something.
    """

    truck_most_kg: int
    chassis_least_kg: int
    chassis_most_kg: int


def cargo_class(traffic: Traffic, identity: Identity, empty_weights: EmptyWeights | None = None) -> CargoClass:
    """Return the class of a passage. Two boxes of one special type are of that type, unlike ones are two boxes.

    `empty`: without a box, and not told whether there is a chassis.
    """
    if traffic in ("bulk", "car", "bus"):
        return traffic
    containers = identity.containers
    if containers.value:
        return _of_boxes(containers.value)
    if traffic == "general":
        looked_for = containers.reason != "not_looked_for"
        return "unknown" if looked_for and containers.status != "read" else "general"
    return _of_empty(identity.weight, empty_weights) if containers.status == "read" else "unknown"


def _of_empty(weight: Reading[Weight], limits: EmptyWeights | None) -> CargoClass:
    """No weight says nothing, and neither does one that may be of a heavy truck or of a light chassis."""
    if limits is None or weight.value is None:
        return "empty"
    if weight.value.kg <= limits.truck_most_kg:
        return "empty_truck"
    return "empty_chassis" if limits.chassis_least_kg <= weight.value.kg else "empty"


def _of_boxes(containers: tuple[Container, ...]) -> CargoClass:
    classes = {_SPECIAL.get(one.size_type[2]) if one.size_type else None for one in containers}
    special = classes.pop() if len(classes) == 1 else None
    return special or ("container_one" if len(containers) == 1 else "container_two")
