"""A UHFReader18 reader as a `TagReader`: what `drivers.kit.tag_reader` does, in frames with a CRC16."""

from collections.abc import Sequence

from drivers.kit.dialect import Ask, Heard, Pace, Round
from drivers.kit.tag_reader import StreamTagReader
from drivers.kit.wire import TagReport
from drivers.uhf_reader18.wire import (
    CMD_ACTIVE,
    CMD_INFO,
    CMD_INVENTORY,
    ENDED,
    HEARTBEAT,
    MORE_FOLLOWS,
    MOST_ANTENNAS,
    OK,
    Frame,
    FrameDecoder,
    Profile,
    ask_info,
    decode_active,
    decode_tags,
    encode,
    inventory,
)
from edge.ports import Clock, DeliverTag


class Reader18Dialect:
    """Frames without a start marker, in one of the two published forms."""

    def __init__(self, profile: Profile = "reader18") -> None:
        self.most_antennas = 1 if profile == "reader18" else MOST_ANTENNAS
        self._profile: Profile = profile

    def decoder(self) -> FrameDecoder:
        """Return a fresh decoder."""
        return FrameDecoder()

    def hello(self, antenna: int) -> Sequence[Ask]:
        """Ask nothing but what every start asks: the answer proves the family."""
        return (self.fence(antenna),)

    def fence(self, _: int) -> Ask:
        """Ask for the reader's information; the antenna goes with each inventory."""
        return Ask(ask_info(), frozenset({CMD_INFO}), f"status {OK:#04x} to get reader information")

    def round(self, antenna: int) -> Round:
        """Run one inventory on this antenna."""
        yield Ask(
            inventory(self._profile, antenna), frozenset({CMD_INVENTORY}), "the end of an inventory", is_round=True
        )

    def hear(self, frame: Frame) -> Heard | None:
        """Tell tags, ends and refusals apart."""
        status = frame.data[0]
        if frame.command == CMD_ACTIVE:
            if status == HEARTBEAT:
                return Heard(CMD_ACTIVE, ends=False)
            return _of(CMD_ACTIVE, decode_active(frame, self._profile), ends=False)
        if frame.command == CMD_INFO:
            return Heard(CMD_INFO, refusal="" if status == OK else f"status {status:#04x}")
        if status not in ENDED | {MORE_FOLLOWS}:
            return Heard(CMD_INVENTORY, refusal=f"status {status:#04x}")
        return _of(CMD_INVENTORY, decode_tags(frame, self._profile), ends=status != MORE_FOLLOWS)

    def is_echo(self, frame: Frame, command: bytes) -> bool:
        """Compare the whole frame."""
        return encode(frame) == command


def _of(command: int, read: tuple[TagReport, ...] | str, *, ends: bool) -> Heard:
    if isinstance(read, str):
        return Heard(command, ends=ends, malformed=read)
    return Heard(command, read, ends=ends)


class Reader18Reader(StreamTagReader[Frame]):
    """Antenna 0; with the profile `ur` 0 to 3 (the housing prints 1 to 4)."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        clock: Clock,
        on_tag: DeliverTag,
        baud: int = 57_600,
        antennas: Sequence[int] = (0,),
        profile: Profile = "reader18",
        pace: Pace | None = None,
    ) -> None:
        dialect = Reader18Dialect(profile)
        super().__init__(name, port, dialect, clock=clock, on_tag=on_tag, baud=baud, antennas=antennas, pace=pace)
