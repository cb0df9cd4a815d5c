"""No secret leaves the box, and no plate, container or tag its channel, whatever is said, logged, kept or refused."""

import base64
import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from edge.mqtt import Message, MqttLink
from edge.runtime.control import ask
from edge.verbs import run
from simulators.devices.camera_door import CameraDoor
from simulators.trucks import CONTAINER_CAMERA, PLATE_CAMERA
from simulators.vehicle import Truck
from tests.support.brokers import BrokerCase
from tests.support.controller import Controller, spawn
from tests.support.mqtt import serving
from tests.support.system_lane import SITE, SystemLane, open_system
from tests.system.test_cameras import CAMERAS, CameraLane, children

PASSWORDS = {"mqtt-secret": "canary-Zq7-broker", "camera-secret": "canary-Xw4-camera"}
# design.md, personal data: these two channels carry who stood there, each under its authority's field policy.
PERSONAL = ("clearance", "passage")


class Wire:
    """Everything that anybody could hear at the broker."""

    def __init__(self) -> None:
        self.open: list[bytes] = []
        self.personal: list[bytes] = []

    def hear(self, message: Message) -> None:
        kind = message.topic.split("/")[4] if message.topic.startswith("gate/v1/") else ""
        (self.personal if kind in PERSONAL else self.open).append(message.topic.encode() + b"\n" + message.payload)


def configured(lane: SystemLane, seeing: CameraLane) -> None:
    """Write a configuration with a password for the broker and one for each camera."""
    for name, password in PASSWORDS.items():
        (lane.folder / name).write_text(password + "\n", encoding="utf-8")
    urls = {"plate_url": seeing.cameras[PLATE_CAMERA].stream_url}
    urls["container_url"] = seeing.cameras[CONTAINER_CAMERA].stream_url
    cameras = CAMERAS.format(plate=PLATE_CAMERA, container=CONTAINER_CAMERA, **urls)
    cameras = cameras.replace("mode: mjpeg", "mode: mjpeg, user: viewer, password_file: camera-secret")
    cameras = cameras.replace("place: left", "auth: basic, place: left")
    lane.write_config(cameras=cameras, recogniser="recogniser: {deadline_ms: 8000}\n", identify_ms=4000)
    text = lane.config.read_text(encoding="utf-8")
    with_password = text.replace("mqtt_version:", "username: box, password_file: mqtt-secret, mqtt_version:")
    assert with_password != text
    lane.config.write_text(with_password, encoding="utf-8")


def secrets_of(folder: Path) -> Iterator[bytes]:
    """Every secret of the box, in each form in which it might be written."""
    yield from (password.encode() for password in PASSWORDS.values())
    yield base64.b64encode(f"viewer:{PASSWORDS['camera-secret']}".encode())
    raw = [(folder / "state" / "site.secret").read_bytes()]
    for pem in (folder / "keys").glob("*.key.pem"):
        yield pem.read_bytes().splitlines()[1]
        key = load_pem_private_key(pem.read_bytes(), None)
        raw.append(key.private_bytes_raw())  # type: ignore[union-attr]
    for one in raw:
        yield from (one, one.hex().encode(), base64.b64encode(one), base64.urlsafe_b64encode(one).rstrip(b"="))


def persons_of(trucks: list[Truck]) -> Iterator[bytes]:
    """Who stood there, also where a part is enough to know it."""
    for truck in trucks:
        plates = [text for _, text, *_ in truck.plates]
        codes = [code for code, _ in truck.containers]
        assert plates
        assert codes
        assert truck.tag_epc
        for text in (*plates, *(plate[1:] for plate in plates), *codes, *(code[:10] for code in codes), truck.tag_epc):
            yield text.encode()
            yield json.dumps(text).strip('"').encode()


def found(canaries: list[bytes], where: dict[str, bytes]) -> list[tuple[str, bytes]]:
    return [(name, canary) for name, text in where.items() for canary in canaries if canary in text]


def outbox_of(journal: Path) -> tuple[bytes, bytes]:
    """What waits in the outbox for everybody, and what for the authorities."""
    with contextlib.closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as reading:
        rows = reading.execute("SELECT type, data, personal FROM outbox").fetchall()
        poison = reading.execute("SELECT detail FROM poison").fetchall()
    return repr([(row[0], row[1]) for row in rows] + poison).encode(), repr([row[2] for row in rows]).encode()


def known_of(pids: list[int]) -> bytes:
    """What others on the box may learn of processes."""
    return b"\n".join(Path(f"/proc/{pid}/{what}").read_bytes() for pid in pids for what in ("cmdline", "environ"))


@pytest.mark.hazard("S15", "S16", "S5", "I19")
async def test_no_canary_leaves_its_channel(tmp_path: Path, any_broker: BrokerCase, capsys: pytest.CaptureFixture[str]):
    async with open_system(tmp_path, any_broker, must_match="front_plate, containers, tag") as lane:
        secret = PASSWORDS["camera-secret"]
        doors = {PLATE_CAMERA: CameraDoor("viewer", secret), CONTAINER_CAMERA: CameraDoor("viewer", secret, ["basic"])}
        seeing, wire, late = CameraLane(lane, doors), Wire(), Wire()
        for camera in seeing.cameras.values():
            await camera.start()
        configured(lane, seeing)
        curious = MqttLink(any_broker.settings("curious"))
        curious.subscribe("#", wire.hear)
        log = tmp_path / "canary.log"
        async with serving(curious.run):
            await lane.until(lambda: curious.is_up)
            with log.open("wb") as output:
                process = await spawn("run", str(lane.config), "--log-level", "debug", output=output)
            lane.controllers.append(Controller(process, log))
            await lane.until(lambda: lane.state.get("phase") == "idle" and not lane.state["lost_devices"], 60)
            # Two that may pass, and one that a lost camera cannot read.
            trucks = [await seeing.come()]
            await lane.settle()
            trucks.append(await seeing.come())
            await lane.settle()
            await seeing.cameras[PLATE_CAMERA].set_fault("off")
            await lane.until(lambda: PLATE_CAMERA in lane.state["lost_devices"], 30)
            trucks.append(await seeing.come())
            await lane.phase("held")
            await lane.settle()
            status = json.dumps(await ask(lane.socket, {"verb": "status"}), ensure_ascii=False).encode()
            waiting, personal = outbox_of(lane.journal)
            around = known_of([process.pid, *children(process.pid)])
            async with lane.central() as database:
                await lane.stored(database)
            newcomer = MqttLink(any_broker.settings("newcomer"))
            newcomer.subscribe(f"gate/v1/{SITE}/#", late.hear)
            async with serving(newcomer.run):
                await lane.until(lambda: any(b"/state\n" in one for one in late.open))
            assert await lane.controller.stop() == 0
        for camera in seeing.cameras.values():
            await camera.stop()
        assert run.check([str(lane.config), "--effective", "--json"]) == 0
        everywhere = {
            "wire": b"\n".join(wire.open),
            "retained": b"\n".join(late.open),
            "log": log.read_bytes(),
            "status": status,
            "outbox": waiting,
            "processes": around,
            "central": database.read_bytes() + (tmp_path / "ops.log").read_bytes(),
            "check": capsys.readouterr().out.encode(),
        }
        assert all(everywhere.values())
        assert len(lane.ended) == 3
        assert all(any(door.heard) for door in doors.values())
        channels = {"clearance and passage": b"\n".join(wire.personal), "personal rows": personal}
        secrets, persons = list(secrets_of(tmp_path)), list(persons_of(trucks))
        # The search can find: those who may see them do.
        assert {name for name, _ in found(persons, channels)} == set(channels)
        assert late.personal == [], "nothing of a person is retained"
        assert found(secrets, everywhere | channels) == []
        assert found(persons, everywhere) == []
