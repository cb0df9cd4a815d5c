"""An engine of somebody else as a `ContainerEngine`: what `drivers.kit.listener` does, each result told once."""

from drivers.kit.listener import StreamListener
from drivers.ocr_lines.wire import EngineDecoder, Told
from edge.core.readings import EngineResult
from edge.ports import Clock, DeliverBoxes

# Results by their ids that are known again; an engine that repeats older ones than these is one that lost its mind.
MOST_KNOWN = 64
# No vehicle is followed by another faster than this.
MOST_PER_S = 5


class EngineOnLine(StreamListener[Told]):
    """Implements `edge.ports.ContainerEngine`. `repeated` counts results that came again, `surplus` those too many."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        clock: Clock,
        on_boxes: DeliverBoxes,
        baud: int = 115_200,
        silence_s: float = 6.0,
        most_per_s: int = MOST_PER_S,
    ) -> None:
        super().__init__(
            name, port, EngineDecoder(), prefix="engine", on_frame=self._told_line, baud=baud, silence_s=silence_s
        )
        self._clock = clock
        self._on_boxes = on_boxes
        self._most_per_s = most_per_s
        self._known: tuple[str, ...] = ()
        self._second = self._in_second = 0
        self.repeated = self.surplus = 0

    def _told_line(self, told: Told) -> None:
        if not told.id:
            return
        now_ms = self._clock.now_ms()
        if told.id in self._known:
            self.repeated += 1
            return
        if now_ms // 1000 != self._second:
            self._second, self._in_second = now_ms // 1000, 0
        if self._in_second >= self._most_per_s:
            self.surplus += 1
            return
        self._in_second += 1
        self._known = (*self._known[1 - MOST_KNOWN :], told.id)
        self._on_boxes(EngineResult(told.id, told.boxes, now_ms - told.age_ms, told.picture))
