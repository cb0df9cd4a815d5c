"""Toledo continuous output as a `Weighbridge`: what `drivers.kit.scale` does, with its codec."""

from typing import Any

from drivers.kit.scale import ScaleListener
from drivers.kit.steady import Steady
from drivers.scale_toledo.wire import ContinuousDecoder


class ToledoScale(ScaleListener):
    """`checksum` and `short` are settings of the indicator; the other settings are those of `ScaleListener`."""

    def __init__(
        self, name: str, port: str, steady: Steady, *, checksum: bool = True, short: bool = False, **settings: Any
    ) -> None:
        super().__init__(name, port, ContinuousDecoder(checksum=checksum, short=short), steady, **settings)
