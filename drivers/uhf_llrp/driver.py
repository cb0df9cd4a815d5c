"""A reader that speaks LLRP as a `TagReader`: what `drivers.kit.tag_reader` does, in messages of LLRP.

llrpkit gives the codec alone (docs/decisions/0053-llrp.md); the connection is the kit's.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable, Sequence

from drivers.kit.dialect import Ask, Heard, Pace, Round
from drivers.kit.tag_reader import StreamTagReader
from drivers.kit.wire import TagReport
from drivers.uhf_llrp.wire import (
    CONNECTED,
    KEEPALIVE,
    MOST_ANTENNAS,
    OK,
    RO_ACCESS_REPORT,
    SERIES,
    ExtraMissingError,
    Message,
    MessageDecoder,
    Seen,
    add_rospec,
    ask_config,
    delete_rospecs,
    demand_codec,
    enable_events,
    enable_rospec,
    keepalive_ack,
    set_keepalive,
    start_rospec,
    stop_rospec,
)
from edge.core.tag import parse_tag
from edge.ports import Clock, DeliverTag

# A reader lets a client go that does not answer, and takes the next one: us, after a power cut of ours.
KEEPALIVE_MS = 2_000
ROUND_S = 0.5
# The reader's own end of a round that nobody stops, because we were killed or cut off.
LIMIT_MS = 3_000

# Ids of messages count from 1; what is no answer has none.
_UNASKED = -1
_GREETING = -2
_STEP = "see what the status says, and compare antennas in the configuration with those of the reader"
_TAKEN = "stop the other program that is connected to the reader, or restart the reader"


class LlrpDialect:
    """LLRP. A round starts our inventory, waits, and stops it: the reader reports what it saw with that.

    An answer has the id of its command. Antennas are all in one inventory, which takes turns faster than we could.
    """

    most_antennas = MOST_ANTENNAS

    def __init__(self, antennas: Sequence[int] = (0,), round_s: float = ROUND_S) -> None:
        self._antennas = tuple(antennas)
        self._round_s = round_s
        self._ids = itertools.count(1)
        # A report may leave out the port where it is that of the one before.
        self._port: int | None = None

    def decoder(self) -> MessageDecoder:
        """Return a fresh decoder."""
        return MessageDecoder()

    def hello(self, antenna: int) -> Sequence[Ask]:
        """Wait to be let in, and put our inventory in the place of whatever is there."""
        self._ids, self._port = itertools.count(1), None
        ports = [one + 1 for one in self._antennas]
        events = enable_events(next(self._ids))
        return (
            Ask(b"", frozenset({_GREETING}), "to be let in by the reader", is_round=True),
            self._ask(lambda number: events + set_keepalive(number, KEEPALIVE_MS), "success to set the keepalive"),
            self._ask(delete_rospecs, "an answer to delete all ROSpecs", may_refuse=True),
            self._ask(lambda number: add_rospec(number, ports, LIMIT_MS), f"success to add a ROSpec of ports {ports}"),
            self._ask(enable_rospec, "success to enable the ROSpec"),
            self.fence(antenna),
        )

    def fence(self, _: int) -> Ask:
        """Ask what is always answered: what comes behind the answer was read behind it, for nothing runs meanwhile."""
        return self._ask(ask_config, "the reader's configuration")

    def round(self, _: int) -> Round:
        """Start, wait, stop. A round that the reader ended itself cannot be stopped: that is no fault."""
        yield self._ask(start_rospec, "success to start the ROSpec", is_round=True)
        yield Ask(b"", frozenset(), "tags", pause_s=self._round_s)
        yield self._ask(stop_rospec, "an answer to stop the ROSpec", is_round=True, may_refuse=True)

    def hear(self, frame: Message) -> Heard | None:
        """Tell tags, answers, and what the reader asks or tells unasked apart."""
        if frame.type == KEEPALIVE:
            return Heard(_UNASKED, ends=False, reply=keepalive_ack(frame.id))
        if frame.type == RO_ACCESS_REPORT:
            return self._heard_tags(frame)
        if frame.connection is not None:
            refusal = "" if frame.connection == CONNECTED else f"connection attempt: {frame.words}"
            return Heard(_GREETING, refusal=refusal, next_step=_TAKEN)
        if frame.status is None:
            return Heard(_UNASKED, ends=False)
        return Heard(frame.id, refusal="" if frame.status == OK else frame.words, next_step=_STEP)

    def is_echo(self, _frame: Message, _command: bytes) -> bool:
        """Never: TCP gives nothing back."""
        return False

    def _ask(
        self, make: Callable[[int], bytes], expected: str, *, is_round: bool = False, may_refuse: bool = False
    ) -> Ask:
        number = next(self._ids)
        return Ask(make(number), frozenset({number}), expected, is_round=is_round, may_refuse=may_refuse)

    def _heard_tags(self, frame: Message) -> Heard:
        reports = [self._report(one) for one in frame.seen]
        tags = tuple(one for one in reports if one is not None)
        # One strange tag in the field must not hide the others that are reported with it.
        broken = frame.broken + len(reports) - len(tags)
        malformed = f"{broken} tags without an EPC of whole words, or of another antenna"
        return Heard(_UNASKED, tags, ends=False, malformed=malformed if broken and not tags else "")

    def _report(self, seen: Seen) -> TagReport | None:
        port = self._port = self._port if seen.port is None else seen.port
        tag = parse_tag(seen.epc.hex())
        if tag is None or port is None or port - 1 not in self._antennas:
            return None
        # No tag returns more than a milliwatt: such a number is no strength. Nor is that of another tag.
        rssi_dbm = seen.rssi_dbm
        return TagReport(tag, port - 1, rssi_dbm if rssi_dbm is not None and rssi_dbm <= 0 else None)


class LlrpReader(StreamTagReader[Message]):
    """Antennas are 0 to 3 (ports 1 to 4); `port` is `socket://host:5084`. Needs llrpkit, which is an extra."""

    def __init__(
        self,
        name: str,
        port: str,
        *,
        clock: Clock,
        on_tag: DeliverTag,
        baud: int = 115_200,
        antennas: Sequence[int] = (0,),
        round_s: float = ROUND_S,
        pace: Pace | None = None,
    ) -> None:
        if not all(0 <= antenna < MOST_ANTENNAS for antenna in antennas):
            raise ValueError(f"antennas {tuple(antennas)}, expected at least one of 0 to {MOST_ANTENNAS - 1}")
        dialect = LlrpDialect(antennas, round_s)
        # One inventory has all antennas: for the kit that is one.
        first = antennas[:1]
        super().__init__(name, port, dialect, clock=clock, on_tag=on_tag, baud=baud, antennas=first, pace=pace)

    async def connect(self) -> None:
        """As the kit does, once llrpkit is there. Raises DeviceError, `reader_extra_missing` among its codes."""
        try:
            await asyncio.to_thread(demand_codec)
        except ExtraMissingError as error:
            step = f"install it beside Kakou: {sys.executable} -m pip install --no-deps 'llrpkit=={SERIES}.*'"
            raise self._error("extra_missing", f"llrpkit {SERIES}, the extra llrp", str(error), step) from error
        await super().connect()
