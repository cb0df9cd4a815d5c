"""`kakou bench lanes`: many lanes in one control process, recognition on, each truck under a stopwatch.

A truck's time is the product's own share of trigger to open: from the last thing that the lane had to wait for (the
tag's frame on the pty, or the picture's reading, whose time the journal keeps in whole milliseconds, rounded down) to
the raise coil. The floor (`bench_floor`) releases as if it were one lane more, once a period and as long after a truck
as every other truck: trips one right after the other find everything still in the processor's caches, which no truck
that comes after ten seconds does.
Recognition is told apart. Memory and processor time are the control process's; its camera and recognition workers are
counted beside it.
"""

import asyncio
import contextlib
import itertools
import json
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.runtime.control import ControlError, ask
from simulators.bench_broker import MeasuredBroker
from simulators.bench_journal import PassageTimes, held_reasons, passage_times
from simulators.bench_overhead import WARM_UP, Floor, open_floor, spent_ms
from simulators.bench_own import AUTHORITY, SITE, OwnLane, Stopwatch, write_authority
from simulators.bench_process import BenchError, BenchProcess
from simulators.bench_usage import Usage, usage_of
from simulators.devices.camera import CameraSimulator
from simulators.scene import encode_jpeg, render_front, vary

WORKERS = 2
_TOGGLE_MS = 160
_PLATE = ("京A12345", "blue")
# Many lanes' loops are late on a loaded machine: a truck that leaves faster than its edges are seen is no truck.
_DRIVE_THROUGH_S = 1.5
_PICTURES = 16
_READY_TIMEOUT_S = 180.0
_PASSAGE_TIMEOUT_S = 30.0
_STATUS_PERIOD_S = 0.5
_HEAD = """\
site: {site}
state_dir: state
keys_dir: keys
broker: {{host: {host}, port: {port}, mqtt_version: "5"}}
recogniser: {{workers: {workers}, deadline_ms: 8000}}
authorities:
  - {{id: {authority}}}
lanes:
"""
_LANE = """\
  - id: {lane}
    direction: in
    simulated: true
    barrier: {{id: barrier-{lane}, host: 127.0.0.1, port: {barrier_port}}}
    cameras:
      - {{id: front-{lane}, url: "{camera}", place: front, reads: [plate], poll_ms: 2000,
         frames_needed: 1, frames_max: 1}}
    tag_reader: {{id: tag-{lane}, port: "{reader}"}}
    must_match: [tag]
    timing: {{identify_ms: 12000, arrival_debounce_ms: 0}}
"""


class _StillCamera(CameraSimulator):
    """One truck in many encodings, made beforehand: drawing must not take the processor from what is measured."""

    def __init__(self, pictures: Sequence[bytes]) -> None:
        super().__init__(lambda: None)
        self._pictures = itertools.cycle(pictures)

    async def next_picture(self) -> bytes:
        return next(self._pictures)


class BenchLane(OwnLane):
    """Lane `number` of a box, with a barrier, a tag reader and a camera.

    Its tag is its own: one that two lanes see within seconds is nobody's (hazard D10), and holds both trucks.
    """

    def __init__(self, number: int, folder: Path, pictures: Sequence[bytes]) -> None:
        self.name = f"lane-{number}"
        (folder / self.name).mkdir()
        super().__init__(folder / self.name, epc=f"E28011606000{number:012X}", drive_through_s=_DRIVE_THROUGH_S)
        self.camera = _StillCamera(pictures)
        self.watches: list[Stopwatch] = []
        self.held = 0

    async def start(self) -> None:
        """Open every port."""
        await super().start()
        await self.camera.start()

    async def stop(self) -> None:
        """Close every port."""
        await self.camera.stop()
        await super().stop()

    async def passages(self, count: int, period_s: float, wait_s: float) -> None:
        """Let `count` trucks through, one every `period_s`, after `wait_s`. Raises BenchError."""
        loop = asyncio.get_running_loop()
        due_s = loop.time() + wait_s
        for number in range(count):
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            due_s = max(due_s, loop.time()) + period_s
            watch = self.arrive(number)
            if await self._closes(_PASSAGE_TIMEOUT_S) and watch.raised_ns:
                self.watches.append(watch)
                continue
            # Held, as by a device that did not answer in time: its driver backs out, and the next one comes.
            self.held += 1
            if not self.world.empty:
                self.world.turn_back()
            if watch.raised_ns or not await self._closes(_PASSAGE_TIMEOUT_S):
                raise BenchError(f"passage_stuck: {self.name}: expected a closed lane behind the truck, got none")

    async def _closes(self, limit_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self.closed.wait()
        return self.closed.is_set()

    def flood(self) -> None:
        """From now on vehicles come and go as fast as the lane takes for no chatter of the loop."""
        self.barrier.refresh = self._toggle

    def calm(self) -> None:
        """No vehicles come any more."""
        self.plant.set_signals({"arrival_loop": False})
        self.barrier.refresh = self._refresh

    def _toggle(self) -> None:
        self.plant.advance()
        self.plant.set_signals({"arrival_loop": self.plant.now_ms() // _TOGGLE_MS % 2 == 1})


@dataclass(frozen=True, slots=True)
class Measured:
    """One size, measured. Times in milliseconds, processor in percent of one core; `held`: trucks not let in."""

    lanes: int
    own_ms: tuple[float, ...]
    floor_ms: tuple[float, ...]
    times: tuple[PassageTimes, ...]
    seconds: float
    before: Usage
    after: Usage
    loop_lag: dict[str, float]
    held: int = 0
    held_reasons: Counter[str] = field(default_factory=Counter)
    # The same as `loop_lag`, of a process beside it that does nothing else.
    idle_lag: dict[str, float] = field(default_factory=lambda: {"p99_ms": 0.0})

    def as_json(self) -> dict[str, Any]:
        """The published figures of one size."""
        own, floor = statistics.median(self.own_ms), statistics.median(self.floor_ms)
        reading = [one.reading_ms for one in self.times]
        whole = [one.reading_ms / one.total_ms for one in self.times]
        cpu = 100 * (self.after.cpu_s - self.before.cpu_s) / self.seconds
        workers = 100 * (self.after.children_cpu_s - self.before.children_cpu_s) / self.seconds
        return {
            "lanes": self.lanes,
            "passages": len(self.own_ms),
            "held": self.held,
            "held_reasons": dict(self.held_reasons),
            "own_ms_p50": round(own, 2),
            "own_ms_p99": round(p99(self.own_ms), 2),
            "floor_ms_p50": round(floor, 2),
            "ratio": round(own / floor, 2),
            "cpu_percent": round(cpu, 1),
            "cpu_percent_per_lane": round(cpu / self.lanes, 2),
            "workers_cpu_percent_per_lane": round(workers / self.lanes, 2),
            "rss_mib": round(self.after.rss_mib, 1),
            "rss_mib_per_lane": round(self.after.rss_mib / self.lanes, 1),
            "workers_rss_mib_per_lane": round(self.after.children_rss_mib / self.lanes, 1),
            "loop_lag_ms_p99": self.loop_lag["p99_ms"],
            "idle_process_lag_ms_p99": self.idle_lag["p99_ms"],
            "recognition_ms_p50": round(statistics.median(reading), 1),
            "recognition_share": round(statistics.median(whole), 3),
        }


def p99(values: Sequence[float]) -> float:
    """Return the value that one in a hundred is above; of few, their worst."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


class Box:
    """The controller with its lanes and its authority, running."""

    def __init__(self, folder: Path, lanes: list[BenchLane], controller: BenchProcess) -> None:
        self.folder = folder
        self.lanes = lanes
        self.controller = controller
        self.journal = folder / "state" / "journal.sqlite"

    async def status(self) -> dict[str, Any]:
        """What the control socket shows; empty where nobody answers."""
        with contextlib.suppress(ControlError):
            return await ask(self.folder / "state" / "control.sock", {"verb": "status"})
        return {}

    async def ready(self) -> None:
        """Wait until every lane is idle and lost nothing. Raises BenchError."""
        shown: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                while len(shown) < len(self.lanes) or any(
                    one["phase"] != "idle" or one["lost_devices"] for one in shown
                ):
                    await asyncio.sleep(_STATUS_PERIOD_S)
                    shown = (await self.status()).get("lanes", [])
        except TimeoutError as error:
            wrong = [one for one in shown if _not_ready(one)][:2]
            raise BenchError(f"lanes_not_ready: expected idle lanes in {_READY_TIMEOUT_S:g} s, got {wrong}") from error


def _not_ready(lane: dict[str, Any]) -> bool:
    return bool(lane["phase"] != "idle" or lane["lost_devices"])


@contextlib.asynccontextmanager
async def open_lanes(folder: Path, broker: MeasuredBroker, count: int) -> AsyncIterator[Box]:
    """Start `count` lanes in `folder` and wait until trucks may come. Raises BenchError, OSError."""
    async with contextlib.AsyncExitStack() as stack:
        scene = render_front(*_PLATE)
        pictures = [encode_jpeg(vary(scene, seed), seed) for seed in range(_PICTURES)]
        lanes = [BenchLane(number + 1, folder, pictures) for number in range(count)]
        names = [lane.name for lane in lanes]
        for lane in lanes:
            await lane.start()
            stack.push_async_callback(lane.stop)
        settings = folder / "authority.json"
        settings.write_text(json.dumps(write_authority(folder, broker, names)), encoding="utf-8")
        authority = await BenchProcess.start(folder / "authority.log", "simulators.bench_authority", str(settings))
        stack.push_async_callback(authority.stop)
        await authority.line()
        config = folder / "kakou.yaml"
        config.write_text(_config(lanes, broker), encoding="utf-8")
        arguments = ("run", str(config), "--log-level", "error")
        controller = await BenchProcess.start(folder / "controller.log", "edge.cli", *arguments)
        stack.push_async_callback(controller.stop)
        box = Box(folder, lanes, controller)
        await box.ready()
        yield box


def _config(lanes: Sequence[BenchLane], broker: MeasuredBroker) -> str:
    head = _HEAD.format(site=SITE, host=broker.host, port=broker.port, authority=AUTHORITY, workers=WORKERS)
    return head + "".join(
        _LANE.format(
            lane=lane.name, barrier_port=lane.barrier.port, camera=lane.camera.snapshot_url, reader=lane.reader.path
        )
        for lane in lanes
    )


async def measure(folder: Path, broker: MeasuredBroker, count: int, passages: int, period_s: float) -> Measured:
    """Measure `count` lanes. Raises BenchError, OSError."""
    loop = asyncio.get_running_loop()
    async with open_lanes(folder, broker, count) as box, open_floor(folder, broker) as floor:
        # One truck a lane before the clock starts: the first one pays for what is loaded late.
        await through(box.lanes, 1, period_s)
        for _ in range(WARM_UP):
            await floor.trip()
        idle = await BenchProcess.start(folder / "idle.log", "simulators.bench_idle", "idle")
        before, begun_s = usage_of(box.controller.pid), loop.time()
        trips, _ = await asyncio.gather(
            _trips(floor, passages, period_s, period_s * count / (count + 1)), through(box.lanes, passages, period_s)
        )
        seconds, after = loop.time() - begun_s, usage_of(box.controller.pid)
        lag, idle_lag = (await box.status())["loop_lag"], json.loads(await idle.end())
    own, times = [], []
    held, reasons = sum(lane.held for lane in box.lanes), Counter[str]()
    for lane in box.lanes:
        reasons += held_reasons(box.journal, lane.name)
        for watch, one in timed(box.journal, lane)[1:]:
            times.append(one.with_opening(watch.raised_ns))
            own.append(own_ms(watch, one))
    return Measured(
        count, tuple(own), spent_ms(trips), tuple(times), seconds, before, after, lag, held, reasons, idle_lag
    )


async def _trips(floor: Floor, count: int, period_s: float, wait_s: float) -> list[Stopwatch]:
    """Release `count` times, once every `period_s`, after `wait_s`. Raises BenchError."""
    loop = asyncio.get_running_loop()
    due_s = loop.time() + wait_s
    trips = []
    for _ in range(count):
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        due_s += period_s
        trips.append(await floor.trip())
    return trips


def timed(journal: Path, lane: BenchLane) -> list[tuple[Stopwatch, PassageTimes]]:
    """Return each truck that was let in, in order, with what the journal says of it. Raises sqlite3.Error."""
    return list(zip(lane.watches, passage_times(journal, lane.name), strict=True))


def own_ms(watch: Stopwatch, one: PassageTimes) -> float:
    """Return the product's own share: from the last thing that the lane had to wait for until the coil."""
    return (watch.raised_ns - max(watch.tag_ns, one.read_at_ms * 1_000_000)) / 1e6


async def through(lanes: Sequence[BenchLane], passages: int, period_s: float) -> None:
    """Let trucks through all lanes, spread over the period, of which one lane's part is left. Raises BenchError."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for number, lane in enumerate(lanes):
                tasks.create_task(lane.passages(passages, period_s, period_s * number / (len(lanes) + 1)))
    except* BenchError as group:
        raise BenchError(str(group.exceptions[0])) from group
