"""Every camera that tells what it recognised: its codec on any cuts, its driver on a real port."""

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from drivers.kit.camera.event_camera import EventCamera, EventCameraSettings
from drivers.kit.camera.events import Assembler, GarbledError
from drivers.kit.camera.given import Arrival, Picture
from drivers.kit.camera.multipart import MultipartParser
from drivers.kit.camera.pipe import AliveMessage
from edge.ports import DeviceError, Frame
from edge.runtime.supervisor import Supervisor
from simulators.devices.camera_door import CameraDoor
from simulators.devices.event_camera import EventCameraSimulator, EventFault, Passing
from simulators.scene import render_empty_lane
from tests.drivers.conformance.bench import PATIENCE_S, HurriedClock
from tests.drivers.conformance.event_rigs import EVENT_RIGS, EventRig
from tests.drivers.test_quality import QUALITIES
from tests.support.camera_http import MonotonicClock, ok, serving
from tests.support.sources import ROOT

CLOCK = MonotonicClock()
TRUCK = Passing("粤BF3871", render_empty_lane(1, width=320, height=240))
BACK_WITHIN_S = 5.0
MOST_BYTES = 40_000
every_rig = pytest.mark.parametrize("rig", EVENT_RIGS, ids=str)
every_pulled_rig = pytest.mark.parametrize("rig", [rig for rig in EVENT_RIGS if rig.pulled], ids=str)
every_fault = pytest.mark.parametrize(
    ("rig", "fault"),
    [pytest.param(rig, fault, id=f"{fault}-{rig}") for rig in EVENT_RIGS for fault in rig.faults if fault != "none"],
)


def outcomes_of(rig: EventRig) -> dict[str, str]:
    """What the driver's quality.yaml says of each fault."""
    quality = QUALITIES[rig.folder]
    found: dict[str, str] = quality.get("faults_of", {}).get(rig.protocol, quality["faults"])
    return found


@dataclass
class Bench:
    """A simulated camera, the driver on it, and what the supervisor said."""

    simulator: EventCameraSimulator
    camera: EventCamera
    lost: list[DeviceError] = field(default_factory=list)
    backs: int = 0
    pauses: HurriedClock = field(default_factory=HurriedClock)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def frame(self, vehicle: Passing = TRUCK) -> Frame | None:
        """Let a vehicle pass once; the frame of it, None where none came."""
        asked = CLOCK.now_ms()
        waiting = asyncio.create_task(self.camera.capture(asked, 0.7))
        await self.simulator.pass_by(vehicle)
        try:
            return await waiting
        except DeviceError:
            return None

    async def readable(self) -> Frame:
        """Let vehicles pass until one gives a frame that may be read."""
        async with asyncio.timeout(PATIENCE_S):
            while (found := await self.frame()) is None or found.defect is not None:
                pass
        return found

    @contextlib.asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        def on_lost(_: str, error: DeviceError) -> None:
            self.lost.append(error)
            self.changed.set()

        def on_back(_: str) -> None:
            self.backs += 1
            self.changed.set()

        supervisor = Supervisor(self.camera, clock=self.pauses, jitter=lambda: 0.5, on_lost=on_lost, on_back=on_back)
        task = asyncio.create_task(supervisor.run())
        try:
            await self.until(lambda: self.backs == 1)
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})


@contextlib.asynccontextmanager
async def bench(rig: EventRig, *, door: CameraDoor | None = None, **changes: object) -> AsyncIterator[Bench]:
    simulator = rig.simulator(rig.words(), heartbeat_s=0.1, **({} if door is None else {"door": door}))
    await simulator.start()
    given: dict[str, object] = {"wait_s": 3.0, "silent_s": 1.5, **changes}
    with tempfile.TemporaryDirectory() as folder:
        camera = camera_of(rig, simulator, folder, **given)
        try:
            yield Bench(simulator, camera)
        finally:
            await camera.close()
            await simulator.stop()


def camera_of(rig: EventRig, simulator: EventCameraSimulator, folder: str, **given: Any) -> EventCamera:
    if not rig.pulled:
        given |= {"peers": ("127.0.0.1",), "spool": Path(folder, "spool.sqlite")}
    return rig.camera(EventCameraSettings("plate-1", simulator.url, **given), CLOCK)


# On the wire


@every_rig
@pytest.mark.hazard("D4")
async def test_lost_and_back_within_five_seconds_and_told_once_each(rig: EventRig) -> None:
    with capture_logs() as logged:
        async with bench(rig) as b, b.supervised():
            frame = await b.readable()
            assert frame.claim is not None
            assert (frame.camera, frame.claim.plate.text, frame.width) == ("plate-1", TRUCK.plate, 320)
            await b.simulator.set_fault("off")
            await b.until(lambda: bool(b.lost))
            await b.simulator.set_fault("none")
            before_s = b.pauses.slept_s
            await b.until(lambda: b.backs == 2)
            assert b.pauses.slept_s - before_s < BACK_WITHIN_S
            await b.readable()
    events = [one["event"] for one in logged]
    assert (events.count("device_lost"), events.count("device_back")) == (1, 2)


@every_pulled_rig
async def test_connecting_proves_the_camera(rig: EventRig, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("right")
    async with bench(rig, door=CameraDoor("admin", "right"), user="admin", password_file=secret) as b:
        await b.camera.connect()
        await b.camera.close()
        await b.camera.close()
        secret.write_text("wrong")
        with pytest.raises(DeviceError) as refused:
            await b.camera.connect()
        assert (refused.value.code, refused.value.device) == ("camera_refused", "plate-1")
        assert refused.value.address == b.camera.address
        assert refused.value.next_step
    for answer, code in ((ok(b"picture"), "camera_bad_answer"), (b"", "camera_unreachable")):
        async with serving(answer) as (url, _):
            camera = rig.camera(EventCameraSettings("plate-1", url, silent_s=0.3), CLOCK)
            with pytest.raises(DeviceError, match=code):
                await camera.connect()


@every_pulled_rig
async def test_a_camera_whose_heartbeats_are_far_apart_is_connected_all_the_same(
    rig: EventRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.kit.camera.event_camera.FIRST_SIGN_S", 3.0)
    async with bench(rig, silent_s=20.0) as b:
        await b.simulator.set_fault("stuck")
        await b.camera.connect()
        await b.simulator.set_fault("none")
        assert (await b.readable()).claim is not None


@every_fault
@pytest.mark.hazard("D1", "D2", "D3", "D4", "D5")
async def test_each_fault_is_what_the_driver_says_of_it_and_passes(rig: EventRig, fault: EventFault) -> None:
    outcome = outcomes_of(rig)[fault]
    async with bench(rig) as b, b.supervised():
        await b.readable()
        await b.simulator.set_fault(fault)
        if outcome == "survived":
            for _ in range(2):
                await b.readable()
            assert b.lost == []
        elif outcome == "unread":
            # The first of a camera that froze is not known to be it.
            await b.frame()
            for _ in range(2):
                found = await b.frame()
                assert found is None or found.defect is not None
            assert b.lost == []
        else:
            async with asyncio.timeout(PATIENCE_S):
                while not b.lost:
                    await b.frame()
            assert b.lost[0].code == outcome
        backs = b.backs
        await b.simulator.set_fault("none")
        if b.lost:
            await b.until(lambda: b.backs > backs)
        await b.readable()


@every_rig
async def test_what_a_camera_sends_again_is_no_other_event(rig: EventRig) -> None:
    async with bench(rig) as b, b.supervised():
        await b.simulator.set_fault("repeated")
        await b.readable()
        async with asyncio.timeout(PATIENCE_S):
            while not b.camera.said.get("repeated"):
                await b.camera._changed.wait()
        assert (await b.camera.capture(0, 1.0)).claim is not None


@every_rig
async def test_a_camera_that_sends_no_picture_is_told_once(rig: EventRig) -> None:
    with capture_logs() as logged:
        async with bench(rig) as b, b.supervised():
            await b.simulator.set_fault("no_picture")
            for _ in range(3):
                assert await b.frame() is None
            async with asyncio.timeout(PATIENCE_S):
                while b.camera.said.get("without_picture", 0) < 2:
                    await b.camera._changed.wait()
    assert [one["event"] for one in logged].count("camera_event_without_picture") == 1


@every_rig
async def test_a_source_of_vehicles_gives_each_its_events(rig: EventRig, tmp_path: Path) -> None:
    standing: list[Passing | None] = [None]
    simulator = rig.simulator(
        rig.words(), source=lambda: standing[0], events_per_vehicle=2, event_every_s=0.02, heartbeat_s=0.1
    )
    await simulator.start()
    camera = camera_of(rig, simulator, str(tmp_path))
    try:
        await camera.connect()
        standing[0] = TRUCK
        first = await camera.capture(0, 10.0)
        second = await camera.capture(first.captured_at_ms + 1, 10.0)
        assert first.sha256 != second.sha256
        assert simulator.events_sent == 2
        assert simulator.clients == 1
        assert simulator.fault == "none"
        with pytest.raises(ValueError, match="expected one of"):
            await simulator.set_fault("weld")  # type: ignore[arg-type]
    finally:
        await camera.close()
        await simulator.stop()


# The codec


def stream_of(rig: EventRig) -> bytes:
    """Heartbeats and events with their pictures, a crop among them."""
    words, at = rig.words(), datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    media = words.media.encode()

    def part(data: bytes, kind: bytes, name: bytes = b"") -> bytes:
        named = b'Content-Disposition: form-data; name="' + name + b'"\r\n' if name else b""
        head = b"Content-Type: %s\r\n%sContent-Length: %d\r\n\r\n" % (kind, named, len(data))
        return b"--" + words.boundary.encode() + b"\r\n" + head + data + b"\r\n"

    beat = part(words.heartbeat(at), media)
    events = [
        part(words.event(at, TRUCK, f"{number + 1:07x}", 2), media)
        + part(b"\xff\xd8 scene %d \xff\xd9" % number, b"image/jpeg", b"detectionPicture.jpg")
        + part(b"\xff\xd8 crop \xff\xd9", b"application/octet-stream", b"licensePlatePicture.jpg")
        for number in range(3)
    ]
    return beat + events[0] + events[1] + beat + events[2] + beat


def assembler_of(rig: EventRig) -> Assembler:
    return Assembler(rig.parse, 3_000, heartbeats_tell_time=rig.heartbeats_tell_time)


def read(rig: EventRig, chunks: list[bytes]) -> list[Picture | AliveMessage]:
    parser, assembler = MultipartParser(rig.words().boundary, MOST_BYTES), assembler_of(rig)
    found: list[Picture | AliveMessage] = []
    with contextlib.suppress(GarbledError):
        for chunk in chunks:
            for part in parser.feed(chunk):
                found += assembler.take(Arrival(part, 1, 2))
            assert parser.buffered_bytes < MOST_BYTES + 20_000
    return found


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


@every_rig
@pytest.mark.hazard("D15")
def test_every_single_cut_gives_the_same_events(rig: EventRig) -> None:
    stream = stream_of(rig)
    whole = read(rig, [stream])
    assert [one.data for one in whole if isinstance(one, Picture)] == [
        b"\xff\xd8 scene %d \xff\xd9" % number for number in range(3)
    ]
    assert len({one.event for one in whole if isinstance(one, Picture)}) == 3
    assert all(one.claim is not None and one.fault is None for one in whole if isinstance(one, Picture))
    assert [place for place in range(len(stream)) if read(rig, [stream[:place], stream[place:]]) != whole] == []
    assert read(rig, [bytes((byte,)) for byte in stream]) == whole


@every_rig
@pytest.mark.hazard("D14", "D15")
def test_any_bytes_in_any_cuts_are_survived_alike(rig: EventRig) -> None:
    stream = stream_of(rig)

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=200), st.binary(max_size=200), st.lists(st.integers(0, 100_000), max_size=8))
    def check(before: bytes, after: bytes, cuts: list[int]) -> None:
        spoilt = before + stream + after
        found = read(rig, [spoilt])
        assert read(rig, cut(spoilt, cuts)) == found
        # Behind garbage the next event is found.
        assert [one for one in found if isinstance(one, Picture)][-1].data == b"\xff\xd8 scene 2 \xff\xd9"

    check()


@every_rig
@pytest.mark.hazard("D14")
def test_any_flipped_bit_is_survived(rig: EventRig) -> None:
    stream = stream_of(rig)
    for place in range(0, len(stream) * 8, 61):
        spoilt = bytearray(stream)
        spoilt[place // 8] ^= 1 << place % 8
        pictures = [one for one in read(rig, [bytes(spoilt)]) if isinstance(one, Picture)]
        # One bit spoils one event, or parts two of them.
        assert 2 <= len(pictures) <= 4


@every_rig
def test_the_readme_names_every_error_and_the_fault_list_every_switch(rig: EventRig) -> None:
    text = (ROOT / "drivers" / rig.folder / "README.md").read_text(encoding="utf-8")
    assert [code for code in rig.codes if f"`{code}`" not in text] == []
    listed = outcomes_of(rig)
    assert ("none", *listed) == rig.faults
    assert {outcome for outcome in listed.values() if outcome not in ("survived", "unread")} <= set(rig.codes)
