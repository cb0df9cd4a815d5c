"""The reader of drivers' cards: who holds which card to it, what comes over its line, and whose card it really is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, cast

from drivers.identity_lines.driver import AT_ONCE_MS, LineReader
from drivers.identity_lines.wire import Layout, encode
from edge.core.events import CardShown, DeviceBack, DeviceLost
from edge.core.profile import LaneProfile
from edge.core.readings import DriverCard
from simulators.prove.faults import CHECKS, PARTS
from simulators.prove.stays import NOBODY, Stay
from simulators.prove.virtual_time import LaneClock

if TYPE_CHECKING:
    from simulators.prove.box import Box
    from simulators.prove.traffic import Truck
    from simulators.prove.world import World

CARDS = "cards"
# What no event that leaves the lane may hold (I19).
CARD_TEXT = "ICARD"
# What has to have come of cards in a large campaign: each word that a request has for the driver, why a vehicle was
# held, what an authority made of it, and that a line was refused.
CARD_CASES = (
    "read", "no_card", "device_lost", "several_cards", "opened", "contradicted", "held_unread_driver",
    "held_conflict_driver", "line_refused",
)  # fmt: skip
_WHY_HELD = frozenset(one.removeprefix("held_") for one in CARD_CASES if one.startswith("held_"))
_PREFIX = "card_"
_SHARE_OF_LANES = 0.08
# Of the lanes whose reader is to fail: the others have none, and keep what they cost.
_SHARE_OF_FAILING = 0.35
_DEMANDED = 0.6
# How many drivers hold their card there before anybody looks at them, and how many show none where none is demanded.
_QUICK, _WITHOUT = 0.3, 0.1
_SHOWN_MS, _QUICK_MS, _HELD_MS = (80, 900), (50, 300), (900, 1_300)
# A card that lies there is read so often; each line tells of it once.
_EACH_MS = 400
# Before a camera has seen anything: of two cards the lane is to see both.
_AT_ONCE_MS = (0, 10)
# Once the time to identify is over.
_LATE_MS = (3_100, 5_000)
_LEFT_MS, _LOST_AFTER_MS, _LOST_MS = (3_000, 20_000), (0, 3_000), (300, 6_000)
_NOISY = 0.6


def drawn_cards(profile: LaneProfile, seed: str, faults: frozenset[str]) -> LaneProfile:
    """Some lanes have a reader of drivers' cards, and most of them demand that one was read."""
    draw = Random(seed + "|card lane")  # noqa: S311 - a repeatable simulation
    failing = any(fault.startswith(_PREFIX) for fault in faults)
    if draw.random() >= (_SHARE_OF_FAILING if failing else _SHARE_OF_LANES):
        return profile
    demanded = (*profile.must_match, "driver") if draw.random() < _DEMANDED else profile.must_match
    return replace(profile, driver_identity=CARDS, must_match=cast(Any, demanded))


def card_of(number: int) -> str:
    """Return what the card of the driver of that vehicle says."""
    return f"{CARD_TEXT}{number:08d}"


@dataclass(slots=True, eq=False)
class _Laid:
    """A card on the reader, put there at `at_ms`, while `stay` was in the lane."""

    text: str
    stay: Stay
    at_ms: int


class Cards:
    """The reader on its line, and the real driver of it (`LineReader`) in each life of the controller.

    Nothing here asks the lane what it knows: `asked` and `opens` judge by who held which card there.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.there = world.profile.driver_identity is not None
        self._demanded = "driver" in world.profile.must_match
        self._draw = Random(world.plan.seed + "|cards")  # noqa: S311 - a repeatable simulation
        self._layout = Layout(self._draw.choice(("lines", "stx")), alphabet="letters_digits", check="xor")
        self._active = sorted(fault for fault in world.plan.faults if fault.startswith(_PREFIX))
        self._box: Box | None = None
        self._reader: LineReader | None = None
        self._stay = NOBODY
        self._struck: frozenset[str] = frozenset()
        self._without = self._sending = False
        self._on_reader: list[_Laid] = []
        # Every card that was ever put there, for I16.
        self._laid: list[_Laid] = []
        self._lost: str | None = None
        self._since: dict[str, int] = {}
        self._told: dict[str, str] = {}
        # What the lane was told since it began to look, as shown anew by who stands there.
        self._counted: dict[str, set[str]] = {}

    def _saw(self, what: str) -> None:
        self.world.reached.add(f"driver {what}")

    # --- the driver ---------------------------------------------------------------------------------------------

    def lets(self) -> bool:
        """Say whether a card lets a vehicle pass by itself: not that of who comes as the controller starts."""
        return not self._demanded or self.world.time.now_ms >= AT_ONCE_MS

    def comes_on(self, stay: Stay) -> None:
        """A vehicle comes; what its driver does is drawn."""
        if not self.there:
            return
        swarm, draw = self.world.swarm, self._draw
        self._stay = stay
        self._struck = frozenset(fault for fault in self._active if swarm.strikes(fault, 0.35))
        self._without = draw.random() < _WITHOUT and not self._demanded
        if draw.random() < _QUICK and "card_two" not in self._struck:
            self._shows(draw.uniform(*_QUICK_MS), until_seen=True)
        if "card_lost" in self._struck:
            self.world.time.after(swarm.draw.uniform(*_LOST_AFTER_MS), self._lose)

    def goes_off(self, stay: Stay) -> None:
        """The vehicle drives off, and its driver takes the card along, or forgets it."""
        if not self.there:
            return
        self._stay = NOBODY
        forgotten = {"card_left", "card_late"} & self._struck
        in_ms = self.world.swarm.draw.uniform(*_LEFT_MS) if forgotten else 0
        for laid in self._on_reader:
            if laid.stay is stay:
                self.world.time.after(in_ms, partial(self._takes, laid))

    def captures(self, passage: str, since_ms: int) -> None:
        """The lane looks at who stands there: the driver is told to show a card."""
        if not self.there:
            return
        self._since[passage], self._counted[passage] = since_ms, set()
        draw = self._draw
        times_ms = _LATE_MS if "card_late" in self._struck else _AT_ONCE_MS if "card_two" in self._struck else _SHOWN_MS
        self._shows(draw.uniform(*times_ms))

    def _shows(self, in_ms: float, *, until_seen: bool = False) -> None:
        if "card_none" not in self._struck and not self._without:
            self.world.time.after(in_ms, partial(self._lays, self._stay, until_seen))

    def _lays(self, stay: Stay, until_seen: bool) -> None:
        """Hold the card there for a moment, or until the lane looks; one that lies there already stays."""
        if stay is not self._stay or stay.truck is None or stay.truck.where != "waiting":
            return
        number, after = stay.truck.number, self.world.time.after
        text = card_of(number + 1 if "card_wrong" in self._struck else number)
        mine = [laid for laid in self._on_reader if laid.stay is stay]
        held_ms = self._draw.uniform(*_HELD_MS)
        if not mine:
            now_ms = self.world.time.now_ms
            mine = [_Laid(text, stay, now_ms)]
            if "card_two" in self._struck:
                mine.append(_Laid(card_of(number + 2), stay, now_ms))
            self._puts(mine)
        if not until_seen and not {"card_left", "card_late"} & self._struck:
            for laid in mine:
                after(held_ms, partial(self._takes, laid))

    def _puts(self, cards: list[_Laid]) -> None:
        self._on_reader += cards
        self._laid += cards
        for laid in cards:
            # It is read at once: behind what noise has left on the line the second time.
            for _ in range(2 if "card_noise" in self._active else 1):
                self._says(encode(laid.text, self._layout))
        if not self._sending:
            self._sending = True
            self.world.time.after(_EACH_MS, self._send)

    def _takes(self, laid: _Laid) -> None:
        if laid in self._on_reader:
            self._on_reader.remove(laid)

    # --- the line -----------------------------------------------------------------------------------------------

    def _send(self) -> None:
        """Send what lies there, again and again."""
        self._sending = bool(self._on_reader)
        if not self._sending:
            return
        self.world.time.after(_EACH_MS, self._send)
        for laid in tuple(self._on_reader):
            for part in self._on_the_way(encode(laid.text, self._layout)):
                self._says(part)

    def _says(self, data: bytes) -> None:
        """Bytes arrive where somebody listens."""
        box, reader = self._box, self._reader
        if box is None or box.dead or reader is None or self._lost is not None:
            return
        refused = reader.decoder.dropped_bytes
        reader.hear_again(sent=False, data=data, wanted=True)
        if reader.decoder.dropped_bytes > refused:
            self._saw("line_refused")

    def _on_the_way(self, line: bytes) -> tuple[bytes, ...]:
        """What arrives of a line: a bit is flipped, a part is lost, noise comes before it, or it comes in pieces."""
        swarm = self.world.swarm
        if "card_noise" not in self._struck or not swarm.strikes("card_noise", _NOISY):
            return (line,)
        draw, at = swarm.draw, swarm.draw.randrange(len(line))
        match draw.choice(("flipped", "lost", "pieces", "noise", "twice")):
            case "flipped":
                swarm.struck.add(CHECKS)
                return (line[:at] + bytes((line[at] ^ 1 << draw.randrange(8),)) + line[at + 1 :],)
            case "lost":
                swarm.struck.add(PARTS)
                return (line[:at],)
            case "pieces":
                swarm.struck.add(PARTS)
                return line[:at], line[at:]
            case "noise":
                return (draw.randbytes(at) + line,)
            case _:
                return (line + line,)

    def _heard(self, box: "Box", card: DriverCard, since_ms: int) -> None:
        """The driver tells of a card; the lane's shell drops what nobody needs (`edge.lane_devices`)."""
        state = box.state
        if state is not None and state.passage is not None and state.passage.identity is None:
            mine = [laid for laid in self._on_reader if laid.text == card.text and laid.stay is self._stay]
            if any(laid.at_ms <= since_ms for laid in mine):
                self._counted.setdefault(state.passage.id, set()).add(card.text)
            box.take(CardShown(self.world.time.now_ms, card, since_ms))
            self.world.proves_from_here()

    def _lose(self) -> None:
        if self._lost is None:
            self._lost = self.world.swarm.draw.choice(("identity_lost", "driver_crashed"))
            self._say_lost()
            self.world.time.after(self.world.swarm.draw.uniform(*_LOST_MS), self.repair)

    def _say_lost(self) -> None:
        if self._box is not None and self._reader is not None and self._lost is not None:
            self._reader.end_listening()
            self._box.take(DeviceLost(self.world.time.now_ms, CARDS, self._lost))

    def repair(self) -> None:
        """The technician plugs it in again."""
        lost, self._lost = self._lost, None
        if lost is not None and self._box is not None and self._reader is not None:
            self._reader.decoder.reset()
            self._box.take(DeviceBack(self.world.time.now_ms, CARDS))
            self._reader.begin_listening()

    # --- the controller -----------------------------------------------------------------------------------------

    def begin(self, box: "Box") -> None:
        """A process of the controller starts, and knows nothing of what lies there."""
        if not self.there:
            return
        self._box = box
        self._reader = LineReader(
            CARDS, "no-such-port", self._layout, medium="ic",
            clock=LaneClock(self.world.time, self.world.wall_offset_s), on_card=partial(self._heard, box),
        )  # fmt: skip
        self._reader.begin_listening()
        self._say_lost()

    # --- the truth ----------------------------------------------------------------------------------------------

    def asked(self, claims: dict[str, Any]) -> None:
        """A request tells an authority of a driver: somebody held that card there, and not of the vehicle before."""
        reading = claims["readings"]["driver"]
        if not self.there:
            if reading["reason"] != "not_looked_for":
                self.world.judge.blame("I16", "a driver is told where there is no reader")
            return
        self._told[claims["nonce"]] = reading["status"]
        self._saw(reading["reason"] or reading["status"])
        since_ms = self._since[claims["passage"]]
        if reading["status"] == "read" and len(self._counted[claims["passage"]]) > 1:
            self.world.judge.blame("I16", "of two cards that were shown one was preferred")
        if reading["status"] == "read" and reading["value"]["text"] not in {
            self._as_told(laid.text, claims) for laid in self._laid if not laid.stay.was_over(since_ms)
        }:
            self.world.judge.blame("I16", "a driver's card is told that nobody of this vehicle has shown")

    def _as_told(self, text: str, claims: dict[str, Any]) -> str | None:
        policy = self.world.authorities.policies[claims["authority"]]
        return policy.show(policy.driver, text)

    def contradicts(self, one: "Truck", claims: dict[str, Any]) -> bool:
        """Whether an authority finds another driver than the one who drives this vehicle, as far as it is shown."""
        value = claims["readings"]["driver"]["value"]
        if value is None or value["text"] == self._as_told(card_of(one.number), claims):
            return False
        self._saw("contradicted")
        return True

    def opens(self, nonce: str) -> None:
        """The boom is asked up for a release: where the driver counts the request that was answered has one."""
        if self.there:
            self._saw("opened")
        if self._demanded and self._told.get(nonce) != "read":
            self.world.judge.blame("I1", "opened without the driver that is demanded")

    def ended(self, reasons: Sequence[str]) -> None:
        """A passage ended, and says why."""
        for reason in _WHY_HELD.intersection(reasons):
            self._saw(f"held_{reason}")
