"""What the protocol of a UHF reader has to say to `drivers.kit.tag_reader`: its exchanges, and what its frames mean."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from drivers.kit.line import NEXT_STEPS as LINE_STEPS
from drivers.kit.wire import StreamDecoder, TagReport

NEXT_STEPS = LINE_STEPS | {
    "silent": "check power, cable, baud rate, the address setting of the reader, and driver in the configuration",
    "garbled": "check wiring, shield and interference, then the baud rate",
    "line_settings": "set baud in the configuration to what the reader is set to",
    "refused": "check antenna cables and the antennas in the configuration",
    "endless_round": "restart the reader",
    "not_connected": "wait until the reader is connected",
    "closed": "nothing: the reader was closed on purpose",
}

F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a reader may take, and how much it may say."""

    # A reader answers a command within some ten milliseconds; a TCP serial server adds its own.
    answer_timeout_s: float = 1.0
    # A round ends even where no tag is seen; longer than this without one byte of it is a dead reader.
    round_silence_s: float = 2.0
    # A pallet of tags can stretch a round, but a reader that never ends one is not obeying any more.
    round_limit_s: float = 10.0
    # Without vehicles a dead reader must still be seen (state within 10 s of start).
    probe_interval_s: float = 5.0
    # A line that gives nothing but garbage for so long is set wrongly; noise comes and goes.
    garbage_s: float = 3.0
    # One vehicle carries a handful of tags; more than this is a pallet or a fault (hazard D13).
    max_tags_per_s: int = 200


@dataclass(frozen=True, slots=True)
class Ask:
    """One exchange: the bytes that are sent, the commands whose answer ends it, and what that answer would show.

    With `pause_s` nothing has to answer: what comes in that time is heard, and then the next exchange follows. Without
    a `command` it is the reader that speaks, also before it was listened to.
    """

    command: bytes
    answered_by: frozenset[int]
    expected: str
    is_round: bool = False
    may_refuse: bool = False
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What one frame says. `ends`: it ends the exchange of its command. `refusal`, `malformed`: why, or empty.

    A malformed frame has no tags. `more`: the reader holds more for a further exchange. `reply` is sent back at once;
    `next_step` is what a person does about this refusal, where that is not the usual.
    """

    command: int
    tags: tuple[TagReport, ...] = ()
    ends: bool = True
    refusal: str = ""
    malformed: str = ""
    more: bool = False
    reply: bytes = b""
    next_step: str = ""

    @property
    def words(self) -> str:
        """For people who look at the wire."""
        tags = [f"tag {one.tag.epc} antenna {one.antenna} {_strength(one.rssi_dbm)}" for one in self.tags]
        said = [one for one in (self.malformed, self.refusal) if one]
        return "; ".join([f"command {self.command:#04x}", *tags, *said, *(["its end"] if self.ends else [])])


def _strength(rssi_dbm: int | None) -> str:
    return "of unknown strength" if rssi_dbm is None else f"{rssi_dbm} dBm"


NOTHING_HEARD = Heard(-1)
Round = Generator[Ask, Heard, None]


class Dialect(Protocol[F]):
    """One protocol of readers. Antennas count from 0."""

    most_antennas: int

    def decoder(self) -> StreamDecoder[F]:
        """Return a fresh decoder."""

    def hello(self, antenna: int) -> Sequence[Ask]:
        """Return the exchanges that prove and prepare the reader after the port was opened; the last is a `fence`."""

    def fence(self, antenna: int) -> Ask:
        """Return the exchange that selects the antenna, proves life, and comes behind every older tag."""

    def round(self, antenna: int) -> Round:
        """Yield the exchanges of one inventory round, given what ended each."""

    def hear(self, frame: F) -> Heard | None:
        """Say what a frame means. Total; None where it is not for us."""

    def is_echo(self, frame: F, command: bytes) -> bool:
        """Say whether `frame` is `command` itself, as a two-wire line gives it back (D19)."""


@dataclass(slots=True)
class ReaderCounters:
    """What the reader has done since it was built. Bytes and checksums are the decoder's."""

    rounds: int = 0
    tags_delivered: int = 0
    tags_stale: int = 0
    tags_surplus: int = 0
    malformed_frames: int = 0
    foreign_frames: int = 0
    own_echoes: int = 0
    refused_rounds: int = 0
    dropped_bytes: int = 0
    checksum_errors: int = 0
