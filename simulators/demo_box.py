"""Everything that the demo starts: broker, simulated lane, authority, central operations, controller.

Controller and central operations are processes of their own, started with the command that a site uses.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from edge.clearance.keys import create_keys, key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import open_keyset
from edge.mqtt import Message, MqttLink, MqttSettings
from simulators.broker import DefaultBroker
from simulators.clearance import ClearanceService
from simulators.demo_lane import DemoLane
from simulators.trucks import CONTAINER_CAMERA, PLATE_CAMERA

SITE, LANE, AUTHORITY = "demo", "lane-1", "customs"
_ROOT = Path(__file__).resolve().parents[1]
_STOP_TIMEOUT_S = 10.0

_CONFIG = """\
site: {site}
state_dir: state
keys_dir: keys
broker: {{host: {host}, port: {port}, mqtt_version: "{version}"}}
recogniser: {{workers: 2, deadline_ms: 8000}}
authorities:
  - {{id: {authority}, deadline_ms: 5000}}
lanes:
  - id: {lane}
    direction: in
    simulated: true
    barrier: {{id: barrier, host: 127.0.0.1, port: {barrier_port}}}
    cameras:
      - {{id: {plate_camera}, url: "{plate_url}", mode: mjpeg, place: front, reads: [plate]}}
      - {{id: {container_camera}, url: "{container_url}", mode: mjpeg, place: left, reads: [container]}}
    tag_reader: {{id: tag-reader, port: "{reader}"}}
    timing: {{identify_ms: 20000}}
"""


@dataclass(frozen=True, slots=True)
class BrokerChoice:
    """The broker to use: the default one is started, another is only connected to."""

    host: str | None = None
    port: int = 1883
    version: Literal["3.1.1", "5"] = "5"


def _unheard(topic: str, payload: dict[str, Any]) -> None:  # noqa: ARG001 - nobody listens yet
    return


class DemoBox:
    """The running demo. `on_message` hears every telemetry message of the lane."""

    def __init__(self, folder: Path, lane: DemoLane, service: ClearanceService, broker: BrokerChoice) -> None:
        self.folder = folder
        self.lane = lane
        self.service = service
        self.broker_host, self.broker_port, self.uses_v5 = broker.host, broker.port, broker.version == "5"
        self.state: dict[str, Any] = {}
        self.on_message: Callable[[str, dict[str, Any]], None] = _unheard

    @property
    def control_socket(self) -> Path:
        """Where the controller takes a person's orders."""
        return self.folder / "state" / "control.sock"

    def hear(self, message: Message) -> None:
        """Take in one message of the lane."""
        name = message.topic.split("/", 4)[4]
        if not message.payload or not name.startswith(("event/", "passage/", "state")):
            return
        payload = json.loads(message.payload)
        if name == "state":
            self.state = payload
        self.on_message(name, payload)


@contextlib.asynccontextmanager
async def open_box(folder: Path, choice: BrokerChoice, *, seed: int) -> AsyncIterator[DemoBox]:
    """Start everything in `folder` and stop it afterwards; raises BrokerError or OSError where something cannot."""
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        host, port = await asyncio.to_thread(_start_broker, stack, choice)
        lane = DemoLane(folder, lambda: int(loop.time() * 1000), seed=seed)
        await lane.start()
        stack.push_async_callback(lane.stop)
        config = _write_config(folder, lane, host, port, choice.version)
        service = _authority(folder, host, port, choice.version)
        box = DemoBox(folder, lane, service, BrokerChoice(host, port, choice.version))
        observer = MqttLink(MqttSettings(host, port, "demo-observer", version=choice.version))
        observer.subscribe(f"gate/v1/{SITE}/{LANE}/#", box.hear)
        for serving in (service.run(), observer.run()):
            stack.push_async_callback(_cancel, loop.create_task(serving))
        ops = ["ops", "--broker", f"{host}:{port}", "--mqtt-version", choice.version, "--quiet"]
        ops += ["--database", str(folder / "ops.sqlite")]
        for name, arguments in (("controller", ["run", str(config)]), ("ops", ops)):
            process = await _start(folder / f"{name}.log", arguments)
            stack.push_async_callback(_stop, process)
        yield box


def _start_broker(stack: contextlib.AsyncExitStack, choice: BrokerChoice) -> tuple[str, int]:
    if choice.host is not None:
        return choice.host, choice.port
    broker = stack.enter_context(DefaultBroker())
    return broker.host, broker.port_v5 if choice.version == "5" else broker.port


def _write_config(folder: Path, lane: DemoLane, host: str, port: int, version: str) -> Path:
    path = folder / "kakou.yaml"
    path.write_text(
        _CONFIG.format(
            site=SITE,
            lane=LANE,
            authority=AUTHORITY,
            host=host,
            port=port,
            version=version,
            barrier_port=lane.barrier.port,
            plate_camera=PLATE_CAMERA,
            plate_url=lane.cameras[PLATE_CAMERA].stream_url,
            container_camera=CONTAINER_CAMERA,
            container_url=lane.cameras[CONTAINER_CAMERA].stream_url,
            reader=lane.reader.path,
        ),
        encoding="utf-8",
    )
    return path


def _authority(folder: Path, host: str, port: int, version: Literal["3.1.1", "5"]) -> ClearanceService:
    now = datetime.now(UTC)
    keys = create_keys(
        folder / "keys", site=SITE, lanes=[LANE], authorities=[AUTHORITY], environment="simulated", now_utc=now
    )
    root = load_public_key(keys.root_public)
    keyset = open_keyset(
        keys.keyset.read_bytes(), root_key_id=key_id_of(root), root=root, environment="simulated", now_utc=now
    )
    return ClearanceService(
        MqttSettings(host, port, "demo-authority", version=version),
        authority=AUTHORITY,
        site=SITE,
        key=load_private_key(keys.authorities[AUTHORITY]),
        keyset=keyset,
        utc=lambda: datetime.now(UTC),
    )


async def _start(log: Path, arguments: list[str]) -> asyncio.subprocess.Process:
    search_path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edge.cli",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": search_path, "PYTHONSAFEPATH": "1"},
        )


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask a child to end, and end it where it does not."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
