"""A lane with cameras and the real recogniser: right readings open, a bad camera holds and says so (D1, D2, D4)."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from simulators.demo_lane import picture_of, prepare_pictures
from simulators.devices.camera import CameraFault, CameraSimulator
from simulators.devices.camera_door import CameraDoor
from simulators.release_notes import ReleaseNotes
from simulators.trucks import CONTAINER_CAMERA, PLATE_CAMERA, note_of, rendered_trucks
from simulators.vehicle import Truck
from simulators.world import World
from tests.support.brokers import BrokerCase
from tests.support.system_lane import SystemLane, open_system

CAMERAS = """\
    cameras:
      - {{id: {plate}, url: "{plate_url}", mode: mjpeg, place: front, reads: [plate]}}
      - {{id: {container}, url: "{container_url}", mode: mjpeg, place: left, reads: [container]}}
"""


def picture_source(world: World, camera: str) -> Callable[[], Any]:
    """What a camera sees of the world."""

    def picture() -> Any:
        truck = world.truck_in_view(camera)
        return None if truck is None else picture_of(truck, camera)

    return picture


class CameraLane:
    """A lane that must read plate, container and tag."""

    def __init__(self, lane: SystemLane, doors: Mapping[str, CameraDoor] | None = None) -> None:
        self.lane = lane
        self.trucks = rendered_trucks(9, seed=3)
        lane.notes = ReleaseNotes()
        lane.service.notes = lane.notes
        self.cameras = {
            name: CameraSimulator(
                picture_source(lane.world, name), frames_per_s=8.0, seed=1, door=(doors or {}).get(name)
            )
            for name in (PLATE_CAMERA, CONTAINER_CAMERA)
        }

    async def come(self) -> Truck:
        """Let the next truck come, with a release note for exactly what it shows."""
        truck = next(self.trucks)
        await asyncio.to_thread(prepare_pictures, truck)
        self.lane.notes.add(note_of(truck))
        self.lane.world.arrive(truck)
        return truck


@pytest.fixture
async def seeing(tmp_path: Path, any_broker: BrokerCase) -> AsyncIterator[CameraLane]:
    async with open_system(tmp_path, any_broker, must_match="front_plate, containers, tag") as lane:
        seeing = CameraLane(lane)
        for camera in seeing.cameras.values():
            await camera.start()
        urls = {"plate_url": seeing.cameras[PLATE_CAMERA].stream_url}
        urls["container_url"] = seeing.cameras[CONTAINER_CAMERA].stream_url
        lane.write_config(
            cameras=CAMERAS.format(plate=PLATE_CAMERA, container=CONTAINER_CAMERA, **urls),
            recogniser="recogniser: {deadline_ms: 8000}\n", identify_ms=4000,
        )  # fmt: skip
        await lane.start_controller()
        yield seeing
        for camera in seeing.cameras.values():
            await camera.stop()


def children(pid: int) -> list[int]:
    """The processes that a process started, by the kernel's word."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_the_right_truck_passes_and_no_process_stays_behind(seeing: CameraLane):
    lane = seeing.lane
    # The models are loaded by the time that the second truck comes, whatever the first one had to wait for.
    await seeing.come()
    await lane.settle()
    await seeing.come()
    await lane.until(lambda: any(end["terminal"] == "PASSED" for end in lane.ended), 40)
    await lane.settle()
    workers = children(lane.controller.process.pid)
    assert len(workers) >= 3
    assert await lane.controller.stop() == 0
    await lane.until(lambda: not any(alive(pid) for pid in workers))
    assert lane.plant.raise_count == len(lane.facts().consumed)


FAULTS: tuple[CameraFault, ...] = ("dark", "frozen", "off")


@pytest.mark.hazard("D1", "D2", "D4")
async def test_a_bad_camera_holds_and_is_named_while_the_others_work(seeing: CameraLane):
    lane, camera = seeing.lane, seeing.cameras[PLATE_CAMERA]
    for fault in FAULTS:
        await camera.set_fault(fault)
        if fault == "off":
            await lane.until(lambda: PLATE_CAMERA in lane.state["lost_devices"], 10)
        identifications, ended = len(lane.of("identified")), len(lane.ended)
        await seeing.come()
        await lane.phase("held")
        assert lane.state["reasons"] == ["unread_front_plate:customs"], fault
        # The state is heard at once, events take their turn in the outbox.
        identified = await lane.event("identified", identifications + 1)
        assert (identified["front_plate"], identified["tag"]) == ("unread", "read"), identified
        await lane.settle()
        await lane.until(lambda count=ended: len(lane.ended) > count)
        await camera.set_fault("none")
        await lane.until(lambda: not lane.state["lost_devices"], 20)
    assert lane.plant.raise_count == 0
