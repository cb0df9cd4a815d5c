"""The template's device as a driver: what `drivers.kit.listener` does, and what a frame means to the lane."""

from collections.abc import Callable

from drivers.kit.listener import StreamListener
from drivers.template.wire import Count, CountDecoder
from edge.ports import Clock

# What a new kind delivers gets its name in `edge/ports.py`; the second argument is `Clock.now_ms`.
DeliverCount = Callable[[Count, int], None]


class TemplateCounter(StreamListener[Count]):
    """Delivers each count with the time at which it was complete."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        clock: Clock,
        on_count: DeliverCount,
        baud: int = 9_600,
        silence_s: float = 2.0,
    ) -> None:
        super().__init__(
            name,
            port,
            CountDecoder(),
            prefix="counter",
            on_frame=lambda count: on_count(count, clock.now_ms()),
            baud=baud,
            silence_s=silence_s,
        )
