"""Triggering cameras and reader: what is read, what is kept, what a lost or slow device costs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.core.events import Event, FrameRead, TagSighted
from edge.core.masks import Mask
from edge.core.profile import CameraProfile
from edge.core.readings import PictureReading, PlateClaim, TagSighting, Unread
from edge.core.tag import Tag
from edge.ports import DeviceError, Frame
from edge.runtime.captures import LaneCaptures
from edge.runtime.clock import LoopClock
from edge.runtime.evidence import EvidenceLimits, EvidenceStore
from tests.support.journals import utc
from tests.support.lane_bench import EPC, plate_seen
from tests.support.lane_parts import LIMIT_S, broken

MASKS = (Mask(0.0, 0.9, 1.0, 1.0),)
CAMERA = CameraProfile("front", "front", ("plate",), frames_max=2, masks=MASKS)


class Camera:
    """Gives a new frame each time; `defect` and `errors` spoil the next ones."""

    name = address = "front"

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.errors: list[DeviceError] = []
        self.defect: str | None = None
        self.claim: PlateClaim | None = None

    async def capture(self, after_ms: int, timeout_s: float) -> Frame:
        self.asked.append(after_ms)
        if self.errors:
            raise self.errors.pop()
        jpeg = b"picture %d" % len(self.asked)
        return Frame("front", jpeg, sha256(jpeg).hexdigest(), after_ms + 5, 8, 8, self.defect, self.claim)


class Reader:
    """Starts unless told not to; `stopped` counts."""

    def __init__(self) -> None:
        self.errors: list[DeviceError] = []
        self.stop_error: DeviceError | None = None
        self.running = asyncio.Event()
        self.stopped = asyncio.Event()

    async def start_inventory(self) -> None:
        if self.errors:
            raise self.errors.pop()
        self.running.set()

    async def stop_inventory(self) -> None:
        self.stopped.set()
        if self.stop_error is not None:
            raise self.stop_error


class Recogniser:
    """Sees one plate, once `gate` is open; `heard` is what it was asked."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.heard: list[tuple[bytes, frozenset[str], float]] = []
        self.masks: list[tuple[Mask, ...]] = []
        self.finished = 0

    async def read(
        self, jpeg: bytes, look_for: frozenset[str], deadline_s: float, masks: tuple[Mask, ...] = ()
    ) -> PictureReading:
        self.heard.append((jpeg, look_for, deadline_s))
        self.masks.append(masks)
        await self.gate.wait()
        self.finished += 1
        return plate_seen("粤BF3871")


class QuickClock(LoopClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.wait({asyncio.ensure_future(asyncio.get_running_loop().run_in_executor(None, lambda: None))})


class Rig:
    """Captures with all that they use; `events` is what the lane was told."""

    def __init__(self, evidence: EvidenceStore | None) -> None:
        self.camera, self.reader, self.recogniser, self.evidence = Camera(), Reader(), Recogniser(), evidence
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        cameras: Any = {CAMERA: self.camera}
        reader: Any = self.reader
        self.captures = LaneCaptures(
            cameras, reader, recogniser=self.recogniser, evidence=evidence, clock=QuickClock(), read_timeout_s=3.0
        )
        self.captures.take = self.events.put_nowait

    async def frame(self) -> FrameRead:
        async with asyncio.timeout(LIMIT_S):
            event = await self.events.get()
        assert isinstance(event, FrameRead)
        return event

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not condition():
                await QuickClock().sleep(0)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    evidence = EvidenceStore(tmp_path / "evidence", EvidenceLimits(1 << 20, 60, 600), utc=utc)
    await evidence.open()
    rig = Rig(evidence)
    yield rig
    rig.recogniser.gate.set()
    await rig.captures.close()
    await evidence.close()


async def test_frames_after_the_trigger_are_read_and_kept(rig: Rig, tmp_path: Path):
    rig.captures.start("p1", 1000)
    first, second = await rig.frame(), await rig.frame()
    assert (first.passage, first.camera, first.captured_at_ms) == ("p1", "front", 1005)
    assert second.captured_at_ms > first.captured_at_ms
    assert first.reading == plate_seen("粤BF3871")
    assert rig.recogniser.heard[0] == (b"picture 1", frozenset({"plate"}), 3.0)
    # What is masked is not read; the picture that is kept is the camera's own.
    assert rig.recogniser.masks == [MASKS] * len(rig.recogniser.heard)
    assert first.sha256 == sha256(b"picture 1").hexdigest()
    kept = {path.name.split(".")[0] for path in (tmp_path / "evidence").rglob("*") if path.is_file()}
    assert {first.sha256, second.sha256} <= kept
    # It has had its chance after `frames_max`.
    assert len(rig.camera.asked) == 2


async def test_a_camera_without_a_frame_is_asked_again(rig: Rig):
    rig.camera.errors = [broken("camera_no_frame"), broken("camera_no_frame")]
    rig.captures.start("p1", 1000)
    await rig.frame()
    assert rig.camera.asked[:3] == [1000, 1000, 1000]


@pytest.mark.hazard("D2")
async def test_a_defect_frame_is_kept_and_not_read(rig: Rig):
    rig.camera.defect = "dark"
    rig.captures.start("p1", 1000)
    assert (await rig.frame()).reading == PictureReading(unread=(Unread("picture", "dark"),))
    assert rig.recogniser.heard == []


async def test_what_the_camera_read_itself_is_told_with_a_picture_that_may_be_read(rig: Rig):
    rig.camera.claim = PlateClaim(plate_seen("粤BF3871").plates[0].plate, 0.99)
    rig.captures.start("p1", 1000)
    assert (await rig.frame()).claim == rig.camera.claim
    rig.captures.stop("p1")
    rig.camera.defect = "frozen"
    rig.captures.start("p2", 2000)
    while (frame := await rig.frame()).passage == "p1":
        pass
    assert frame.claim is None


async def test_a_frame_that_cannot_be_kept_does_not_count(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    assert rig.evidence is not None
    rig.evidence._limits = EvidenceLimits(1, 60, 600)
    rig.captures.start("p1", 1000)
    await rig.until(lambda: not any(not task.done() for task in rig.captures._tasks["p1"][:1]))
    assert rig.events.empty()


@pytest.mark.hazard("I17")
async def test_who_decides_nothing_keeps_no_picture_and_lets_go_of_none(rig: Rig, tmp_path: Path):
    shadow = Rig(None)
    shadow.captures.start("p1", 1000)
    assert (await shadow.frame()).reading == plate_seen("粤BF3871")
    shadow.captures.ended("p1")
    await shadow.captures.close()
    assert list((tmp_path / "evidence").rglob("*.jpg")) == []


async def test_stopping_lets_a_reading_end_unheard(rig: Rig):
    rig.recogniser.gate.clear()
    rig.captures.start("p1", 1000)
    await rig.until(lambda: bool(rig.recogniser.heard))
    rig.captures.stop("p1")
    rig.captures.stop("p1")
    rig.recogniser.gate.set()
    await rig.until(lambda: rig.recogniser.finished == 1)
    assert rig.events.empty()
    rig.captures.ended("p1")


async def test_a_new_trigger_replaces_the_one_before(rig: Rig):
    rig.recogniser.gate.clear()
    rig.captures.start("p1", 1000)
    await rig.until(lambda: bool(rig.recogniser.heard))
    rig.captures.start("p1", 2000)
    rig.recogniser.gate.set()
    assert (await rig.frame()).captured_at_ms == 2005


async def test_the_reader_runs_from_trigger_to_stop(rig: Rig):
    rig.captures.start("p1", 1000)
    async with asyncio.timeout(LIMIT_S):
        await rig.reader.running.wait()
        assert not rig.reader.stopped.is_set()
        rig.captures.stop("p1")
        await rig.reader.stopped.wait()


async def test_a_lost_reader_is_tried_again_and_need_not_stop_well(rig: Rig):
    rig.reader.errors = [broken("reader_gone"), broken("reader_gone")]
    rig.reader.stop_error = broken("reader_gone")
    rig.captures.start("p1", 1000)
    async with asyncio.timeout(LIMIT_S):
        await rig.reader.running.wait()
    await rig.captures.close()
    assert rig.reader.stopped.is_set()


async def test_tags_are_told_with_the_lanes_time(rig: Rig):
    sighting = TagSighting(Tag(EPC), 0, -50, 7)
    rig.captures.tag_sighted(sighting)
    event = rig.events.get_nowait()
    assert isinstance(event, TagSighted)
    assert event.sighting == sighting


async def test_a_lane_without_reader_or_wiring(rig: Rig):
    lonely = LaneCaptures(
        {}, None, recogniser=rig.recogniser, evidence=rig.evidence, clock=LoopClock(), read_timeout_s=1
    )
    lonely.start("p1", 0)
    assert lonely._tasks == {"p1": []}
    with pytest.raises(RuntimeError, match=r"LaneCaptures\.take"):
        lonely.tag_sighted(TagSighting(Tag(EPC), 0, -50, 7))


@pytest.mark.hazard("D35", "I17")
async def test_a_camera_whose_task_crashes_is_told_and_costs_no_other_device(rig: Rig):
    rig.camera.errors = [RuntimeError("defect")]  # type: ignore[list-item]
    with capture_logs() as logged:
        rig.captures.start("p1", 1000)
        await rig.until(lambda: bool(logged))
    assert [(line["event"], line["cause"]) for line in logged] == [("capture_crashed", "RuntimeError('defect')")]
    async with asyncio.timeout(LIMIT_S):
        await rig.reader.running.wait()
