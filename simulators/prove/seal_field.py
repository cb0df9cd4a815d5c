"""The reader of electronic seals: which seals are in its field, what it shows, and whose each of them really is."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, cast

from drivers.kit.seals import SealWatch
from edge.clearance.request import seal_facts
from edge.core.events import DeviceBack, DeviceLost, SealsSeen
from edge.core.grant import NotedSeal
from edge.core.profile import LaneProfile
from edge.core.readings import Seal
from simulators.prove.stays import NOBODY, Stay

if TYPE_CHECKING:
    from simulators.prove.box import Box
    from simulators.prove.traffic import Truck
    from simulators.prove.world import World

SEALS = "seals"
# What no event that leaves the lane may hold (I19).
SEAL_ID = "ESEAL"
# What has to have come of seals in a large campaign: each word that a request has for them, why a vehicle was held,
# what an authority made of it.
SEAL_CASES = (
    "read", "no_seal", "device_lost", "too_many_seals", "opened", "opened_noted", "contradicted", "no_reader",
    "held_unread_seals", "held_not_noted_seals", "held_mismatch_seals", "held_mismatch_seal_openings",
    "held_seal_open", "held_conflict_seals",
)  # fmt: skip
_WHY_HELD = frozenset(one.removeprefix("held_") for one in SEAL_CASES if one.startswith("held_"))
_PREFIX = "seal_"
_SHARE_OF_LANES = 0.08
# Of the lanes whose reader is to fail: the others have none, and keep what they cost.
_SHARE_OF_FAILING = 0.35
_DEMANDED = 0.5
# One vehicle in so many has a seal that a lane without a reader cannot check.
_UNCHECKED = 97
# One vehicle without a box in so many has no seal either.
_UNSEALED = 4
_NOTED_OF_TEN = {True: 9, False: 6}
_COMES_MS, _GOES_MS = (0, 900), (0, 250)
# When the reader is asked after something changed, and how long after that again.
_ASKED_MS, _EACH_MS = (40, 250), 250
_FAULTS_MS = (200, 2_500)
# What becomes of a seal: before it comes, or in the lane.
_CHANGES = frozenset({"seal_open", "seal_opened", "seal_other"})
_ON_THE_WAY = 0.5
_STUCK_MS, _LOST_MS = (4_000, 14_000), (300, 6_000)
# A seal that is heard once the time to identify is over, by a reader that goes on to show it.
_LATE_MS, _STICKS_AFTER_MS = (3_100, 5_500), 900
_FLUTTERS, _FLUTTER_MS = 8, (120, 350)
# An OPEN that was asked for waits on the line for one request of the scan at most, and may not be recalled there.
_TURN_MS = 320
_KEPT = 48


def drawn_seals(profile: LaneProfile, seed: str, faults: frozenset[str]) -> LaneProfile:
    """Some lanes have a reader of seals, and half of them demand that one was read."""
    draw = Random(seed + "|seal lane")  # noqa: S311 - a repeatable simulation
    failing = any(fault.startswith(_PREFIX) for fault in faults)
    if draw.random() >= (_SHARE_OF_FAILING if failing else _SHARE_OF_LANES):
        return profile
    demanded = (*profile.must_match, "seals") if draw.random() < _DEMANDED else profile.must_match
    return replace(profile, seal_reader=SEALS, must_match=cast(Any, demanded))


def seals_of(one: "Truck") -> tuple[Seal, ...]:
    """Return the seals of a vehicle, as they left the last office: one for each box, mostly one without a box."""
    number = one.number
    openings = None if number % 5 == 0 else number % 4
    battery = None if number % 7 == 0 else number % 101
    count = len(one.containers) or int(number % _UNSEALED > 0)
    return tuple(Seal(f"{SEAL_ID}{number:06d}{index}", True, openings, battery) for index in range(count))


@dataclass(slots=True)
class _Spell:
    """The reader showed these seals without a break, begun while `stay` was in the lane."""

    seals: tuple[Seal, ...]
    stay: Stay


class SealField:
    """The reader with its field, and the real judgement of what is news (`SealWatch`) in each life of the controller.

    Nothing here asks the lane what it knows: `asked` and `opens` judge by what was shown.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.there = world.profile.seal_reader is not None
        self._demanded = "seals" in world.profile.must_match
        self._draw = Random(world.plan.seed + "|seals")  # noqa: S311 - a repeatable simulation
        self._active = sorted(fault for fault in world.plan.faults if fault.startswith(_PREFIX))
        self._box: Box | None = None
        self._watch = SealWatch()
        self._stay = NOBODY
        self._inside: dict[Stay, tuple[Seal, ...]] = {}
        self._foreign: tuple[Seal, ...] = ()
        self._frozen: tuple[Seal, ...] | None = None
        self._deaf = False
        self._lost: str | None = None
        self._spells: deque[_Spell] = deque([_Spell((), NOBODY)], maxlen=_KEPT)
        self._since: dict[str, int] = {}
        self._told: dict[str, str] = {}
        # Since when the lane that is alive knows that a seal of the vehicle in it is open.
        self._open_ms: int | None = None

    def _saw(self, what: str) -> None:
        self.world.reached.add(f"seals {what}")

    # --- who comes ----------------------------------------------------------------------------------------------

    def noted(self, one: "Truck") -> None:
        """Give a vehicle its seals, and its release note those that are to be checked here."""
        if not self.there:
            # A mistake of the centre: this lane cannot check any.
            if one.number % _UNCHECKED == 0:
                one.noted_seals = (NotedSeal(f"{SEAL_ID}{one.number:06d}0"),)
                self._saw("no_reader")
            return
        one.seals = seals_of(one)
        if one.number % 10 < _NOTED_OF_TEN[self._demanded]:
            one.noted_seals = tuple(NotedSeal(each.id, each.openings if one.number % 3 else None) for each in one.seals)

    def lets(self, one: "Truck") -> bool:
        """Say whether the seals of a vehicle let it pass by itself where nothing is wrong."""
        if not self.there:
            return not one.noted_seals
        return bool(one.noted_seals) or not self._demanded

    def comes_on(self, stay: Stay) -> None:
        """A vehicle comes into the field; what is wrong with its seals, or with the reader, is drawn."""
        if not self.there or stay.truck is None:
            return
        self._stay, self._open_ms = stay, None
        swarm, after, draw = self.world.swarm, self.world.time.after, self._draw
        struck = [fault for fault in self._active if swarm.strikes(fault, 0.35)]
        comes_ms = draw.uniform(*_COMES_MS)
        if "seal_late" in struck:
            comes_ms = draw.uniform(*_LATE_MS)
            after(comes_ms + _STICKS_AFTER_MS, partial(self._freeze, stay))
        seals = () if "seal_missing" in struck else stay.truck.seals
        for fault in struck:
            in_ms = swarm.draw.uniform(*_FAULTS_MS)
            if fault == "seal_neighbour":
                # Heard before its own are, which would be enough to ask with.
                in_ms = swarm.draw.uniform(0, comes_ms)
            if fault in _STRIKES:
                after(in_ms, partial(_STRIKES[fault], self, stay))
            elif fault in _CHANGES and seals and (fault == "seal_other" or swarm.draw.random() < _ON_THE_WAY):
                seals = (self._changed_seal(fault, stay, seals[0]), *seals[1:])
            elif fault in _CHANGES:
                after(in_ms, partial(self._becomes, fault, stay))
        after(comes_ms, partial(self._enter, stay, seals))

    def goes_off(self, stay: Stay) -> None:
        """The vehicle drives off."""
        if self.there:
            self._stay, self._foreign = NOBODY, ()
            self.world.time.after(self._draw.uniform(*_GOES_MS), partial(self._leave, stay))

    def _enter(self, stay: Stay, seals: tuple[Seal, ...]) -> None:
        if stay is self._stay:
            self._inside[stay] = seals
            self._changed()

    def _leave(self, stay: Stay) -> None:
        self._inside.pop(stay, None)
        self._changed()

    # --- what the reader shows ----------------------------------------------------------------------------------

    def _shown(self) -> tuple[Seal, ...]:
        if self._frozen is not None:
            return self._frozen
        seals = [*(seal for each in self._inside.values() for seal in each), *self._foreign]
        return tuple(sorted(seals[1:] if self._deaf else seals, key=lambda seal: seal.id))

    def _changed(self) -> None:
        """Something may have changed: the reader is asked twice about it, and about what stays nobody needs to ask."""
        shown = self._shown()
        if shown != self._spells[-1].seals:
            self._spells.append(_Spell(shown, self._stay))
            self._ask_soon()

    def _ask_soon(self) -> None:
        in_ms = self._draw.uniform(*_ASKED_MS)
        self.world.time.after(in_ms, self._ask)
        self.world.time.after(in_ms + _EACH_MS, self._ask)

    def _ask(self) -> None:
        box = self._box
        if box is None or box.dead or self._lost is not None:
            return
        now_ms = self.world.time.now_ms
        news = self._watch.feed(self._shown(), now_ms)
        if news is None:
            return
        box.take(SealsSeen(now_ms, news))
        theirs = self._stay is not NOBODY and self._spells[-1].stay is self._stay
        if theirs and self._open_ms is None and any(seal.locked is not True for seal in news.seals):
            self._open_ms = now_ms
        self.world.proves_from_here()

    # --- its faults ---------------------------------------------------------------------------------------------

    def _changed_seal(self, fault: str, stay: Stay, seal: Seal) -> Seal:
        """What the fault makes of a seal: it tells so from then on."""
        match fault:
            case "seal_open":
                return replace(seal, locked=self.world.swarm.draw.choice((False, None)))
            case "seal_opened":
                # Opened, and locked again, as every reading before and behind says.
                return replace(seal, openings=None if seal.openings is None else seal.openings + 1)
            case _:
                # Another seal hangs there, which is locked as well.
                return replace(seal, id=f"{SEAL_ID}{0 if stay.truck is None else stay.truck.number + 1:06d}9")

    def _becomes(self, fault: str, stay: Stay) -> None:
        """The first seal of the vehicle that stands there changes."""
        seals = self._inside.get(stay, ())
        if seals:
            self._enter(stay, (self._changed_seal(fault, stay, seals[0]), *seals[1:]))

    def _hear_others(self, stay: Stay) -> None:
        """Seals of the lane beside, as long as this vehicle is there."""
        if stay is self._stay and stay.truck is not None:
            count = self.world.swarm.draw.randint(1, 2)
            self._foreign = tuple(Seal(f"{SEAL_ID}{stay.truck.number + 2:06d}{one}", True, one) for one in range(count))
            self._changed()

    def _freeze(self, stay: Stay) -> None:
        if stay is self._stay and self._frozen is None:
            self._frozen = self._shown()
            self.world.time.after(self.world.swarm.draw.uniform(*_STUCK_MS), self._thaw)

    def _thaw(self) -> None:
        self._frozen = None
        self._changed()

    def _flutter(self, stay: Stay, left: int = _FLUTTERS) -> None:
        """One of them is heard now and then."""
        self._deaf = left > 0 and stay is self._stay and not self._deaf
        self._changed()
        if left > 0 and stay is self._stay:
            again = partial(self._flutter, stay, left - 1)
            self.world.time.after(self.world.swarm.draw.uniform(*_FLUTTER_MS), again)

    def _lose(self, _stay: Stay) -> None:
        if self._lost is None:
            self._lost = self.world.swarm.draw.choice(("seal_silent", "driver_crashed"))
            self._say_lost()
            self.world.time.after(self.world.swarm.draw.uniform(*_LOST_MS), self._find)

    def _say_lost(self) -> None:
        if self._box is not None and self._lost is not None:
            self._box.take(DeviceLost(self.world.time.now_ms, SEALS, self._lost))

    def _find(self) -> None:
        lost, self._lost = self._lost, None
        if lost is not None and self._box is not None:
            self._watch.reset()
            self._box.take(DeviceBack(self.world.time.now_ms, SEALS))
            self._ask_soon()

    def repair(self) -> None:
        """The technician sets it right."""
        if self._active:
            self._deaf, self._foreign = False, ()
            self._find()
            self._thaw()

    # --- the controller -----------------------------------------------------------------------------------------

    def begin(self, box: "Box") -> None:
        """A process of the controller starts, and knows nothing of what was shown before."""
        if self.there:
            self._box, self._watch, self._open_ms = box, SealWatch(), None
            self._say_lost()
            self._ask_soon()

    def captures(self, passage: str, since_ms: int) -> None:
        """The lane looks at who stands there, from then on."""
        if self.there:
            self._since[passage] = since_ms

    # --- the truth ----------------------------------------------------------------------------------------------

    def asked(self, claims: dict[str, Any]) -> None:
        """A request tells an authority of seals: the reader showed them, and not since the vehicle before (I16)."""
        reading = claims["readings"]["seals"]
        if not self.there:
            if reading["reason"] != "not_looked_for":
                self.world.judge.blame("I16", "seals are told where there is no reader")
            return
        self._told[claims["nonce"]] = reading["status"]
        self._saw(reading["reason"] or reading["status"])
        if reading["status"] != "read":
            return
        since_ms = self._since[claims["passage"]]
        if not any(
            self._as_told(spell.seals, claims) == reading["value"]
            for spell in self._spells
            if not spell.stay.was_over(since_ms)
        ):
            self.world.judge.blame("I16", "seals are told that the reader did not show of this vehicle")

    def _as_told(self, seals: Sequence[Seal], claims: dict[str, Any]) -> list[dict[str, Any]]:
        """What the authority of a request may see of these seals, facts under every rule."""
        policy = self.world.authorities.policies[claims["authority"]]
        return [{**seal_facts(one), "seal": policy.show(policy.seals, one.id)} for one in seals]

    def contradicts(self, one: "Truck", claims: dict[str, Any]) -> bool:
        """Whether an authority finds other seals than the vehicle should have; where the note names them it asks not.

        Then the lane has to find it.
        """
        value = claims["readings"]["seals"]["value"]
        if value is None or one.noted_seals:
            return False
        told = [each["seal"] for each in value]
        if None in told or sorted(told) == sorted(each["seal"] for each in self._as_told(one.seals, claims)):
            return False
        self._saw("contradicted")
        return True

    def opens(self, passage: str, nonce: str) -> None:
        """The boom is asked up for a release: what has to be read was, and nothing open was told."""
        one = self.world.inspections.stood(passage)
        noted = one is not None and bool(one.noted_seals)
        if self._demanded or noted:
            if self._told.get(nonce) != "read":
                self.world.judge.blame("I1", "opened without the seals that are demanded")
            self._saw("opened_noted" if noted else "opened")
        elif self.there:
            self._saw("opened")
        now_ms = self.world.time.now_ms
        if self._open_ms is not None and now_ms - self._open_ms > _TURN_MS:
            self.world.judge.blame("I1", f"opened with a seal that is open for {now_ms - self._open_ms} ms")

    def ended(self, reasons: Sequence[str]) -> None:
        """A passage ended, and says why."""
        for reason in _WHY_HELD.intersection(reasons):
            self._saw(f"held_{reason}")


_STRIKES: dict[str, Callable[[SealField, Stay], None]] = {
    "seal_neighbour": SealField._hear_others,
    "seal_stuck": SealField._freeze,
    "seal_half": SealField._flutter,
    "seal_lost": SealField._lose,
}
