"""What readers of electronic seals of any protocol share: which seals are seen, told where it changes. No port."""

from collections.abc import Iterable

from edge.core.readings import Seal
from edge.core.seal import MOST_SEEN, SealsInField

MOST_ID = 64
MOST_OPENINGS = 65_535
FULL_PERCENT = 100
# A reader that has just been started cannot know since when it sees what it sees first.
BEFORE_START_MS = 0
# So many different readings are remembered of a reader that is lost again and again.
MOST_BEFORE = 16


class SealWatch:
    """Turns readings into news: a field of seals counts once two readings in a row say the same.

    What is seen first after a time in which nobody asked, or after the start, may have been there all that time.
    """

    def __init__(self) -> None:
        self._seen: tuple[Seal, ...] | None = None
        self._seen_ms = 0
        self._told: tuple[Seal, ...] | None = None
        # What was told last, and what was read once since then, between two losses.
        self._before: dict[tuple[Seal, ...], SealsInField] = {}
        # When somebody asked last, and since when nobody had, as long as nothing has changed since.
        self._asked_ms = BEFORE_START_MS
        self._unasked_since_ms: int | None = BEFORE_START_MS

    def reset(self) -> None:
        """The reader was lost: what it sees now has to be told anew, and counts from before where it is the same.

        Whether it stayed while nobody asked cannot be known, and it must not become the next vehicle's.
        """
        if self._told is None and self._seen is not None and len(self._before) < MOST_BEFORE:
            self._before.setdefault(self._seen, self._field(self._seen))
        self._seen = self._told = None
        self._unasked_since_ms = self._asked_ms

    def feed(self, seals: Iterable[Seal], at_ms: int) -> SealsInField | None:
        """Take one whole reading of `at_ms`; return what is to be told, if anything."""
        now = tuple(sorted(seals, key=lambda seal: seal.id))[:MOST_SEEN]
        self._asked_ms = at_ms
        if now != self._seen:
            if self._seen is not None:
                self._unasked_since_ms = None
            self._seen, self._seen_ms = now, at_ms
            return None
        if now == self._told:
            return None
        before = self._before.get(now) if self._told is None else None
        field = before or self._field(now)
        self._told, self._before = now, {now: field}
        return field

    def _field(self, seals: tuple[Seal, ...]) -> SealsInField:
        if self._unasked_since_ms is None:
            return SealsInField(seals, self._seen_ms)
        return SealsInField(seals, self._unasked_since_ms, self._seen_ms)


def is_seal_id(text: str) -> bool:
    """Say whether it can be the number of a seal: 1 to 64 printable ASCII characters without blanks and `|`."""
    return 0 < len(text) <= MOST_ID and text.isascii() and text.isprintable() and not set(text) & {" ", "|"}
