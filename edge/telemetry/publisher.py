"""Publishes one lane: its availability, state and alarms as retained values, its events from the outbox.

A PUBACK only frees a place in the window. Rows leave the outbox by central's "stored through seq N" alone, and
whatever it does not confirm in time is sent again: a broker that forgot everything loses nothing (hazards.md C3).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from edge.clearance.authority_link import FloodLimit
from edge.field_policy import FieldPolicy
from edge.mqtt.values import Message, MqttDown
from edge.runtime.outbox import Outbox, OutboxRow
from edge.telemetry import payloads
from edge.telemetry.retained import MOST_STALE, RetainedValues
from edge.telemetry.session import TelemetrySession
from edge.telemetry.topics import LaneTopics

_log = logging.getLogger(__name__)

ACK_AHEAD = "ack_ahead"
ACK_REFUSED = "ack_refused"
# Central and somebody else may speak in turns: an alarm is taken back so often at once, and then once a minute.
_TAKEN_BACK = 3, 1 / 60


class Link(Protocol):
    """What the publisher needs of `edge.mqtt.MqttLink`. It sets both callbacks itself."""

    on_up: Callable[[], None] | None
    on_down: Callable[[MqttDown], None] | None

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "asyncio.Future[None]":
        """Send now; done at PUBACK, or failed with MqttDown."""

    def subscribe(self, topic_filter: str, handler: Callable[[Message], None]) -> None:
        """Have the handler called, now and after every connect."""


@dataclass(frozen=True, slots=True)
class PublisherTimes:
    """How fast and how often.

    Events wait `gather_s` for those that follow them: what moves the lane does not share its moment with reports.
    `window` events may wait for the broker at once. Without a word from central for `resend_after_s` the oldest
    `window` unconfirmed ones go again, then after twice as long, up to `resend_max_s`.
    """

    window: int = 64
    resend_after_s: float = 5.0
    resend_max_s: float = 60.0
    gather_s: float = 0.03


@dataclass(slots=True)
class PublisherCounters:
    """What happened since start; read by metrics."""

    sent: int = 0
    resent: int = 0
    acknowledged: int = 0
    acks_malformed: int = 0
    acks_retained: int = 0
    acks_ahead: int = 0
    acks_ignored: int = 0
    alarms_foreign: int = 0
    stale_alarms_left: int = 0


class TelemetryPublisher:
    """One lane over one link of its own. `run` until cancelled, beside the link's own `run`."""

    def __init__(
        self,
        link: Link,
        outbox: Outbox,
        session: TelemetrySession,
        topics: LaneTopics,
        *,
        utc: Callable[[], datetime],
        policies: Mapping[str, FieldPolicy] | None = None,
        times: PublisherTimes | None = None,
        signed: Callable[[bytes], tuple[int, int] | None] | None = None,
    ) -> None:
        """`signed` opens acknowledgements of central that have to be signed; None for what is not authentic."""
        self._signed = signed
        self._refused = False
        self._taking_back = FloodLimit(*_TAKEN_BACK)
        self.counters = PublisherCounters()
        # Every alarm of the lane that stands, with its detail, whoever raised it; and who else hears of each.
        self.alarms: dict[str, str] = {}
        self.on_alarm: Callable[[str, str | None], None] = lambda _code, _detail: None
        self._link = link
        self._outbox = outbox
        self._session = session
        self._topics = topics
        self._utc = utc
        self._policies = {topics.passage(name): policy for name, policy in (policies or {}).items()}
        self._times = times or PublisherTimes()
        self._retained = RetainedValues(link.publish)
        self._wake = asyncio.Event()
        self._up = False
        self._connection = 0
        self._in_flight = 0
        # Something waits for a place in the window.
        self._window_full = False
        self._live = outbox.acknowledged_seq(topics.lane)
        self._again = self._again_to = self._live
        self._patience_s = self._times.resend_after_s
        self._deadline_s = 0.0
        self._told_ahead: int | None = None
        self._told_stale = False
        link.on_up = self._on_up
        link.on_down = self._on_down
        link.subscribe(topics.acknowledgement, self._on_acknowledgement)
        link.subscribe(topics.alarms, self._on_alarm)

    def publish_state(self, state: Mapping[str, Any]) -> None:
        """Make `state` (no personal data) the lane's retained state. Raises CodecError for what is not JSON."""
        self._retained.set(self._topics.state, payloads.state(state, self._utc()))

    def publish_health(self, health: Mapping[str, Any]) -> None:
        """Make `health` (no personal data) the lane's retained health. Raises CodecError for what is not JSON."""
        self._retained.set(self._topics.health, payloads.state(health, self._utc()))

    def publish_alarm(self, code: str, detail: str | None) -> None:
        """Raise an alarm, or take it back with None. Raises ValueError for a code that is no id.

        All alarms of a lane pass here, those of its core and of whatever watches beside it.
        """
        topic = self._topics.alarm(code)
        if detail is None:
            self.alarms.pop(code, None)
        else:
            self.alarms[code] = detail
        self.on_alarm(code, detail)
        self._retained.set(topic, b"" if detail is None else payloads.alarm(code, detail, self._utc()))

    def wake(self) -> None:
        """There may be new rows in the outbox. The outbox tells by itself too, after each commit."""
        self._wake.set()

    async def run(self) -> None:
        """Drain the outbox until cancelled. Raises JournalError where it can no longer be read.

        On its way out it says `offline`: a link that is closed in order sends no will. So cancel it before the link.
        """
        stop_listening = self._outbox.listen(self._topics.lane, self.wake)
        try:
            while True:
                self._wake.clear()
                self._pump()
                await self._wait()
                await asyncio.sleep(self._times.gather_s)
        finally:
            stop_listening()
            if self._up:
                offline = payloads.availability(False, self._session.number, self._utc())
                self._link.publish(self._topics.availability, offline, 1, True)

    async def _wait(self) -> None:
        left_s = None
        if self._up and self._acknowledged < self._live:
            left_s = max(0.0, self._deadline_s - asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(left_s):
                await self._wake.wait()
        except TimeoutError:
            self._send_again()
            self._patience_s = min(self._patience_s * 2, self._times.resend_max_s)
            self._restart_patience()

    @property
    def _acknowledged(self) -> int:
        return self._outbox.acknowledged_seq(self._topics.lane)

    def _send_again(self) -> None:
        self._again, self._again_to = self._acknowledged, self._live

    def _restart_patience(self) -> None:
        self._deadline_s = asyncio.get_running_loop().time() + self._patience_s

    # -- the link ------------------------------------------------------------------------------------------

    def _on_up(self) -> None:
        self._up = True
        self._connection += 1
        self._in_flight = 0
        self._send_again()
        self._patience_s = self._times.resend_after_s
        self._restart_patience()
        online = payloads.availability(True, self._session.number, self._utc())
        self._retained.set(self._topics.availability, online)
        self._retained.connected()
        self.wake()

    def _on_down(self, _reason: MqttDown) -> None:
        self._up = False
        self._told_stale = False
        self._retained.disconnected()

    # -- events --------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Send what the window allows: first what goes again, bounded by central's progress, then what is new."""
        if not self._up:
            return
        lane = self._topics.lane
        self._again = max(self._again, self._acknowledged)
        limit = min(self._free(), min(self._again_to, self._acknowledged + self._times.window) - self._again)
        if limit > 0:
            for row in self._outbox.pending(lane, self._again, limit):
                self._again = row.seq
                self.counters.resent += 1
                self._send(row)
        if self._free() > 0:
            for row in self._outbox.pending(lane, self._live, self._free()):
                if self._live == self._acknowledged:
                    self._restart_patience()
                self._live = row.seq
                self._send(row)
        self._window_full = self._free() <= 0

    def _free(self) -> int:
        return self._times.window - self._in_flight

    def _send(self, row: OutboxRow) -> None:
        epoch = self._outbox.epoch
        self.counters.sent += 1
        self._outbox.mark_sent(self._topics.lane, row.seq)
        self._publish(self._topics.event(row.type), payloads.event(self._topics, epoch, row, self._acknowledged + 1))
        if row.personal is not None:
            for topic, policy in self._policies.items():
                detail = payloads.passage(self._topics, epoch, row, policy.apply(row.personal))
                self._publish(topic, detail)

    def _publish(self, topic: str, payload: bytes) -> None:
        connection = self._connection
        self._in_flight += 1
        self._link.publish(topic, payload).add_done_callback(lambda future: self._sent(connection, future))

    def _sent(self, connection: int, future: "asyncio.Future[None]") -> None:
        if not future.cancelled():
            # Lost with its connection: it goes again after the next connect, or when central stays silent.
            future.exception()
        if connection == self._connection:
            self._in_flight -= 1
            if self._window_full:
                self.wake()

    # -- central's words -----------------------------------------------------------------------------------

    def _on_acknowledgement(self, message: Message) -> None:
        numbers = (self._signed or payloads.parse_acknowledgement)(message.payload)
        if message.retain:
            self.counters.acks_retained += 1
        elif numbers is None:
            self.counters.acks_malformed += 1
            self._tell_refused(self._signed is not None)
        else:
            self._tell_refused(False)
            self._acknowledge(*numbers)

    def _tell_refused(self, refused: bool) -> None:
        """A person hears that somebody speaks for central, until central speaks again."""
        if refused != self._refused:
            if self._refused and not self._may_take_back():
                return
            self._refused = refused
            detail = "an acknowledgement without a valid signature of central: every event is kept"
            self.publish_alarm(ACK_REFUSED, detail if refused else None)

    def _acknowledge(self, epoch: int, seq: int) -> None:
        before = self._acknowledged
        done = self._outbox.acknowledge(self._topics.lane, epoch, seq)
        if done.through_seq > before:
            self.counters.acknowledged += done.through_seq - before
            self._patience_s = self._times.resend_after_s
            self._restart_patience()
            self.wake()
        if done.outcome == "ahead":
            self.counters.acks_ahead += 1
            self._say_ahead(seq, done.through_seq)
        elif done.outcome != "advanced":
            self.counters.acks_ignored += 1
        elif self._told_ahead is not None and self._may_take_back():
            # Central counts on as it should.
            self._told_ahead = None
            self.publish_alarm(ACK_AHEAD, None)

    def _may_take_back(self) -> bool:
        return self._taking_back.admit(round(asyncio.get_running_loop().time() * 1000))

    def _say_ahead(self, seq: int, through_seq: int) -> None:
        # Once for what was sent until now: a flood of such words must flood neither the log nor the broker.
        if through_seq == self._told_ahead:
            return
        self._told_ahead = through_seq
        _log.warning("ack_ahead", extra={"lane": self._topics.lane, "seq": seq, "through": through_seq})
        self.publish_alarm(ACK_AHEAD, f"seq {seq} was acknowledged, {through_seq} was the last sent")

    def _on_alarm(self, message: Message) -> None:
        # A retained alarm of an earlier run that no longer stands: nobody else would ever take it back.
        if not message.retain or not message.payload or self._retained.has(message.topic):
            return
        if not self._topics.is_alarm(message.topic):
            self.counters.alarms_foreign += 1
        elif not self._retained.clear_stale(message.topic):
            self.counters.stale_alarms_left += 1
            if not self._told_stale:
                self._told_stale = True
                _log.warning("stale_alarms_left", extra={"lane": self._topics.lane, "cleared": MOST_STALE})
