"""What stands on a vehicle: boxes of each length and type, or none; and what the terminal record may say of it."""

from typing import TYPE_CHECKING, Any, get_args

from edge.core.cargo import CargoClass, EmptyWeights
from edge.core.readings import PictureReading

if TYPE_CHECKING:
    from simulators.prove.traffic import Truck
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
CLASSES = frozenset[CargoClass](get_args(CargoClass))
# What vehicles without a box weigh here, where a lane is told so.
EMPTY_WEIGHTS = EmptyWeights(truck_most_kg=10_000, chassis_least_kg=11_500, chassis_most_kg=17_000)
HEAVIER = "heavier than empty"
_EMPTY: tuple[CargoClass, ...] = ("empty", "empty_truck", "empty_chassis")
# A truck alone, one that may be either, one with a chassis: the least of each, over which it weighs up to so much more.
_EMPTY_KG, _MORE_KG = (7_000, 10_100, 12_000), (3_000, 1_400, 5_000)
_EMPTY_IS: tuple[CargoClass, ...] = ("empty_truck", "empty", "empty_chassis")
_ALONE = ("bulk", "car", "bus")
# What boxes are called of which no type was read.
_PLAIN: tuple[CargoClass, ...] = ("empty", "container_one", "container_two")


def load_of(number: int) -> Load:
    """Return what the vehicle of this number carries."""
    kind, among = number % 4, number // 4
    if kind == 0:
        return NOTHING
    return TWO[among % len(TWO)] if kind == 1 else ONE[among % len(ONE)]


def _empty_kind(number: int) -> int:
    return number // 4 % len(_EMPTY_KG)


def empty_kg(number: int) -> int:
    """Return what the vehicle of this number weighs without a box."""
    kind = _empty_kind(number)
    return _EMPTY_KG[kind] + number // 12 * 20 % _MORE_KG[kind]


class Loads:
    """What the cameras showed of the boxes of each passage, and the judgement of each terminal record."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._shown: dict[str, set[str]] = {}
        self._sizeless: set[str] = set()
        # Passages of which a picture showed the vehicle and no box.
        self._bare: set[str] = set()
        # What the lane told last that each of them weighs, in kilograms.
        self._weighed: dict[str, int] = {}

    def covers(self, one: "Truck") -> bool:
        """Say whether nobody sees the boxes of a vehicle that comes, and its papers say that it has none."""
        looks = any("container" in camera.reads for camera in self.world.profile.cameras)
        weighs = self.world.profile.empty_weights is not None
        return looks and weighs and bool(one.containers) and self.world.swarm.strikes("box_covered", 0.4)

    def _may_be(self, one: "Truck", bare: CargoClass) -> bool:
        """Whether the scale, if nothing is wrong with it, can have told this of a vehicle without a box."""
        sound = not any(fault.startswith("scale_") for fault in self.world.plan.faults)
        return bool(one.containers) or not sound or bare in ("empty", _EMPTY_IS[_empty_kind(one.number)])

    def asked(self, claims: dict[str, Any]) -> None:
        """A request says that no box was seen on a vehicle: it weighs no more than one without a box."""
        boxes, weight = claims["readings"]["containers"], claims["readings"]["weight"]["value"]
        limits = self.world.profile.empty_weights
        if limits is None:
            return
        self._weighed[claims["passage"]] = 0 if weight is None else weight["kg"]
        if boxes["reason"] == "heavier_than_empty":
            self.world.reached.add(HEAVIER)
        if boxes["value"] == [] and weight is not None and weight["kg"] > limits.chassis_most_kg:
            self.world.judge.blame("I1", f"{weight['kg']} kg are told as a vehicle without a box")

    def opens(self, passage: str) -> None:
        """The boom is asked up for a release: nothing is hidden on the vehicle that its weight tells of."""
        one, limits = self.world.inspections.stood(passage), self.world.profile.empty_weights
        if one is None or not one.covered or limits is None:
            return
        if self._weighed.get(passage, 0) > limits.chassis_most_kg:
            self.world.judge.blame("I1", "opened for a vehicle whose boxes nobody saw, and whose weight tells of them")

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
            bare = self._of_empty(effect["identity"]["weight"]["value"])
            codes = [each["code"] for each in boxes["value"]]
            plain = "empty" if said in _EMPTY else said
            right = self._right(effect["passage"], plain, codes, identified=identified)
            # Without a box the record says what the scale makes of the vehicle.
            right &= said not in _EMPTY or said == bare
            right &= one is None or one.covered or self._may_be(one, bare)
        if not right:
            self.world.judge.blame("I16", f"the record says {said} with {boxes['status']} {boxes['value']}")

    def _of_empty(self, weight: dict[str, Any] | None) -> CargoClass:
        """What a vehicle of this weight is called that carries no box."""
        limits = self.world.profile.empty_weights
        if limits is None or weight is None:
            return "empty"
        kg = weight["kg"]
        return _EMPTY[1] if kg <= limits.truck_most_kg else _EMPTY[2] if kg >= limits.chassis_least_kg else _EMPTY[0]

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
