"""The lane of a running scenario: its world, its devices on real wires, authorities, broker, and the controller."""

import asyncio
import contextlib
import json
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edge.clearance.keys import KeyFiles, create_keys, key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import open_keyset
from edge.mqtt import Message, MqttLink, MqttSettings
from edge.runtime.control import ControlError, ask
from simulators.broker import DefaultBroker
from simulators.clearance import ClearanceService
from simulators.devices.barrier_plant import Plant
from simulators.scenario.book import Book
from simulators.scenario.clock import Pace
from simulators.scenario.controller import OwnController, ProcessController, ScenarioController
from simulators.scenario.device import Simulated, Site
from simulators.scenario.kinds import BarrierSimulated
from simulators.scenario.loading import LANE, Loaded, configuration
from simulators.scenario.platform import BridgedPlatform, bridge_configuration
from simulators.scenario.schema import TruckSpec
from simulators.vehicle import Axle, Truck, usual_axles
from simulators.world import Geometry, World
from simulators.world import Pace as WorldPace

# Whoever is on the arrival loop is in the picture.
_GEOMETRY = Geometry(camera_view=(8.0, 12.5))
# How soon what no message announces is looked at again, in seconds of the machine.
_LOOK_S = 0.01
_READY_S = 60.0
_ORDER_S = 15.0
# What a scenario prints of what it saw, at most.
_EVENTS_SHOWN = 12


@dataclass(frozen=True, slots=True)
class BrokerAt:
    """A broker that several scenarios may use: each has a site of its own."""

    host: str
    port: int
    version: Literal["3.1.1", "5"] = "5"

    def settings(self, client_id: str) -> MqttSettings:
        """How to connect to it; times are the machine's."""
        settings = MqttSettings(self.host, self.port, client_id, version=self.version)
        return replace(settings, backoff_min_s=0.05, backoff_max_s=0.4, stable_s=1.0)


class Bench:
    """The lane. `state`, `alarms` and `events` are what a subscriber saw; `now_s` counts from the first readiness."""

    def __init__(self, loaded: Loaded, folder: Path, broker: BrokerAt, pace: Pace, seed: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = pace.clock()
        self.loaded, self.folder, self.broker, self.pace = loaded, folder, broker, pace
        scenario = loaded.scenario
        self.site = f"sim-{secrets.token_hex(4)}"
        self.trucks = {one.id: one for one in scenario.trucks}
        self.plant = Plant(self._now_ms, stroke_s=scenario.world.stroke_s)
        speed = WorldPace(scenario.world.drive_in_s, scenario.world.drive_through_s)
        self.world = World(self.plant, self._now_ms, geometry=_GEOMETRY, pace=speed)
        self.weather = scenario.world.weather
        self.devices: dict[str, Simulated] = {}
        for placed in loaded.devices:
            site = Site(
                placed.id, placed.configured, folder, self.world, self.plant, self._now_ms, self.trucks, seed,
                scenario.weathers, lambda: self.weather,
            )  # fmt: skip
            self.devices[placed.id] = placed.kind.build(site)
        self.book = Book(scenario.lane.get("must_match", ("front_plate", "containers", "tag")))
        spec = scenario.platform
        self.bridged = None if spec is None else BridgedPlatform(spec, folder, seed)
        self.services: dict[str, ClearanceService] = {}
        self.state: dict[str, Any] = {}
        self.alarms: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.controller: ScenarioController | None = None
        self.own_broker: DefaultBroker | None = None
        self._heard: set[str] = set()
        self._news = asyncio.Event()
        self._began_ms = self._now_ms()

    @property
    def log(self) -> Path:
        """What the controller logs."""
        return self.folder / "controller.log"

    @property
    def socket(self) -> Path:
        """Where the controller takes a person's orders."""
        return self.folder / "state" / "control.sock"

    @property
    def barrier(self) -> BarrierSimulated:
        """The lane's barrier."""
        return next(one for one in self.devices.values() if isinstance(one, BarrierSimulated))

    @property
    def now_s(self) -> float:
        """Seconds of the scenario's time since it began."""
        return (self._now_ms() - self._began_ms) / 1000

    def device(self, key: str) -> Simulated | None:
        """What the lane has under this key of its configuration, the first where it has several."""
        return next((self.devices[placed.id] for placed in self.loaded.devices if placed.key == key), None)

    def begin(self) -> None:
        """The scenario begins now."""
        self._began_ms = self._now_ms()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Bench"]:
        """Serve everything but the controller; whatever still runs ends with the block."""
        async with contextlib.AsyncExitStack() as stack:
            for device in self.devices.values():
                stack.push_async_callback(device.stop)
                await device.start()
            if self.bridged is not None:
                stack.push_async_callback(self.bridged.stop)
                await self.bridged.start()
            keys = self._write()
            spec = self.loaded.scenario.platform
            served = [one for one in self.loaded.scenario.authorities if spec is None or one != spec.authority]
            self.services = {one: self._authority(one, keys) for one in served}
            observer = MqttLink(self.broker.settings(f"{self.site}-observer"))
            observer.subscribe(f"gate/v1/{self.site}/{LANE}/#", self._hear)
            for serving in (observer.run(), *(service.run() for service in self.services.values())):
                stack.push_async_callback(_cancelled, asyncio.create_task(serving))
            stack.push_async_callback(self._ended)
            yield self

    async def start_controller(self, *, ready: bool = True) -> None:
        """Start it as a site does; `ready` waits until the lane is proved closed. Raises TimeoutError, OSError."""
        self.state = {}
        config = self.folder / "kakou.yaml"
        if self.loaded.scenario.apart:
            self.controller = ProcessController(config, self.log, self.pace)
        else:
            self.controller = OwnController(config, self.pace)
        await self.controller.start()
        if self.bridged is not None:
            await self.bridged.start_bridge(config)
        if ready:
            # Loading and opening take the machine's time, however fast time runs.
            await self.until(self._ready, _READY_S * self.pace.speed)
        if ready and isinstance(self.controller, OwnController):
            # It took them for itself, and would let its lane come to rest first.
            for number in (signal.SIGINT, signal.SIGTERM):
                self._loop.add_signal_handler(number, _running_task().cancel)

    def _ready(self) -> bool:
        """Whether the lane is proved closed; True also where the controller has ended already."""
        ended = self.controller is not None and self.controller.ended is not None
        return ended or (self.state.get("phase") == "idle" and not self.state["lost_devices"])

    async def until(self, condition: Callable[[], bool], limit_s: float) -> None:
        """Wait until `condition` holds. Raises TimeoutError after `limit_s` of the scenario's time."""
        async with asyncio.timeout(limit_s):
            while not condition():
                await self.look()

    async def look(self) -> None:
        """Wait for the next message, or for a moment: the world moves by itself."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S * self.pace.speed):
                await self._news.wait()

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Give an order at the controller's socket. Raises ControlError where nobody answers in time."""
        end_s = self.now_s + _ORDER_S
        while True:
            try:
                return await ask(self.socket, {"lane": LANE, **request})
            except ControlError:
                if self.now_s > end_s:
                    raise
            await self.look()

    def truck(self, named: str) -> Truck:
        """A truck as the world has it."""
        spec = self.trucks[named]
        plates = tuple((one.place, one.text, one.colour, one.kind, one.rows) for one in spec.plates)
        boxes = tuple((one.code, one.size_type) for one in spec.containers)
        said = tuple(Axle(one.behind_front_m, one.kg) for one in spec.axles or ())
        axles = said or usual_axles(spec.length_m, spec.weight_kg)
        return Truck(spec.id, plates, boxes, spec.tag, spec.length_m, axles=axles)

    def note(self, spec: TruckSpec) -> None:
        """Enter a release note for a truck, at every authority."""
        self.book.enter(spec)
        if self.bridged is not None:
            self.bridged.enter(spec)

    def seen(self) -> dict[str, Any]:
        """What the lane is like now, for whoever has to find out why it is not as it should be."""
        plant = self.plant
        ended = [one["data"]["terminal"] for one in self.events if one["type"] == "passage_ended"]
        return {
            "state": self.state,
            "alarms": sorted(self.alarms),
            "passages": ended,
            "coils": {"raised": plant.raise_count, "lowered": plant.lower_count, "stopped": plant.stop_count},
            "boom": round(plant.position, 2),
            "trucks": {one: self.world.phase(one) for one in self.trucks},
            "events": [one["type"] for one in self.events[-_EVENTS_SHOWN:]],
            "controller": "runs" if self.controller is not None and self.controller.ended is None else "ended",
        }

    def _write(self) -> KeyFiles:
        """Keys and configuration, as a site has them."""
        box: dict[str, Any] = {
            "site": self.site,
            "state_dir": "state",
            "keys_dir": "keys",
            "broker": {"host": self.broker.host, "port": self.broker.port, "mqtt_version": self.broker.version},
        }
        spec = self.loaded.scenario.platform
        if spec is not None and self.bridged is not None:
            box["customs_bridge"] = bridge_configuration(spec, LANE, self.bridged.platform.port)
        addresses = {name: device.address for name, device in self.devices.items()}
        data = configuration(self.loaded.scenario, self.loaded.devices, addresses, **box)
        # JSON is YAML.
        (self.folder / "kakou.yaml").write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")
        return create_keys(
            self.folder / "keys",
            site=self.site,
            lanes=[LANE],
            authorities=list(self.loaded.scenario.authorities),
            environment="simulated",
            now_utc=self._clock.utc(),
        )

    def _authority(self, name: str, keys: KeyFiles) -> ClearanceService:
        root = load_public_key(keys.root_public)
        keyset = open_keyset(
            keys.keyset.read_bytes(),
            root_key_id=key_id_of(root),
            root=root,
            environment="simulated",
            now_utc=self._clock.utc(),
        )
        return ClearanceService(
            self.broker.settings(f"{self.site}-{name}"),
            authority=name,
            site=self.site,
            key=load_private_key(keys.authorities[name]),
            keyset=keyset,
            utc=self._clock.utc,
            notes=self.book,
            on_answered=lambda _: self._news.set(),
        )

    async def _ended(self) -> None:
        if self.controller is not None:
            await self.controller.kill()

    def _hear(self, message: Message) -> None:
        kind, _, name = message.topic.split("/", 4)[4].partition("/")
        if kind not in ("state", "alarm", "event"):
            return
        payload = json.loads(message.payload) if message.payload else None
        match kind:
            case "state" if payload is not None:
                self.state = payload
            case "alarm" if payload is not None:
                self.alarms[name] = payload
            case "alarm":
                self.alarms.pop(name, None)
            case "event" if payload is not None and payload["id"] not in self._heard:
                # What was not acknowledged comes again.
                self._heard.add(payload["id"])
                self.events.append(payload)
        self._news.set()

    def _now_ms(self) -> int:
        return int(self._loop.time() * 1000)


def _running_task() -> "asyncio.Task[Any]":
    task = asyncio.current_task()
    assert task is not None
    return task


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
