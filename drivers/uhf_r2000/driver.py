"""An R2000 reader as a `TagReader`: what `drivers.kit.tag_reader` does, in `A0` frames."""

from collections.abc import Sequence
from typing import Literal

from drivers.kit.dialect import Ask, Heard, Pace, Round
from drivers.kit.tag_reader import StreamTagReader
from drivers.kit.wire import TagReport
from drivers.uhf_r2000.wire import (
    CMD_SET_ANTENNA,
    DEFAULT_ADDRESS,
    ERROR_NO_TAG,
    INVENTORY_COMMANDS,
    MAX_ANTENNA,
    SUCCESS,
    Frame,
    FrameDecoder,
    Malformed,
    RoundError,
    decode_inventory,
    encode,
    realtime_inventory,
    session_inventory,
    set_antenna,
)
from edge.ports import Clock, DeliverTag

Inventory = Literal["realtime", "session"]


class R2000Dialect:
    """`A0` frames. `session` inventories keep a tag quiet for a while once it was read (Gen2 session 1, target A)."""

    most_antennas = MAX_ANTENNA + 1

    def __init__(self, inventory: Inventory = "realtime") -> None:
        self._round_command = realtime_inventory() if inventory == "realtime" else session_inventory()

    def decoder(self) -> FrameDecoder:
        """Return a fresh decoder."""
        return FrameDecoder()

    def hello(self, antenna: int) -> Sequence[Ask]:
        """Ask nothing but what every start asks: the answer proves the family."""
        return (self.fence(antenna),)

    def fence(self, antenna: int) -> Ask:
        """Set the antenna."""
        expected = f"success {SUCCESS:#04x} to set antenna {antenna}"
        return Ask(set_antenna(antenna), frozenset({CMD_SET_ANTENNA}), expected)

    def round(self, _: int) -> Round:
        """Run one inventory on the antenna that is set."""
        yield Ask(self._round_command, INVENTORY_COMMANDS, "the end of an inventory round", is_round=True)

    def hear(self, frame: Frame) -> Heard | None:
        """Tell tags, ends and refusals apart."""
        if frame.address != DEFAULT_ADDRESS:
            return None
        if frame.command == CMD_SET_ANTENNA:
            refusal = "" if frame.data == bytes((SUCCESS,)) else f"answer {frame.data.hex(' ') or 'without data'}"
            return Heard(frame.command, refusal=refusal)
        if frame.command not in INVENTORY_COMMANDS:
            return None
        match decode_inventory(frame):
            case TagReport() as report:
                return Heard(frame.command, (report,), ends=False)
            case Malformed(reason):
                return Heard(frame.command, ends=False, malformed=reason)
            case RoundError(code) if code != ERROR_NO_TAG:
                return Heard(frame.command, refusal=f"error code {code:#04x}")
            case _:
                return Heard(frame.command)

    def is_echo(self, frame: Frame, command: bytes) -> bool:
        """Compare the whole frame: an answer has other data."""
        return encode(frame) == command


class R2000Reader(StreamTagReader[Frame]):
    """Antennas are 0 to 3 as on the wire (the housing prints 1 to 4)."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        clock: Clock,
        on_tag: DeliverTag,
        baud: int = 115_200,
        antennas: Sequence[int] = (0,),
        inventory: Inventory = "realtime",
        pace: Pace | None = None,
    ) -> None:
        dialect = R2000Dialect(inventory)
        super().__init__(name, port, dialect, clock=clock, on_tag=on_tag, baud=baud, antennas=antennas, pace=pace)
