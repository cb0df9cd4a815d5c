"""Which results of an engine are told: each once, and never more than vehicles can pass."""

from drivers.ocr_lines.wire import Told
from edge.core.readings import EngineResult
from edge.ports import Clock, DeliverBoxes

# Results by their ids that are known again; an engine that repeats older ones than these is one that lost its mind.
MOST_KNOWN = 64
# No vehicle is followed by another faster than this.
MOST_PER_S = 5


class Results:
    """Tells `on_boxes` what is new. `repeated` counts results that came again, `surplus` those too many."""

    def __init__(self, clock: Clock, on_boxes: DeliverBoxes, most_per_s: int = MOST_PER_S) -> None:
        self._clock, self._on_boxes, self._most_per_s = clock, on_boxes, most_per_s
        self._known: tuple[str, ...] = ()
        self._second = self._in_second = 0
        self.repeated = self.surplus = 0

    def take(self, told: Told, heard_at_ms: int) -> None:
        """Take one result, whose last byte came then."""
        if told.id in self._known:
            self.repeated += 1
            return
        second = self._clock.now_ms() // 1000
        if second != self._second:
            self._second, self._in_second = second, 0
        if self._in_second >= self._most_per_s:
            self.surplus += 1
            return
        self._in_second += 1
        self._known = (*self._known[1 - MOST_KNOWN :], told.id)
        self._on_boxes(EngineResult(told.id, told.boxes, heard_at_ms - told.age_ms, told.picture))
