"""Yaohua indicators as a `Weighbridge`: what `drivers.kit.scale` does, with one of three codecs."""

from typing import Any, Literal

from drivers.kit.scale import ScaleListener
from drivers.kit.steady import Sample, Steady
from drivers.kit.wire import StreamDecoder
from drivers.scale_yaohua.wire import BinaryDecoder, LineDecoder, ReversedDecoder, Unit

Output = Literal["binary", "ascii", "reversed"]


def decoder_of(output: Output, unit: Unit = "kg") -> StreamDecoder[Sample]:
    """Return the codec of one output. ASCII lines tell their unit themselves."""
    match output:
        case "binary":
            return BinaryDecoder(unit)
        case "ascii":
            return LineDecoder()
        case "reversed":
            return ReversedDecoder(unit)


class YaohuaScale(ScaleListener):
    """`unit` is what the indicator is set to; the other settings are those of `ScaleListener`."""

    def __init__(
        self, name: str, port: str, steady: Steady, *, output: Output, unit: Unit = "kg", **settings: Any
    ) -> None:
        super().__init__(name, port, decoder_of(output, unit), steady, **settings)
