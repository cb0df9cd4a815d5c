"""What cameras and the tag reader deliver for the truck that stands there."""

from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from edge.core.events import Event, FrameRead, TagSighted
from edge.core.profile import CameraProfile
from edge.core.readings import ContainerSighting, PictureReading, PlateSighting, TagSighting

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
        for camera in profile.cameras:
            at_ms = 0.0
            for _ in range(camera.frames_needed):
                at_ms += draw.uniform(20, 60)
                self.world.time.after(at_ms, partial(self._picture, passage, camera))
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

    def _picture(self, passage: str, camera: CameraProfile) -> None:
        one = self.world.traffic.now
        if self._wanted != passage or one is None:
            return
        self._pictures += 1
        digest = sha256(f"{self.world.plan.seed}|{self._pictures}".encode()).hexdigest()
        self.taken[digest] = passage
        if "plate" in camera.reads:
            reading = PictureReading(plates=(PlateSighting(one.plate, 0.9, _BOX),))
        else:
            reading = PictureReading(containers=(ContainerSighting(one.container, 0.9, _BOX),))
        now_ms = self.world.time.now_ms
        self._say(FrameRead(now_ms, passage, camera.id, digest, now_ms, reading))

    def _tag(self, passage: str) -> None:
        one = self.world.traffic.now
        if self._wanted == passage and one is not None:
            now_ms = self.world.time.now_ms
            self._say(TagSighted(now_ms, TagSighting(one.tag, 1, -50, now_ms)))
