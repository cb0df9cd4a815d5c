"""A whole lane whose authority is `kakou bridge customs`, as a process, with a simulated platform behind it."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

from edge.clearance.authority_link import grant_topic
from edge.mqtt import Message, MqttLink
from simulators.customs_book import Document
from simulators.customs_platform import CustomsPlatform
from tests.support.bridge_bench import until
from tests.support.brokers import BrokerCase
from tests.support.controller import Controller, spawn
from tests.support.mqtt import serving
from tests.support.system_lane import AUTHORITY, LANE, SITE, TAG, SystemLane

BRIDGE = """\
customs_bridge:
  authority: {authority}
  host: 127.0.0.1
  port: {port}
  area_id: "7208100000"
  answer_ms: {answer_ms}
  lanes: [{{lane: {lane}, chnl_no: "7208100001"}}]
"""


class BridgedLane(SystemLane):
    """A lane that reads tags; `platform` decides. `start_bridge` after the configuration is written."""

    def __init__(self, folder: Path, broker: BrokerCase) -> None:
        super().__init__(folder, broker)
        self.platform = CustomsPlatform()
        self.bridges: list[Controller] = []
        self.answer_ms = 5_000
        # Lines of `customs_bridge` beyond those.
        self.more = ""
        # The CA of the lane's own pictures, where the bridge shall fetch them.
        self.pictures_ca: Path | None = None
        self.settings["deadline_ms"] = 10_000
        self.grants: list[dict[str, Any]] = []

    def write_config(self, **changes: object) -> Path:
        path = super().write_config(**changes)
        text = BRIDGE.format(authority=AUTHORITY, lane=LANE, port=self.platform.port, answer_ms=self.answer_ms)
        if self.pictures_ca is not None:
            text += f"  pictures_ca: {self.pictures_ca}\n"
        text += self.more
        path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")
        return path

    @property
    def bridge(self) -> Controller:
        return self.bridges[-1]

    async def start_bridge(self, *, failpoint: str | None = None) -> Controller:
        """Start it and wait until platform and broker are there."""
        log = self.folder / f"bridge-{len(self.bridges)}.log"
        with log.open("wb") as output:
            process = await spawn("bridge", "customs", str(self.config), output=output, failpoint=failpoint)
        self.bridges.append(Controller(process, log))
        await until(lambda: self.bridge.said("mqtt_up") and self.bridge.said("platform_up"))
        return self.bridge

    def document(self, form: str = "HF1") -> None:
        """Enter a document for the next truck; a release spends it."""
        self.platform.book.add(Document(form, TAG))

    def releases(self) -> list[str]:
        """The requests that a release was given to, by their hash, as often as it was."""
        return [one["req_hash"] for one in self.grants if one["verdict"] == "release"]

    def heard(self, message: Message) -> None:
        """Note a grant that the bridge published."""
        payload = message.payload.split(b".")[1]
        self.grants.append(json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))))

    async def asked(self, count: int) -> None:
        await self.until(lambda: len(self.platform.asked) >= count)


@contextlib.asynccontextmanager
async def open_bridged(
    folder: Path,
    broker: BrokerCase,
    *,
    prepare: Callable[[BridgedLane], Awaitable[None]] | None = None,
    platform: CustomsPlatform | None = None,
    more: str = "",
) -> AsyncIterator[BridgedLane]:
    """Start devices, platform, bridge and controller; the lane's own authority of tests does not serve.

    `prepare` may change the configuration before anything reads it; `platform` is another one, with `more` lines.
    """
    lane = BridgedLane(folder, broker)
    lane.platform = platform or lane.platform
    lane.more = more
    await lane.platform.start()
    try:
        observer = MqttLink(broker.settings("grant-observer"))
        observer.subscribe(grant_topic(SITE, LANE, AUTHORITY), lane.heard)
        async with lane.running(authority=False), serving(observer.run):
            await until(lambda: observer.is_up)
            if prepare is not None:
                await prepare(lane)
            await lane.start_bridge()
            await lane.start_controller()
            yield lane
    finally:
        for bridge in lane.bridges:
            await bridge.kill()
        await lane.platform.stop()
