"""`kakou bench overhead`: the product's own path from tag to coil, interleaved with the floor's (`bench_floor`)."""

import asyncio
import contextlib
import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from drivers.uhf_r2000.wire import encode_tag_report
from simulators.bench_broker import MeasuredBroker
from simulators.bench_floor import settings_of_both_ends
from simulators.bench_own import EPC, Stopwatch, open_own
from simulators.bench_process import BenchError, BenchProcess
from simulators.devices.modbus_server import ModbusServer

WARM_UP = 2
FLOOR, OWN = "floor", "own"
_TRIP_TIMEOUT_S = 10.0
_FLOOR_STAGES = ("signed_and_committed", "granted", "committed", "coil_written")


@dataclass(frozen=True, slots=True)
class Overhead:
    """What was measured, milliseconds. `stages` are medians: name and milliseconds, floor's and own."""

    floor_ms: tuple[float, ...]
    own_ms: tuple[float, ...]
    stages: tuple[tuple[str, float], ...]
    broker: str

    def as_json(self) -> dict[str, float | int | str]:
        """The published figures. The p99 of few passages is their worst or close to it; `passages` says how many."""
        floor, own = statistics.median(self.floor_ms), statistics.median(self.own_ms)
        return {
            "floor_ms_p50": round(floor, 2),
            "own_ms_p50": round(own, 2),
            "own_ms_p99": round(_p99(self.own_ms), 2),
            "ratio": round(own / floor, 2),
            "passages": len(self.own_ms),
            "broker": self.broker,
        }


def _p99(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]


class _FloorModule:
    """The floor's barrier module: one coil that counts."""

    def __init__(self, watch_done: asyncio.Event) -> None:
        self._done = watch_done
        self.raised_ns = 0

    def write_coil(self, address: int, value: bool) -> None:  # noqa: ARG002 - there is one coil
        self.raised_ns = time.monotonic_ns()
        self._done.set()

    def write_register(self, address: int, value: int) -> None:
        raise NotImplementedError

    def read_bits(self, function: int, first: int, count: int) -> list[bool]:
        raise NotImplementedError

    def read_registers(self, first: int, count: int) -> list[int]:
        raise NotImplementedError


class Floor:
    """The floor, running: `trip` releases once."""

    def __init__(self, line: int, module: _FloorModule, done: asyncio.Event, box: BenchProcess) -> None:
        self._line = line
        self._module = module
        self._done = done
        self._box = box
        self._frame = encode_tag_report(bytes.fromhex(EPC), antenna=0, rssi_dbm=-60)

    async def trip(self) -> Stopwatch:
        """Write the tag's frame and wait for the coil. Raises BenchError."""
        self._done.clear()
        watch = Stopwatch()
        watch.tag_ns = time.monotonic_ns()
        os.write(self._line, self._frame)
        try:
            async with asyncio.timeout(_TRIP_TIMEOUT_S):
                await self._done.wait()
        except TimeoutError as error:
            raise BenchError(f"floor_silent: expected a coil written in {_TRIP_TIMEOUT_S:g} s, got none") from error
        watch.raised_ns = self._module.raised_ns
        return watch

    async def marks(self) -> list[list[int]]:
        """End the box; returns the times of each trip's stages."""
        found: list[list[int]] = json.loads(await self._box.end() or "[]")
        return found


@contextlib.asynccontextmanager
async def open_floor(folder: Path, broker: MeasuredBroker) -> AsyncIterator[Floor]:
    """Start the floor's processes, its pty and its Modbus server. Raises BenchError, OSError."""
    async with contextlib.AsyncExitStack() as stack:
        done = asyncio.Event()
        module = _FloorModule(done)
        server = ModbusServer(module)
        await server.start()
        stack.push_async_callback(server.stop)
        import tty

        line, terminal = os.openpty()
        stack.callback(os.close, line)
        stack.callback(os.close, terminal)
        tty.setraw(terminal)
        settings = folder / "floor.json"
        box = {"pty": os.ttyname(terminal), "modbus_port": server.port, "journal": str(folder / "floor.sqlite")}
        settings.write_text(json.dumps(settings_of_both_ends(broker.host, broker.port, box)), encoding="utf-8")
        ends = []
        for role in ("authority", "box"):
            process = await BenchProcess.start(folder / f"{role}.log", "simulators.bench_floor", role, str(settings))
            stack.push_async_callback(process.stop)
            await process.line()
            ends.append(process)
        yield Floor(line, module, done, ends[1])


async def measure(folder: Path, broker: MeasuredBroker, passages: int) -> Overhead:
    """Measure floor and own path in turns, `passages` times each after a warm-up. Raises BenchError, OSError."""
    async with open_floor(folder / FLOOR, broker) as floor, open_own(folder / OWN, broker) as own:
        trips: list[Stopwatch] = []
        passed: list[Stopwatch] = []
        for _ in range(WARM_UP + passages):
            trips.append(await floor.trip())
            passed.append(await own.passage())
        marks, answered = (await floor.marks())[WARM_UP:], (await own.answered_ns())[WARM_UP:]
        trips, passed = trips[WARM_UP:], passed[WARM_UP:]
        stages = (*_floor_stages(trips, marks), *_own_stages(passed, answered))
        return Overhead(spent_ms(trips), spent_ms(passed), stages, broker.name)


def spent_ms(watches: Sequence[Stopwatch]) -> tuple[float, ...]:
    """Return what each took from its tag's frame to its coil, milliseconds."""
    return tuple((watch.raised_ns - watch.tag_ns) / 1e6 for watch in watches)


def _floor_stages(trips: Sequence[Stopwatch], marks: Sequence[Sequence[int]]) -> list[tuple[str, float]]:
    rows = [
        (mark[0] - trip.tag_ns, *(b - a for a, b in pairwise(mark))) for trip, mark in zip(trips, marks, strict=True)
    ]
    names = ("tag_read", *_FLOOR_STAGES)
    return [(f"floor_{name}", _median_ms(column)) for name, column in zip(names, zip(*rows, strict=True), strict=True)]


def _own_stages(passed: Sequence[Stopwatch], answered: Sequence[int]) -> list[tuple[str, float]]:
    pairs = list(zip(passed, answered, strict=True))
    return [
        ("own_until_answered", _median_ms([at - watch.tag_ns for watch, at in pairs])),
        ("own_answer_to_coil", _median_ms([watch.raised_ns - at for watch, at in pairs])),
    ]


def _median_ms(spans_ns: Sequence[int]) -> float:
    return round(statistics.median(spans_ns) / 1e6, 2)


def run(folder: Path, broker: MeasuredBroker, passages: int) -> Overhead:
    """`measure` in `folder`, on an event loop of its own."""
    for name in (FLOOR, OWN):
        (folder / name).mkdir()
    return asyncio.run(measure(folder, broker, passages))
