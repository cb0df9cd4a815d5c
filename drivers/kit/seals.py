"""What readers of electronic seals of any protocol share: which seals are seen, told where it changes. No port."""

from collections.abc import Iterable

from edge.core.readings import Seal
from edge.core.seal import MOST_SEEN, SINCE_BEFORE_START_MS, SealsInField

MOST_ID = 64
MOST_OPENINGS = 65_535
FULL_PERCENT = 100


class SealWatch:
    """Turns readings into news: a field of seals counts once two readings in a row say the same.

    What is seen first may have been there before it was started, and says so.
    """

    def __init__(self) -> None:
        self._seen: tuple[Seal, ...] | None = None
        self._seen_ms = 0
        self._told: tuple[Seal, ...] | None = None
        self._last: SealsInField | None = None

    def reset(self) -> None:
        """The reader was lost: what it sees now has to be told anew, and counts from before where it is the same.

        Whether it stayed while nobody asked cannot be known, and it must not become the next vehicle's.
        """
        self._seen = self._told = None

    def feed(self, seals: Iterable[Seal], at_ms: int) -> SealsInField | None:
        """Take one whole reading of `at_ms`; return what is to be told, if anything."""
        now = tuple(sorted(seals, key=lambda seal: seal.id))[:MOST_SEEN]
        if now != self._seen:
            self._seen, self._seen_ms = now, at_ms
            return None
        if now == self._told:
            return None
        before = self._last if self._told is None else None
        since_ms = SINCE_BEFORE_START_MS if self._last is None else self._seen_ms
        self._told = now
        self._last = before if before is not None and before.seals == now else SealsInField(now, since_ms)
        return self._last


def is_seal_id(text: str) -> bool:
    """Say whether it can be the number of a seal: 1 to 64 printable ASCII characters without blanks and `|`."""
    return 0 < len(text) <= MOST_ID and text.isascii() and text.isprintable() and not set(text) & {" ", "|"}
