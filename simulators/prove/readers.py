"""What is read of a vehicle by no camera and no scale: its seals and its driver's card, behind one door."""

from typing import TYPE_CHECKING, Any

from edge.core.profile import LaneProfile
from simulators.prove.cards import CARD_CASES, Cards, drawn_cards
from simulators.prove.seal_field import SEAL_CASES, SealField, drawn_seals
from simulators.prove.stays import NOBODY, Stay

if TYPE_CHECKING:
    from simulators.prove.box import Box
    from simulators.prove.traffic import Truck
    from simulators.prove.world import World

# After a deadline of the lane, to see what it made of it.
_THEN_MS = 5
# What a large campaign has to have reached of both.
READER_CASES = (*(f"seals {one}" for one in SEAL_CASES), *(f"driver {one}" for one in CARD_CASES))


def drawn_readers(profile: LaneProfile, seed: str, faults: frozenset[str]) -> LaneProfile:
    """Some lanes have a reader of seals, of drivers' cards, or both."""
    return drawn_cards(drawn_seals(profile, seed, faults), seed, faults)


class Readers:
    """Both readers of one lane; each does nothing where the lane has none."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._seals, self._cards = SealField(world), Cards(world)
        self._there = self._seals.there or self._cards.there
        self._stay = NOBODY

    def lets(self, one: "Truck") -> bool:
        """A vehicle comes: give it its seals, and say whether they let it pass by itself where nothing is wrong."""
        self._seals.noted(one)
        return self._seals.lets(one) and self._cards.lets()

    def comes_on(self, one: "Truck") -> None:
        """A vehicle stands there."""
        self._stay = Stay(one)
        self._seals.comes_on(self._stay)
        self._cards.comes_on(self._stay)

    def goes_off(self) -> None:
        """It drives off."""
        stay, self._stay = self._stay, NOBODY
        if stay is not NOBODY:
            stay.left_ms = self.world.time.now_ms
            self._seals.goes_off(stay)
            self._cards.goes_off(stay)

    def repair(self) -> None:
        """The technician sets both right."""
        self._seals.repair()
        self._cards.repair()

    def begin(self, box: "Box") -> None:
        """A process of the controller starts."""
        self._seals.begin(box)
        self._cards.begin(box)

    def captures(self, passage: str, since_ms: int) -> None:
        """The lane looks at who stands there, from then on."""
        self._seals.captures(passage, since_ms)
        self._cards.captures(passage, since_ms)
        if self._there:
            # By then the lane has asked, also without what it waited for.
            self.world.time.after(self.world.profile.timing.identify_ms + _THEN_MS, self.world.proves_from_here)

    def asked(self, claims: dict[str, Any]) -> None:
        """A request reached an authority: what it says was shown (I16)."""
        self._seals.asked(claims)
        self._cards.asked(claims)

    def contradicts(self, one: "Truck", claims: dict[str, Any]) -> bool:
        """Whether an authority objects to what was read."""
        return self._seals.contradicts(one, claims) or self._cards.contradicts(one, claims)

    def opens(self, passage: str, nonce: str) -> None:
        """The boom is asked up for a release (I1)."""
        self._seals.opens(passage, nonce)
        self._cards.opens(nonce)

    def ended(self, effect: dict[str, Any]) -> None:
        """A passage ended, and says why."""
        self._seals.ended(effect["reasons"])
        self._cards.ended(effect["reasons"])
