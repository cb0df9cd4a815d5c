"""What cameras and the tag reader deliver for the truck that stands there."""

from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from edge.core.events import DeviceBack, DeviceLost, Event, FrameRead, TagElsewhere, TagSighted
from edge.core.profile import CameraProfile
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting, TagSighting, Unread, VehicleSighting
from simulators.prove.traffic import Truck, box, truck

if TYPE_CHECKING:
    from simulators.prove.box import Box
    from simulators.prove.world import World

_BOX = (100, 200, 150, 40)


class Cameras:
    """Implements `edge.runtime.lane_runner.Captures` for whichever process asks."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.box: Box | None = None
        self._wanted: str | None = None
        self._pictures = 0
        # Digest of each picture to the passage that it was taken for, for I16.
        self.taken: dict[str, str] = {}

    def start(self, passage: str, since_ms: int) -> None:
        """Trigger everything."""
        draw, profile = self.world.draw, self.world.profile
        self._wanted = passage
        self.world.scale.captures(passage, since_ms)
        self.world.readers.captures(passage, since_ms)
        self.world.opening.captures(passage)
        self.world.inspections.stands(passage, self.world.traffic.now)
        for camera in profile.cameras:
            at_ms = 0.0
            # That no box is there is believed last: the camera that looks for them goes on until nobody asks.
            boxes = "container" in camera.reads
            for number in range(camera.frames_max if boxes else camera.frames_needed):
                at_ms += draw.uniform(10, 40) if boxes else draw.uniform(20, 60)
                self.world.time.after(at_ms, partial(self._picture, passage, camera, number))
        self.world.time.after(draw.uniform(20, 80), lambda: self._tag(passage))

    def stop(self, passage: str) -> None:
        """Want nothing more."""
        if self._wanted == passage:
            self._wanted = None

    def ended(self, passage: str) -> None:
        """Its pictures may go."""

    def _say(self, event: Event) -> None:
        if self.box is not None:
            self.box.take(event)

    def _picture(self, passage: str, camera: CameraProfile, number: int) -> None:
        one = self.world.traffic.now
        if self._wanted != passage or one is None:
            return
        swarm, now_ms = self.world.swarm, self.world.time.now_ms
        if swarm.strikes("camera_lost", 0.1):
            self._say(DeviceLost(now_ms, camera.id, "camera_no_frame"))
            self.world.time.after(swarm.draw.uniform(300, 2_000), lambda: self._back(camera.id))
            return
        if not swarm.strikes("frozen", 0.4):
            self._pictures += 1
        digest = sha256(f"{self.world.plan.seed}|{self._pictures}".encode()).hexdigest()
        self.taken[digest] = passage
        reading = self._of(one, camera)
        if reading.containers and number == 0 and swarm.strikes("late_box", 0.4):
            reading = PictureReading(vehicles=reading.vehicles)
        if swarm.active:
            reading = self._spoilt(reading, one)
        captured_ms = now_ms
        if swarm.strikes("earlier_picture", 0.3):
            digest = digest[::-1]
            captured_ms, reading = now_ms - 4_000, self._of(truck(one.number + 1, "release"), camera)
        else:
            self.world.loads.shows(passage, reading)
        late_ms = swarm.draw.uniform(500, 4_000) if swarm.strikes("late_reading", 0.2) else 0
        if late_ms:
            self.world.time.after(
                late_ms,
                lambda: self._say(FrameRead(self.world.time.now_ms, passage, camera.id, digest, captured_ms, reading)),
            )
        else:
            self._say(FrameRead(now_ms, passage, camera.id, digest, captured_ms, reading))

    def _back(self, camera: str) -> None:
        self._say(DeviceBack(self.world.time.now_ms, camera))

    def _tag(self, passage: str) -> None:
        one = self.world.traffic.now
        if self._wanted != passage or one is None:
            return
        swarm, now_ms = self.world.swarm, self.world.time.now_ms
        others = 0
        if swarm.strikes("neighbour_tag", 0.3):
            others = 1
        if swarm.strikes("tag_flood", 0.2):
            others = 40
        for number in range(others):
            self._say(TagSighted(now_ms, TagSighting(truck(number, "release").tag, 2, -80, now_ms)))
        if swarm.strikes("stale_tag", 0.3):
            self._say(TagSighted(now_ms, TagSighting(truck(7, "release").tag, 1, -50, now_ms - 9_000)))
        tag = truck(one.number + 1, "release").tag if swarm.strikes("cloned_tag", 0.3) else one.tag
        self._say(TagSighted(now_ms, TagSighting(tag, 1, -50, now_ms)))
        if swarm.strikes("shared_tag", 0.3):
            after_ms = swarm.draw.uniform(0, 4_000)
            self.world.time.after(after_ms, lambda: self._elsewhere(tag.epc))

    def _elsewhere(self, epc: str) -> None:
        now_ms = self.world.time.now_ms
        self._say(TagElsewhere(now_ms, epc, "lane-2", now_ms))

    def _of(self, one: Truck, camera: CameraProfile) -> PictureReading:
        if "plate" in camera.reads:
            plate = one.trailer if camera.place == "rear" and one.trailer is not None else one.plate
            return PictureReading(plates=(PlateSighting(plate, 0.9, _BOX),))
        # The camera stands at the right: the front of the vehicle is at the right of its picture.
        boxes = enumerate(reversed(() if one.covered else one.containers))
        seen = tuple(ContainerSighting(each, 0.9, (100 + 300 * index, 200, 150, 40)) for index, each in boxes)
        return PictureReading(containers=seen, vehicles=(VehicleSighting("truck", 0.9, (0, 0, 900, 400)),))

    def _spoilt(self, reading: PictureReading, one: Truck) -> PictureReading:
        """What recognition makes of the same picture on a bad day."""
        strikes, other = self.world.swarm.strikes, truck(one.number + 1, "release")
        if strikes("unread", 0.3):
            return PictureReading(unread=(Unread("picture", "dark"),))
        if reading.plates and (strikes("misread", 0.3) or strikes("two_plates", 0.5)):
            return PictureReading(plates=(PlateSighting(other.plate, 0.9, _BOX),))
        if reading.containers and strikes("unread", 0.2):
            # Dirt over the second line: which box, not of which type.
            bare = (replace(each, container=replace(each.container, size_type=None)) for each in reading.containers)
            reading = replace(reading, containers=tuple(bare))
        if reading.containers and strikes("two_boxes", 0.3):
            other_box = ContainerSighting(box(one.number + 500_000), 0.9, (700, 200, 150, 40))
            return replace(reading, containers=(*reading.containers, other_box))
        return reading
