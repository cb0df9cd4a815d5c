"""Receives the events of all lanes, stores them durably, and only then says so to the lane.

Killing it at any time loses nothing: what was not acknowledged comes again, and is stored once.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from edge.mqtt.values import Message
from ops.envelope import Lane, LaneEvent, RefusedError, parse_event, parse_object, parse_topic, shown
from ops.release_watch import LateRelease, Limits, Watched
from ops.signing import unsigned
from ops.store import EventStore, Stored

_log = logging.getLogger(__name__)

# How often releases are looked at, where there is a limit.
_WATCH_S = 1.0
# What does not fit is dropped: the lane holds it and sends it again.
_MAX_WAITING = 4096
_MAX_BATCH = 1024
_MAX_LANES = 10_000
_MAX_OUTCOMES = 32
NO_LIMITS = Limits()


class Link(Protocol):
    """What ingest needs of `edge.mqtt.MqttLink`."""

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> "asyncio.Future[None]":
        """Send now; done at PUBACK."""

    def subscribe(self, topic_filter: str, handler: Callable[[Message], None]) -> None:
        """Have the handler called, now and after every connect."""


@dataclass(slots=True)
class LaneView:
    """What is known of a lane now, as far as it is shown. None is not known."""

    online: bool | None = None
    session: int | None = None
    state: dict[str, Any] = field(default_factory=dict)
    last_event: str = ""
    last_event_at: str = ""
    passage: str | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    last_ended: dict[str, Any] = field(default_factory=dict)
    through_seq: int = 0
    late: LateRelease | None = None


class Ingest:
    """Serves until cancelled. `lanes` is for display, `counters` for metrics (`stored`, `dropped_<reason>` ...)."""

    def __init__(
        self,
        link: Link,
        store: EventStore,
        *,
        utc: Callable[[], datetime],
        limits: Limits = NO_LIMITS,
        acknowledgement: Callable[[Lane, int, int], bytes] = unsigned,
    ) -> None:
        """`acknowledgement` makes the word that a lane's events of an epoch are stored through a number."""
        self.lanes: dict[Lane, LaneView] = {}
        self.counters: Counter[str] = Counter()
        self._link = link
        self._store = store
        self._utc = utc
        self._limits = limits
        self._acknowledgement = acknowledgement
        self._waiting: list[LaneEvent] = []
        self._arrived = asyncio.Event()
        link.subscribe("gate/v1/+/+/event/#", self._guarded(self._on_event))
        link.subscribe("gate/v1/+/+/availability", self._guarded(self._on_availability))
        link.subscribe("gate/v1/+/+/state", self._guarded(self._on_state))

    async def run(self) -> None:
        """Store and acknowledge until cancelled. Raises StoreError, after which nothing is acknowledged."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="ops-store") as thread:
            while True:
                await self._next()
                batch, self._waiting = self._waiting[:_MAX_BATCH], self._waiting[_MAX_BATCH:]
                if not self._waiting:
                    self._arrived.clear()
                at = self._utc()
                if batch:
                    stamp = at.isoformat(timespec="milliseconds")
                    self._acknowledge(await loop.run_in_executor(thread, self._store.store, batch, stamp))
                if self._limits:
                    self._tell(await loop.run_in_executor(thread, self._store.watch_releases, self._limits, at))

    async def _next(self) -> None:
        """Wait for events, or until releases are looked at again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_WATCH_S if self._limits else None):
                await self._arrived.wait()

    def _tell(self, watched: Watched) -> None:
        for name, told in (("release_late", watched.raised), ("release_late_over", watched.over)):
            for one in told:
                _log.error(name, extra={"lane": one.lane, "passage": one.passage, "limit_s": one.limit_s})
        self.counters["late_releases"] += len(watched.raised)
        late = {one.lane: one for one in watched.standing}
        for lane in late.keys() - self.lanes.keys():
            self._view(lane)
        for lane, view in self.lanes.items():
            view.late = late.get(lane)

    def _acknowledge(self, stored: Stored) -> None:
        self.counters["stored"] += len(stored.new)
        self.counters["duplicates"] += stored.duplicates
        self.counters["conflicts"] += len(stored.conflicts)
        # The last of each lane: one that floods must not flood the log, and all are counted.
        for event in {event.lane: event for event in stored.conflicts}.values():
            _log.error("event_conflict", extra={"lane": event.lane, "epoch": event.epoch, "seq": event.seq})
        for event in stored.new:
            self._show(event)
        for (lane, epoch), through in stored.through.items():
            self._view(lane).through_seq = through
            # Lost with its connection: the lane sends again, and is answered again.
            self._link.publish(lane.acknowledgement_topic, self._acknowledgement(lane, epoch, through))

    def _guarded(self, handle: Callable[[Message], None]) -> Callable[[Message], None]:
        def handler(message: Message) -> None:
            try:
                handle(message)
            except RefusedError as refused:
                self.counters[f"dropped_{refused.reason}"] += 1

        return handler

    def _on_event(self, message: Message) -> None:
        if message.retain:
            raise RefusedError("retained")
        event = parse_event(message.topic, message.payload)
        self._view(event.lane)
        if len(self._waiting) >= _MAX_WAITING:
            raise RefusedError("overflow")
        self._waiting.append(event)
        self._arrived.set()

    def _on_availability(self, message: Message) -> None:
        lane, _ = parse_topic(message.topic)
        data = parse_object(message.payload)
        status, session = data.get("status"), data.get("session")
        if status not in ("online", "offline") or type(session) is not int:
            raise RefusedError("bad_availability")
        view = self._view(lane)
        if status == "offline" and view.online and view.session != session:
            raise RefusedError("old_session")  # the will of a connection that the lane has replaced
        view.online, view.session = status == "online", session

    def _on_state(self, message: Message) -> None:
        lane, _ = parse_topic(message.topic)
        self._view(lane).state = _kept(parse_object(message.payload), "phase")

    def _view(self, lane: Lane) -> LaneView:
        view = self.lanes.get(lane)
        if view is None:
            if len(self.lanes) >= _MAX_LANES:
                raise RefusedError("too_many_lanes")
            view = self.lanes[lane] = LaneView()
        return view

    def _show(self, event: LaneEvent) -> None:
        view = self._view(event.lane)
        view.last_event, view.last_event_at = event.type, event.time
        passage = event.data.get("passage")
        if event.type == "passage_ended":
            terminal = shown(event.data.get("terminal"))[:32]
            # Design names ten; a lane that sends ever new ones must not grow us.
            view.outcomes[terminal if terminal in view.outcomes or len(view.outcomes) < _MAX_OUTCOMES else "?"] += 1
            view.last_ended = _kept(event.data, "decision", "terminal", "simulated", "drill")
            view.passage = None
        elif isinstance(passage, str):
            view.passage = passage[:64]


def _kept(data: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return what is shown of a lane's words: thousands of lanes that say all they may must not fill the memory."""
    kept = {name: data[name] for name in names if name in data}
    return {name: value if isinstance(value, bool) else shown(value) for name, value in kept.items()}
