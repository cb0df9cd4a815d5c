"""`kakou bench lanes --flood`: what a flooded lane costs its neighbours (I17, S24)."""

import asyncio
import statistics
from dataclasses import dataclass
from pathlib import Path

from edge.clearance.authority_link import grant_topic
from edge.mqtt import MqttLink, MqttSettings
from simulators.bench_broker import MeasuredBroker
from simulators.bench_lanes import BenchLane, open_lanes, own_ms, p99, through, timed
from simulators.bench_own import AUTHORITY, SITE, Stopwatch

FLOOD_LANES = 4
_GRANTS_PER_S = 100


@dataclass(frozen=True, slots=True)
class Flood:
    """The neighbours of one lane, in turns while it is calm and while it is flooded. Milliseconds."""

    calm_ms: tuple[float, ...]
    beside_ms: tuple[float, ...]
    calm_reading_ms: tuple[float, ...]
    beside_reading_ms: tuple[float, ...]
    held: int

    def as_json(self) -> dict[str, float | int]:
        """The published figures; `slowdown` is what the flood costs the neighbours, 1.0 is nothing."""
        calm, beside = statistics.median(self.calm_ms), statistics.median(self.beside_ms)
        return {
            "lanes": FLOOD_LANES,
            "passages": len(self.beside_ms),
            "held": self.held,
            "calm_ms_p50": round(calm, 2),
            "calm_ms_p99": round(p99(self.calm_ms), 2),
            "beside_flood_ms_p50": round(beside, 2),
            "beside_flood_ms_p99": round(p99(self.beside_ms), 2),
            "slowdown": round(beside / calm, 2),
            "calm_recognition_ms_p50": round(statistics.median(self.calm_reading_ms), 1),
            "beside_flood_recognition_ms_p50": round(statistics.median(self.beside_reading_ms), 1),
        }


async def measure_flood(folder: Path, broker: MeasuredBroker, count: int, passages: int, period_s: float) -> Flood:
    """Let `passages` trucks through each neighbour of a calm lane and as many beside the flood, a period each in turns.

    One controller and one moment of the machine for both: apart, the machine's other work would be compared.
    Raises BenchError, OSError.
    """
    own: dict[bool, list[float]] = {False: [], True: []}
    reading: dict[bool, list[float]] = {False: [], True: []}
    phases: dict[Stopwatch, bool] = {}
    async with open_lanes(folder, broker, count) as box:
        flooded, *neighbours = box.lanes
        await through(neighbours, 1, period_s)
        known = {watch for lane in neighbours for watch in lane.watches}
        for turn in range(2 * passages):
            flooding = asyncio.create_task(_flood(flooded, broker)) if turn % 2 else None
            await through(neighbours, 1, period_s)
            if flooding is not None:
                flooding.cancel()
                await asyncio.gather(flooding, return_exceptions=True)
            new = {watch for lane in neighbours for watch in lane.watches} - known - phases.keys()
            phases |= dict.fromkeys(new, turn % 2 == 1)
    for lane in neighbours:
        for watch, one in timed(box.journal, lane):
            if watch in phases:
                own[phases[watch]].append(own_ms(watch, one))
                reading[phases[watch]].append(one.reading_ms)
    held = sum(lane.held for lane in neighbours)
    calm, beside = (tuple(own[flooded_now]) for flooded_now in (False, True))
    return Flood(calm, beside, tuple(reading[False]), tuple(reading[True]), held)


async def _flood(lane: BenchLane, broker: MeasuredBroker) -> None:
    """Toggle a lane's arrival loop, and send it what is no grant, until cancelled."""
    lane.flood()
    link = MqttLink(MqttSettings(broker.host, broker.port, "bench-flood", version="5"))
    serving = asyncio.create_task(link.run())
    try:
        while True:
            link.publish(grant_topic(SITE, lane.name, AUTHORITY), b'{"no": "grant"}').add_done_callback(_unheard)
            await asyncio.sleep(1 / _GRANTS_PER_S)
    finally:
        lane.calm()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _unheard(sent: "asyncio.Future[None]") -> None:
    if not sent.cancelled():
        sent.exception()
