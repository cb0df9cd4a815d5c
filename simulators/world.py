"""One lane and its trucks on an injected clock: who is where, and what loops, cameras and readers could see.

Positions are metres along the lane, 0 where a truck comes into it. Nothing here reads a clock or draws at random:
the same calls at the same times give the same passage. A truck stops at the line, drives on when the boom is up
and the light green, and leaves. Loops and beams feed the `Plant`, which moves the boom. The scale below the lane bears
the axles that stand on it, whosever they are; a beam at either end sees what reaches over that end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from simulators.devices.barrier_plant import STEP_MS, Plant
from simulators.vehicle import Truck

Span = tuple[float, float]
Phase = Literal["approaching", "waiting", "passing", "reversing", "gone"]
Happening = Literal["arrived", "stopped", "entered", "cleared", "gone", "turned_back"]

FOLLOWING_GAP_M = 2.0  # what a driver keeps to the vehicle in front
ANTENNA_BEHIND_FRONT_M = 1.0  # the tag is on the windscreen


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where things are, in metres from the lane's entry. `views` narrows what one camera sees.

    `platform` is the scale: it bears a vehicle of 16.5 m that stands at the line as a whole, and none behind it.
    """

    arrival_loop: Span = (8.0, 11.0)
    stop_line: float = 12.0
    safety_loop: Span = (13.0, 16.0)
    boom: float = 14.5
    exit_loop: Span = (19.0, 22.0)
    lane_end: float = 24.0
    camera_view: Span = (10.0, 12.5)
    tag_field: Span = (8.0, 14.0)
    platform: Span = (-5.0, 12.5)
    views: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a truck takes, in seconds: entry to stop line, and stop line until its rear is out of the lane."""

    drive_in_s: float = 0.3
    drive_through_s: float = 0.5

    def __post_init__(self) -> None:
        if self.drive_in_s <= 0 or self.drive_through_s <= 0:
            raise ValueError(f"a truck needs time: {self}")


@dataclass(frozen=True, slots=True)
class WorldEvent:
    """Something that happened: `cleared` is the rear leaving the safety loop, `gone` leaving the lane."""

    at_ms: int
    what: Happening
    truck: str


@dataclass(frozen=True, slots=True)
class Load:
    """What the scale bears now. `moving`: one of the vehicles on it moves."""

    kg: int
    moving: bool


@dataclass(slots=True)
class _Vehicle:
    truck: Truck
    tailgates: bool
    halts_at_m: float | None
    front_m: float = 0.0
    phase: Phase = "approaching"
    cleared: bool = False
    moving: bool = True

    def covers(self, span: Span) -> bool:
        return self.front_m >= span[0] and self.front_m - self.truck.length_m <= span[1]

    def bears(self, span: Span) -> int:
        """What of it stands on `span`, in kilograms."""
        axles = self.truck.axles
        return sum(axle.kg for axle in axles if span[0] <= self.front_m - axle.behind_front_m <= span[1])


class World:
    """One lane. `plant` is its barrier; `now_ms` the clock, used where `advance` is called without a time.

    `events` is everything that happened, in order; `on_event` hears each as it is computed.
    """

    def __init__(
        self,
        plant: Plant,
        now_ms: Callable[[], int],
        *,
        geometry: Geometry | None = None,
        pace: Pace | None = None,
        on_event: Callable[[WorldEvent], None] | None = None,
    ) -> None:
        self.plant = plant
        self.geometry = geometry or Geometry()
        self.pace = pace or Pace()
        self.events: list[WorldEvent] = []
        self._now_ms = now_ms
        self._on_event = on_event
        self._vehicles: list[_Vehicle] = []
        self._at_ms = now_ms()

    # --- what the scenario does ---------------------------------------------------------------------------------

    def arrive(self, truck: Truck, *, tailgates: bool = False, halts_at_m: float | None = None) -> None:
        """Let a truck drive in, behind whoever is in the lane.

        `tailgates`: it follows the vehicle in front, or drives below a boom that is up, whatever the light shows.
        `halts_at_m`: its front stops there until `resume`. Raises ValueError where a truck of this id is in the lane.
        """
        self.advance()
        if any(vehicle.truck.id == truck.id for vehicle in self._vehicles):
            raise ValueError(f"truck {truck.id!r} is in the lane already")
        vehicle = _Vehicle(truck, tailgates, halts_at_m, front_m=min(0.0, self._room_behind_last()))
        self._vehicles.append(vehicle)
        self._note("arrived", vehicle)

    def turn_back(self, truck_id: str | None = None) -> None:
        """Let a truck (default: the first one in the lane) reverse out. Raises LookupError where there is none."""
        self.advance()
        vehicle = self._find(truck_id)
        vehicle.phase = "reversing"
        self._note("turned_back", vehicle)

    def resume(self, truck_id: str | None = None) -> None:
        """Let a truck that halted half way drive on. Raises LookupError where there is none."""
        self.advance()
        self._find(truck_id).halts_at_m = None

    # --- what can be seen ---------------------------------------------------------------------------------------

    def signals(self) -> dict[str, bool]:
        """Loops and beams as the vehicles cover them now."""
        self.advance()
        return self._signals()

    def truck_in_view(self, camera: str) -> Truck | None:
        """The truck that this camera sees now: the first one whose body is in its view."""
        self.advance()
        view = self.geometry.views.get(camera, self.geometry.camera_view)
        return next((vehicle.truck for vehicle in self._vehicles if vehicle.covers(view)), None)

    def tags_in_field(self) -> tuple[str, ...]:
        """EPCs of the tags between the reader's antennas now, hexadecimal, front vehicle first."""
        self.advance()
        start, end = self.geometry.tag_field
        return tuple(
            vehicle.truck.tag_epc
            for vehicle in self._vehicles
            if vehicle.truck.tag_epc and start <= vehicle.front_m - ANTENNA_BEHIND_FRONT_M <= end
        )

    def load(self) -> Load:
        """What stands on the scale now: every axle that is on it."""
        self.advance()
        borne = [(vehicle.bears(self.geometry.platform), vehicle.moving) for vehicle in self._vehicles]
        return Load(sum(kg for kg, _ in borne), any(moving for kg, moving in borne if kg))

    def phase(self, truck_id: str) -> Phase:
        """What a truck is doing; `gone` for one that is not in the lane."""
        self.advance()
        return next((vehicle.phase for vehicle in self._vehicles if vehicle.truck.id == truck_id), "gone")

    @property
    def empty(self) -> bool:
        """Whether no truck is in the lane."""
        self.advance()
        return not self._vehicles

    # --- physics ------------------------------------------------------------------------------------------------

    def advance(self, to_ms: int | None = None) -> None:
        """Compute everything up to `to_ms` (default: the clock's now), boom included. The past is ignored."""
        target_ms = self._now_ms() if to_ms is None else to_ms
        while self._at_ms < target_ms:
            step_ms = min(STEP_MS, target_ms - self._at_ms)
            self._at_ms += step_ms
            ahead: _Vehicle | None = None
            for vehicle in self._vehicles:
                before_m = vehicle.front_m
                self._drive(vehicle, ahead, step_ms)
                vehicle.moving = vehicle.front_m != before_m
                ahead = vehicle
            self._vehicles = [vehicle for vehicle in self._vehicles if vehicle.phase != "gone"]
            self.plant.set_signals(self._signals())
            self.plant.advance(self._at_ms)

    def _drive(self, vehicle: _Vehicle, ahead: _Vehicle | None, step_ms: int) -> None:
        match vehicle.phase:
            case "approaching":
                self._approach(vehicle, ahead, step_ms)
            case "waiting":
                if self._may_pass(vehicle, ahead):
                    vehicle.phase = "passing"
                    self._note("entered", vehicle)
            case "passing":
                self._pass(vehicle, ahead, step_ms)
            case _:
                vehicle.front_m -= self._approach_speed() * step_ms
                if vehicle.front_m <= 0:
                    self._leave(vehicle)

    def _approach(self, vehicle: _Vehicle, ahead: _Vehicle | None, step_ms: int) -> None:
        self._forward(vehicle, ahead, self._approach_speed() * step_ms, self.geometry.stop_line)
        if vehicle.front_m >= self.geometry.stop_line:
            vehicle.phase = "waiting"
            self._note("stopped", vehicle)

    def _pass(self, vehicle: _Vehicle, ahead: _Vehicle | None, step_ms: int) -> None:
        way_m = self.geometry.lane_end + vehicle.truck.length_m - self.geometry.stop_line
        metres = way_m * step_ms / (1000 * self.pace.drive_through_s)
        self._forward(vehicle, ahead, metres, float("inf"))
        rear_m = vehicle.front_m - vehicle.truck.length_m
        if not vehicle.cleared and rear_m > self.geometry.safety_loop[1]:
            vehicle.cleared = True
            self._note("cleared", vehicle)
        if rear_m >= self.geometry.lane_end:
            self._leave(vehicle)

    def _forward(self, vehicle: _Vehicle, ahead: _Vehicle | None, metres: float, limit_m: float) -> None:
        limits = [limit_m]
        if vehicle.halts_at_m is not None:
            limits.append(vehicle.halts_at_m)
        if ahead is not None and ahead.phase != "gone":
            limits.append(ahead.front_m - ahead.truck.length_m - FOLLOWING_GAP_M)
        # A truck that meets a limit behind itself stands still; it does not roll back.
        vehicle.front_m = max(vehicle.front_m, min(vehicle.front_m + metres, *limits))

    def _may_pass(self, vehicle: _Vehicle, ahead: _Vehicle | None) -> bool:
        if vehicle.tailgates and (ahead is not None or self.plant.boom_is_up):
            return True
        return self.plant.boom_is_up and self.plant.green

    def _approach_speed(self) -> float:
        """Metres per millisecond."""
        return self.geometry.stop_line / (1000 * self.pace.drive_in_s)

    def _leave(self, vehicle: _Vehicle) -> None:
        vehicle.phase = "gone"
        self._note("gone", vehicle)

    def _signals(self) -> dict[str, bool]:
        geometry = self.geometry
        rear_m, front_m = geometry.platform
        return {
            "arrival_loop": any(vehicle.covers(geometry.arrival_loop) for vehicle in self._vehicles),
            "safety_loop": any(vehicle.covers(geometry.safety_loop) for vehicle in self._vehicles),
            "exit_loop": any(vehicle.covers(geometry.exit_loop) for vehicle in self._vehicles),
            "safety_beam": self._reaches_over(geometry.boom),
            "scale_front_beam": self._reaches_over(front_m),
            "scale_rear_beam": self._reaches_over(rear_m),
        }

    def _reaches_over(self, at_m: float) -> bool:
        return any(vehicle.covers((at_m, at_m)) for vehicle in self._vehicles)

    def _room_behind_last(self) -> float:
        if not self._vehicles:
            return 0.0
        last = self._vehicles[-1]
        return last.front_m - last.truck.length_m - FOLLOWING_GAP_M

    def _find(self, truck_id: str | None) -> _Vehicle:
        for vehicle in self._vehicles:
            if truck_id in (None, vehicle.truck.id):
                return vehicle
        raise LookupError(f"no truck {truck_id or ''} in the lane")

    def _note(self, what: Happening, vehicle: _Vehicle) -> None:
        event = WorldEvent(self._at_ms, what, vehicle.truck.id)
        self.events.append(event)
        if self._on_event:
            self._on_event(event)
