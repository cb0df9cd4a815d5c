"""An engine of somebody else as a `ContainerEngine`: what `drivers.kit.listener` does, each result told once."""

from drivers.kit.listener import StreamListener
from drivers.ocr_lines.results import MOST_PER_S, Results
from drivers.ocr_lines.wire import EngineDecoder, Told
from edge.ports import Clock, DeliverBoxes


class EngineOnLine(StreamListener[Told]):
    """Implements `edge.ports.ContainerEngine`. `results` counts what is not told."""

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
        self.results = Results(clock, on_boxes, most_per_s)

    def _told_line(self, told: Told) -> None:
        if told.id:
            self.results.take(told, self._clock.now_ms())
