"""A ThingMagic module as a `TagReader`: what `drivers.kit.tag_reader` does, in `FF` frames."""

from collections.abc import Sequence

from drivers.kit.dialect import Ask, Heard, Pace, Round
from drivers.kit.tag_reader import StreamTagReader
from drivers.uhf_thingmagic.wire import (
    CMD_BOOT,
    CMD_CLEAR_BUFFER,
    CMD_GET_BUFFER,
    CMD_READ_MANY,
    CMD_SET_ANTENNA,
    CMD_SET_PROTOCOL,
    CMD_SET_REGION,
    MOST_ANTENNAS,
    NO_TAGS,
    OK,
    REGION_CHINA,
    Frame,
    FrameDecoder,
    boot,
    clear_buffer,
    decode_buffer,
    get_buffer,
    read_many,
    set_antenna,
    set_protocol,
    set_region,
)
from edge.ports import Clock, DeliverTag


class ThingMagicDialect:
    """`FF` frames. The module reads into a buffer, which every round empties before and after: nothing old is left."""

    most_antennas = MOST_ANTENNAS

    def __init__(self, region: int = REGION_CHINA) -> None:
        self._region = region

    def decoder(self) -> FrameDecoder:
        """Return a fresh decoder."""
        return FrameDecoder()

    def hello(self, antenna: int) -> Sequence[Ask]:
        """Start the firmware where it has not been, and choose band and air interface."""
        # The firmware may take a second to start: it is waited for as for a round.
        started = Ask(boot(), frozenset({CMD_BOOT}), "an answer to boot", is_round=True, may_refuse=True)
        return (
            started,
            _ask(set_region(self._region), CMD_SET_REGION, f"success to set region {self._region:#04x}"),
            _ask(set_protocol(), CMD_SET_PROTOCOL, "success to set protocol Gen2"),
            self.fence(antenna),
        )

    def fence(self, antenna: int) -> Ask:
        """Set the antenna."""
        return _ask(set_antenna(antenna), CMD_SET_ANTENNA, f"success to set antenna {antenna}")

    def round(self, _: int) -> Round:
        """Empty the buffer, read into it, and take out what is there."""
        yield _ask(clear_buffer(), CMD_CLEAR_BUFFER, "success to clear the tag buffer")
        heard = yield Ask(read_many(), frozenset({CMD_READ_MANY}), "the end of reading", is_round=True)
        while heard.more:
            heard = yield Ask(get_buffer(), frozenset({CMD_GET_BUFFER}), "tags of the buffer", is_round=True)

    def hear(self, frame: Frame) -> Heard | None:
        """Tell tags and refusals apart."""
        if frame.status == NO_TAGS:
            return Heard(frame.command)
        if frame.status != OK:
            return Heard(frame.command, refusal=f"status {frame.status:#06x}")
        if frame.command != CMD_GET_BUFFER:
            return Heard(frame.command, more=frame.command == CMD_READ_MANY)
        read = decode_buffer(frame.data)
        if isinstance(read, str):
            return Heard(frame.command, malformed=read)
        return Heard(frame.command, read, more=bool(read))

    def is_echo(self, _frame: Frame, _command: bytes) -> bool:
        """Never: a command given back is no answer, and the decoder drops it."""
        return False


def _ask(command: bytes, answered_by: int, expected: str) -> Ask:
    return Ask(command, frozenset({answered_by}), expected)


class ThingMagicReader(StreamTagReader[Frame]):
    """Antennas are 0 to 3 (ports 1 to 4). `region` is the module's own number of the band."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        clock: Clock,
        on_tag: DeliverTag,
        baud: int = 115_200,
        antennas: Sequence[int] = (0,),
        region: int = REGION_CHINA,
        pace: Pace | None = None,
    ) -> None:
        dialect = ThingMagicDialect(region)
        super().__init__(name, port, dialect, clock=clock, on_tag=on_tag, baud=baud, antennas=antennas, pace=pace)
