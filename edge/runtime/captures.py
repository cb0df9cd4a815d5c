"""Triggers the cameras and the tag reader of a lane and turns their frames into readings."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from edge.core.events import Event, FrameRead, TagSighted
from edge.core.profile import CameraProfile
from edge.core.readings import PictureReading, TagSighting, Unread
from edge.log import logger
from edge.ports import Camera, Clock, DeviceError, Frame, Recogniser, TagReader
from edge.runtime.evidence import EvidenceError, EvidenceStore
from edge.runtime.shared_tags import LaneTags

# How long one frame may take to come before the camera is asked again; its supervisor sees a lost camera.
FRAME_TIMEOUT_S = 2.0
RETRY_S = 0.2


async def _reading_of(reading: Awaitable[PictureReading]) -> PictureReading:
    return await reading


def _not_wired(event: Event) -> None:
    raise RuntimeError(f"no lane takes {event!r}: set LaneCaptures.take first")


class LaneCaptures:
    """Implements `edge.runtime.lane_runner.Captures`. One task per camera and passage.

    Without `evidence` no picture is kept: whoever decides nothing needs none, and must take no room of those who do.
    """

    def __init__(
        self,
        cameras: Mapping[CameraProfile, Camera],
        tag_reader: TagReader | None,
        *,
        recogniser: Recogniser,
        evidence: EvidenceStore | None,
        clock: Clock,
        read_timeout_s: float,
    ) -> None:
        self._cameras = cameras
        self._tag_reader = tag_reader
        self._recogniser = recogniser
        self._evidence = evidence
        self._clock = clock
        self._read_timeout_s = read_timeout_s
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._stopping: set[asyncio.Task[None]] = set()
        self._reading: set[asyncio.Task[PictureReading]] = set()
        self._log = logger()
        self.take: Callable[[Event], None] = _not_wired
        # Where other lanes of the box hear of this one's tags, and it of theirs.
        self.shared: LaneTags | None = None

    def start(self, passage: str, since_ms: int) -> None:
        """Trigger every device for `passage`; an earlier trigger for it is replaced."""
        if self.shared is not None:
            self.shared.begin()
        self._cancel(passage)
        loop = asyncio.get_running_loop()
        tasks = [
            loop.create_task(self._capture(passage, profile, camera, since_ms))
            for profile, camera in self._cameras.items()
        ]
        if self._tag_reader is not None:
            tasks.append(loop.create_task(self._read_tags(self._tag_reader)))
        for task in tasks:
            task.add_done_callback(self._tell_crash)
        self._tasks[passage] = tasks

    def stop(self, passage: str) -> None:
        """Want nothing more for `passage`."""
        self._cancel(passage)

    def ended(self, passage: str) -> None:
        """The passage has its terminal record."""
        if self._evidence is not None:
            self._evidence.release(passage)
        if self.shared is not None:
            self.shared.ended()

    def tag_sighted(self, sighting: TagSighting) -> None:
        """Called by the tag reader's driver."""
        self.take(TagSighted(self._clock.now_ms(), sighting))
        if self.shared is not None:
            self.shared.sighted(sighting)

    async def close(self) -> None:
        """Cancel whatever runs and wait for its end."""
        for passage in list(self._tasks):
            self._cancel(passage)
        await asyncio.gather(*self._stopping, *self._reading, return_exceptions=True)

    def _cancel(self, passage: str) -> None:
        for task in self._tasks.pop(passage, []):
            task.cancel()
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)

    def _tell_crash(self, task: asyncio.Task[None]) -> None:
        """A device whose task failed is not read any more in this passage: its time to identify ends as unread."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("capture_crashed", cause=repr(error), exc_info=error)

    async def _read_tags(self, reader: TagReader) -> None:
        """Keep an inventory running until cancelled; a lost reader is tried again, its supervisor names it."""
        try:
            while True:
                try:
                    await reader.start_inventory()
                    break
                except DeviceError:
                    await self._clock.sleep(RETRY_S)
            await asyncio.get_running_loop().create_future()
        finally:
            try:
                await reader.stop_inventory()
            except DeviceError as error:
                self._log.info("inventory_not_stopped", device=error.device, code=error.code)

    async def _capture(self, passage: str, profile: CameraProfile, camera: Camera, since_ms: int) -> None:
        after_ms, frames = since_ms, 0
        while frames < profile.frames_max:
            try:
                frame = await camera.capture(after_ms, FRAME_TIMEOUT_S)
            except DeviceError:
                await self._clock.sleep(RETRY_S)
                continue
            after_ms, frames = frame.captured_at_ms + 1, frames + 1
            reading, kept = await asyncio.gather(self._read(profile, frame), self._keep(passage, frame))
            if kept:
                now_ms = self._clock.now_ms()
                # Of a picture that must not be read the camera's own word is no better.
                claim = frame.claim if frame.defect is None and "plate" in profile.reads else None
                self.take(FrameRead(now_ms, passage, profile.id, frame.sha256, frame.captured_at_ms, reading, claim))

    async def _read(self, profile: CameraProfile, frame: Frame) -> PictureReading:
        if frame.defect is not None:
            return PictureReading(unread=(Unread("picture", frame.defect),))
        reading = self._recogniser.read(frame.jpeg, frozenset(profile.reads), self._read_timeout_s, profile.masks)
        task = asyncio.get_running_loop().create_task(_reading_of(reading))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
        # Cancelling a reading costs its worker process, which then loads its models anew: let it end unheard.
        return await asyncio.shield(task)

    async def _keep(self, passage: str, frame: Frame) -> bool:
        """Keep the frame that is read; a frame that cannot be kept is no evidence and does not count."""
        if self._evidence is None:
            return True
        try:
            await self._evidence.keep(frame.jpeg, frame.sha256, passage)
        except EvidenceError as error:
            self._log.error("evidence_not_kept", code=error.code, cause=str(error))
            return False
        return True
