"""Time a clearance request and its grant through each broker: `python -m tests.benchmarks.clearance_round_trip`.

Signed request, MQTT to the authority, verification, release note, signed grant, MQTT back, verification. Prints
one JSON object a line, milliseconds; compare only lines of one run (platform.md).
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from edge.clearance.authority_link import ClearanceLink
from edge.clearance.request import RequestHead, build_request
from edge.core.grant import Grant
from edge.field_policy import FieldPolicy
from edge.mqtt import MqttSettings, ProtocolVersion
from simulators.broker import DefaultBroker
from simulators.clearance import ClearanceService
from simulators.clearance_faults import Behaviour
from tests.support.brokers import Mosquitto, RunningBroker, mosquitto_binary
from tests.support.clearance import AUTHORITY, IDENTITY, LANE, SITE, World, make_world
from tests.support.mqtt import serving, within

COUNT = 300


class WallClock:
    """Real time."""

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def utc(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def measure(port: int, version: ProtocolVersion, world: World) -> list[float]:
    clock, grants = WallClock(), asyncio.Queue[Grant]()
    lane_up, service_up = asyncio.Event(), asyncio.Event()
    link = ClearanceLink(
        MqttSettings("127.0.0.1", port, "lane", version=version),
        site=SITE,
        lane=LANE,
        authorities=[AUTHORITY],
        keyset=lambda: world.keyset,
        clock=clock,
        on_grant=grants.put_nowait,
        on_refused=lambda authority, refusal: None,
        on_up=lane_up.set,
    )
    service = ClearanceService(
        MqttSettings("127.0.0.1", port, "authority", version=version),
        authority=AUTHORITY,
        site=SITE,
        key=world.authority_key,
        keyset=world.keyset,
        utc=clock.utc,
        default=Behaviour("deny"),
        on_up=service_up.set,
    )
    spent: list[float] = []
    async with serving(link.run), serving(service.run):
        await within(lane_up.wait())
        await within(service_up.wait())
        for number in range(COUNT):
            link._limits[AUTHORITY]._tokens = 20.0  # the flood limit is not what is measured
            began = time.perf_counter()
            head = RequestHead(AUTHORITY, SITE, LANE, "boot", 1, f"p{number}", f"n{number}", number + 1)
            request = build_request(
                head,
                IDENTITY,
                key=world.lane_key,
                key_id=world.lane_key_id,
                policy=FieldPolicy(),
                config_hash="c" * 64,
                model_hash="d" * 64,
                simulated=True,
            )
            link.send(AUTHORITY, request)
            await within(grants.get())
            spent.append((time.perf_counter() - began) * 1000)
    return spent


async def through(name: str, broker: RunningBroker, world: World) -> None:
    versions: tuple[tuple[ProtocolVersion, int], ...] = (("3.1.1", broker.port), ("5", broker.port_v5))
    for version, port in versions:
        spent = sorted(await measure(port, version, world))
        line = {"broker": name, "mqtt": version, "n": COUNT, "p50_ms": round(statistics.median(spent), 2)}
        sys.stdout.write(json.dumps(line | {"p99_ms": round(spent[int(COUNT * 0.99)], 2)}) + "\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), datetime.now(UTC))
        with DefaultBroker() as default:
            asyncio.run(through("default", default, world))
        if mosquitto_binary() is not None:
            Path(folder).chmod(0o755)
            mosquitto = Mosquitto(Path(folder))
            mosquitto.start()
            try:
                asyncio.run(through("mosquitto", mosquitto, world))
            finally:
                mosquitto.kill()


if __name__ == "__main__":
    main()
