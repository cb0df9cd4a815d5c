"""When a scale is at rest: a window over time, never the word of one frame. Pure: who feeds it says what time it is."""

from dataclasses import dataclass
from typing import Literal

from edge.core.weight import Weighing, WeighingStatus

GRAMS_IN_KG = 1000
# A stream that pauses for longer proves nothing about what was on the scale meanwhile.
LONGEST_GAP_MS = 1_000
# Each word is a record of the journal: a display that flutters between its troubles says no more than this often.
LEAST_NEWS_MS = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """One display of an indicator. `grams` is gross and signed; None where the frame does not tell a gross weight.

    `why` is what speaks against it: `moving`, `overload`, `tared`, or a `unit` that no lane takes; None where the
    indicator says nothing against it.
    """

    grams: int | None
    why: Literal["moving", "overload", "tared", "unit"] | None = None


_NOTHING_YET = Sample(None)


class Steady:
    """Says `stable` after `needed` samples over `over_ms` that differ by no more than `tolerance_kg`.

    Below `least_kg` it is `empty`, whatever wind and rain do to it: that is no news. After a pause or a reset the
    weight of before is the weighing of before, begun when that began: a display that is stuck shows nothing else, so
    it gives no second vehicle a weight. Without `first_counts` the first weight of all is none either, before something
    else was shown: whose it was nobody knows who has just been started.
    """

    def __init__(
        self,
        *,
        needed: int = 5,
        over_ms: int = 1_000,
        tolerance_kg: int = 0,
        least_kg: int = 500,
        first_counts: bool = True,
    ) -> None:
        self._needed = needed
        self._over_ms = over_ms
        self._tolerance_grams = tolerance_kg * GRAMS_IN_KG
        self._least_grams = least_kg * GRAMS_IN_KG
        self._low = self._high = 0
        self._count = 0
        self._began_ms = 0
        self._last_ms: int | None = None
        self._said: Weighing | None = None
        # Lowest and highest of the last rest, and when it began, until something else is shown.
        self._rest: tuple[int, int, int] | None = None
        # Nothing but this was shown since the start; None once it does not matter any more.
        self._first: Sample | None = None if first_counts else _NOTHING_YET

    def reset(self) -> None:
        """Forget everything but the last weight: the line was away."""
        self._count, self._last_ms, self._said = 0, None, None

    def feed(self, sample: Sample, at_ms: int) -> Weighing | None:
        """Return what there is to say anew, or None where that is still what was said last."""
        late = self._last_ms is None or at_ms - self._last_ms > LONGEST_GAP_MS
        self._last_ms = at_ms
        self._look_back(sample)
        if sample.grams is not None and sample.grams < self._least_grams:
            self._count = 0
            return self._say("empty", None, at_ms)
        if sample.grams is None or sample.why is not None:
            self._count = 0
            # Of a weight in another unit nothing is known but that it is none.
            return self._say("moving" if sample.why is None or sample.why == "unit" else sample.why, None, at_ms)
        low, high = min(self._low, sample.grams), max(self._high, sample.grams)
        if late or not self._count or high - low > self._tolerance_grams:
            self._count, self._began_ms = 0, at_ms
            low = high = sample.grams
        self._low, self._high = low, high
        self._count += 1
        if self._said is not None and self._said.status == "stable" and self._count > 1:
            self._rest = low, high, self._said.since_ms
            return None
        if self._first is not None or self._count < self._needed or at_ms - self._began_ms < self._over_ms:
            return self._say("moving", None, at_ms)
        since_ms = self._began_ms if self._rest is None else self._rest[2]
        self._rest = low, high, since_ms
        return self._say("stable", (sample.grams + GRAMS_IN_KG // 2) // GRAMS_IN_KG, since_ms)

    def _look_back(self, sample: Sample) -> None:
        """Forget the last rest, and the first display, once anything else is shown."""
        if self._first is _NOTHING_YET:
            self._first = sample
        elif self._first is not None and self._differs(sample, self._first.grams, self._first.grams):
            self._first = None
        if self._rest is not None and self._differs(sample, *self._rest[:2]):
            self._rest = None

    def _differs(self, sample: Sample, low: int | None, high: int | None) -> bool:
        grams = sample.grams
        if grams is None or low is None or high is None or sample.why is not None:
            return True
        return max(high, grams) - min(low, grams) > self._tolerance_grams

    def _say(self, status: WeighingStatus, kg: int | None, since_ms: int) -> Weighing | None:
        said = self._said
        told = said is not None and status != "stable" and status == said.status
        # That a weight counts no more is told at once.
        early = said is not None and said.status != "stable" and since_ms - said.since_ms < LEAST_NEWS_MS
        if told or (early and status != "stable"):
            return None
        self._said = Weighing(status, kg, since_ms)
        return self._said
