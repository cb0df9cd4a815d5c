"""What a lane trusts for a time only: keyset, keys, lists, plans, certificates. A person hears well before each ends.

The alarm stands from the configured time on, is told again as the end comes near, and goes with the new one
(hazards.md 4.3, 4.5, O4, S13). It only tells: what has ended refuses by itself, where it is used.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from edge.clearance.keyset import ANY, Keyset, KeysetKey
from edge.log import logger
from edge.ports import Clock
from edge.runtime.notes import Alarms
from edge.times import rfc3339

LOOK_EVERY_S = 30.0
# Retained lists and plans need a moment after the start; what is not there by then is told.
GRACE_MS = 60_000
# Told again at each of these, below the first warning (O4).
STEPS = tuple(timedelta(days=days) for days in (30, 14, 7, 1, 0))
_MISSING = timedelta(days=-1)

KEYSET_EXPIRES = "keyset_expires"
KEY_EXPIRES = "key_expires"


@dataclass(frozen=True, slots=True)
class Life:
    """From when until when something counts."""

    begun: datetime
    ends: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """Something that ends, the code of its alarm, and how long before its end a person is told.

    `life` is None where there is none though the lane wants one. What lives shortly is told at half of its life: an
    alarm that a new one cannot take back is no alarm.
    """

    code: str
    name: str
    life: Life | None
    warn: timedelta

    def step(self, now_utc: datetime) -> timedelta | None:
        """Return which warning stands: the least that is not below what is left; None where none does."""
        if self.life is None:
            return _MISSING
        first = min(self.warn, (self.life.ends - self.life.begun) / 2)
        left = self.life.ends - now_utc
        return min((one for one in (first, *(one for one in STEPS if one < first)) if left <= one), default=None)

    def told(self, now_utc: datetime) -> str:
        """Return what the alarm says; the same text until the end is there."""
        if self.life is None:
            return f"no {self.name} is in force"
        return f"{self.name} {'ended' if now_utc >= self.life.ends else 'ends'} at {rfc3339(self.life.ends)}"


class EndWatch:
    """One lane's. `sources` return what ends, as it is now; `note` keeps a beginning or an end durably."""

    def __init__(
        self,
        lane: str,
        *,
        clock: Clock,
        alarms: Alarms,
        note: Callable[[str, bool, str], object],
        sources: Sequence[Callable[[], Iterable[Ending]]],
    ) -> None:
        self.standing: dict[str, str] = {}
        self._log = logger(lane=lane)
        self._clock, self._alarms, self._note, self._sources = clock, alarms, note, sources
        self._begun_ms = clock.now_ms()
        self._warned: dict[tuple[str, str], timedelta] = {}

    async def run(self) -> None:
        """Look every `LOOK_EVERY_S` until cancelled."""
        while True:
            self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Look at everything once."""
        now_utc, soonest = self._clock.utc(), self._soonest()
        warned = {}
        for ending in soonest:
            step = ending.step(now_utc)
            if step is None or (ending.life is None and self._clock.now_ms() - self._begun_ms < GRACE_MS):
                continue
            text = ending.told(now_utc)
            warned[ending.code, ending.name] = step
            if self._warned.get((ending.code, ending.name)) != step:
                self._log.warning("ends_soon", code=ending.code, detail=text)
                self._note(ending.code, True, text)
            if self.standing.get(ending.code) != text:
                self.standing[ending.code] = text
                self._alarms.publish_alarm(ending.code, text)
        self._warned = warned
        for code in self.standing.keys() - {code for code, _ in warned}:
            del self.standing[code]
            self._alarms.publish_alarm(code, None)
            self._note(code, False, "renewed")

    def shown(self) -> list[dict[str, Any]]:
        """Return what `kakou status` shows: of each kind the one that ends first, and whether its alarm stands."""
        return [
            {
                "code": one.code,
                "name": one.name,
                "ends": None if one.life is None else rfc3339(one.life.ends),
                "alarm": one.code in self.standing,
            }
            for one in self._soonest()
        ]

    def _soonest(self) -> list[Ending]:
        """Return of each code the one that ends first; what is missing ended before all others."""
        found: dict[str, Ending] = {}
        for ending in (one for source in self._sources for one in source()):
            before = found.get(ending.code)
            if before is None or _end(ending) < _end(before):
                found[ending.code] = ending
        return list(found.values())


def _end(ending: Ending) -> float:
    return float("-inf") if ending.life is None else ending.life.ends.timestamp()


def keyset_endings(keyset: Keyset, *, site: str, lane: str, warn: timedelta, warn_key: timedelta) -> list[Ending]:
    """Return the keyset, and what its keys for this lane allow: of each issuer and role the key that counts longest.

    An old key that ends beside its successor is how keys rotate, and nothing to tell anybody.
    """
    longest: dict[tuple[str, str], KeysetKey] = {}
    for key in keyset.keys.values():
        if key.status == "revoked" or not (_covers(key.sites, site) and _covers(key.lanes, lane)):
            continue
        before = longest.get((key.role, key.issuer))
        if before is None or key.not_after > before.not_after:
            longest[key.role, key.issuer] = key
    whole = Ending(KEYSET_EXPIRES, f"keyset version {keyset.version}", Life(keyset.issued, keyset.expires), warn)
    keys = [
        Ending(KEY_EXPIRES, f"the {role} key of {issuer}", Life(key.not_before, key.not_after), warn_key)
        for (role, issuer), key in longest.items()
    ]
    return [whole, *keys]


def _covers(scope: tuple[str, ...], name: str) -> bool:
    return ANY in scope or name in scope
