"""A lane's clearance link, the customs bridge and the platform behind it, over a real broker and real sockets."""

import asyncio
import contextlib
import functools
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.clearance.authority_link import ClearanceLink, grant_topic
from edge.clearance.bridge.book import BridgeBook
from edge.clearance.bridge.messages import Channel
from edge.clearance.bridge.pictures import PictureFolder
from edge.clearance.bridge.platform_link import PlatformSettings
from edge.clearance.bridge.pubsub_link import PubSubSettings
from edge.clearance.bridge.service import BridgeSite, CustomsBridge
from edge.clearance.grant import GrantRefusal
from edge.clearance.request import RequestHead, SignedRequest, build_request
from edge.core.container import Container
from edge.core.grant import Grant
from edge.core.readings import Reading
from edge.field_policy import FieldPolicy
from edge.mqtt import Message, MqttLink
from simulators.customs_book import CustomsBook, Document
from simulators.customs_platform import CustomsPlatform
from simulators.customs_pubsub import CustomsPubSub
from tests.support.brokers import BrokerCase
from tests.support.clearance import AUTHORITY, IDENTITY, LANE, NOW, SITE, World
from tests.support.mqtt import LIMIT_S, serving, within

CHANNEL = Channel("7208100000", "7208100001", "in")
PLATE, BOX, EPC = "沪A12345", "CSQU3054383", "E2801160600002054"
OTHER_BOX = "TCLU4254260"
FORM = "HFD2026030001"
TWO_BOXES = replace(
    IDENTITY, containers=Reading("read", (Container(BOX, "verified"), Container(OTHER_BOX, "verified")), 0.9)
)


class LaneClock:
    """The lane's own clock, and the one that the bridge counts deadlines by: `ahead_s` is for a test to move."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_ms(self) -> int:
        return int(self.monotonic_s() * 1000)

    def monotonic_s(self) -> float:
        return time.monotonic() + self.ahead_s

    def utc(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here sleeps on the lane's clock")


class BridgeBench:
    """Between `open_bench` and its end: `ask` as the lane does, `grant` waits for the next answer."""

    def __init__(
        self, broker: BrokerCase, world: World, folder: Path, *, redis_port: int | None = None, **options: Any
    ) -> None:
        self.broker, self.world, self.folder, self.options = broker, world, folder, options
        self.clock = LaneClock()
        book = CustomsBook.of([Document(FORM, PLATE, (BOX,))])
        self.platform = CustomsPlatform(book) if redis_port is None else CustomsPubSub(redis_port, book)
        way = PlatformSettings if redis_port is None else PubSubSettings
        self.way = functools.partial(way, "127.0.0.1", backoff_min_s=0.02, backoff_max_s=0.1)
        self.grants: asyncio.Queue[Grant] = asyncio.Queue()
        self.refusals: asyncio.Queue[tuple[str, GrantRefusal]] = asyncio.Queue()
        self.published: list[Message] = []
        self.up = asyncio.Event()
        self.link = ClearanceLink(
            broker.settings("lane1-clearance"),
            site=SITE,
            lane=LANE,
            authorities=[AUTHORITY],
            keyset=lambda: world.keyset,
            clock=self.clock,
            on_grant=self.grants.put_nowait,
            on_refused=lambda authority, refusal: self.refusals.put_nowait((authority, refusal)),
            on_up=self.up.set,
        )
        self._number = 0

    @property
    def database(self) -> Path:
        return self.folder / "bridge.sqlite"

    @contextlib.asynccontextmanager
    async def bridge(
        self, *, connected: bool = True, pictures: PictureFolder | None = None, **changes: Any
    ) -> AsyncIterator[CustomsBridge]:
        """Run a bridge; `connected`: wait until platform and broker are there."""
        values: dict[str, Any] = {
            "answer_ms": 20_000, "dialect": self.platform.dialect, "channels": {LANE: CHANNEL}, "ttl_ms": 30_000,
            "simulated": False,
        }  # fmt: skip
        site = BridgeSite(AUTHORITY, SITE, **(values | self.options | changes))
        book = BridgeBook(self.database, utc=lambda: datetime.now(UTC))
        bridge = CustomsBridge(
            site,
            self.broker.settings("customs-bridge"),
            self.way(port=self.platform.port),
            key=self.world.authority_key,
            keyset=lambda: self.world.keyset,
            book=book,
            utc=self.clock.utc,
            monotonic_s=self.clock.monotonic_s,
            pictures=pictures,
        )
        try:
            async with serving(bridge.run):
                await until(lambda: bridge.link.is_up and (bridge.platform.is_up or not connected))
                yield bridge
        finally:
            book.close()

    def request(self, identity: Any = IDENTITY, *, passage: str | None = None, **changes: Any) -> SignedRequest:
        self._number += 1
        head = RequestHead(
            AUTHORITY, SITE, LANE, "boot1", 1, passage or f"passage{self._number}", f"nonce{self._number}", self._number
        )
        values: dict[str, Any] = {
            "key": self.world.lane_key, "key_id": self.world.lane_key_id, "policy": FieldPolicy(),
            "config_hash": "c" * 64, "model_hash": "m" * 64, "simulated": False,
        }  # fmt: skip
        return build_request(head, identity, **(values | changes))

    async def ask(self, *arguments: Any, **changes: Any) -> SignedRequest:
        """Send a request; returns at PUBACK."""
        request = self.request(*arguments, **changes)
        await within(self.link.send(AUTHORITY, request))
        return request

    async def grant(self) -> Grant:
        return await within(self.grants.get())  # type: ignore[no-any-return]

    async def asked(self, count: int = 1) -> None:
        """Wait until the platform heard so many questions."""
        heard = asyncio.Event()
        self.platform.on_asked = lambda _asked: heard.set()
        while len(self.platform.asked) < count:
            heard.clear()
            await within(heard.wait())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What stands in the bridge's book; only while no bridge runs."""
        with contextlib.closing(sqlite3.connect(self.database)) as reading:
            return list(reading.execute(query))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what no message announces."""
    never = asyncio.Event()
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.01):
                    await never.wait()


@contextlib.asynccontextmanager
async def open_bench(broker: BrokerCase, world: World, folder: Path, **options: Any) -> AsyncIterator[BridgeBench]:
    """Run the lane's link and the platform."""
    bench = BridgeBench(broker, world, folder, **options)
    await bench.platform.start()
    observer = MqttLink(broker.settings("grant-observer"))
    observer.subscribe(grant_topic(SITE, LANE, AUTHORITY), bench.published.append)
    try:
        async with serving(bench.link.run), serving(observer.run):
            await within(bench.up.wait())
            yield bench
    finally:
        await bench.platform.stop()
