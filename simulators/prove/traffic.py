"""Trucks, one behind the other, and what the loops see of them."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from edge.core.cargo import CargoClass
from edge.core.cargo import Traffic as Kind
from edge.core.container import Container, check_digit
from edge.core.effects import Guide
from edge.core.grant import NotedPlate, NotedSeal, ReleaseNote
from edge.core.plate import Plate
from edge.core.readings import Seal
from edge.core.tag import Tag
from simulators.prove.loads import empty_kg, load_of
from simulators.prove.sampling import CREDIT_CLASSES

if TYPE_CHECKING:
    from simulators.prove.world import World

_LATER_MS = 1_000
# Added to a number it changes every digit: two boxes of one truck are never taken for one that was misread.
_OTHER_BOX = 234_567
# One truck in so many comes without an appointment; of one in so many the reader tells the tag's TID.
_WITHOUT_APPOINTMENT = 3
_WITH_TID = 2


@dataclass(slots=True)
class Truck:
    """One vehicle. `verdict` is what the authorities have decided about it before it came."""

    number: int
    plate: Plate
    # Front to rear.
    containers: tuple[Container, ...]
    tag: Tag
    verdict: str
    trailer: Plate | None = None
    credit_class: str | None = None
    cargo: CargoClass = "unknown"
    seals: tuple[Seal, ...] = ()
    noted_seals: tuple[NotedSeal, ...] = ()
    # Nobody sees its boxes, and its release note says that there are none.
    covered: bool = False
    # By what everybody makes of it, it may pass by itself.
    entitled: bool = True
    where: str = "waiting"

    @property
    def kg(self) -> int:
        """What it weighs, as it was declared."""
        return 8_000 + self.number % 2_000 * 20 if self.containers else empty_kg(self.number)

    @property
    def note(self) -> ReleaseNote:
        """The release note that names it."""
        plates = [NotedPlate("front", self.plate.text, self.plate.colour)]
        if self.trailer is not None:
            plates.append(NotedPlate("rear", self.trailer.text, self.trailer.colour))
        codes = () if self.covered else tuple(one.code for one in self.containers)
        # Some have an appointment, which the authority confirms.
        appointment = f"slot-{self.number}" if self.number % _WITHOUT_APPOINTMENT else None
        return ReleaseNote(
            f"note-{self.number}", tuple(plates), codes, self.tag.epc, appointment, credit_class=self.credit_class,
            seals=self.noted_seals,
        )  # fmt: skip


# How many plates of trailers there are; a plate of another kind tells more of the number.
TRAILERS = 10_000


def truck(number: int, verdict: str, kind: Kind = "container") -> Truck:
    """Make a vehicle of the kind that a lane is for; its identifiers, and how many boxes, follow from its number."""
    size_types, cargo = load_of(number)
    containers = tuple(box(number + _OTHER_BOX * index, size) for index, size in enumerate(size_types))
    trailer = Plate(f"粤B{number % TRAILERS:04d}挂", "yellow", "trailer", 2) if kind == "bulk" else None
    return Truck(
        number,
        Plate(f"粤B{number % 100_000:05d}", "blue", "ordinary"),
        containers if kind in ("container", "general") else (),
        Tag(f"E2{number % 10**22:022d}", None if number % _WITH_TID else f"E280{number % 10**20:020d}"),
        verdict,
        trailer,
        cargo=cargo,
    )


def box(number: int, size_type: str | None = "22G1") -> Container:
    """Make a box; its code follows from its number."""
    stem = f"KAK{'UJZ'[number % 3]}{number % 1_000_000:06d}"
    return Container(stem + str(check_digit(stem)), "verified", size_type)


class Traffic:
    """Drives the trucks by what their drivers see: the light, the boom, and how long it takes."""

    def __init__(self, world: "World", count: int) -> None:
        self.world = world
        self.left = count
        self.arrived = 0
        self.now: Truck | None = None
        self.passed: list[int] = []
        self.entitled = 0
        self._trailers: set[int] = set()
        # Vehicles that passed although they need not have: what was exchanged on them nobody there looks at.
        self.passed_beside = 0
        self._patience = 0

    def next_soon(self) -> None:
        """The next truck comes, or the history ends once the lane is at rest."""
        self.now = None
        if self.left == 0:
            self.world.time.after(2_500, self.world.operator.end)
            return
        self.left -= 1
        self.world.time.after(self.world.draw.uniform(400, 1_500), self._arrive)

    def _arrive(self) -> None:
        world, draw = self.world, self.world.draw
        if not world.opening.may_come():
            world.time.after(_LATER_MS, self._arrive)
            return
        self.arrived += 1
        again = world.inspections.comes_back()
        if again is None:
            verdict = "release" if draw.random() < 0.9 else draw.choice(("deny", "hold", "refer", "not_applicable"))
            self.now = truck(world.outages.expected(self._number()), verdict, world.profile.traffic)
            self.now.credit_class = draw.choice(CREDIT_CLASSES)
        else:
            self.now = again[0]
        allowed = world.joins.comes(self.now, known=again is not None)
        self.now.covered = bool(self.now.containers) and world.loads.covers(self.now)
        lets = world.opening.lets(self.now) & world.readers.lets(self.now)
        self.now.entitled = lets and allowed and (again is None or again[1])
        self.entitled += self.now.entitled
        world.signal(arrival_loop=True)
        world.scale.comes_on(self.now)
        world.readers.comes_on(self.now)
        if world.swarm.strikes("leaves_early", 0.3):
            self.world.time.after(world.swarm.draw.uniform(0, 3_000), partial(self._leave, self.now))
        self._wait_for(self.arrived)
        if world.swarm.active:
            world.trouble.around_a_truck()
            world.keysets.around_a_truck()

    def _number(self) -> int:
        """Draw the number of a vehicle with plates of its own: the trailer of one that was referred is a swap."""
        number = self.world.draw.randrange(10**6)
        while number % TRAILERS in self._trailers:
            number = self.world.draw.randrange(10**6)
        self._trailers.add(number % TRAILERS)
        return number

    def _wait_for(self, number: int) -> None:
        self.world.time.after(25_000, lambda: self._give_up(number))

    def _give_up(self, number: int) -> None:
        """A driver whom nobody helps leaves."""
        if self.arrived == number and self.now is not None and self.now.where == "waiting":
            self.back_out()

    def saw_green(self) -> None:
        """The driver of the waiting truck sees green."""
        if self.now is not None and self.now.where == "waiting":
            self.world.time.after(self.world.draw.uniform(100, 300), partial(self._drive, self.now))

    def saw_sign(self, guide: Guide) -> None:
        """The sign tells the driver who stands before it to turn back, or where else to go."""
        if guide.phrase == "go_to" and self.now is not None:
            self.world.time.after(150, partial(self._leave, self.now))
        if guide.phrase == "turn_back" and self.now is not None and self.now.where == "waiting":
            self.world.time.after(self.world.draw.uniform(300, 700), partial(self._leave, self.now))

    def _leave(self, one: Truck) -> None:
        """A driver leaves, whatever the lane is doing; whoever came after is not meant."""
        if self.now is one:
            self.back_out()

    def back_out(self) -> None:
        """Leave the way it came."""
        if self.now is None or self.now.where != "waiting":
            return
        self.now.where = "gone"
        self._leave_loop(self.now)
        self.next_soon()

    def _drive(self, one: Truck) -> None:
        world = self.world
        world.plant.advance()
        if one is not self.now or one.where != "waiting" or not (world.plant.green and world.plant.boom_is_up):
            return
        if not self._stray(one):
            self._through(one)

    def _through(self, one: Truck) -> None:
        """Cross the loops in their order."""
        one.where = "driving"
        world = self.world
        draw, after, signal, swarm = world.draw, world.time.after, world.signal, world.swarm
        signal(safety_loop=True)
        at_ms = draw.uniform(200, 400)
        if swarm.strikes("trailer_gap", 0.3):
            after(at_ms, lambda: signal(safety_loop=False))
            at_ms += swarm.draw.uniform(200, 900)
            after(at_ms, lambda: signal(safety_loop=True))
            at_ms += 250
        if swarm.strikes("stops", 0.2):
            at_ms += swarm.draw.uniform(5_000, 20_000)
        after(at_ms, lambda: self._leave_loop(one))
        at_ms += draw.uniform(50, 200)
        after(at_ms, lambda: signal(exit_loop=True))
        at_ms += draw.uniform(100, 250)
        if swarm.strikes("presence_at_close", 0.2):
            # Clear for almost as long as the proof wants, then not.
            after(at_ms, lambda: signal(safety_loop=False))
            at_ms += swarm.draw.uniform(900, 1_300)
            after(at_ms, lambda: signal(safety_loop=True))
            at_ms += 400
        after(at_ms, lambda: signal(safety_loop=False))
        at_ms += draw.uniform(100, 250)
        after(at_ms, lambda: self._gone(one))

    def _leave_loop(self, one: Truck) -> None:
        self.world.signal(arrival_loop=False)
        self.world.scale.goes_off(one)
        self.world.readers.goes_off()

    def _gone(self, one: Truck) -> None:
        one.where = "gone"
        self.passed.append(one.number)
        self.world.signal(exit_loop=False)
        self.world.central.read()
        swarm = self.world.swarm
        if swarm.strikes("tailgate", 0.2):
            self._cross(swarm.draw.uniform(100, 900), swarm.draw.uniform(400, 900))
        self.next_soon()

    def _cross(self, in_ms: float, for_ms: float) -> None:
        """Something is below the boom, which nobody let in."""
        after, signal = self.world.time.after, self.world.signal
        after(in_ms, partial(signal, safety_loop=True))
        after(in_ms + for_ms, partial(signal, safety_loop=False))

    def creep(self, in_ms: float) -> None:
        """Somebody comes below the closed boom and goes back after a while."""
        self._cross(in_ms, self.world.swarm.draw.uniform(2_500, 5_000))

    def saw_lowering(self) -> None:
        """Somebody goes below the boom while it comes down, or about when it is asked to."""
        swarm = self.world.swarm
        if swarm.strikes("reoccupied", 0.25):
            self._cross(swarm.draw.uniform(0, 400), swarm.draw.uniform(300, 900))
        if swarm.strikes("stuck_up", 0.15):
            self.world.plant.faults.boom_stuck = True

    def _stray(self, one: Truck) -> bool:
        """The released vehicle does something else than to drive through."""
        swarm = self.world.swarm
        if swarm.strikes("backs_out", 0.2):
            self.world.time.after(swarm.draw.uniform(0, 1_500), partial(self._leave, one))
            return True
        if swarm.strikes("swap", 0.2):
            gap_ms = swarm.draw.uniform(100, 600)
            self.world.signal(arrival_loop=False)
            self.world.time.after(gap_ms, partial(self.world.signal, arrival_loop=True))
            self.world.time.after(gap_ms + 300, partial(self._through, one))
            one.where = "swapped"
            return True
        return False
