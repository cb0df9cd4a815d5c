"""The shell of one lane: takes events in, steps the core, journals, and carries the effects out.

Order is what makes it safe. A step's record is appended before any of its effects acts; effects that add
authority wait until that record is durable; effects that withdraw authority wait for nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from edge.core.effects import (
    ADDS_AUTHORITY,
    ClearAlarm,
    ConsumeAuthority,
    Effect,
    EndPassage,
    Guide,
    KeepReferral,
    LowerBoom,
    PrepareChallenge,
    PrepareRequest,
    RaiseAlarm,
    RaiseBoom,
    Report,
    SendChallenge,
    SendRequest,
    SetLight,
    StartCapture,
    StopBoom,
    StopCapture,
)
from edge.core.events import (
    AuthorityDurable,
    BarrierAnswered,
    ChallengePrepared,
    CommandName,
    CommandOutcome,
    DeviceBack,
    DeviceLost,
    Event,
    InputsLost,
    JournalLost,
    RequestPrepared,
    Started,
    Tick,
)
from edge.core.profile import LaneProfile
from edge.core.readings import Identity
from edge.core.state import LaneState
from edge.core.step import initial, is_quiet, next_deadline_ms, step
from edge.log import logger
from edge.ports import Barrier, Clock, DeviceError
from edge.runtime import failpoints
from edge.runtime.barrier_commands import BarrierCommands, Light
from edge.runtime.journal import Journal, JournalError
from edge.runtime.records import boot_body, outbox_event, shown_state, step_body
from edge.runtime.signs import Drivers

# Log lines and the retained state are for people: they wait until what moves the lane is on its way, and the
# states of one burst are told as one. Longer than the events of the outbox wait, which explain the state.
TELL_AFTER_S = 0.07


Step = Callable[[LaneState, Event], tuple[LaneState, tuple[Effect, ...]]]


class Clearance(Protocol):
    """The connection to the authorities, as the lane needs it."""

    def prepare(
        self, passage: str, authority: str, nonce: str, identity: Identity, state: LaneState
    ) -> RequestPrepared:
        """Build and sign the request, keep its bytes, return what the lane has to know of them."""

    def send(self, passage: str, authority: str, nonce: str) -> None:
        """Send the kept bytes, once. A connection that is down loses them: the deadline then decides."""


class Handheld(Protocol):
    """The handheld terminals of the lane, as it needs them."""

    def prepare(self, asked: PrepareChallenge, state: LaneState) -> str:
        """Build and sign the challenge, keep its bytes, return their SHA-256 (hex)."""

    def send(self, nonce: str) -> None:
        """Show the kept bytes, and send them once."""


class Telemetry(Protocol):
    """What central operations see of the lane between its events."""

    def publish_state(self, state: dict[str, object]) -> None:
        """Publish the retained state."""

    def publish_alarm(self, code: str, detail: str | None) -> None:
        """Publish a retained alarm, or take it back with None."""


class Captures(Protocol):
    """The cameras and the tag reader of the lane."""

    def start(self, passage: str, since_ms: int) -> None:
        """Trigger all of them for `passage`."""

    def stop(self, passage: str) -> None:
        """Want nothing more for `passage`."""

    def ended(self, passage: str) -> None:
        """`passage` has its terminal record: its pictures stay for their retention, no longer for its sake."""


@dataclass(frozen=True, slots=True)
class LaneParts:
    """The devices and services of one lane."""

    clock: Clock
    journal: Journal
    barrier: Barrier
    captures: Captures
    clearance: Clearance
    telemetry: Telemetry
    # Only where the profile names handheld terminals.
    handheld: Handheld | None = None
    # None where a lane has neither sign nor voice.
    drivers: Drivers | None = None


class LaneRunner:
    """Runs one lane. Everything happens on the event loop; `take` may be called from any of its callbacks."""

    def __init__(self, profile: LaneProfile, parts: LaneParts, step: Step = step) -> None:
        """`step` is the core's; one that looks on may stand before it."""
        self.state = initial(profile)
        self._parts = parts
        self._step = step
        self._log = logger(lane=profile.lane)
        self._events: deque[Event] = deque()
        self._busy = False
        self._crashed = False
        # A raise was asked for and is not on the wire yet.
        self._raising = False
        self._timer: asyncio.TimerHandle | None = None
        # The deadline that the timer stands for, and the last one that was ticked.
        self._deadline_ms: int | None = None
        self._ticked_ms: int | None = None
        self._commands = BarrierCommands(parts.barrier, profile.lane, self._answered, self._wanted_light)
        self._telling: asyncio.TimerHandle | None = None
        self._reports: list[Report | EndPassage] = []
        self._published: dict[str, object] = {}
        # What a technician asks first: each device's state and, where it is lost, the named cause with its next step.
        self.devices: dict[str, dict[str, str]] = {}
        # Alarms that sound the siren now.
        self.siren: tuple[str, ...] = ()
        # Set once no device is still being probed for the first time.
        self.probed = asyncio.Event()
        # Told each step; it must not raise.
        self.on_step: Callable[[LaneState, Event, tuple[Effect, ...]], None] | None = None
        # Told each report; it must not raise.
        self.on_report: Callable[[Report], None] | None = None
        self._watchers: list[tuple[Callable[[LaneState], bool], asyncio.Future[None]]] = []

    async def reached(self, condition: Callable[[LaneState], bool]) -> None:
        """Return once `condition` holds of the lane's state."""
        if not condition(self.state):
            future = asyncio.get_running_loop().create_future()
            self._watchers.append((condition, future))
            await future

    async def close(self) -> None:
        """Stop timers and wait for commands that are on the wire."""
        if self._timer is not None:
            self._timer.cancel()
        await self._commands.close()
        if self._telling is not None:
            self._telling.cancel()
            self._tell()

    def take(self, event: Event) -> None:
        """Take in one event; events that its effects cause follow in order."""
        self._events.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._events:
                try:
                    self._process(self._events.popleft())
                except Exception:  # noqa: BLE001 - the lane's supervisor: who told it must not suffer
                    self._contain()
        finally:
            self._busy = False
        self._flush()
        self._set_timer()

    def _flush(self) -> None:
        """An event and what it caused are one group on the disk, on its way before anything else is done here.

        A raise alone goes first: its record becomes durable behind it (decision 8); the writer takes the interpreter.
        """
        if self._raising:
            asyncio.get_running_loop().call_soon(self._parts.journal.flush)
        else:
            self._parts.journal.flush()
        self._raising = False

    def now_ms(self) -> int:
        """The lane's monotonic time."""
        return self._parts.clock.now_ms()

    def know_device(self, name: str, known: dict[str, str]) -> None:
        """Note what is known of a device: its state (starting, up, lost), and why it is lost."""
        self.devices[name] = known
        if all(one["state"] != "starting" for one in self.devices.values()):
            self.probed.set()

    def device_lost(self, name: str, error: DeviceError) -> None:
        """A supervisor lost a device; without the barrier's inputs the lane is blind."""
        self.know_device(name, {"state": "lost", "code": error.code, "cause": str(error)})
        if name == self._parts.barrier.name:
            self.take(InputsLost(self.now_ms(), restarted=error.code == "barrier_rebooted"))
        self.take(DeviceLost(self.now_ms(), name, error.code))

    def device_back(self, name: str) -> None:
        """A supervisor reached a device. A barrier that was away may have forgotten the light."""
        self.know_device(name, {"state": "up"})
        self.take(DeviceBack(self.now_ms(), name))
        if name == self._parts.barrier.name and self.state.light is not None:
            self._commands.show(self.state.light)

    def _contain(self) -> None:
        """The exception that is being handled stops this lane, and no other (I17).

        What it did may be half done and unrecorded. Motion is withdrawn at once; like without a journal, nothing
        opens until the controller was restarted.
        """
        self._log.exception("lane_crashed", phase=self.state.phase.value)
        self._commands.stop()
        self._commands.show("red")
        if not self._crashed:
            self._crashed = True
            self.take(InputsLost(self.now_ms()))
            self.take(JournalLost(self.now_ms(), "lane_crashed"))

    def _process(self, event: Event) -> None:
        before = self.state
        self.state, effects = self._step(before, event)
        if self.on_step is not None:
            self.on_step(before, event, effects)
        if is_quiet(before, self.state, effects):
            return
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(TELL_AFTER_S, self._tell)
        failpoints.hit_record("before", effects)
        self._append(before, event, effects)
        failpoints.hit_record("appended", effects)
        for effect in effects:
            if not isinstance(effect, ADDS_AUTHORITY):
                self._perform(effect)
        if self._watchers:
            self._tell_watchers()

    def _tell_watchers(self) -> None:
        for watcher in [one for one in self._watchers if one[0](self.state)]:
            self._watchers.remove(watcher)
            if not watcher[1].done():
                watcher[1].set_result(None)

    def _append(self, before: LaneState, event: Event, effects: tuple[Effect, ...]) -> None:
        """Append the record; a journal that was lost before takes nothing, and nothing waits for it."""
        if before.journal_lost:
            return
        events = [outbox_event(effect) for effect in effects if isinstance(effect, Report | EndPassage)]
        append, written = partial(self._parts.journal.append, before.profile.lane), partial(self._written, effects)
        try:
            if isinstance(event, Started):
                append("boot", boot_body(before.profile, event, effects), events, written)
            else:
                append("step", step_body(before, event, effects), events, written)
        except JournalError as error:
            self.journal_lost(error)

    def _written(self, effects: tuple[Effect, ...], error: JournalError | None) -> None:
        if error is not None:
            self.journal_lost(error)
            return
        failpoints.hit_record("durable", effects)
        for effect in effects:
            if isinstance(effect, ADDS_AUTHORITY):
                try:
                    self._perform(effect)
                except Exception:  # noqa: BLE001 - the same: the disk's news must not suffer
                    self._contain()

    def journal_lost(self, error: JournalError) -> None:
        """The journal can no longer be written: nothing opens until the controller was restarted."""
        if not self.state.journal_lost:
            self._log.error("journal_lost", code=error.code, cause=str(error))
            self.take(JournalLost(self.now_ms(), error.code))

    def _perform(self, effect: Effect) -> None:
        parts = self._parts
        match effect:
            case StopBoom():
                self._commands.stop()
            case SetLight(light=light):
                self._commands.show(light)
            case Guide():
                if parts.drivers is not None:
                    parts.drivers.tell(effect)
            case RaiseBoom():
                self._raising = True
                self._commands.lift()
            case LowerBoom():
                self._commands.lower()
            case StartCapture(passage=passage, since_ms=since_ms):
                parts.captures.start(passage, since_ms)
            case StopCapture(passage=passage):
                parts.captures.stop(passage)
            case PrepareRequest(passage=passage, authority=authority, nonce=nonce, identity=identity):
                self.take(parts.clearance.prepare(passage, authority, nonce, identity, self.state))
            case SendRequest(passage=passage, authority=authority, nonce=nonce):
                parts.clearance.send(passage, authority, nonce)
                failpoints.hit("request_sent")
            case PrepareChallenge(nonce=nonce):
                assert parts.handheld is not None
                digest = parts.handheld.prepare(effect, self.state)
                self.take(ChallengePrepared(self.now_ms(), nonce, digest))
            case SendChallenge(nonce=nonce):
                assert parts.handheld is not None
                parts.handheld.send(nonce)
                failpoints.hit("challenge_sent")
            case ConsumeAuthority(passage=passage, nonces=nonces):
                self.take(AuthorityDurable(self.now_ms(), passage, nonces))
            case RaiseAlarm(code=code, detail=detail):
                self._log.warning("alarm_raised", code=code, detail=detail)
                parts.telemetry.publish_alarm(code, detail)
            case ClearAlarm(code=code):
                self._log.info("alarm_cleared", code=code)
                parts.telemetry.publish_alarm(code, None)
            case KeepReferral():
                pass  # its record is what it is for
            case Report():
                self._reports.append(effect)
                if self.on_report is not None:
                    self.on_report(effect)
            case EndPassage(passage=passage):
                parts.captures.ended(passage)
                self._reports.append(effect)

    def _answered(self, command: CommandName, outcome: CommandOutcome, code: str) -> None:
        self.take(BarrierAnswered(self.now_ms(), command, outcome, code))

    def _wanted_light(self) -> Light | None:
        return None if self._parts.barrier.name in self.state.lost_devices else self.state.light

    def _set_timer(self) -> None:
        """Ask for a tick at the lane's next deadline. Events in between, scans above all, must not push it away."""
        deadline_ms = next_deadline_ms(self.state)
        if self._timer is not None:
            if deadline_ms == self._deadline_ms:
                return
            self._timer.cancel()
            self._timer = None
        self._deadline_ms = deadline_ms
        if deadline_ms is not None:
            wait_ms = max(0, deadline_ms - self.now_ms())
            # A deadline that has passed and left the phase as it was is asked about once a second.
            if not wait_ms and deadline_ms == self._ticked_ms:
                wait_ms = 1_000
            self._timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._tick)

    def _tick(self) -> None:
        self._timer, self._ticked_ms = None, self._deadline_ms
        self.take(Tick(self.now_ms()))

    def _tell(self) -> None:
        self._telling = None
        reports, self._reports = self._reports, []
        for one in reports:
            if isinstance(one, Report):
                self._log.info(one.name, passage=one.passage, **dict(one.fields))
            else:
                self._log.info("passage_ended", passage=one.passage, terminal=one.terminal, reasons=one.reasons)
        self._publish_state()

    def _publish_state(self) -> None:
        shown = shown_state(self.state)
        if shown != self._published:
            self._published = shown
            self._parts.telemetry.publish_state(shown)
