"""The driver with its real worker process, against its simulator on real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.camera_onvif.driver import OnvifCamera, OnvifCameraSettings
from edge.ports import DeviceError, Frame
from simulators.devices.camera_door import CameraDoor
from simulators.devices.camera_onvif import MISREAD, OnvifCameraSimulator, OnvifFault
from simulators.scene import render_front
from tests.support.camera_http import MonotonicClock

CLOCK = MonotonicClock()
PLATE = "粤B12345"
SCENE = render_front(PLATE, "blue", width=320, height=180)


class Lane:
    plate: str | None = PLATE


@asynccontextmanager
async def simulated(
    lane: Lane | None = None, door: CameraDoor | None = None, *, events: bool = False, **settings: object
) -> AsyncIterator[tuple[OnvifCameraSimulator, OnvifCamera]]:
    seen = lane or Lane()
    simulator = OnvifCameraSimulator(lambda: SCENE, lambda: seen.plate, frames_per_s=10.0, door=door, events=events)
    await simulator.start()
    given = {"interval_s": 0.1, **settings}
    camera = OnvifCamera(OnvifCameraSettings("front", simulator.url, **given), CLOCK)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(90):
            yield simulator, camera
    finally:
        await camera.close()
        await simulator.stop()


def claimed(frame: Frame) -> str | None:
    return None if frame.claim is None else frame.claim.plate.text


async def claiming(camera: OnvifCamera, plate: str | None) -> Frame:
    while claimed(frame := await camera.capture(CLOCK.now_ms(), 10.0)) != plate:
        pass
    return frame


async def seconds_to_a_frame(camera: OnvifCamera) -> float:
    """How long it takes from nothing; a machine that others load takes longer than the driver does."""
    before_ms = CLOCK.now_ms()
    await camera.connect()
    passed_s = (CLOCK.now_ms() - before_ms) / 1000
    # The simulator has four pictures in turn: the first ones of slow connections may be the same, as if it were frozen.
    while (await camera.capture(CLOCK.now_ms(), 10.0)).defect is not None:
        pass
    return passed_s


@pytest.mark.parametrize("events", [False, True])
@pytest.mark.hazard("D3")
async def test_frames_are_newer_than_asked_for_and_have_the_plate_that_the_camera_told(events: bool) -> None:
    lane = Lane()
    async with simulated(lane, events=events) as (_, camera):
        await camera.connect()
        frame = await claiming(camera, PLATE)
        assert (frame.camera, frame.width, frame.height, frame.defect) == ("front", 320, 180, None)
        assert frame.claim is not None
        assert frame.claim.confidence == 0.9
        for _ in range(3):
            after_ms = CLOCK.now_ms()
            assert after_ms <= (await camera.capture(after_ms, 5.0)).captured_at_ms <= CLOCK.now_ms()
        lane.plate = None
        await claiming(camera, None)


@pytest.mark.hazard("D5")
@pytest.mark.parametrize(
    ("fault", "plate"),
    [
        ("misread", MISREAD),
        ("two_plates", None),
        ("words_old", None),
        ("words_noise", PLATE),
        ("wrong_clock", PLATE),
    ],
)
async def test_what_a_camera_tells_wrongly_late_or_torn_is_no_plate_of_its_picture(
    fault: OnvifFault, plate: str | None
) -> None:
    async with simulated() as (simulator, camera):
        await simulator.set_fault(fault)
        await camera.connect()
        if plate is None:
            frames = [await camera.capture(CLOCK.now_ms(), 10.0) for _ in range(12)]
            assert {claimed(one) for one in frames} == {None}
            assert {one.defect for one in frames} == {None}
            await simulator.set_fault("none")
        await claiming(camera, plate or PLATE)


@pytest.mark.hazard("D4")
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("words_silent", "camera_unreachable"),
        ("words_garbage", r"camera_garbled.*no XML|camera_garbled.*no text"),
        ("words_torn", "camera_garbled.*lacks a packet"),
        ("words_long", "camera_garbled.*too large"),
        ("words_held", "camera_lagging"),
        ("hang", "camera_stalled|camera_unreachable"),
        ("off", "camera_unreachable"),
        ("standing_clock", "camera_stalled"),
    ],
)
async def test_a_lost_camera_is_told_in_time_and_back_within_five_seconds(fault: OnvifFault, code: str) -> None:
    async with simulated(frame_stale_s=2.0, silent_s=2.0) as (simulator, camera):
        await camera.connect()
        await claiming(camera, PLATE)
        running = asyncio.create_task(camera.run())
        await simulator.set_fault(fault)
        with pytest.raises(DeviceError, match=code):
            await running
        await simulator.set_fault("none")
        assert min([await seconds_to_a_frame(camera) for _ in range(3)]) < 5


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("no_metadata", "camera_bad_answer.*no metadata"),
        ("words_gzip", r"camera_bad_answer.*metadata in vnd\.onvif\.metadata\.gzip"),
        ("words_exi", r"camera_bad_answer.*metadata in vnd\.onvif\.metadata\.exi\.onvif"),
        ("wrong_codec", "camera_bad_answer.*video in H265"),
        ("not_there", "camera_bad_answer.*status 404"),
        ("garbage_rtsp", "camera_bad_answer.*an answer over RTSP"),
        ("hang", "camera_unreachable"),
        ("off", "camera_unreachable"),
    ],
)
async def test_connect_names_what_is_wrong(fault: OnvifFault, said: str) -> None:
    async with simulated(frame_stale_s=0.5) as (simulator, camera):
        await simulator.set_fault(fault)
        with pytest.raises(DeviceError, match=said) as caught:
            await camera.connect()
        assert (caught.value.device, caught.value.address) == ("front", simulator.url)
        assert camera.worker_pid is None


@pytest.mark.hazard("S15")
async def test_a_camera_that_asks_who_asks_is_told_by_digest(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret p@ss\n")
    door = CameraDoor("admin", "s3cret p@ss")
    async with simulated(door=door, user="admin", password_file=secret) as (simulator, camera):
        await camera.connect()
        await claiming(camera, PLATE)
        assert all(heard is None or heard.startswith("Digest ") for heard in door.heard)
        await simulator.set_fault("stale_nonce")
        await camera.connect()
        await claiming(camera, PLATE)
        await simulator.set_fault("wrong_realm")
        with pytest.raises(DeviceError, match="camera_refused") as refused:
            await camera.connect()
        assert "s3cret" not in str(refused.value)


def test_unusable_address_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="http"):
        OnvifCamera(OnvifCameraSettings("front", "http://10.0.0.7/1"), CLOCK)
