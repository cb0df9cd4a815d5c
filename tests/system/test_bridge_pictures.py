"""A lane with cameras behind the customs bridge: customs is shown what was read, and the pictures come by digest."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulators.customs_book import Document
from simulators.demo_lane import prepare_pictures
from simulators.devices.camera import CameraSimulator
from simulators.ports import free_ports
from simulators.trucks import CONTAINER_CAMERA, PLATE_CAMERA, note_of, rendered_trucks
from simulators.vehicle import Truck
from tests.support.bridged_lane import BridgedLane, open_bridged
from tests.support.brokers import BrokerCase
from tests.support.certificates import CertificateAuthority
from tests.system.test_cameras import CAMERAS, picture_source

SERVE = """\
recogniser: {{deadline_ms: 20000}}
evidence: {{serve: {{host: 127.0.0.1, port: {port}, url: "https://127.0.0.1:{port}", cert_file: {certificate},
    key_file: {key}}}}}
"""


@pytest.fixture
async def cameras() -> AsyncIterator[dict[str, CameraSimulator]]:
    yield (found := {})
    for camera in found.values():
        await camera.stop()


@pytest.fixture
async def seeing(
    tmp_path: Path, any_broker: BrokerCase, cameras: dict[str, CameraSimulator]
) -> AsyncIterator[BridgedLane]:
    async def prepare(lane: BridgedLane) -> None:
        for name in (PLATE_CAMERA, CONTAINER_CAMERA):
            cameras[name] = CameraSimulator(picture_source(lane.world, name), frames_per_s=8.0, seed=1)
            await cameras[name].start()
        authority = CertificateAuthority(tmp_path)
        certificate, key = authority.issue("127.0.0.1")
        lane.pictures_ca = authority.ca_file
        lane.write_config(
            must_match="front_plate, containers, tag",
            identify_ms=20_000,
            cameras=CAMERAS.format(
                plate=PLATE_CAMERA, container=CONTAINER_CAMERA, plate_url=cameras[PLATE_CAMERA].stream_url,
                container_url=cameras[CONTAINER_CAMERA].stream_url,
            ),
            recogniser=SERVE.format(port=free_ports(1)[0], certificate=certificate, key=key),
        )  # fmt: skip

    async with open_bridged(tmp_path, any_broker, prepare=prepare) as lane:
        yield lane


async def come(lane: BridgedLane, truck: Truck) -> None:
    """Let a truck come, with a document for exactly what it shows."""
    await asyncio.to_thread(prepare_pictures, truck)
    note = note_of(truck)
    front = next(plate.text for plate in note.plates if plate.place == "front")
    lane.platform.book.add(Document(note.number, front, note.containers))
    lane.world.arrive(truck)


async def test_customs_releases_what_it_was_shown_and_its_pictures_come(seeing: BridgedLane) -> None:
    # The models may not be loaded by the time that the first truck comes.
    for number, truck in enumerate(rendered_trucks(3, seed=3), 1):
        await come(seeing, truck)
        await seeing.settle()
        await seeing.until(lambda count=number: len(seeing.ended) == count)
        if seeing.ended[-1]["terminal"] == "PASSED":
            break
    assert seeing.ended[-1]["terminal"] == "PASSED"
    asked = seeing.platform.asked[-1].fields
    note = note_of(truck)
    assert asked["plate"] in {plate.text for plate in note.plates}
    assert (asked["container_front"], asked["container_count"]) == (note.containers[0], str(len(note.containers)))
    digests = asked["pictures"].split("|")
    folder = seeing.folder / "state" / "bridge-customs" / "pictures"
    await seeing.until(lambda: all((folder / f"{digest}.jpg").exists() for digest in digests))
    for digest in digests:
        assert hashlib.sha256((folder / f"{digest}.jpg").read_bytes()).hexdigest() == digest
    assert "picture_not_fetched" not in seeing.bridge.log.read_text(encoding="utf-8")
