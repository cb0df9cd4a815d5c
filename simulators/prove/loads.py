"""What stands on a vehicle: boxes of each length and type, or none; and what the terminal record may say of it."""

from typing import TYPE_CHECKING, Any, get_args

from edge.core.cargo import CargoClass
from edge.core.readings import PictureReading

if TYPE_CHECKING:
    from simulators.prove.world import World

# The sizes and types of the boxes front to rear, and the class that they are: a table, and no rule of the lane.
Load = tuple[tuple[str, ...], CargoClass]
NOTHING: Load = ((), "empty")
ONE: tuple[Load, ...] = (
    (("22G1",), "container_one"), (("45G1",), "container_one"), (("22G1",), "container_one"), (("22T1",), "tank"),
    (("42G1",), "container_one"), (("42P1",), "flat_rack"), (("45R1",), "reefer"), (("22U1",), "open_top"),
    (("22B0",), "bulk_container"), (("4310",), "container_one"),
)  # fmt: skip
TWO: tuple[Load, ...] = (
    (("22G1", "22G1"), "container_two"), (("22T1", "22T1"), "tank"), (("22G1", "22G1"), "container_two"),
    (("22G1", "22T1"), "container_two"), (("22P1", "22P1"), "flat_rack"),
)  # fmt: skip
# Not drawn: what an empty vehicle weighs is configured in no lane here (`empty_weights`).
CLASSES = frozenset[CargoClass](get_args(CargoClass)) - {"empty_truck", "empty_chassis"}
_ALONE = ("bulk", "car", "bus")
# What boxes are called of which no type was read.
_PLAIN: tuple[CargoClass, ...] = ("empty", "container_one", "container_two")


def load_of(number: int) -> Load:
    """Return what the vehicle of this number carries."""
    kind, among = number % 4, number // 4
    if kind == 0:
        return NOTHING
    return TWO[among % len(TWO)] if kind == 1 else ONE[among % len(ONE)]


class Loads:
    """What the cameras showed of the boxes of each passage, and the judgement of each terminal record."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._shown: dict[str, set[str]] = {}
        self._sizeless: set[str] = set()
        # Passages of which a picture showed the vehicle and no box.
        self._bare: set[str] = set()

    def shows(self, passage: str, reading: PictureReading) -> None:
        """A picture of this passage shows boxes, as they were read."""
        if reading.vehicles and not reading.containers:
            self._bare.add(passage)
        if reading.containers:
            self._shown.setdefault(passage, set()).update(one.container.code for one in reading.containers)
            if any(one.container.size_type is None for one in reading.containers):
                self._sizeless.add(passage)

    def ended(self, effect: dict[str, Any]) -> None:
        """A terminal record is on the disk: what it says of the cargo is what stood there, or that it is not known."""
        one = self.world.inspections.stood(effect["passage"])
        self.world.traffic.passed_beside += effect["terminal"] == "PASSED" and one is not None and not one.entitled
        said, boxes, kind = effect["cargo_class"], effect["identity"]["containers"], self.world.profile.traffic
        self.world.reached.add(f"cargo {said}")
        if kind in _ALONE:
            right = said == kind
        elif boxes["status"] != "read":
            right = said == ("general" if kind == "general" and boxes["reason"] == "not_looked_for" else "unknown")
        else:
            identified = any(name == "identified" for name, _ in effect["stages"])
            right = self._right(effect["passage"], said, [one["code"] for one in boxes["value"]], identified=identified)
        if not right:
            self.world.judge.blame("I16", f"the record says {said} with {boxes['status']} {boxes['value']}")

    def _right(self, passage: str, said: str, codes: list[str], *, identified: bool) -> bool:
        one, shown = self.world.inspections.stood(passage), self._shown.get(passage, set())
        if one is None or not set(codes) <= shown:
            return False
        if not codes and one.containers:
            # Its time to identify was over, and the pictures that came by then showed none.
            return identified and passage in self._bare and said in ("empty", "general")
        there = [each.code for each in one.containers]
        if not shown <= set(there):
            # The camera showed another vehicle's box too: how many were read has to fit what they are called.
            return said not in ("empty", "container_two" if len(codes) == 1 else "container_one")
        if self.world.profile.traffic == "general" and not codes:
            return said == "general" and not there
        plain = passage in self._sizeless and said == _PLAIN[len(there)]
        return sorted(codes) == sorted(there) and (said == one.cargo or plain)
