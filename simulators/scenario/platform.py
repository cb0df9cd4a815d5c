"""The customs platform of a scenario, and before it the bridge as a process: a site's customs authority."""

import asyncio
from pathlib import Path
from typing import Any

from edge.clearance.bridge.dialects import DIALECTS
from simulators.customs_book import Document
from simulators.customs_platform import CustomsPlatform
from simulators.customs_pubsub import CustomsPubSub
from simulators.demo_children import Children
from simulators.redis_server import RedisServer
from simulators.scenario.schema import PlatformSpec, TruckSpec

_READY_S = 60.0
_LOOK_S = 0.05
# What the bridge logs once both of its sides are there.
_READY = ("mqtt_up", "platform_up")


class BridgedPlatform:
    """A simulated platform on a real port, asked by `kakou bridge customs`."""

    def __init__(self, spec: PlatformSpec, folder: Path, seed: int) -> None:
        self._spec = spec
        self._seed = seed
        self._redis: RedisServer | None = None
        self.platform = CustomsPlatform(seed=seed)
        self._folder = folder
        self._children = Children(folder)
        self._entered = 0

    async def start(self) -> None:
        """Listen, or be where a Redis server listens."""
        dialect = DIALECTS[self._spec.dialect]
        if dialect.pubsub is None:
            self.platform = CustomsPlatform(dialect=dialect.name, seed=self._seed)
        else:
            self._redis = RedisServer()
            await self._redis.start()
            self.platform = CustomsPubSub(self._redis.port, dialect=dialect.name, seed=self._seed)
        await self.platform.start()

    async def start_bridge(self, config: Path) -> None:
        """Start the bridge and wait for it. Raises TimeoutError, OSError."""
        await self._children.start("bridge", ["bridge", "customs", str(config)])
        async with asyncio.timeout(_READY_S):
            # It tells nobody but its log.
            while not all(word in self._children.last_words("bridge") for word in _READY):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        """End all of them."""
        await self._children.stop()
        await self.platform.stop()
        if self._redis is not None:
            await self._redis.stop()

    def enter(self, truck: TruckSpec) -> None:
        """Enter a document for what this truck truly is; a release spends it."""
        self._entered += 1
        vehicle = next((one.text for one in truck.plates if one.place == "front"), truck.tag) or ""
        codes = tuple(one.code for one in truck.containers)
        self.platform.book.add(Document(f"HF{self._entered}", vehicle, codes))


def bridge_configuration(spec: PlatformSpec, lane: str, port: int) -> dict[str, Any]:
    """What the box's configuration says of its bridge."""
    return {
        "authority": spec.authority,
        "host": "127.0.0.1",
        "port": port,
        "dialect": spec.dialect,
        "area_id": "7208100000",
        "answer_ms": 4_000,
        "lanes": ({"lane": lane, "chnl_no": "7208100001"},),
    }
