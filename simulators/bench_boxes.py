"""`kakou bench lanes`: boxes of several sizes one after the other, and the neighbours of a flooded lane."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulators.bench_broker import MeasuredBroker
from simulators.bench_flood import FLOOD_LANES, measure_flood
from simulators.bench_lanes import measure
from simulators.bench_overhead import OWN


def run(
    folder: Path, broker: MeasuredBroker, sizes: Sequence[int], passages: int, period_s: float, *, flood: bool
) -> dict[str, Any]:
    """Measure each size beside the floor, and return the published figures. Raises BenchError, OSError."""

    def place(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    rows = []
    for size in sizes:
        found = asyncio.run(measure(place(f"{OWN}-{size}"), broker, size, passages, period_s))
        rows.append(found.as_json())
    figures: dict[str, Any] = {"sizes": rows, "broker": broker.name, "period_s": period_s}
    figures |= {"cores": len(os.sched_getaffinity(0)), "load_1m": round(os.getloadavg()[0], 1)}
    if flood:
        beside = asyncio.run(measure_flood(place("flood"), broker, FLOOD_LANES, passages, period_s))
        figures["flood"] = beside.as_json()
    return figures
