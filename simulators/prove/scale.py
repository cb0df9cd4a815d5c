"""The weighbridge under the lane: what stands on it, what its indicator shows, and the truth about each weight."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any, cast

from drivers.kit.steady import GRAMS_IN_KG, Sample, Steady
from edge.core.events import DeviceBack, DeviceLost, Weighed
from edge.core.profile import LaneProfile
from simulators.prove.loads import EMPTY_WEIGHTS

if TYPE_CHECKING:
    from simulators.prove.box import Box
    from simulators.prove.traffic import Truck
    from simulators.prove.world import World

SCALE = "scale"
# What has to have come of weights in a large campaign: each word that a request has for one, what an authority and the
# lane made of it.
WEIGHINGS = (
    "read", "moving", "overload", "tared", "empty", "no_weight", "device_lost", "contradicted", "held", "opened",
)  # fmt: skip
_PREFIX = "scale_"
_SHARE_OF_LANES = 0.15
_DEMANDED = 0.7
_TOLD_WHAT_EMPTY_ONES_WEIGH = 0.6
_EVERY_MS = 150
_NEEDED = 5
_OVER_MS = 600
_SWAY_KG = (-60, -40, -20, 20, 40, 60)
# Where a part of a vehicle stands on the scale.
_AXLES = 0.4
# By how much of what was declared a weight may differ before an authority objects.
_TOLERATED = 0.05
_FAULTS_MS = {"begin": (0, 3_000), "last": (2_000, 12_000)}
# A weight that comes to rest once the time to identify is over, and sticks as soon as it was told.
_LATE = "scale_late"
_LATE_MS = {"begin": (0, 0), "last": (10_000, 25_000)}
_RESTS_AFTER_MS, _STICKS_AFTER_MS = (2_600, 5_500), (750, 1_000)
_KEPT = 64


def drawn_scale(profile: LaneProfile, seed: str, faults: frozenset[str]) -> LaneProfile:
    """Some lanes have a scale, and most of them demand a weight; one whose scale is to fail has."""
    draw = Random(seed + "|scale lane")  # noqa: S311 - a repeatable simulation
    failing = any(fault.startswith(_PREFIX) for fault in faults) or "box_covered" in faults
    if not (draw.random() < _SHARE_OF_LANES or failing):
        return profile
    demanded = (*profile.must_match, "weight") if draw.random() < _DEMANDED else profile.must_match
    told = profile.traffic == "container" and draw.random() < _TOLD_WHAT_EMPTY_ONES_WEIGH
    return replace(
        profile, weighbridge=SCALE, must_match=cast(Any, demanded), empty_weights=EMPTY_WEIGHTS if told else None
    )


@dataclass(slots=True)
class _Stay:
    """A vehicle on the scale, until it left; nobody is a stay, too."""

    left_ms: int | None = None


@dataclass(slots=True)
class _Spell:
    """The indicator showed one gross weight without a break, begun while `stay` was on the scale."""

    grams: int | None
    began_ms: int
    last_ms: int
    stay: _Stay


class Scale:
    """The platform with its indicator, and the real judgement of rest (`Steady`) in each life of the controller.

    Nothing here asks the lane what it knows: `asked` and `opens` judge by what was displayed.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.there = world.profile.weighbridge is not None
        self.seen: set[str] = set()
        self._demanded = "weight" in world.profile.must_match
        self._draw = Random(world.plan.seed + "|scale")  # noqa: S311 - a repeatable simulation
        # Some protocols say themselves that the display moves.
        self._flags = self._draw.random() < 0.5
        self._active = sorted(fault for fault in world.plan.faults if fault.startswith(_PREFIX))
        self._box: Box | None = None
        self._steady = Steady()
        self._kg = 0
        self._still_from_ms = 0
        self._nobody = self._stay = _Stay()
        self._spells: deque[_Spell] = deque(maxlen=_KEPT)
        self._since: dict[str, int] = {}
        self._told: dict[str, str] = {}
        self._last: Sample | None = None
        # Why the line says nothing.
        self._lost: str | None = None
        # Why the display is no gross weight.
        self._why: str | None = None
        self._stuck = self._unsteady = False
        self._factor, self._zero_kg = 1.0, 0
        if self.there:
            world.time.after(_EVERY_MS, self._show)

    # --- what stands on it --------------------------------------------------------------------------------------

    def comes_on(self, one: "Truck") -> None:
        """A vehicle comes, one axle after the other."""
        if not self.there:
            return
        self._stay = _Stay()
        self._load(one.kg * _AXLES)
        self.world.time.after(self._draw.uniform(150, 500), lambda: self._load(one.kg))
        swarm = self.world.swarm
        for fault in self._active:
            if swarm.strikes(fault, 0.35):
                times_ms = _LATE_MS if fault == _LATE else _FAULTS_MS
                at_ms = swarm.draw.uniform(*times_ms["begin"])
                self.world.time.after(at_ms, lambda fault=fault: self._strike(fault))  # type: ignore[misc]
                self.world.time.after(at_ms + swarm.draw.uniform(*times_ms["last"]), self._repair)

    def goes_off(self, one: "Truck") -> None:
        """The vehicle drives off."""
        if self.there:
            self._load(one.kg * _AXLES)
            self.world.time.after(150, self._off)

    def _off(self) -> None:
        self._load(0)
        if self._stay is not self._nobody:
            self._stay.left_ms = self.world.time.now_ms
        self._stay = self._nobody

    def _load(self, kg: float) -> None:
        # Divisions of 20 kg; a load that changed sways for a while.
        self._kg = round(kg / 20) * 20
        self._still_from_ms = self.world.time.now_ms + 200

    # --- what its indicator shows -------------------------------------------------------------------------------

    def _show(self) -> None:
        """Send one display; what the controller that is alive makes of it."""
        world = self.world
        world.time.after(_EVERY_MS, self._show)
        now_ms = world.time.now_ms
        sample = self._last = self._last if self._stuck and self._last is not None else self._displayed(now_ms)
        shown = sample.grams if sample.why is None else None
        spell = self._spells[-1] if self._spells else None
        if spell is not None and spell.grams == shown:
            spell.last_ms = now_ms
        else:
            self._spells.append(_Spell(shown, now_ms, now_ms, self._stay))
        box = self._box
        if box is None or box.dead or self._lost is not None:
            return
        weighing = self._steady.feed(sample, now_ms)
        if weighing is not None:
            box.take(Weighed(now_ms, weighing))
            if weighing.kg is not None:
                # The lane asks now, and proves from here on: its scans come as often as in every other lane.
                box.scan_clock.wake()

    def _displayed(self, now_ms: int) -> Sample:
        if self._why is not None:
            return Sample(None, cast(Any, self._why)) if self._kg else Sample(0)
        moving = self._unsteady or now_ms < self._still_from_ms
        kg = round(self._kg * self._factor / 20) * 20 + self._zero_kg
        if not moving:
            return Sample(kg * GRAMS_IN_KG)
        kg += self._draw.choice(_SWAY_KG)
        return Sample(kg * GRAMS_IN_KG, "moving" if self._flags else None)

    # --- its faults ---------------------------------------------------------------------------------------------

    def _strike(self, fault: str) -> None:
        _STRIKES[fault](self)

    def repair(self) -> None:
        """The technician sets it right."""
        if self._active:
            self._repair()

    def _repair(self) -> None:
        self._stuck = self._unsteady = False
        self._factor, self._zero_kg = 1.0, 0
        self._why = self._last = None
        lost, self._lost = self._lost, None
        if lost is not None and self._box is not None:
            self._steady.reset()
            self._box.take(DeviceBack(self.world.time.now_ms, SCALE))

    def _sway(self) -> None:
        self._unsteady = True

    def _hold(self) -> None:
        self._stuck = True

    def _come_late(self) -> None:
        """It sways until its vehicle was identified without a weight, then shows one, and goes on to show it."""
        draw, after, stay = self.world.swarm.draw, self.world.time.after, self._stay

        def rest() -> None:
            self._unsteady = False
            after(draw.uniform(*_STICKS_AFTER_MS), stick)

        def stick() -> None:
            self._stuck = self._stuck or (self._stay is stay and not self._unsteady)

        self._unsteady = True
        after(draw.uniform(*_RESTS_AFTER_MS), rest)

    def _say(self, why: str) -> None:
        self._why = why

    def _scaled(self, least: float, most: float) -> None:
        self._factor = self.world.swarm.draw.uniform(least, most)

    def _drift(self) -> None:
        """The zero has wandered off: far below, whatever stands there."""
        self._zero_kg = -60_000

    def _lose(self, code: str) -> None:
        self._lost = code
        if self._box is not None:
            self._box.take(DeviceLost(self.world.time.now_ms, SCALE, code))

    # --- the controller -----------------------------------------------------------------------------------------

    def begin(self, box: "Box") -> None:
        """A process of the controller starts, and knows nothing of what was displayed before."""
        if not self.there:
            return
        self._box = box
        self._steady = Steady(needed=_NEEDED, over_ms=_OVER_MS, first_counts=False)
        if self._lost is not None:
            self._lose(self._lost)

    def captures(self, passage: str, since_ms: int) -> None:
        """The lane looks at who stands there, from then on."""
        if self.there:
            self._since[passage] = since_ms

    # --- the truth ----------------------------------------------------------------------------------------------

    def asked(self, claims: dict[str, Any]) -> None:
        """A request tells an authority a weight: it was displayed at rest, while this vehicle was there (I16)."""
        reading = claims["readings"]["weight"]
        if not self.there:
            if reading["reason"] != "not_looked_for":
                self.world.judge.blame("I16", "a weight is told where there is no scale")
            return
        self._told[claims["nonce"]] = reading["status"]
        self.seen.add(reading["reason"] or reading["status"])
        if reading["status"] == "read" and not self._was_shown(reading["value"]["kg"], self._since[claims["passage"]]):
            self.world.judge.blame("I16", f"{reading['value']['kg']} kg were not displayed at rest for this vehicle")

    def _was_shown(self, kg: int, since_ms: int) -> bool:
        return any(
            spell.grams == kg * GRAMS_IN_KG
            and spell.last_ms - spell.began_ms >= _OVER_MS
            and (spell.stay.left_ms is None or spell.stay.left_ms >= since_ms)
            and spell.stay is not self._nobody
            for spell in self._spells
        )

    def contradicts(self, one: "Truck", claims: dict[str, Any]) -> bool:
        """Whether an authority finds another weight than what was declared (重量异常不抬杆)."""
        value = claims["readings"]["weight"]["value"]
        if value is None or abs(value["kg"] - one.kg) <= one.kg * _TOLERATED:
            return False
        self.seen.add("contradicted")
        return True

    def opens(self, nonce: str) -> None:
        """The boom is asked up for a release: where weight counts the request that was answered has one."""
        if self._demanded:
            if self._told.get(nonce) != "read":
                self.world.judge.blame("I1", "opened without the weight that is demanded")
            self.seen.add("opened")

    def ended(self, reasons: Sequence[str]) -> None:
        """A passage ended, and says why."""
        if "unread_weight" in reasons:
            self.seen.add("held")


_STRIKES: dict[str, Callable[[Scale], None]] = {
    "scale_unsteady": Scale._sway,
    "scale_stuck": Scale._hold,
    _LATE: Scale._come_late,
    "scale_overload": lambda one: one._say("overload"),
    "scale_tared": lambda one: one._say("tared"),
    "scale_negative": Scale._drift,
    # A part of its axles, water, or a box in the cable that subtracts.
    "scale_wrong": lambda one: one._scaled(0.4, 0.9),
    "scale_two": lambda one: one._scaled(1.2, 2.2),
    "scale_silent": lambda one: one._lose("scale_silent"),
    "scale_unit": lambda one: one._lose("scale_unit"),
    "scale_died": lambda one: one._lose("driver_crashed"),
}
