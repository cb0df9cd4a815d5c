"""What a lane may pass while nobody can be asked: a signed list as a plain value, and what was used of it.

The shell checked form and signature (`edge.clearance.offline_list`). All times are milliseconds of the lane's
monotonic clock: the wall clock was asked once, when the list was accepted, and can only take away after that.
"""

import hmac
from dataclasses import dataclass
from typing import Literal

Risk = Literal["low", "high"]
# Who is remembered as used beyond this is forgotten, oldest first, where the list in force no longer names it.
MOST_USES_KEPT = 512


@dataclass(frozen=True, slots=True)
class OfflineEntry:
    """One vehicle that may pass.

    `plate`, `container` and `tag` are keyed hashes (`hash_identifier`), None where the entry does not name one.
    """

    id: str
    plate: str | None
    container: str | None
    tag: str | None
    from_ms: int
    until_ms: int
    max_uses: int
    risk: Risk


@dataclass(frozen=True, slots=True)
class OfflineList:
    """The whole list of one lane. `hash_key` is this version's own; `denied` are ids that should not have passed."""

    authority: str
    version: int
    hash_key: str
    until_ms: int
    entries: tuple[OfflineEntry, ...] = ()
    denied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfflineUse:
    """How often an entry let a vehicle in: counted when its authority is consumed, never given back."""

    entry: str
    uses: int


@dataclass(frozen=True, slots=True)
class OfflineMemory:
    """What a lane knows of its outage.

    The list, the uses, how many passed in this outage and since when it lasts, and when the wall clock was last
    known to be right.
    """

    list: OfflineList | None = None
    uses: tuple[OfflineUse, ...] = ()
    passes: int = 0
    outage_since_ms: int | None = None
    time_good_at_ms: int | None = None

    def uses_of(self, entry: str) -> int:
        """Return how often an entry was used."""
        return next((one.uses for one in self.uses if one.entry == entry), 0)

    def used(self, entry: str) -> tuple[OfflineUse, ...]:
        """Return the uses with one more of `entry`."""
        others = tuple(one for one in self.uses if one.entry != entry)
        return (*others, OfflineUse(entry, self.uses_of(entry) + 1))


NOTHING_OFFLINE = OfflineMemory()


def hash_identifier(hash_key: str, kind: Literal["plate", "container", "tag"], text: str) -> str:
    """Return HMAC-SHA-256 (hex) of one identifier.

    `plate`: its text; `container`: the sorted codes joined by commas; `tag`: its TID.
    """
    return hmac.new(hash_key.encode(), f"{kind}|{text}".encode(), "sha256").hexdigest()
