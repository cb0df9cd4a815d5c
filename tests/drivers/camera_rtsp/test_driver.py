"""The driver with its real worker process and OpenCV's FFmpeg, against its simulator on real sockets."""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.camera_rtsp.driver import RtspCamera
from drivers.kit.camera.stream_camera import RtspCameraSettings
from edge.ports import DeviceError, Frame
from simulators.devices.camera_door import CameraDoor, Scheme
from simulators.devices.camera_rtsp import RtspCameraSimulator, RtspFault
from simulators.scene import render_front
from tests.support.camera_http import MonotonicClock

CLOCK = MonotonicClock()
SCENE = render_front("粤B12345", "blue", width=320, height=180)


class Lane:
    def __init__(self) -> None:
        self.scene = SCENE

    def look(self) -> object:
        return self.scene


@asynccontextmanager
async def simulated(
    lane: Lane | None = None, door: CameraDoor | None = None, **settings: object
) -> AsyncIterator[tuple[RtspCameraSimulator, RtspCamera]]:
    simulator = RtspCameraSimulator((lane or Lane()).look, frames_per_s=10.0, door=door)  # type: ignore[arg-type]
    await simulator.start()
    given = {"interval_s": 0.1, **settings}
    camera = RtspCamera(RtspCameraSettings("front", simulator.url, **given), CLOCK)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(90):
            yield simulator, camera
    finally:
        await camera.close()
        await simulator.stop()


async def capture_with_defect(camera: RtspCamera, defect: str | None) -> Frame:
    while (frame := await camera.capture(CLOCK.now_ms(), 10.0)).defect != defect:
        pass
    return frame


async def seconds_to_a_frame(camera: RtspCamera) -> float:
    """How long it takes from nothing; a machine that others load takes longer than the driver does."""
    before_ms = CLOCK.now_ms()
    await camera.connect()
    assert (await camera.capture(CLOCK.now_ms(), 10.0)).defect is None
    return (CLOCK.now_ms() - before_ms) / 1000


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.hazard("D3", "D5")
async def test_frames_are_newer_than_asked_for_and_their_digest_is_theirs() -> None:
    async with simulated() as (_, camera):
        await camera.connect()
        for _ in range(4):
            after_ms = CLOCK.now_ms()
            frame = await camera.capture(after_ms, 5.0)
            assert after_ms <= frame.captured_at_ms <= CLOCK.now_ms()
            assert frame.sha256 == hashlib.sha256(frame.jpeg).hexdigest()
            assert (frame.camera, frame.width, frame.height, frame.defect) == ("front", 320, 180, None)
        assert await camera.capture(0, 5.0)


@pytest.mark.hazard("D1", "D2")
async def test_defects_are_named_and_pass_with_their_fault() -> None:
    async with simulated() as (simulator, camera):
        await camera.connect()
        running = asyncio.create_task(camera.run())
        for fault in ("dark", "overexposed", "frozen"):
            await simulator.set_fault(fault)  # type: ignore[arg-type]
            await capture_with_defect(camera, fault)
            await simulator.set_fault("none")
            await capture_with_defect(camera, None)
        assert not running.done()
        running.cancel()


async def test_caps_are_kept_and_named() -> None:
    for cap in ({"max_bytes": 2_000}, {"max_pixels": 1_000}):
        async with simulated(**cap) as (_, camera):
            await camera.connect()
            frame = await camera.capture(0, 5.0)
            assert (frame.defect, frame.jpeg) == ("too_large", b"")


@pytest.mark.parametrize("fault", ["none", "late", "kept"])
@pytest.mark.hazard("D3")
async def test_no_picture_of_before_is_given_for_one_of_after(fault: RtspFault) -> None:
    """Dark is the vehicle before: it ends at a moment, and no frame that is asked for from then on may be dark."""
    async with simulated() as (simulator, camera):
        await simulator.set_fault("dark")
        await camera.connect()
        await capture_with_defect(camera, "dark")
        if fault == "kept":
            await camera.close()
        await simulator.set_fault(fault)
        after_ms = CLOCK.now_ms()
        if fault == "kept":
            await camera.connect()
        assert (await camera.capture(after_ms, 10.0)).defect is None


@pytest.mark.hazard("D4")
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("hang", "camera_stalled|camera_unreachable"),
        ("off", "camera_unreachable"),
        ("standing_clock", "camera_stalled"),
        ("garbage", "camera_stalled|camera_unreachable"),
    ],
)
async def test_a_lost_camera_is_told_in_time_and_back_within_five_seconds(fault: RtspFault, code: str) -> None:
    async with simulated(frame_stale_s=2.0) as (simulator, camera):
        await camera.connect()
        pid = camera.worker_pid
        running = asyncio.create_task(camera.run())
        await simulator.set_fault(fault)
        with pytest.raises(DeviceError, match=code):
            await running
        assert pid is not None
        assert gone(pid)
        with pytest.raises(DeviceError, match=code):
            await camera.capture(0, 1.0)
        await simulator.set_fault("none")
        assert min([await seconds_to_a_frame(camera) for _ in range(2)]) < 5


@pytest.mark.hazard("D35")
async def test_a_decoder_that_hangs_is_killed_and_holds_up_nothing() -> None:
    async with simulated(frame_stale_s=1.0) as (_, camera):
        await camera.connect()
        pid = camera.worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(DeviceError, match="camera_stalled"):
            await camera.run()
        assert gone(pid)
        await camera.connect()
        assert await camera.capture(CLOCK.now_ms(), 5.0)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("wrong_codec", "camera_bad_answer.*video in H265"),
        ("not_there", "camera_bad_answer.*status 404"),
        ("garbage_rtsp", "camera_bad_answer.*an answer over RTSP"),
        ("hang", "camera_unreachable"),
        ("off", "camera_unreachable"),
    ],
)
async def test_connect_names_what_is_wrong(fault: RtspFault, said: str) -> None:
    async with simulated(frame_stale_s=0.5) as (simulator, camera):
        await simulator.set_fault(fault)
        with pytest.raises(DeviceError, match=said) as caught:
            await camera.connect()
        assert (caught.value.device, caught.value.address) == ("front", simulator.url)
        assert camera.worker_pid is None


@pytest.mark.hazard("S15")
@pytest.mark.parametrize("offers", [("md5",), ("sha-256", "md5"), ("basic", "md5")])
async def test_the_password_leaves_no_trace(tmp_path: Path, offers: tuple[Scheme, ...]) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret p@ss\n")
    door = CameraDoor("admin", "s3cret p@ss", offers)
    async with simulated(door=door, user="admin", password_file=secret) as (simulator, camera):
        await camera.connect()
        assert await camera.capture(CLOCK.now_ms(), 5.0)
        process = Path(f"/proc/{camera.worker_pid}")
        for readable in ("cmdline", "environ"):
            assert b"s3cret" not in (process / readable).read_bytes()
        assert all(heard is None or heard.startswith("Digest ") for heard in door.heard)
        assert camera.worker_pid is not None
        os.kill(camera.worker_pid, signal.SIGABRT)
        with pytest.raises(DeviceError, match="camera_worker_died") as died:
            await camera.run()
        await simulator.set_fault("wrong_realm")
        with pytest.raises(DeviceError, match="camera_refused") as refused:
            await camera.connect()
        for error in (died, refused):
            assert "s3cret" not in str(error.value)


async def test_a_nonce_that_is_good_once_is_no_hindrance(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    async with simulated(door=CameraDoor("admin", "s3cret"), user="admin", password_file=secret) as (simulator, camera):
        await simulator.set_fault("stale_nonce")
        await camera.connect()
        assert await camera.capture(CLOCK.now_ms(), 5.0)


async def test_basic_is_taken_only_where_it_was_chosen(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    door = CameraDoor("admin", "s3cret", ("basic",))
    async with simulated(door=door, user="admin", password_file=secret) as (_, camera):
        with pytest.raises(DeviceError, match=r"camera_refused.*auth: basic"):
            await camera.connect()
        assert door.heard == [None]
    async with simulated(door=door, user="admin", password_file=secret, auth="basic") as (_, camera):
        await camera.connect()
    async with simulated(door=door) as (_, camera):
        with pytest.raises(DeviceError, match=r"camera_refused.*user and password_file"):
            await camera.connect()


async def test_a_password_that_cannot_be_read_or_kept_is_named(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    async with simulated(user="admin", password_file=secret) as (_, camera):
        with pytest.raises(DeviceError, match="camera_password_unreadable"):
            await camera.connect()
        secret.write_text("p" * 200)
        with pytest.raises(DeviceError, match=r"camera_refused.*shorter password") as caught:
            await camera.connect()
        assert "ppp" not in str(caught.value)


def test_unusable_address_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="http"):
        RtspCamera(RtspCameraSettings("front", "http://10.0.0.7/1"), CLOCK)
    camera = RtspCamera(RtspCameraSettings("front", "rtsp://10.0.0.7/1?password=s3cret"), CLOCK)
    assert camera.address == "rtsp://10.0.0.7/1"
