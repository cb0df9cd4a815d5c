"""The product's own path under a stopwatch: the controller as a site runs it, every device on its real wire.

The clock starts right before the tag's frame is written on the pty and stops when the barrier module has executed
the raise coil. Each passage is driven to its end before the next.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.clearance.keys import create_keys
from edge.runtime.control import ControlError, ask
from simulators.bench_broker import MeasuredBroker
from simulators.bench_process import BenchError, BenchProcess
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_r2000 import R2000Simulator
from simulators.vehicle import Truck
from simulators.world import Geometry, Pace, World

SITE, LANE, AUTHORITY = "bench", "lane-1", "customs"
EPC = "E2801160600002064B6C1F4A"
_READY_TIMEOUT_S = 60.0
_PASSAGE_TIMEOUT_S = 30.0
_STATUS_PERIOD_S = 0.2
_CONFIG = """\
site: {site}
state_dir: state
keys_dir: keys
broker: {{host: {host}, port: {port}, mqtt_version: "5"}}
authorities:
  - {{id: {authority}}}
lanes:
  - id: {lane}
    direction: in
    simulated: true
    barrier: {{id: barrier, host: 127.0.0.1, port: {barrier_port}}}
    tag_reader: {{id: tag-reader, port: "{reader}"}}
    must_match: [tag]
    timing: {{arrival_debounce_ms: 0}}
"""


class Stopwatch:
    """One passage's times, nanoseconds of the monotonic clock; 0 while not reached."""

    def __init__(self) -> None:
        self.tag_ns = 0
        self.raised_ns = 0


class _TimedReader(R2000Simulator):
    """Notes when the first frame after `armed` is written."""

    armed: Stopwatch | None = None

    def write(self, data: bytes) -> None:
        watch, self.armed = self.armed, None
        if watch is not None:
            watch.tag_ns = time.monotonic_ns()
        super().write(data)


class _TimedBarrier(BarrierSimulator):
    """Notes when the raise coil was executed."""

    watch: Stopwatch | None = None

    def write_coil(self, address: int, value: bool) -> None:
        super().write_coil(address, value)
        if value and address == self.map.coils.raise_boom and self.watch is not None:
            self.watch.raised_ns = time.monotonic_ns()


class OwnLane:
    """A lane with a barrier and a tag reader alone. `closed` is set once the last truck is gone and the boom down.

    `epc` is the tag of all its trucks, `drive_through_s` the time from the stop line until the lane is empty.
    """

    def __init__(self, folder: Path, *, epc: str = EPC, drive_through_s: float = 0.3) -> None:
        loop = asyncio.get_running_loop()
        self._epc = epc

        def now_ms() -> int:
            return int(loop.time() * 1000)

        self.plant = Plant(now_ms, stroke_s=0.1)
        # The tag comes into the field a moment after the loop: what an arrival causes is over by then (not debounced).
        geometry = Geometry(tag_field=(10.9, 14.0))
        pace = Pace(drive_in_s=0.4, drive_through_s=drive_through_s)
        self.world = World(self.plant, now_ms, geometry=geometry, pace=pace)
        self.barrier = _TimedBarrier(self.plant, refresh=self._refresh)
        self.reader = _TimedReader(self._tags, symlink=folder / "tag-reader")
        self.closed = asyncio.Event()
        self._untimed: Stopwatch | None = None

    async def start(self) -> None:
        """Open both ports."""
        await self.barrier.start()
        await self.reader.start()

    async def stop(self) -> None:
        """Close both ports."""
        await self.reader.stop()
        await self.barrier.stop()

    def arrive(self, number: int) -> Stopwatch:
        """Let a truck come; returns the stopwatch of its passage."""
        watch = self._untimed = self.barrier.watch = Stopwatch()
        self.closed.clear()
        self.world.arrive(Truck(f"truck-{number}", tag_epc=self._epc))
        return watch

    def _tags(self) -> list[SimulatedTag]:
        tags = [SimulatedTag(epc) for epc in self.world.tags_in_field()]
        if tags:
            self.reader.armed, self._untimed = self._untimed, None
        return tags

    def _refresh(self) -> None:
        self.world.advance()
        if self.world.empty and self.plant.signals()["boom_down"]:
            self.closed.set()


class OwnBox:
    """The controller, its lane and its authority, running."""

    def __init__(self, folder: Path, lane: OwnLane, authority: BenchProcess) -> None:
        self._control = folder / "state" / "control.sock"
        self._lane = lane
        self._authority = authority
        self._number = 0

    async def ready(self) -> None:
        """Wait until the lane is proved closed and lost nothing. Raises BenchError."""
        status: dict[str, Any] = {}
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                while status.get("phase") != "idle" or status["lost_devices"]:
                    await asyncio.sleep(_STATUS_PERIOD_S)
                    status = await self._status()
        except TimeoutError as error:
            raise BenchError(
                f"lane_not_ready: expected an idle lane in {_READY_TIMEOUT_S:g} s, got {status}"
            ) from error

    async def passage(self) -> Stopwatch:
        """Drive one truck through. Raises BenchError where it is not let in."""
        self._number += 1
        watch = self._lane.arrive(self._number)
        try:
            async with asyncio.timeout(_PASSAGE_TIMEOUT_S):
                await self._lane.closed.wait()
        except TimeoutError as error:
            status = await self._status()
            raise BenchError(f"passage_stuck: expected a closed lane behind the truck, got {status}") from error
        return watch

    async def answered_ns(self) -> list[int]:
        """End the authority; returns when it answered each request."""
        marks: list[int] = json.loads(await self._authority.end() or "[]")
        return marks

    async def _status(self) -> dict[str, Any]:
        try:
            answer = await ask(self._control, {"verb": "status"})
        except ControlError:
            return {}
        status: dict[str, Any] = answer["lanes"][0]
        return status


@contextlib.asynccontextmanager
async def open_own(folder: Path, broker: MeasuredBroker) -> AsyncIterator[OwnBox]:
    """Start everything in `folder` and wait until a truck may come. Raises BenchError, OSError."""
    async with contextlib.AsyncExitStack() as stack:
        lane = OwnLane(folder)
        await lane.start()
        stack.push_async_callback(lane.stop)
        settings = folder / "authority.json"
        settings.write_text(json.dumps(write_authority(folder, broker, [LANE])), encoding="utf-8")
        authority = await BenchProcess.start(folder / "authority.log", "simulators.bench_authority", str(settings))
        stack.push_async_callback(authority.stop)
        await authority.line()
        config = folder / "kakou.yaml"
        config.write_text(_config(lane, broker), encoding="utf-8")
        controller = await BenchProcess.start(folder / "controller.log", "edge.cli", "run", str(config))
        stack.push_async_callback(controller.stop)
        box = OwnBox(folder, lane, authority)
        await box.ready()
        yield box


def write_authority(folder: Path, broker: MeasuredBroker, lanes: list[str]) -> dict[str, Any]:
    """Make the keys of a site in `folder`; returns what the authority's process is told."""
    now = datetime.now(UTC)
    keys = create_keys(
        folder / "keys", site=SITE, lanes=lanes, authorities=[AUTHORITY], environment="simulated", now_utc=now
    )
    files = {"root": keys.root_public, "keyset": keys.keyset, "key": keys.authorities[AUTHORITY]}
    names = {name: str(path) for name, path in files.items()}
    return {"host": broker.host, "port": broker.port, "site": SITE, "authority": AUTHORITY, **names}


def _config(lane: OwnLane, broker: MeasuredBroker) -> str:
    return _CONFIG.format(
        site=SITE,
        host=broker.host,
        port=broker.port,
        authority=AUTHORITY,
        lane=LANE,
        barrier_port=lane.barrier.port,
        reader=lane.reader.path,
    )
