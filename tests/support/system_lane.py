"""A whole lane as a site has it: the controller as a process, real ports, a pty, a broker, an authority.

    async with open_system(folder, broker) as lane:
        await lane.start_controller()
        lane.arrive()
        await lane.phase("open")

Every wait is for something that a user could see (state, events, the barrier itself), with a limit.
"""

import asyncio
import contextlib
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.clearance.keys import create_keys, key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import open_keyset
from edge.core.grant import ReleaseNote
from edge.mqtt import Message, MqttLink
from edge.runtime.control import ControlError, ask
from simulators.clearance import ClearanceService
from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_r2000 import R2000Simulator
from simulators.release_notes import Ruling
from simulators.vehicle import Truck
from simulators.world import Pace, World
from tests.support.brokers import BrokerCase
from tests.support.controller import LIMIT_S, Controller, spawn
from tests.support.journal_facts import JournalFacts, read_facts

SITE, LANE, AUTHORITY = "yard", "lane-1", "customs"
OFFICERS = ("chen", "li")
# How soon a condition is looked at again where no message announces its change.
LOOK_S = 0.02
TAG = "E200301666130121155074EF"
# Nothing may come below the boom before the lane is idle, so proofs are as short as the configuration allows.
# The module may be late: it shares its process with the test, on a machine that does other work too.
CONFIG = """\
site: {site}
state_dir: {state_dir}
keys_dir: keys
broker: {{host: {host}, port: {port}, mqtt_version: "{version}"}}
authorities:
  - {{id: {authority}, deadline_ms: {deadline_ms}}}
{recogniser}lanes:
  - id: {lane}
    direction: in
    simulated: {simulated}
    barrier: {{id: barrier, host: 127.0.0.1, port: {barrier_port}, timeout_ms: 1500}}
    siren: {{longest_ms: 60000}}
{handheld}{cameras}    tag_reader: {{id: tag-reader, {tag_reader}}}
    must_match: [{must_match}]
{more}    timing: {{identify_ms: {identify_ms}, clear_ms: 1000, ready_ms: 1000, open_ms: 3000, close_ms: 3000}}
"""


class TagNotes:
    """An authority's book by tag, for lanes that read nothing else. A note is good for any number of requests."""

    def __init__(self) -> None:
        self.tags: set[str] = set()

    def rule(self, readings: Mapping[str, Any], passage: str) -> Ruling:
        tag = readings["tag"]
        if tag["status"] != "read":
            return Ruling("hold", f"{tag['status']}_tag")
        epc = tag["value"]["epc"]
        return (
            Ruling("release", "", ReleaseNote(f"note-{epc}", tag=epc))
            if epc in self.tags
            else Ruling("hold", "no_note")
        )


class SystemLane:
    """The running lane. `state`, `events` and `alarms` are what a subscriber saw."""

    def __init__(self, folder: Path, broker: BrokerCase, *, must_match: str = "tag") -> None:
        now_ms = _loop_ms()
        self.folder = folder
        self.broker = broker
        self.plant = Plant(now_ms, stroke_s=0.2)
        self.world = World(self.plant, now_ms, pace=Pace(drive_in_s=0.15, drive_through_s=0.3))
        self.barrier = BarrierSimulator(self.plant, refresh=self.world.advance)
        self.reader = R2000Simulator(self._tags, symlink=folder / "tag-reader")
        self.notes: Any = TagNotes()
        self.state: dict[str, Any] = {}
        self.availability: dict[str, Any] = {}
        self.alarms: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        # Deliveries of an event that was heard before, known by its id.
        self.repeated = 0
        self.controllers: list[Controller] = []
        self.settings: dict[str, Any] = {
            "site": SITE, "lane": LANE, "authority": AUTHORITY, "state_dir": "state", "simulated": "true",
            "deadline_ms": 2000, "identify_ms": 1500, "must_match": must_match, "cameras": "", "recogniser": "",
            "handheld": "", "tag_reader": "port: ./tag-reader",
            "host": broker.broker.host, "port": broker.settings("x").port, "version": broker.version,
            "more": "",
        }  # fmt: skip
        self._news = asyncio.Event()
        self._truck = 0
        self._observer = MqttLink(broker.settings("observer"))
        self._observer.subscribe(f"gate/v1/{SITE}/{LANE}/#", self._hear)
        self._service: ClearanceService | None = None

    # Files and devices

    @property
    def config(self) -> Path:
        return self.folder / "kakou.yaml"

    @property
    def journal(self) -> Path:
        return self.folder / "state" / "journal.sqlite"

    @property
    def socket(self) -> Path:
        return self.folder / "state" / "control.sock"

    @property
    def service(self) -> ClearanceService:
        assert self._service is not None
        return self._service

    def facts(self) -> JournalFacts:
        return read_facts(self.journal, LANE)

    def write_config(self, **changes: Any) -> Path:
        """Write the configuration as it is now, with changes that stay."""
        self.settings |= changes
        fields = self.settings | {"barrier_port": self.barrier.port}
        self.config.write_text(CONFIG.format(**fields), encoding="utf-8")
        return self.config

    @contextlib.asynccontextmanager
    async def running(self, *, authority: bool = True) -> AsyncIterator["SystemLane"]:
        """Serve everything but the controller; whatever is still running ends with the block."""
        await self.barrier.start()
        await self.reader.start()
        self.write_config()
        self._service = self._authority()
        services = [self._service.run, self._observer.run] if authority else [self._observer.run]
        serving = [asyncio.create_task(run()) for run in services]
        try:
            yield self
        finally:
            for controller in self.controllers:
                await controller.kill()
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
            await self.reader.stop()
            await self.barrier.stop()

    @contextlib.asynccontextmanager
    async def central(self, *more: str) -> AsyncIterator[Path]:
        """Run `kakou ops`; yields its database."""
        database = self.folder / "ops.sqlite"
        where = f"{self.settings['host']}:{self.settings['port']}"
        arguments = ["--broker", where, "--mqtt-version", self.broker.version, "--quiet", "--database", str(database)]
        arguments += more
        with (self.folder / "ops.log").open("wb") as output:
            process = await spawn("ops", *arguments, output=output)
        try:
            yield database
        finally:
            process.terminate()
            await process.wait()

    async def stored(self, database: Path) -> list[tuple[int, str]]:
        """Wait until central stored every event that the journal holds; returns (seq, type) in order."""
        count = len(self.facts().events)

        def stored() -> list[tuple[int, str]]:
            # Central may not have made its table yet.
            with contextlib.closing(sqlite3.connect(database)) as reading, contextlib.suppress(sqlite3.Error):
                return list(reading.execute("SELECT seq, type FROM event ORDER BY seq"))
            return []

        def whole() -> bool:
            # What is new may come before what goes again: events that the broker forgot fill their gap later.
            numbers = [seq for seq, _ in stored()]
            return len(numbers) >= count and numbers == list(range(1, len(numbers) + 1))

        await self.until(lambda: database.exists() and whole(), 40)
        return stored()

    # The controller

    @property
    def controller(self) -> Controller:
        return self.controllers[-1]

    async def start_controller(self, *, failpoint: str | None = None, ready: bool = True) -> Controller:
        """Start it as a site does; `ready` waits until the lane is idle and every device answers."""
        self.state = {}
        log = self.folder / f"controller-{len(self.controllers)}.log"
        with log.open("wb") as output:
            process = await spawn("run", str(self.config), output=output, failpoint=failpoint)
        self.controllers.append(Controller(process, log))
        if ready:
            await self.until(lambda: self.state.get("phase") == "idle" and not self.state["lost_devices"])
        return self.controller

    async def dies(self) -> None:
        """Wait until the failpoint killed the controller."""
        assert await self.controller.ended() == -signal.SIGKILL

    # Vehicles

    def arrive(self, epc: str | None = TAG, *, noted: bool = True) -> Truck:
        """Let a truck drive in; `noted`: the authority has a release note for its tag."""
        self._truck += 1
        truck = Truck(f"truck-{self._truck}", tag_epc=epc)
        if noted and epc:
            self.notes.tags.add(epc)
        self.world.arrive(truck)
        return truck

    async def gone(self) -> None:
        """Wait until no truck is in the lane and it is idle."""
        await self.until(lambda: self.world.empty and self.state.get("phase") == "idle")

    async def pass_one(self) -> None:
        """Let a released truck through, from arrival to an empty idle lane."""
        ended = len(self.ended)
        self.arrive()
        await self.until(lambda: len(self.ended) > ended)
        await self.gone()

    async def settle(self) -> None:
        """Do what a person at the lane does until it is idle and empty: confirm that it is clear, refuse, reset."""
        orders = {"held": "refuse", "fault": "reset"}
        while not (self.world.empty and self.state.get("phase") == "idle"):
            before, phase = self.state, self.state.get("phase", "")
            order = orders.get(phase)
            if phase == "starting" and "boom_up_unproved" in before["alarms"]:
                order = "lower"
            if order is not None and not (await self.order(order)).get("accepted"):
                await self._look()
                continue
            if phase in ("turning_back", "leaving") and not self.world.empty:
                self.world.turn_back()
            await self.until(lambda: self.state is not before or (self.world.empty and phase == "idle"))  # noqa: B023

    # What people do and see

    async def order(self, action: str, *, operator: str = "chen", reason: str = "looked at it") -> dict[str, Any]:
        """Give an order at the lane; a controller that just starts is asked again."""
        request = {"verb": "order", "lane": LANE, "action": action, "operator": operator, "reason": reason}
        async with asyncio.timeout(LIMIT_S):
            while True:
                with contextlib.suppress(ControlError):
                    return await ask(self.socket, request)
                await self._look()

    async def told(self, limit_s: float = LIMIT_S, **wanted: Any) -> dict[str, Any]:
        """Wait until `kakou status` shows these values: what a person sees who has no network."""
        shown: dict[str, Any] = {}
        try:
            async with asyncio.timeout(limit_s):
                while not wanted.items() <= shown.items():
                    await self._look()
                    with contextlib.suppress(ControlError):
                        shown = (await ask(self.socket, {"verb": "status"}))["lanes"][0]
        except TimeoutError:
            raise AssertionError(f"wanted {wanted}, shown {shown}") from None
        return shown

    async def until(self, condition: Callable[[], bool], limit_s: float = LIMIT_S) -> None:
        """Wait until `condition` holds; says what was seen where it does not."""
        try:
            async with asyncio.timeout(limit_s):
                while not condition():
                    await self._look()
        except TimeoutError:
            tail = await self.controller.last_words() if self.controllers else ""
            shown = json.dumps(self.state, ensure_ascii=False)
            raise AssertionError(f"not within {limit_s} s; state {shown}; ended {self.ended}; log:\n{tail}") from None

    async def phase(self, *phases: str) -> None:
        await self.until(lambda: self.state.get("phase") in phases)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The data of all events of this type."""
        return [event["data"] for event in self.events if event["type"] == kind]

    async def event(self, kind: str, count: int = 1, **data: Any) -> dict[str, Any]:
        """Wait for the `count`-th event of this type whose data holds `data`."""

        def found() -> list[dict[str, Any]]:
            return [one for one in self.of(kind) if data.items() <= one.items()]

        await self.until(lambda: len(found()) >= count)
        return found()[count - 1]

    @property
    def ended(self) -> list[dict[str, Any]]:
        return self.of("passage_ended")

    @property
    def ignored(self) -> list[str]:
        """Why grants were ignored."""
        return [one["reason"] for one in self.of("grant_ignored")]

    def _tags(self) -> list[SimulatedTag]:
        return [SimulatedTag(epc) for epc in self.world.tags_in_field()]

    async def _look(self) -> None:
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._news.wait()

    def _hear(self, message: Message) -> None:
        kind, _, name = message.topic.split("/", 4)[4].partition("/")
        payload = json.loads(message.payload) if message.payload and kind not in ("clearance", "drill") else {}
        match kind:
            case "state":
                self.state = payload
            case "availability":
                self.availability = payload
            case "alarm" if payload:
                self.alarms[name] = payload
            case "alarm":
                self.alarms.pop(name, None)
            case "event" if all(one["id"] != payload["id"] for one in self.events):
                self.events.append(payload)
            case "event":
                self.repeated += 1
        self._news.set()

    def _authority(self) -> ClearanceService:
        now = datetime.now(UTC)
        keys = create_keys(
            self.folder / "keys",
            site=SITE,
            lanes=[LANE],
            authorities=[AUTHORITY],
            environment="simulated",
            now_utc=now,
            officers=OFFICERS,
            sampling_issuers=[AUTHORITY],
            central=True,
        )
        root = load_public_key(keys.root_public)
        keyset = open_keyset(
            keys.keyset.read_bytes(), root_key_id=key_id_of(root), root=root, environment="simulated", now_utc=now
        )
        return ClearanceService(
            self.broker.settings("authority"), authority=AUTHORITY, site=SITE, keyset=keyset, notes=self.notes,
            key=load_private_key(keys.authorities[AUTHORITY]), utc=lambda: datetime.now(UTC),
            result_key=load_private_key(self.folder / "keys" / f"result-{AUTHORITY}.key.pem"),
        )  # fmt: skip


def _loop_ms() -> Callable[[], int]:
    loop = asyncio.get_running_loop()
    return lambda: int(loop.time() * 1000)


@contextlib.asynccontextmanager
async def open_system(folder: Path, broker: BrokerCase, **options: Any) -> AsyncIterator[SystemLane]:
    """Start everything but the controller in `folder`."""
    async with SystemLane(folder, broker, **options).running() as lane:
        yield lane
