"""One life of the controller's process: the real lane, wired to the world, from its start to its death."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any, cast

from drivers.barrier_modbus.wire import BarrierMap
from edge.clearance.authority_link import ClearanceLink
from edge.clearance.confirm_desk import ConfirmDesk
from edge.clearance.desk import ReferralDesk
from edge.clearance.lane_clearance import LaneClearance
from edge.clearance.request import SignedRequest
from edge.clearance.time_quality import TimeQuality
from edge.core import step as core_step
from edge.core.effects import Effect
from edge.core.events import Event, InputsSampled, Started
from edge.core.inputs import LaneInputs
from edge.core.state import LaneState, Phase
from edge.mqtt import Message, MqttDown, MqttSettings
from edge.runtime import failpoints
from edge.runtime.lane_runner import LaneParts, LaneRunner
from edge.runtime.recovery import recover
from edge.runtime.supervisor import Supervisor
from simulators.prove.disk import SimulatedJournal, SimulatedWriter
from simulators.prove.virtual_time import LaneClock, VirtualLoop
from simulators.prove.wire import Line, ProvedBarrier

if TYPE_CHECKING:
    from simulators.prove.world import World

POLL_MS = 180
# Where nothing is being proved a scan waits for something to change, or for the next heartbeat.
IDLE_SCAN_S = 0.9
TIMEOUT_S = 0.3
_PROVING = frozenset({Phase.STARTING, Phase.WAITING, Phase.CONSUMING, Phase.OPENING, Phase.OPEN, Phase.CLOSING})
_SETTINGS = MqttSettings("broker", 1883, "lane")


class _ScanClock(LaneClock):
    """The driver's clock: its pause between two scans ends when something changed, and is long where nothing moves."""

    def __init__(self, world: "World", runner: Callable[[], LaneRunner]) -> None:
        super().__init__(world.time, world.wall_offset_s)
        self._runner = runner
        self._pause: asyncio.Future[None] | None = None

    async def sleep(self, seconds: float) -> None:
        """Wait; a pause of the scan is known by its length."""
        if seconds > POLL_MS / 1000:
            await asyncio.sleep(seconds)
            return
        loop = asyncio.get_running_loop()
        pause = self._pause = loop.create_future()
        timer = loop.call_later(seconds if _is_proving(self._runner().state) else IDLE_SCAN_S, self.wake)
        await pause
        timer.cancel()

    def wake(self) -> None:
        """Something changed at the inputs."""
        pause, self._pause = self._pause, None
        if pause is not None and not pause.done():
            pause.set_result(None)


def _is_proving(state: LaneState) -> bool:
    """Whether the age of the next sample counts: for what is measured, for who debounces, for a light that is green."""
    if state.phase is Phase.OPEN and state.light == "red" and state.clear_since_ms is None:
        # Something is below the boom: it stays up, for minutes where a loop is stuck, until a scan finds it clear.
        return False
    return state.phase in _PROVING or (state.arrival_since_ms is not None and state.phase is Phase.IDLE)


class _Link(ClearanceLink):
    """The real clearance link; instead of a broker, the world carries its bytes."""

    carry: Callable[[str, bytes], bool]
    blame: Callable[[str, str], None]

    def send(self, authority: str, request: SignedRequest, *, drill: bool = False) -> "asyncio.Future[None]":
        """Hand the bytes to the world."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # A drill's request goes to a clerk, who is not there: nobody answers.
        if drill or self.carry(authority, request.raw):
            sent.set_result(None)
        else:
            sent.set_exception(MqttDown("not_connected", address="broker"))
        return sent

    def deliver(self, authority: str, payload: bytes, *, retained: bool) -> None:
        """Bytes arrived on a grant topic."""
        try:
            self._receive(authority, Message("grant", payload, retained))
        except Exception as error:  # noqa: BLE001 - the judge: whatever bytes raise is a violation of I18
            self.blame("I18", f"a message raised {error!r}")


class _Desk(ConfirmDesk):
    """The real desk of the handheld terminals; instead of a broker, the world carries its bytes."""

    carry: Callable[[bytes], None]

    def publish(self, raw: bytes, *, drill: bool) -> "asyncio.Future[None]":
        """Hand the bytes to the world."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        self.carry(raw)
        return sent


def _desk(world: "World", clock: LaneClock) -> _Desk | None:
    rules = world.profile.handheld
    if rules is None:
        return None
    desk = _Desk(rules.authority, key=world.signers.keys[world.profile.lane], keyset=world.keyset, clock=clock)
    desk.carry = world.officers.challenged
    return desk


class Quiet:
    """Telemetry of which only its sayings are kept, for I19. Central operations reads the outbox by itself."""

    def __init__(self, alarmed: Callable[[str], None]) -> None:
        self.said: set[str] = set()
        self._alarmed = alarmed

    def publish_state(self, state: dict[str, object]) -> None:
        """Keep the reasons: the only free text in it."""
        self.said.update(cast(list[str], state["reasons"]))

    def publish_alarm(self, code: str, detail: str | None) -> None:
        """Keep both."""
        self.said.add(f"{code} {detail}")
        self._alarmed(code)

    def wake(self) -> None:
        """Central operations reads when it likes."""


class Box:
    """The process. Built and run on a loop of its own; `die` ends it without a word."""

    def __init__(self, world: "World", boot: int) -> None:
        self.world = world
        self.boot = boot
        self.loop = VirtualLoop(world.time)
        self.loop.set_exception_handler(self._unhandled)
        self.dead = False
        # Nothing may move before the inputs were seen in this life (I9).
        self.has_scanned = False
        self.line: Line = world.new_line()
        self.writer = SimulatedWriter(world.disk, world.time, Random(world.draw.random()), world.sync_ms)  # noqa: S311
        self.telemetry = Quiet(world.opening.alarmed)
        self.runner: LaneRunner
        self.link: _Link
        self.desk: _Desk | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._error: BaseException | None = None

    @property
    def state(self) -> LaneState | None:
        """How its lane stands; None before it has one, and once it is dead."""
        return self.runner.state if hasattr(self, "runner") and not self.dead else None

    def run(self) -> None:
        """Start, and run until the world stops this loop. Raises Killed where a failpoint kills it."""
        self.loop.call_soon(self._start)
        self.loop.run_forever()
        if self._error is not None:
            raise self._error

    def _start(self) -> None:
        world, draw = self.world, self.world.draw
        clock = LaneClock(world.time, world.wall_offset_s)
        self.journal = SimulatedJournal(world.disk, self.writer, clock.utc)
        self.scan_clock = _ScanClock(world, lambda: self.runner)
        barrier = ProvedBarrier(
            self.line, TIMEOUT_S, clock=self.scan_clock, on_inputs=self._scanned, map=world.map, poll_ms=POLL_MS
        )
        asking = LaneClearance(
            key=world.signers.keys[world.profile.lane],
            policies=world.authorities.policies,
            epoch=self.journal.epoch,
            config_hash="0" * 64,
            model_hash="1" * 64,
            clock=clock,
        )
        world.cameras.box = self
        world.keysets.booted(clock)
        self.desk = _desk(world, clock)
        self.runner = LaneRunner(
            world.profile,
            LaneParts(clock, self.journal, barrier, world.cameras, asking, self.telemetry, self.desk, world),
            self._step,
        )
        self.journal.on_failure = self.runner.journal_lost
        self.link = _Link(
            _SETTINGS,
            site=world.profile.site,
            lane=world.profile.lane,
            authorities=[one.id for one in world.profile.authorities],
            keyset=world.keyset,
            clock=clock,
            on_grant=asking.on_grant,
            on_refused=asking.on_refused,
        )
        self.link.blame = world.judge.blame
        self.link.carry = world.authorities.receive
        asking.link, asking.take = self.link, self.runner.take
        self.referrals = ReferralDesk(
            self.link, keyset=world.keyset, clock=clock, take=self.runner.take, on_refused=asking.on_refused
        )
        if self.desk is not None:
            self.desk.attach(self.link, take=self.runner.take, on_refused=asking.on_refused)
        self._recover(clock)
        if world.profile.offline is not None:
            quality = TimeQuality(clock, self.take)
            asking.vouch = quality.vouch
            self.keep(quality.run())
        supervisor = Supervisor(
            barrier,
            clock=clock,
            jitter=draw.random,
            on_lost=self.runner.device_lost,
            on_back=self.runner.device_back,
        )
        self.keep(supervisor.run())

    def keep(self, running: Coroutine[Any, Any, None]) -> None:
        """Run something as long as this process lives."""
        self._tasks.append(self.loop.create_task(running))

    def _recover(self, clock: LaneClock) -> None:
        """What the last life left, read twice, begins this one."""
        world, draw, now_ms = self.world, self.world.draw, clock.now_ms()
        found = recover(self.journal.records(world.profile.lane, from_last="boot"))
        again = recover(self.journal.records(world.profile.lane, from_last="boot"))
        world.judge.recovered(found == again)
        failpoints.hit("recovery_read")
        self.runner.take(
            Started(
                now_ms, f"{draw.getrandbits(64):016x}", f"{draw.getrandbits(256):064x}", found.passages,
                found.unfinished, found.unfinished_authority, False, found.mode, found.unfinished_drill,
                referrals=found.referrals,
                offline_uses=found.offline.uses, offline_passes=found.offline.passes, sequences=found.sequences,
                handed_over=found.handed_over,
            )
        )  # fmt: skip
        failpoints.hit("recovery_appended")
        world.sampling.begin(self, clock)
        world.scale.begin(self)
        world.readers.begin(self)
        world.outages.begin(self, clock)
        world.opening.begin(self, clock)

    def _step(self, before: LaneState, event: Event) -> tuple[LaneState, tuple[Effect, ...]]:
        """The core's step, and the judge beside it."""
        after, effects = core_step.step(before, event)
        if not self.dead:
            self.world.judge.stepped(before, event, after, effects)
            self.world.stepped(before, after)
        return after, effects

    def _scanned(self, inputs: LaneInputs, at_ms: int) -> None:
        self.has_scanned = True
        self.runner.take(InputsSampled(at_ms, inputs))

    def take(self, event: Event) -> None:
        """Hand an event to the lane, if there is one alive."""
        if not self.dead:
            self.runner.take(event)

    def confirm(self, payload: bytes) -> None:
        """Bytes arrived that may be an officer's answer."""
        assert self.desk is not None
        try:
            self.desk.receive(Message("answer", payload))
        except Exception as error:  # noqa: BLE001 - the judge: whatever bytes raise is a violation of I18
            self.world.judge.blame("I18", f"an answer raised {error!r}")

    def report(self, authority: str, payload: bytes, *, retained: bool) -> None:
        """Bytes arrived on a result topic."""
        try:
            self.referrals.receive(authority, Message("result", payload, retained))
        except Exception as error:  # noqa: BLE001 - the judge: whatever bytes raise is a violation of I18
            self.world.judge.blame("I18", f"a word about a referral raised {error!r}")

    def die(self, *, power_cut: bool) -> None:
        """The process is gone: what it still tidies up reaches nothing. Once only."""
        if self.dead:
            return
        self.dead = self.line.dead = True
        self.writer.die(power_cut=power_cut)
        self.loop.set_exception_handler(lambda loop, context: None)
        _end(self.loop)

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        if not self.dead:
            self.world.judge.blame("I18", f"unhandled: {context.get('exception') or context.get('message')!r}")


def _end(loop: VirtualLoop) -> None:
    """Cancel what is left of a dead process, without a moment passing in the world."""
    for _ in range(20):
        if not (left := asyncio.all_tasks(loop)):
            break
        for task in left:
            task.cancel()
        for _ in range(4):
            loop.call_soon(loop.stop)
            loop.run_forever()
    loop.close()


def default_map(*, registers: bool, hardware_pulse: bool, lamps: bool) -> BarrierMap:
    """One of the maps that sites have."""
    from drivers.barrier_modbus.wire import InputPoint, Registers

    kept = Registers() if registers else Registers(None, None, None, None)
    plain = BarrierMap(registers=kept, hardware_pulse=hardware_pulse)
    if not lamps:
        return plain
    fed_back = (InputPoint("red_lamp_on", 12), InputPoint("green_lamp_on", 13))
    return replace(plain, inputs=(*plain.inputs, *fed_back))
