"""An M100 module as a `TagReader`: what `drivers.kit.tag_reader` does, in `BB .. 7E` frames."""

from collections.abc import Sequence

from drivers.kit.dialect import Ask, Heard, Pace, Round
from drivers.kit.tag_reader import StreamTagReader
from drivers.kit.wire import TagReport
from drivers.uhf_m100.wire import (
    ANSWER,
    CMD_ERROR,
    CMD_POLL,
    CMD_STOP,
    CMD_VERSION,
    COMMAND,
    ERROR_NO_TAG,
    NOTICE,
    SUCCESS,
    Frame,
    FrameDecoder,
    ask_version,
    decode_notice,
    encode,
    poll_many,
    stop,
)
from edge.ports import Clock, DeliverTag

# How long a module polls by itself before it is stopped: long enough for some rounds, short enough to obey soon.
POLLING_S = 0.2


class M100Dialect:
    """`BB .. 7E` frames. Polls have no end of their own, so a round is polling for a while and then the answer to stop.

    Stopping also ends what a killed controller left running.
    """

    most_antennas = 1

    def decoder(self) -> FrameDecoder:
        """Return a fresh decoder."""
        return FrameDecoder()

    def hello(self, antenna: int) -> Sequence[Ask]:
        """Stop what may run, then ask for the version, which nothing but such a module has."""
        version = Ask(ask_version(), frozenset({CMD_VERSION, CMD_ERROR}), "a hardware version")
        return self.fence(antenna), version

    def fence(self, _: int) -> Ask:
        """Stop polling."""
        return Ask(stop(), frozenset({CMD_STOP, CMD_ERROR}), f"success {SUCCESS:#04x} to stop")

    def round(self, antenna: int) -> Round:
        """Poll, then stop."""
        yield Ask(poll_many(), frozenset({CMD_ERROR}), "notices of tags", pause_s=POLLING_S)
        fence = self.fence(antenna)
        yield Ask(fence.command, fence.answered_by, fence.expected, is_round=True)

    def hear(self, frame: Frame) -> Heard | None:
        """Tell tags, answers and errors apart."""
        if frame.type == NOTICE and frame.command == CMD_POLL:
            read = decode_notice(frame)
            if isinstance(read, TagReport):
                return Heard(frame.command, (read,), ends=False)
            return Heard(frame.command, ends=False, malformed=read)
        if frame.type != ANSWER or not frame.param:
            return None
        if frame.command == CMD_ERROR:
            code = frame.param[0]
            # An error does not say which command it refuses; an empty round is none.
            return Heard(CMD_ERROR, ends=code != ERROR_NO_TAG, refusal=f"error code {code:#04x}")
        if frame.command == CMD_STOP and frame.param[0] != SUCCESS:
            return Heard(CMD_STOP, refusal=f"answer {frame.param.hex(' ')}")
        return Heard(frame.command)

    def is_echo(self, frame: Frame, command: bytes) -> bool:
        """Compare the whole frame: an answer has another type."""
        return frame.type == COMMAND and encode(frame) == command


class M100Reader(StreamTagReader[Frame]):
    """One antenna, 0."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        clock: Clock,
        on_tag: DeliverTag,
        baud: int = 115_200,
        antennas: Sequence[int] = (0,),
        pace: Pace | None = None,
    ) -> None:
        dialect = M100Dialect()
        super().__init__(name, port, dialect, clock=clock, on_tag=on_tag, baud=baud, antennas=antennas, pace=pace)
