"""The composition root: builds every lane of a configuration, its devices by `edge.registry`."""

import asyncio
import contextlib
import gc
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

from config.schema import Authority, Configuration, Lane
from edge import registry
from edge.bringup.standing import check_bringup
from edge.clearance.authority_link import ClearanceLink
from edge.clearance.confirm_desk import ConfirmDesk
from edge.clearance.desk import ReferralDesk
from edge.clearance.door import GrantDoor
from edge.clearance.feeds import IssuedFeed
from edge.clearance.key_types import PrivateKey
from edge.clearance.keys import key_id_of, load_private_key
from edge.clearance.keyset import Environment, Keyset
from edge.clearance.lane_clearance import LaneClearance
from edge.clearance.time_quality import TimeQuality
from edge.clearance.trust import Trust
from edge.connections import LaneTelemetry, clearance_link, lane_feeds, lane_telemetry, picture_access, picture_service
from edge.core.events import Event
from edge.core.step import step
from edge.device_lock import devices_held
from edge.field_policy import FIELD_POLICIES, FieldPolicy
from edge.guarding import (
    check_box,
    check_lane_key,
    check_manifest,
    clock_behind,
    end_watch,
    fault_watch,
    note_start,
    opening_hours,
    security_watch,
)
from edge.hardware import fingerprints
from edge.lane_devices import Sources, captures_of, recorders_of, signs_of, telling_of
from edge.log import logger
from edge.profiles import lane_profile
from edge.reloading import Reloading
from edge.runtime import failpoints
from edge.runtime.checkpoints import Checkpoints
from edge.runtime.clock import LoopClock
from edge.runtime.clock_memory import ClockMemory
from edge.runtime.control import ControlServer
from edge.runtime.end_watch import EndWatch
from edge.runtime.evidence import EvidenceLimits, EvidenceStore
from edge.runtime.journal import Journal, JournalError
from edge.runtime.lane_runner import LaneParts, LaneRunner
from edge.runtime.lane_service import LaneService
from edge.runtime.loop_watch import LoopWatch
from edge.runtime.notes import append_note
from edge.runtime.notify import ServiceManager, tell_manager
from edge.runtime.shared_tags import SharedTags
from edge.runtime.site_secret import site_secret
from edge.runtime.spare import SpareDescriptors
from edge.runtime.starts import Starts
from edge.runtime.supervisor import keep_going
from edge.runtime.upkeep import Upkeep
from edge.shadowing import lane_shadows
from edge.sounding import lane_siren, watches_of
from edge.times import NEVER
from models.recogniser import WorkerRecogniser
from models.registry import ModelError, registry_hash

# Pictures of a passage are kept at least this long, whatever the quota says.
EVIDENCE_MINIMUM_S = 24 * 3600.0
_ENDING = (signal.SIGTERM, signal.SIGINT)
_DAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Box:
    """What the lanes of one box share."""

    configuration: Configuration
    clock: LoopClock
    memory: ClockMemory
    journal: Journal
    evidence: EvidenceStore
    recogniser: WorkerRecogniser
    tags: SharedTags
    trust: dict[Environment, Trust]
    secret: bytes
    config_hash: str
    failed_starts: int = 0


async def serve(
    configuration: Configuration,
    *,
    config_hash: str,
    manager: ServiceManager | None = None,
    path: Path | None = None,
    refused: str = "",
    clock: Callable[[], LoopClock] = LoopClock,
) -> bool:
    """Run every lane until SIGTERM or SIGINT, then let what moves come to rest; True where it shall begin anew.

    With `path`, the file of the configuration, it takes a changed one at SIGHUP or `kakou reload`, at a moment without
    vehicles. `refused` is why the one that it should have begun with was not taken. `clock` makes that of the loop.
    Raises BringupError, DevicesHeldError, FailpointError, HardwareError, ManifestError, JournalError, KeyFileError,
    KeysetError or PackageError where it cannot start: nothing was opened then.
    """
    failpoints.arm(os.environ, simulated=all(lane.simulated for lane in configuration.lanes))
    manager = manager or ServiceManager()
    async with _open_box(configuration, config_hash, clock) as box, contextlib.AsyncExitStack() as ending:
        ending.enter_context(devices_held(configuration.state_dir))
        # Again, for a trial may have ended since; from here on there is none.
        brought_up = check_bringup(configuration)
        stop, told = _told_to_end(manager)
        starts = Starts(configuration.state_dir / "starts.json")
        box = replace(box, failed_starts=await starts.begin_in_turn(box.clock, stop))
        if stop.is_set():
            return _end_by_signals()
        note_start(box.journal, configuration, brought_up)
        lanes = [build_lane(box, lane) for lane in configuration.lanes]
        runners = {lane.runner.state.profile.lane: lane.runner for lane in lanes}
        box.journal.on_failure = lambda error: _tell_all(runners, error)
        desks = {lane.runner.state.profile.lane: lane.handheld for lane in lanes if lane.handheld is not None}
        reloading = None
        if path is not None:
            admit = partial(_admit, box)
            reloading = Reloading(path, config_hash, lanes, digest=hash_of, admit=admit, take=stop.set, refused=refused)
        look = None if reloading is None else reloading.look
        ends = {lane.runner.state.profile.lane: lane.ends for lane in lanes if lane.ends is not None}
        recorders = recorders_of(box, lanes)
        alarms = {lane.runner.state.profile.lane: lane.telemetry.alarms for lane in lanes}
        control = ControlServer(configuration.control_socket_path, runners, desks, look, ends, alarms, recorders)
        await control.start()
        # What start-up made lives as long as the process: the collector need not look at it while a truck waits.
        gc.collect()
        gc.freeze()
        ending.enter_context(LoopWatch())
        try:
            telling = [lane.telemetry for lane in lanes]
            pictures = picture_service(configuration, box.evidence, box.secret, box.clock, telling)
            await _run(box, lanes, stop, [tell_manager(manager, runners), starts.run(box.clock), *pictures])
            starts.well()
        finally:
            await control.close()
            for one in recorders.values():
                one.close()
            if reloading is not None:
                await reloading.close()
    # From here on nothing is open any more, and such a signal ends the process by itself.
    _end_by_signals()
    return reloading is not None and reloading.due and not told.is_set()


async def _run(
    box: Box, lanes: Sequence[LaneService], stop: asyncio.Event, beside: Sequence[Coroutine[Any, Any, None]]
) -> None:
    """Run the lanes and what runs beside them until `stop` is set and nothing is in motion any more."""
    alarms = [lane.telemetry for lane in lanes]
    state_dir, kept = box.configuration.state_dir, timedelta(days=box.configuration.evidence.retention_days)
    upkeep = Upkeep(state_dir, box.journal, box.evidence, box.clock, box.memory, alarms, kept)
    async with asyncio.TaskGroup() as tasks:
        parts = [*(lane.run() for lane in lanes), *beside, keep_going("upkeep", upkeep.run, box.clock)]
        running = [tasks.create_task(part) for part in parts]
        await stop.wait()
        logger().info("stopping")
        await asyncio.gather(*(lane.drain() for lane in lanes))
        for task in running:
            task.cancel()


@contextlib.asynccontextmanager
async def _open_box(
    configuration: Configuration, config_hash: str, make_clock: Callable[[], LoopClock] = LoopClock
) -> AsyncIterator[Box]:
    clock = make_clock()
    state_dir = configuration.state_dir
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    check_box(configuration, fingerprints())
    environments: set[Environment] = {environment_of(lane) for lane in configuration.lanes}
    memory = ClockMemory(state_dir, clock.utc)
    trusting = partial(Trust, configuration.keys_dir, state_dir, utc=clock.utc, known=memory.known)
    trust = {one: trusting(environment=one) for one in environments}
    # A person opens by hand with any clock: the lanes start.
    keyset = replace(trust[environment_of(configuration.lanes[0])].current(), known=NEVER)
    check_manifest(configuration, keyset, config_hash, registry_hash(), clock)
    # Before the lock on the devices: a service that tries again and again is not in the way of who brings them up.
    check_bringup(configuration)
    journal = await Journal.open(state_dir / "journal.sqlite", utc=clock.utc)
    journal.simulated = any(lane.simulated for lane in configuration.lanes)
    limits = EvidenceLimits(
        configuration.evidence.quota_mib << 20, EVIDENCE_MINIMUM_S, configuration.evidence.retention_days * _DAY_S
    )
    evidence = EvidenceStore(state_dir / "evidence", limits, utc=clock.utc)
    recogniser = WorkerRecogniser(workers=configuration.recogniser.workers, told=_tell_model)
    spares = SpareDescriptors()
    try:
        spares.keep()
        await evidence.open()
        if any(lane.every_camera for lane in configuration.lanes):
            await recogniser.start()
        yield Box(
            configuration,
            clock,
            memory,
            journal,
            evidence,
            recogniser,
            SharedTags(clock),
            trust,
            site_secret(state_dir),
            config_hash,
        )
    finally:
        spares.close()
        await recogniser.close()
        await evidence.close()
        await journal.close()


def _tell_model(error: ModelError) -> None:
    """The lanes start without it and hold: every picture is unread."""
    logger().error("model_refused", code=error.code, cause=error.got)


def _admit(box: Box, changed: Configuration, digest: str) -> None:
    keyset = box.trust[environment_of(box.configuration.lanes[0])].current()
    check_manifest(changed, keyset, digest, registry_hash(), box.clock)
    check_bringup(changed)


def _lane_key(path: Path, keyset: Keyset, lane: Lane) -> PrivateKey:
    key = load_private_key(path)
    check_lane_key(path, key_id_of(key.public_key()), keyset, simulated=lane.simulated)
    return key


def build_lane(box: Box, lane: Lane) -> LaneService:
    """Build one lane: its devices, its two connections, its runner."""
    configuration, clock = box.configuration, box.clock
    profile = lane_profile(configuration, lane)
    policies = {one.id: field_policy(one, box.secret) for one in configuration.authorities}
    sources = Sources()
    barrier = registry.build(registry.BARRIER, lane.barrier, clock, sources.inputs_read)
    captures, watching = captures_of(box, lane, profile, sources)
    telling = telling_of(box, lane, sources)
    signs, showing = signs_of(box, lane)
    keyset = box.trust[environment_of(lane)].current
    key = _lane_key(configuration.keys_dir / f"lane-{lane.id}.key.pem", keyset(), lane)
    checkpoints = Checkpoints(configuration.site, lane.id, key=key, journal=box.journal, clock=clock)
    append_note(box.journal, lane.id, FIELD_POLICIES, {name: policy.rules for name, policy in policies.items()})
    asking = _asking(box, key, policies)
    telemetry = lane_telemetry(configuration, lane.id, box.journal.outbox, clock, policies, keyset)
    asked = lane.handheld
    handheld = None if asked is None else ConfirmDesk(asked.authority, key=key, keyset=keyset, clock=clock)
    siren = lane_siren(lane, barrier, telemetry.publisher, clock)
    parts = LaneParts(clock, box.journal, barrier, captures, asking, telemetry.publisher, handheld, signs)
    shadows = lane_shadows(box, lane)
    runner = sources.runner = LaneRunner(profile, parts, step if shadows is None else shadows.step)
    door = GrantDoor(asking, clock)
    clearance = asking.link = clearance_link(configuration, lane.id, keyset, clock, door)
    if handheld is not None:
        handheld.attach(clearance, take=runner.take, on_refused=door.on_refused)
    ReferralDesk(clearance, keyset=keyset, clock=clock, take=runner.take, on_refused=door.on_refused)
    behind = partial(clock_behind, clock, keyset, box.memory)
    watch = security_watch(lane.id, clock, box.journal, clearance.link, telemetry.link, telemetry.publisher, behind)
    door.on_failure, asking.dated, asking.take = watch.grant_refused, watch.answer_dated, runner.take
    runner.on_report = watch.reported
    captures.take, captures.shared = runner.take, box.tags.join(profile, runner.take)
    feeds = lane_feeds(configuration, lane, clearance, keyset, clock, runner.take)
    service = LaneService(
        clock,
        box.journal,
        box.journal.outbox,
        runner,
        [barrier, *watching, *telling, *showing],
        captures,
        clearance,
        telemetry.publisher,
        telemetry.link,
        [
            ("security_watch", watch.run),
            ("barrier_faults", fault_watch(barrier, runner, clock, box.journal, telemetry.publisher).run),
            ("checkpoints", checkpoints.run),
            ("time_quality", _time_quality(asking, box, runner.take)),
            *((feed.name, feed.run) for feed in feeds),
            *watches_of(siren, runner),
            *opening_hours(lane, runner.take, clock),
            *signs.watches,
        ],
        handheld,
        box.failed_starts,
        _ends(box, lane, clearance, telemetry, feeds),
        shadows,
    )
    clearance.link.on_up, clearance.link.on_down = service.clearance_up, service.clearance_down
    return service


def _asking(box: Box, key: PrivateKey, policies: Mapping[str, FieldPolicy]) -> LaneClearance:
    return LaneClearance(
        key=key,
        policies=policies,
        epoch=box.journal.epoch,
        config_hash=box.config_hash,
        model_hash=registry_hash(),
        clock=box.clock,
        pictures=picture_access(box.configuration, box.secret),
    )


def _time_quality(asking: LaneClearance, box: Box, take: Callable[[Event], None]) -> Callable[[], Awaitable[None]]:
    quality = TimeQuality(box.clock, take, box.memory.vouched)
    asking.vouch = quality.vouch
    return quality.run


def _ends(
    box: Box, lane: Lane, clearance: ClearanceLink, telemetry: LaneTelemetry, feeds: Sequence[IssuedFeed[Any]]
) -> EndWatch:
    return end_watch(
        box.configuration,
        lane.id,
        clock=box.clock,
        journal=box.journal,
        keyset=box.trust[environment_of(lane)].current,
        feeds=feeds,
        links=[clearance.link, telemetry.link],
        alarms=telemetry.publisher,
    )


def environment_of(lane: Lane) -> Environment:
    """A lane with simulated devices takes no production key, nor the other way round (I20)."""
    return "simulated" if lane.simulated else "production"


def field_policy(authority: Authority, secret: bytes) -> FieldPolicy:
    """Return what an authority may see."""
    return FieldPolicy(**authority.fields.model_dump(), hash_key=secret)


def hash_of(path: Path) -> str:
    """Return the SHA-256 (hex) of a configuration file, which every request quotes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _told_to_end(manager: ServiceManager) -> tuple[asyncio.Event, asyncio.Event]:
    """Listen for the signals to end; returns what they set: to stop, and that it was they who said so."""
    stop, told = asyncio.Event(), asyncio.Event()
    for number in _ENDING:
        asyncio.get_running_loop().add_signal_handler(number, _end, manager, told, stop)
    return stop, told


def _end_by_signals() -> Literal[False]:
    """Let such a signal end the process again; a controller that it was told by does not begin anew."""
    for number in _ENDING:
        asyncio.get_running_loop().remove_signal_handler(number)
    return False


def _end(manager: ServiceManager, *events: asyncio.Event) -> None:
    manager.say("STOPPING=1")
    for event in events:
        event.set()


def _tell_all(runners: Mapping[str, LaneRunner], error: JournalError) -> None:
    for runner in runners.values():
        runner.journal_lost(error)
