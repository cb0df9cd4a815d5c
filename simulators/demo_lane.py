"""The simulated lane of the demo: one world, and every device of it on its real wire."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from simulators.devices.camera import CameraSimulator, Picture, PictureSource
from simulators.devices.tag_field import SimulatedTag
from simulators.devices.uhf_r2000 import R2000Simulator, R2000TcpSimulator
from simulators.scene import photo, render_container, render_front
from simulators.trucks import CONTAINER_CAMERA, PLATE_CAMERA
from simulators.vehicle import Truck
from simulators.world import Geometry, Pace, World

FRAMES_PER_S = 5.0
# Whoever is on the arrival loop is in the picture: an empty lane would cost the first reading.
GEOMETRY = Geometry(camera_view=(8.0, 12.5))


class DemoLane:
    """A lane whose barrier, cameras and tag reader a controller can be connected to. `seed` varies the pictures."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        *,
        seed: int,
        reader: Path | int,
        barrier_port: int = 0,
        camera_ports: Mapping[str, int] | None = None,
    ) -> None:
        """`reader` is where the tag reader's serial line appears, or a serial server's port; port 0 is a free one."""
        ports = camera_ports or {}
        self.plant = Plant(now_ms, stroke_s=0.4)
        self.world = World(self.plant, now_ms, geometry=GEOMETRY, pace=Pace(drive_in_s=0.3, drive_through_s=0.6))
        self.barrier = BarrierSimulator(self.plant, port=barrier_port, refresh=self.world.advance)
        self.cameras = {
            name: CameraSimulator(self._source(name), frames_per_s=FRAMES_PER_S, seed=seed, port=ports.get(name, 0))
            for name in (PLATE_CAMERA, CONTAINER_CAMERA)
        }
        self.reader: R2000Simulator | R2000TcpSimulator
        if isinstance(reader, int):
            self.reader = R2000TcpSimulator(self._tags, port=reader)
        else:
            self.reader = R2000Simulator(self._tags, symlink=reader)

    async def start(self) -> None:
        """Open every port."""
        await self.barrier.start()
        for camera in self.cameras.values():
            await camera.start()
        await self.reader.start()

    async def stop(self) -> None:
        """Close every port."""
        await self.reader.stop()
        for camera in self.cameras.values():
            await camera.stop()
        await self.barrier.stop()

    def _tags(self) -> list[SimulatedTag]:
        return [SimulatedTag(epc) for epc in self.world.tags_in_field()]

    def _source(self, camera: str) -> PictureSource:
        def picture() -> Picture | None:
            truck = self.world.truck_in_view(camera)
            return None if truck is None else picture_of(truck, camera)

        return picture


@lru_cache(maxsize=8)
def picture_of(truck: Truck, camera: str) -> Picture:
    """What `camera` sees of `truck`: its photograph where it has one, else a rendered scene; always the same array."""
    given = dict(truck.pictures).get(camera)
    if given is not None:
        return photo(Path(given))
    seed = int(truck.id.rpartition("-")[2])
    if camera == PLATE_CAMERA:
        _, text, colour, kind, rows = truck.plates[0]
        return render_front(text, colour, kind, rows, seed)
    codes, sizes = zip(*truck.containers, strict=True)
    return render_container(list(codes), list(sizes), seed)


def prepare_pictures(truck: Truck) -> None:
    """Draw or load what the cameras will see: done beside the event loop, which must not miss a Modbus request."""
    for camera in (PLATE_CAMERA, CONTAINER_CAMERA):
        picture_of(truck, camera)
