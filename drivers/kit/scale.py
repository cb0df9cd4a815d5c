"""An indicator that sends its display all the time, of any protocol, as a `Weighbridge`: it is never asked anything."""

from drivers.kit.listener import NEXT_STEPS as LISTENER_STEPS
from drivers.kit.listener import StreamListener
from drivers.kit.steady import Sample, Steady
from drivers.kit.wire import StreamDecoder
from edge.ports import Clock, DeliverWeight, DeviceError

UNIT_STEP = "set the indicator to kilograms or tonnes"
NEXT_STEPS = LISTENER_STEPS | {"unit": UNIT_STEP}


class ScaleListener(StreamListener[Sample]):
    """Implements `edge.ports.Weighbridge` for one codec: delivers what `Steady` says anew."""

    def __init__(
        self,
        name: str,
        port: str,
        decoder: StreamDecoder[Sample],
        steady: Steady,
        *,
        clock: Clock,
        on_weight: DeliverWeight,
        baud: int = 9_600,
        parity: str = "N",
        data_bits: int = 8,
        silence_s: float = 2.0,
    ) -> None:
        super().__init__(
            name,
            port,
            decoder,
            prefix="scale",
            on_frame=self._shown,
            baud=baud,
            parity=parity,
            data_bits=data_bits,
            silence_s=silence_s,
        )
        self._steady = steady
        self._clock = clock
        self._on_weight = on_weight

    async def run(self) -> None:
        """Deliver what changes. Ends by DeviceError or cancellation."""
        # Whatever it said before the line was lost says nothing about now.
        self._steady.reset()
        await super().run()

    def _shown(self, sample: Sample) -> None:
        if sample.why == "unit":
            self._lose(
                DeviceError(
                    "scale_unit",
                    device=self.name,
                    address=self.address,
                    expected="a weight in kilograms or tonnes",
                    got="another unit",
                    next_step=UNIT_STEP,
                )
            )
            return
        weighing = self._steady.feed(sample, self._clock.now_ms())
        if weighing is not None:
            self._on_weight(weighing)
