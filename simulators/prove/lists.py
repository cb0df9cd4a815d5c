"""The lists that the centre signs for a lane that may be cut off, and what somebody else makes of one: real bytes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from edge.clearance.claims import parse_utc
from edge.clearance.offline_list import ListedVehicle, list_claims, seal_list
from edge.core.offline_list import Risk
from edge.times import rfc3339
from simulators.prove.traffic import truck
from simulators.prove.virtual_time import FIRST_DAY

if TYPE_CHECKING:
    from simulators.prove.world import World

SECRET = b"l" * 32
# What an attacker, or a mistake of the centre, makes of a list.
BAD_LISTS = ("list_forged", "list_alien", "list_old")
ENTRY = "entry-"
_LIFE, _SHORT_LIFE, _TOO_LONG_LIFE = timedelta(hours=4), timedelta(seconds=9), timedelta(hours=5)
# What a box without a clock of its own finds retained was over an hour before it started.
_RETAINED = timedelta(hours=5)
_LISTED = 12


@dataclass(frozen=True, slots=True)
class Listed:
    """One vehicle of a list, by the centre's own clock."""

    number: int
    from_ms: int
    until_ms: int
    most_uses: int
    low_risk: bool
    denied: bool


@dataclass(frozen=True, slots=True)
class Issued:
    """What the centre signed for this lane: until when it counts, and whom it names."""

    raw: bytes
    until_ms: int
    entries: dict[str, Listed]


class Lists:
    """All lists of one lane by their versions, and the truth about them. Nothing here asks what the lane knows."""

    def __init__(self, world: "World", draw: Random) -> None:
        self.world = world
        self.issued: dict[int, Issued] = {}
        faults = world.plan.faults
        self.lapse = "list_lapsed" in faults
        # One list, from before the history began, and no other.
        self.retained = "clock_unset" in faults and not faults & {"clock_skew", "clock_jump"}
        self._draw = draw
        self._rules = world.profile.offline

    @property
    def newest(self) -> int:
        """The version of the last one."""
        return len(self.issued)

    def utc(self) -> datetime:
        """The centre's clock, which is right."""
        return FIRST_DAY + timedelta(microseconds=self.world.time.now_us)

    def numbers(self) -> list[int]:
        """The trucks that the newest names."""
        return [one.number for one in self.issued[self.newest].entries.values()]

    def issue(self) -> None:
        """Sign the next one."""
        version = self.newest + 1
        self.issued[version] = self._signed(version)

    def _signed(self, version: int) -> Issued:
        draw, world, rules = self._draw, self.world, self._rules
        assert rules is not None
        old = list(self.issued[version - 1].entries) if version > 1 else []
        kept = [self.issued[version - 1].entries[one].number for one in old[::2]]
        numbers = dict.fromkeys(kept + [draw.randrange(10**6) for _ in range(_LISTED - len(kept))])
        life = _SHORT_LIFE if self.lapse else _LIFE
        now = self.utc() - (_RETAINED if self.retained else timedelta(0))
        claims = list_claims(
            rules.authority, world.profile.site, world.profile.lane, version,
            self._vehicles(numbers),
            secret=SECRET, issued=now, not_after=now + life,
            denied=tuple(f"{ENTRY}{number}" for number in numbers if draw.random() < 0.12),
        )  # fmt: skip
        for entry in claims["entries"]:
            if draw.random() < 0.15 and not self.retained:
                # Expected for a short time alone, now or later.
                begin = now + timedelta(seconds=draw.choice((0, 20)))
                entry["from"], entry["until"] = rfc3339(begin), rfc3339(begin + timedelta(seconds=5))
        return Issued(self._seal(claims), self._true_ms(claims["not_after"]), self._truth(claims))

    def _vehicles(self, numbers: Iterable[int]) -> tuple[ListedVehicle, ...]:
        """The vehicles as they are listed; one of which only the plate is known cannot be."""
        found, draw = [], self._draw
        for number in numbers:
            one = truck(number, "release", self.world.profile.traffic)
            codes = tuple(box.code for box in one.containers)
            if codes or one.tag.tid:
                risk: Risk = "high" if draw.random() < 0.1 else "low"
                uses = draw.choice((1, 1, 2))
                found.append(ListedVehicle(f"{ENTRY}{number}", one.plate.text, codes, one.tag.tid, uses, risk))
        return tuple(found)

    def _truth(self, claims: dict[str, Any]) -> dict[str, Listed]:
        return {
            one["id"]: Listed(
                int(one["id"].removeprefix(ENTRY)), self._true_ms(one["from"]), self._true_ms(one["until"]),
                one["max_uses"], one["class"] == "low", one["id"] in claims["denied"],
            )
            for one in claims["entries"]
        }  # fmt: skip

    def _true_ms(self, text: str) -> int:
        moment = parse_utc(text)
        assert moment is not None
        return (moment - FIRST_DAY) // timedelta(milliseconds=1)

    def _seal(self, claims: dict[str, Any], signer: str = "list-customs") -> bytes:
        signers = self.world.signers
        return seal_list(claims, key_id=signers.key_ids[signer], key=signers.keys[signer])

    def bad(self, fault: str) -> bytes:
        """A list that names every vehicle that may come, and that this lane may not take."""
        world, rules, draw = self.world, self._rules, self.world.swarm.draw
        assert rules is not None
        if fault == "list_old" and len(self.issued) > 2:
            return self.issued[draw.randrange(1, len(self.issued) - 1)].raw
        now = self.utc()
        claims = list_claims(
            rules.authority, world.profile.site, "lane-2" if fault == "list_alien" else world.profile.lane,
            10**6, self._vehicles(self.numbers()), secret=SECRET,
            issued=now, not_after=now + _LIFE,
        )  # fmt: skip
        if fault == "list_old":
            # Whatever clock the lane has: no list lives so long.
            claims["not_after"] = rfc3339(now + _TOO_LONG_LIFE)
        signers = ("stranger", "customs", "sampling-customs") if fault == "list_forged" else ("list-customs",)
        return self._seal(claims, draw.choice(signers))
