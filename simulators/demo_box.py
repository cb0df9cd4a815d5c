"""Everything that the demo starts: broker, simulated lane, authority, central operations, controller.

The controller takes longest to start: it goes first, and what it needs is loaded and opened meanwhile. So nothing
heavy is imported at the top of this module.
"""

import asyncio
import contextlib
import importlib
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from simulators.broker import DefaultBroker, reach
from simulators.demo_children import Children
from simulators.ports import free_ports
from simulators.trucks import CONTAINER_CAMERA, PLATE_CAMERA

if TYPE_CHECKING:
    from edge.clearance.keys import KeyFiles
    from edge.mqtt import Message, MqttLink
    from simulators.clearance import ClearanceService
    from simulators.demo_lane import DemoLane

LANE, AUTHORITY = "lane-1", "customs"
_TIDY_TIMEOUT_S = 2.0
# What a lane leaves at a broker; one that outlives the demo is cleared of it.
_RETAINED = ("availability", "state", "health", "alarm/")
# Loaded while the controller starts and before the simulated barrier serves: loading holds the event loop up.
_NEEDED = ("simulators.clearance", "simulators.demo_lane")

_CONFIG = """\
site: {site}
state_dir: state
keys_dir: keys
broker: {{host: "{host}", port: {port}, mqtt_version: "{version}"}}
recogniser: {{workers: 2, deadline_ms: 8000}}
authorities:
  - {{id: {authority}, deadline_ms: 5000}}
lanes:
  - id: {lane}
    direction: in
    simulated: true
    barrier: {{id: barrier, host: 127.0.0.1, port: {barrier_port}}}
    cameras:
      - {{id: {plate_camera}, url: "{plate_url}", mode: mjpeg, place: front, reads: [plate], frames_max: 4}}
      - {{id: {container_camera}, url: "{container_url}", mode: mjpeg, place: left, reads: [container], frames_max: 4}}
    tag_reader: {{id: tag-reader, port: "{reader}"}}
    timing: {{identify_ms: 12000}}
"""


@dataclass(frozen=True, slots=True)
class BrokerChoice:
    """The broker to use: the default one is started (`host` None), another is only connected to."""

    host: str | None = None
    port: int = 1883
    version: Literal["3.1.1", "5"] = "5"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is settled before anything starts: addresses, folder, and the lane's site."""

    folder: Path
    site: str
    host: str
    port: int
    version: Literal["3.1.1", "5"]
    barrier_port: int
    camera_ports: dict[str, int]
    reader: Path | int
    """The tag reader's serial line, or the port of a serial server where there are no ptys."""

    def stream(self, camera: str) -> str:
        """Address of a camera's stream."""
        return f"http://127.0.0.1:{self.camera_ports[camera]}/stream.mjpg"


def _unheard(topic: str, payload: dict[str, Any]) -> None:  # noqa: ARG001 - nobody listens yet
    return


class DemoBox:
    """The running demo. `on_message` hears every telemetry message of the lane."""

    def __init__(self, plan: _Plan, lane: "DemoLane", service: "ClearanceService", children: Children) -> None:
        self.folder, self.site = plan.folder, plan.site
        self.broker_host, self.broker_port, self.version = plan.host, plan.port, plan.version
        self.lane = lane
        self.service = service
        self.children = children
        self.state: dict[str, Any] = {}
        self.retained: set[str] = set()
        # How many messages under the lane's topics were none that a lane sends.
        self.strange = 0
        self.on_message: Callable[[str, dict[str, Any]], None] = _unheard

    @property
    def control_socket(self) -> Path:
        """Where the controller takes a person's orders."""
        return self.folder / "state" / "control.sock"

    @property
    def ops_database(self) -> Path:
        """What central operations stored."""
        return self.folder / "ops.sqlite"

    def hear(self, message: "Message") -> None:
        """Take in one message of the lane; what is none, from whoever may write there, is counted."""
        name = message.topic.removeprefix(f"gate/v1/{self.site}/{LANE}/")
        if name.startswith(_RETAINED):
            self.retained.add(message.topic)
        if not message.payload or not name.startswith(("event/", "passage/", "state", "ack")):
            return
        try:
            payload = json.loads(message.payload)
            if not isinstance(payload, dict):
                raise TypeError("no object")
            if name == "state":
                self.state = payload
            self.on_message(name, payload)
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            self.strange += 1


@contextlib.asynccontextmanager
async def open_box(
    folder: Path, choice: BrokerChoice, *, seed: int, progress: Callable[[str], None] = lambda _: None
) -> AsyncIterator[DemoBox]:
    """Start everything in `folder` and stop it afterwards; raises BrokerError or OSError where something cannot.

    `progress` hears what has started: `broker`, `controller`, `devices`, `operations`.
    """
    async with contextlib.AsyncExitStack() as stack:
        plan, broker_up = await _plan(folder, choice, stack)
        keys = _make_keys(plan)
        children = Children(folder)
        stack.push_async_callback(children.stop)
        await children.start("controller", ["run", str(_write_config(plan))])
        progress("controller")
        for name in _NEEDED:
            importlib.import_module(name)
        lane = await _open_lane(plan, stack, seed)
        progress("devices")
        await broker_up
        progress("broker")
        box = DemoBox(plan, lane, _authority(plan, keys), children)
        await _connect(box, stack, tidy=choice.host is not None)
        await children.start("operations", _operations(box))
        progress("operations")
        # The controller ends before its devices do, or it would name them all as lost.
        stack.push_async_callback(children.stop)
        yield box


async def _plan(
    folder: Path, choice: BrokerChoice, stack: contextlib.AsyncExitStack
) -> tuple[_Plan, "asyncio.Task[None]"]:
    """Settle the addresses. A broker of our own starts meanwhile, another has to answer before anything starts."""
    barrier, serial_server, *cameras = free_ports(4)
    reader = folder / "tag-reader" if hasattr(os, "openpty") else serial_server
    ports = dict(zip((PLATE_CAMERA, CONTAINER_CAMERA), cameras, strict=True))
    if choice.host is not None:
        broker_up = asyncio.create_task(asyncio.to_thread(reach, choice.host, choice.port))
        await broker_up
        # Others may use that broker, for a demo, too.
        site = f"demo-{secrets.token_hex(3)}"
        return _Plan(folder, site, choice.host, choice.port, choice.version, barrier, ports, reader), broker_up
    broker = DefaultBroker()
    stack.callback(broker.kill)
    broker_up = asyncio.create_task(asyncio.to_thread(broker.start))
    stack.push_async_callback(_cancel, broker_up)
    port = broker.port_v5 if choice.version == "5" else broker.port
    return _Plan(folder, "demo", broker.host, port, choice.version, barrier, ports, reader), broker_up


def _write_config(plan: _Plan) -> Path:
    path = plan.folder / "kakou.yaml"
    path.write_text(
        _CONFIG.format(
            site=plan.site,
            lane=LANE,
            authority=AUTHORITY,
            host=plan.host,
            port=plan.port,
            version=plan.version,
            barrier_port=plan.barrier_port,
            plate_camera=PLATE_CAMERA,
            plate_url=plan.stream(PLATE_CAMERA),
            container_camera=CONTAINER_CAMERA,
            container_url=plan.stream(CONTAINER_CAMERA),
            reader=f"socket://127.0.0.1:{plan.reader}" if isinstance(plan.reader, int) else plan.reader,
        ),
        encoding="utf-8",
    )
    return path


def _make_keys(plan: _Plan) -> "KeyFiles":
    from edge.clearance.keys import create_keys

    return create_keys(
        plan.folder / "keys",
        site=plan.site,
        lanes=[LANE],
        authorities=[AUTHORITY],
        environment="simulated",
        now_utc=datetime.now(UTC),
    )


def _authority(plan: _Plan, keys: "KeyFiles") -> "ClearanceService":
    from edge.clearance.keys import key_id_of, load_private_key, load_public_key
    from edge.clearance.keyset import open_keyset
    from edge.mqtt import MqttSettings
    from simulators.clearance import ClearanceService

    root = load_public_key(keys.root_public)
    keyset = open_keyset(
        keys.keyset.read_bytes(),
        root_key_id=key_id_of(root),
        root=root,
        environment="simulated",
        now_utc=datetime.now(UTC),
    )
    return ClearanceService(
        MqttSettings(plan.host, plan.port, f"{plan.site}-authority", version=plan.version),
        authority=AUTHORITY,
        site=plan.site,
        key=load_private_key(keys.authorities[AUTHORITY]),
        keyset=keyset,
        utc=lambda: datetime.now(UTC),
        # The lane takes no number twice, over restarts too, and this folder may serve a second demo.
        sequence_file=plan.folder / "keys" / f"{AUTHORITY}.sequence.json",
    )


async def _open_lane(plan: _Plan, stack: contextlib.AsyncExitStack, seed: int) -> "DemoLane":
    from simulators.demo_lane import DemoLane

    loop = asyncio.get_running_loop()
    lane = DemoLane(
        lambda: int(loop.time() * 1000),
        seed=seed,
        reader=plan.reader,
        barrier_port=plan.barrier_port,
        camera_ports=plan.camera_ports,
    )
    stack.push_async_callback(lane.stop)
    await lane.start()
    return lane


async def _connect(box: DemoBox, stack: contextlib.AsyncExitStack, *, tidy: bool) -> None:
    """Connect the authority, and ourselves as one who listens; `tidy` clears the broker of the lane at the end."""
    from edge.mqtt import MqttLink, MqttSettings

    observer = MqttLink(MqttSettings(box.broker_host, box.broker_port, f"{box.site}-observer", version=box.version))
    observer.subscribe(f"gate/v1/{box.site}/{LANE}/#", box.hear)
    for serving in (box.service.run(), observer.run()):
        stack.push_async_callback(_cancel, asyncio.create_task(serving))
    if tidy:
        stack.push_async_callback(_tidy, box, observer)


async def _tidy(box: DemoBox, observer: "MqttLink") -> None:
    """Leave nothing retained at a broker that stays; what cannot be cleared is left."""
    sent = [observer.publish(topic, b"", retain=True) for topic in sorted(box.retained)]
    if sent:
        await asyncio.wait(sent, timeout=_TIDY_TIMEOUT_S)
    for one in sent:
        if one.done() and not one.cancelled():
            one.exception()


def _operations(box: DemoBox) -> list[str]:
    where = f"{box.broker_host}:{box.broker_port}"
    return ["ops", "--broker", where, "--mqtt-version", box.version, "--quiet", "--database", str(box.ops_database)]


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
