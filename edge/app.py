"""The composition root: the only module that names concrete drivers. Builds every lane of a configuration."""

import asyncio
import contextlib
import gc
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from config import devices
from config.schema import Authority, Configuration, Lane
from drivers.barrier_modbus.driver import ModbusBarrier
from drivers.barrier_modbus.wire import BarrierMap, Coils, InputPoint, PulseCoils, Registers
from drivers.camera_http.driver import HttpCamera, HttpCameraSettings
from drivers.uhf_r2000.driver import R2000Reader
from edge.clearance.authority_link import ClearanceLink
from edge.clearance.confirm_desk import ConfirmDesk
from edge.clearance.desk import ReferralDesk
from edge.clearance.door import GrantDoor
from edge.clearance.keys import key_id_of, load_private_key
from edge.clearance.keyset import Environment
from edge.clearance.lane_clearance import LaneClearance
from edge.clearance.time_quality import TimeQuality
from edge.clearance.trust import Trust
from edge.connections import clearance_link, lane_feeds, lane_telemetry
from edge.core.events import Event, InputsSampled
from edge.core.profile import LaneProfile
from edge.field_policy import FIELD_POLICIES, FieldPolicy
from edge.guarding import check_lane_key, check_manifest, opening_hours, security_watch
from edge.log import logger
from edge.ports import Device
from edge.profiles import lane_profile
from edge.reloading import Reloading
from edge.runtime import failpoints
from edge.runtime.captures import LaneCaptures
from edge.runtime.checkpoints import Checkpoints
from edge.runtime.clock import LoopClock
from edge.runtime.control import ControlServer
from edge.runtime.evidence import EvidenceLimits, EvidenceStore
from edge.runtime.journal import Journal, JournalError
from edge.runtime.lane_runner import LaneParts, LaneRunner
from edge.runtime.lane_service import LaneService
from edge.runtime.loop_watch import LoopWatch
from edge.runtime.notes import append_note
from edge.runtime.notify import ServiceManager, tell_manager
from edge.runtime.shared_tags import SharedTags
from edge.runtime.site_secret import site_secret
from edge.runtime.starts import Starts
from edge.runtime.supervisor import keep_going
from edge.runtime.upkeep import Upkeep
from models.recogniser import WorkerRecogniser
from models.registry import REGISTRY_PATH

# Pictures of a passage are kept at least this long, whatever the quota says.
EVIDENCE_MINIMUM_S = 24 * 3600.0
_ENDING = (signal.SIGTERM, signal.SIGINT)
_DAY_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Box:
    """What the lanes of one box share."""

    configuration: Configuration
    clock: LoopClock
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
) -> bool:
    """Run every lane until SIGTERM or SIGINT, then let what moves come to rest; True where it shall begin anew.

    With `path`, the file of the configuration, it takes a changed one at SIGHUP or `kakou reload`, at a moment without
    vehicles. `refused` is why the one that it should have begun with was not taken.
    Raises FailpointError, ManifestError, JournalError, KeyFileError or KeysetError where it cannot start: nothing was
    opened then.
    """
    failpoints.arm(os.environ, simulated=all(lane.simulated for lane in configuration.lanes))
    manager = manager or ServiceManager()
    async with _open_box(configuration, config_hash) as box, contextlib.AsyncExitStack() as ending:
        starts = Starts(configuration.state_dir / "starts.json")
        box = replace(box, failed_starts=starts.begin())
        lanes = [build_lane(box, lane) for lane in configuration.lanes]
        runners = {lane.runner.state.profile.lane: lane.runner for lane in lanes}
        box.journal.on_failure = lambda error: _tell_all(runners, error)
        desks = {lane.runner.state.profile.lane: lane.handheld for lane in lanes if lane.handheld is not None}
        stop, told = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in _ENDING:
            loop.add_signal_handler(number, _end, manager, told, stop)
        reloading = None
        if path is not None:
            admit = partial(_admit, box)
            reloading = Reloading(path, config_hash, lanes, digest=hash_of, admit=admit, take=stop.set, refused=refused)
        control = ControlServer(
            configuration.control_socket_path, runners, desks, None if reloading is None else reloading.look
        )
        await control.start()
        # What start-up made lives as long as the process: the collector need not look at it while a truck waits.
        gc.collect()
        gc.freeze()
        ending.enter_context(LoopWatch())
        try:
            await _run(box, lanes, stop, [tell_manager(manager, runners), starts.run(box.clock)])
            starts.well()
        finally:
            await control.close()
            if reloading is not None:
                await reloading.close()
    # From here on nothing is open any more, and such a signal ends the process by itself.
    for number in _ENDING:
        loop.remove_signal_handler(number)
    return reloading is not None and reloading.due and not told.is_set()


async def _run(
    box: Box, lanes: Sequence[LaneService], stop: asyncio.Event, beside: Sequence[Coroutine[Any, Any, None]]
) -> None:
    """Run the lanes and what runs beside them until `stop` is set and nothing is in motion any more."""
    alarms = [lane.telemetry for lane in lanes]
    upkeep = Upkeep(box.configuration.state_dir, box.journal, box.evidence, box.clock, box.clock.utc, alarms)
    async with asyncio.TaskGroup() as tasks:
        parts = [*(lane.run() for lane in lanes), *beside, keep_going("upkeep", upkeep.run, box.clock)]
        running = [tasks.create_task(part) for part in parts]
        await stop.wait()
        logger().info("stopping")
        await asyncio.gather(*(lane.drain() for lane in lanes))
        for task in running:
            task.cancel()


@contextlib.asynccontextmanager
async def _open_box(configuration: Configuration, config_hash: str) -> AsyncIterator[Box]:
    clock = LoopClock()
    state_dir = configuration.state_dir
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    environments: set[Environment] = {environment_of(lane) for lane in configuration.lanes}
    trust = {one: Trust(configuration.keys_dir, state_dir, environment=one, utc=clock.utc) for one in environments}
    keyset = trust[environment_of(configuration.lanes[0])].current()
    check_manifest(configuration, keyset, config_hash, hash_of(REGISTRY_PATH), clock)
    journal = await Journal.open(state_dir / "journal.sqlite", utc=clock.utc)
    journal.simulated = any(lane.simulated for lane in configuration.lanes)
    limits = EvidenceLimits(
        configuration.evidence.quota_mib << 20, EVIDENCE_MINIMUM_S, configuration.evidence.retention_days * _DAY_S
    )
    evidence = EvidenceStore(state_dir / "evidence", limits, utc=clock.utc)
    recogniser = WorkerRecogniser(workers=configuration.recogniser.workers)
    try:
        await evidence.open()
        if any(lane.cameras for lane in configuration.lanes):
            await recogniser.start()
        yield Box(
            configuration,
            clock,
            journal,
            evidence,
            recogniser,
            SharedTags(clock),
            trust,
            site_secret(state_dir),
            config_hash,
        )
    finally:
        await recogniser.close()
        await evidence.close()
        await journal.close()


def _admit(box: Box, changed: Configuration, digest: str) -> None:
    keyset = box.trust[environment_of(box.configuration.lanes[0])].current()
    check_manifest(changed, keyset, digest, hash_of(REGISTRY_PATH), box.clock)


def build_lane(box: Box, lane: Lane) -> LaneService:
    """Build one lane: its devices, its two connections, its runner."""
    configuration, clock = box.configuration, box.clock
    profile = lane_profile(configuration, lane)
    policies = {one.id: field_policy(one, box.secret) for one in configuration.authorities}
    sources = _Sources()
    barrier = _barrier(lane.barrier, sources, clock)
    captures, watching = _captures(box, lane, profile, sources)
    key = load_private_key(path := configuration.keys_dir / f"lane-{lane.id}.key.pem")
    keyset = box.trust[environment_of(lane)].current
    check_lane_key(path, key_id_of(key.public_key()), keyset(), simulated=lane.simulated)
    checkpoints = Checkpoints(configuration.site, lane.id, key=key, journal=box.journal, clock=clock)
    append_note(box.journal, lane.id, FIELD_POLICIES, {name: policy.rules for name, policy in policies.items()})
    asking = LaneClearance(
        key=key,
        policies=policies,
        epoch=box.journal.epoch,
        config_hash=box.config_hash,
        model_hash=hash_of(REGISTRY_PATH),
        clock=clock,
    )
    telemetry = lane_telemetry(configuration, lane.id, box.journal.outbox, clock, policies)
    asked = lane.handheld
    handheld = None if asked is None else ConfirmDesk(asked.authority, key=key, keyset=keyset, clock=clock)
    runner = sources.runner = LaneRunner(
        profile, LaneParts(clock, box.journal, barrier, captures, asking, telemetry.publisher, handheld)
    )
    door = GrantDoor(asking, clock)
    clearance = asking.link = clearance_link(configuration, lane.id, keyset, clock, door)
    if handheld is not None:
        handheld.attach(clearance, take=runner.take, on_refused=door.on_refused)
    ReferralDesk(clearance, keyset=keyset, clock=clock, take=runner.take, on_refused=door.on_refused)
    watch = security_watch(lane.id, clock, box.journal, clearance.link, telemetry.link, telemetry.publisher)
    door.on_failure, asking.dated = watch.grant_refused, watch.answer_dated
    captures.take = asking.take = runner.take
    captures.shared = box.tags.join(profile, runner.take)
    service = LaneService(
        clock,
        box.journal,
        box.journal.outbox,
        runner,
        [barrier, *watching],
        captures,
        clearance,
        telemetry.publisher,
        telemetry.link,
        [
            ("security_watch", watch.run),
            ("checkpoints", checkpoints.run),
            *_issued(box, lane, asking, clearance, runner.take),
            *opening_hours(lane, runner.take, clock),
        ],
        handheld,
        box.failed_starts,
    )
    clearance.link.on_up, clearance.link.on_down = service.clearance_up, service.clearance_down
    return service


def _issued(
    box: Box, lane: Lane, asking: LaneClearance, clearance: ClearanceLink, take: Callable[[Event], None]
) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    """What looks at the clock of a lane, and at the lists and plans that are issued to it."""
    quality = TimeQuality(box.clock, take)
    asking.vouch = quality.vouch
    keyset = box.trust[environment_of(lane)].current
    feeds = lane_feeds(box.configuration, lane, clearance, keyset, box.clock, take)
    return [("time_quality", quality.run), *((feed.name, feed.run) for feed in feeds)]


def _captures(box: Box, lane: Lane, profile: LaneProfile, sources: "_Sources") -> tuple[LaneCaptures, list[Device]]:
    """The cameras and the reader of a lane, and what triggers them."""
    cameras = {
        camera_profile: HttpCamera(_camera_settings(camera), box.clock)
        for camera, camera_profile in zip(lane.cameras, profile.cameras, strict=True)
    }
    reader = None if lane.tag_reader is None else _reader(lane.tag_reader, sources, box.clock)
    captures = sources.captures = LaneCaptures(
        cameras,
        reader,
        recogniser=box.recogniser.for_lane(lane.id),
        evidence=box.evidence,
        clock=box.clock,
        read_timeout_s=box.configuration.recogniser.deadline_ms / 1000,
    )
    return captures, [*cameras.values(), *([] if reader is None else [reader])]


def _barrier(configured: devices.Barrier, sources: "_Sources", clock: LoopClock) -> ModbusBarrier:
    return ModbusBarrier(
        name=configured.id,
        host=configured.host,
        port=configured.port,
        device_id=configured.device_id,
        map=barrier_map(configured.map),
        poll_ms=configured.poll_ms,
        timeout_s=configured.timeout_ms / 1000,
        clock=clock,
        on_inputs=lambda inputs, at_ms: sources.runner.take(InputsSampled(at_ms, inputs)),
    )


def _reader(configured: devices.TagReader, sources: "_Sources", clock: LoopClock) -> R2000Reader:
    return R2000Reader(
        configured.id,
        configured.port,
        baud=configured.baud,
        antennas=configured.antennas,
        clock=clock,
        on_tag=lambda sighting: sources.captures.tag_sighted(sighting),
    )


class _Sources:
    """Filled in once the lane exists: drivers are built before what they deliver to."""

    runner: LaneRunner
    captures: LaneCaptures


def environment_of(lane: Lane) -> Environment:
    """A lane with simulated devices takes no production key, nor the other way round (I20)."""
    return "simulated" if lane.simulated else "production"


def field_policy(authority: Authority, secret: bytes) -> FieldPolicy:
    """Return what an authority may see."""
    return FieldPolicy(**authority.fields.model_dump(), hash_key=secret)


def barrier_map(configured: devices.ModbusMap) -> BarrierMap:
    """Translate the configured addresses."""
    points = [(name, getattr(configured.signals, name)) for name in type(configured.signals).model_fields]
    return BarrierMap(
        inputs=tuple(InputPoint(name, point.address, point.inverted) for name, point in points if point is not None),
        coils=Coils(**_addresses(configured.coils)),
        registers=Registers(**_addresses(configured.registers)),
        hardware_pulse=configured.hardware_pulse,
        pulse_coils=PulseCoils(**_addresses(configured.pulse_coils)),
        pulse_ms=configured.pulse_ms,
        version=configured.version,
    )


def _addresses(table: devices.CoilMap | devices.RegisterMap | devices.PulseCoilMap) -> dict[str, int]:
    return {name: getattr(table, name) for name in type(table).model_fields}


def _camera_settings(camera: devices.Camera) -> HttpCameraSettings:
    return HttpCameraSettings(
        camera.id,
        camera.url,
        camera.mode,
        user=camera.user,
        password_file=camera.password_file,
        frame_stale_s=camera.frame_stale_ms / 1000,
        poll_interval_s=camera.poll_ms / 1000,
    )


def hash_of(path: Path) -> str:
    """Return the SHA-256 (hex) of a configuration file, which every request quotes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _end(manager: ServiceManager, *events: asyncio.Event) -> None:
    manager.say("STOPPING=1")
    for event in events:
        event.set()


def _tell_all(runners: Mapping[str, LaneRunner], error: JournalError) -> None:
    for runner in runners.values():
        runner.journal_lost(error)
