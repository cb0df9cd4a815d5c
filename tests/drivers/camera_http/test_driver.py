"""The driver with its real worker process, on real sockets."""

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.camera_http.driver import HttpCamera, HttpCameraSettings, Mode
from edge.ports import Camera, DeviceError, Frame
from simulators.devices.camera import BOUNDARY, CameraFault, CameraSimulator
from simulators.scene import encode_jpeg, render_empty_lane
from tests.support.camera_http import MonotonicClock, ok, serving

CLOCK = MonotonicClock()
REPOSITORY = Path(__file__).resolve().parents[3]
JPEG = encode_jpeg(render_empty_lane(1, width=320, height=240), 0)


@asynccontextmanager
async def simulated(mode: Mode, **changes: object) -> AsyncIterator[tuple[CameraSimulator, HttpCamera]]:
    simulator = CameraSimulator(lambda: None, frames_per_s=20.0)
    await simulator.start()
    url = simulator.stream_url if mode == "mjpeg" else simulator.snapshot_url
    settings = HttpCameraSettings("front", url, mode, frame_stale_s=5.0, poll_interval_s=0.05)
    camera = HttpCamera(replace(settings, **changes), CLOCK)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(30):
            yield simulator, camera
    finally:
        await camera.close()
        await simulator.stop()


async def capture_with_defect(camera: Camera, defect: str | None) -> Frame:
    while True:
        frame = await camera.capture(CLOCK.now_ms(), 5.0)
        if frame.defect == defect:
            return frame


async def refusal(url: str, **changes: object) -> DeviceError:
    settings = replace(HttpCameraSettings("front", url, frame_stale_s=0.3), **changes)  # type: ignore[arg-type]
    camera = HttpCamera(settings, CLOCK)
    with pytest.raises(DeviceError) as caught:
        await camera.connect()
    assert camera.worker_pid is None
    return caught.value


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def command_line_of(pid: int | None) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("mode", ["snapshot", "mjpeg"])
@pytest.mark.hazard("D3", "D5")
async def test_frames_are_the_cameras_bytes_and_newer_than_asked_for(mode: Mode) -> None:
    async with simulated(mode) as (_, camera):
        await camera.connect()
        digests = [""]
        for _ in range(5):
            after_ms = CLOCK.now_ms()
            frame = await camera.capture(after_ms, 5.0)
            assert after_ms <= frame.captured_at_ms <= CLOCK.now_ms()
            assert frame.sha256 == hashlib.sha256(frame.jpeg).hexdigest()
            assert (frame.camera, frame.width, frame.height, frame.defect) == ("front", 1280, 720, None)
            assert frame.sha256 != digests[-1]
            digests.append(frame.sha256)
        assert await camera.capture(frame.captured_at_ms - 10_000, 5.0)


@pytest.mark.parametrize("mode", ["snapshot", "mjpeg"])
@pytest.mark.parametrize(
    ("fault", "defect"),
    [
        ("frozen", "frozen"),
        ("dark", "dark"),
        ("overexposed", "overexposed"),
        ("truncated", "truncated"),
        ("garbage", "not_a_picture"),
        ("huge", "too_large"),
    ],
)
@pytest.mark.hazard("D2")
async def test_defect_is_named_and_passes_with_its_fault(mode: Mode, fault: CameraFault, defect: str) -> None:
    async with simulated(mode) as (simulator, camera):
        await camera.connect()
        running = asyncio.create_task(camera.run())
        await simulator.set_fault(fault)
        frame = await capture_with_defect(camera, defect)
        assert frame.sha256 == hashlib.sha256(frame.jpeg).hexdigest()
        await simulator.set_fault("none")
        await capture_with_defect(camera, None)
        assert not running.done()
        running.cancel()


@pytest.mark.hazard("D1")
async def test_frozen_camera_is_not_thawed_by_reconnecting() -> None:
    async with simulated("snapshot") as (simulator, camera):
        await camera.connect()
        await simulator.set_fault("frozen")
        await capture_with_defect(camera, "frozen")
        await camera.connect()
        assert (await camera.capture(0, 5.0)).defect == "frozen"


@pytest.mark.hazard("S10")
async def test_picture_over_the_byte_limit_is_dropped_and_named() -> None:
    for mode in ("snapshot", "mjpeg"):
        async with simulated(mode, max_bytes=20_000) as (_, camera):  # type: ignore[arg-type]
            await camera.connect()
            frame = await camera.capture(0, 5.0)
            assert (frame.defect, frame.jpeg, frame.width) == ("too_large", b"", 0)


@pytest.mark.parametrize("mode", ["snapshot", "mjpeg"])
@pytest.mark.hazard("D4")
async def test_hanging_camera_is_lost_within_the_stale_limit_and_comes_back(mode: Mode) -> None:
    async with simulated(mode, frame_stale_s=1.0) as (simulator, camera):
        await camera.connect()
        pid = camera.worker_pid
        await simulator.set_fault("hang")
        with pytest.raises(DeviceError) as caught:
            await camera.run()
        assert caught.value.code in ("camera_stalled", "camera_unreachable")
        assert pid is not None
        assert gone(pid)
        with pytest.raises(DeviceError, match="camera_unreachable"):
            await camera.connect()
        await simulator.set_fault("none")
        await camera.connect()
        assert (await camera.capture(CLOCK.now_ms(), 5.0)).defect is None


@pytest.mark.hazard("D4")
async def test_trickling_camera_is_lost_though_bytes_keep_coming() -> None:
    async with simulated("snapshot", frame_stale_s=1.0) as (simulator, camera):
        await camera.connect()
        await simulator.set_fault("slow")
        with pytest.raises(DeviceError, match=r"camera_unreachable|camera_stalled"):
            await camera.run()
    async with simulated("mjpeg", frame_stale_s=1.0) as (simulator, camera):
        await camera.connect()
        await simulator.set_fault("slow")
        with pytest.raises(DeviceError, match="camera_stalled"):
            await camera.run()


async def test_capture_says_no_frame_where_none_comes_in_time() -> None:
    async with simulated("mjpeg") as (simulator, camera):
        await camera.connect()
        await simulator.set_fault("hang")
        with pytest.raises(DeviceError, match="camera_no_frame"):
            await camera.capture(CLOCK.now_ms() + 60_000, 0.1)


@pytest.mark.parametrize("mode", ["snapshot", "mjpeg"])
@pytest.mark.hazard("D4")
async def test_camera_that_goes_away_and_comes_back_connects_again(mode: Mode) -> None:
    async with simulated(mode) as (simulator, camera):
        await camera.connect()
        running = asyncio.create_task(camera.run())
        await simulator.set_fault("off")
        with pytest.raises(DeviceError, match="camera_unreachable"):
            await running
        with pytest.raises(DeviceError, match="camera_unreachable"):
            await camera.capture(0, 1.0)
        with pytest.raises(DeviceError, match="camera_unreachable"):
            await camera.connect()
        await simulator.set_fault("none")
        await camera.connect()
        assert await camera.capture(CLOCK.now_ms(), 5.0)


@pytest.mark.hazard("D35")
async def test_worker_killed_is_reported_at_once_and_replaced() -> None:
    async with simulated("mjpeg", frame_stale_s=20.0) as (_, camera):
        await camera.connect()
        running = asyncio.create_task(camera.run())
        waiting = asyncio.create_task(camera.capture(CLOCK.now_ms() + 60_000, 20.0))
        assert camera.worker_pid is not None
        os.kill(camera.worker_pid, signal.SIGKILL)
        for task in (running, waiting):
            with pytest.raises(DeviceError, match=r"camera_worker_died.*exit status -9"):
                await task
        await camera.connect()
        assert await camera.capture(CLOCK.now_ms(), 5.0)


@pytest.mark.hazard("D35")
async def test_stopped_worker_is_killed_when_frames_stay_away() -> None:
    async with simulated("mjpeg") as (_, camera):
        await camera.connect()
        pid = camera.worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(DeviceError, match="camera_stalled"):
            await camera.run()
        assert gone(pid)


async def test_close_leaves_no_worker_and_may_be_repeated() -> None:
    async with simulated("mjpeg") as (_, camera):
        await camera.close()
        with pytest.raises(DeviceError, match="not connected"):
            await camera.capture(0, 1.0)
        await camera.connect()
        pid = camera.worker_pid
        await camera.close()
        await camera.close()
        assert pid is not None
        assert gone(pid)
        with pytest.raises(DeviceError, match="camera_unreachable"):
            await camera.run()


PARENT = """
import asyncio, sys
from drivers.camera_http.driver import HttpCamera, HttpCameraSettings
from tests.support.camera_http import MonotonicClock
async def main():
    camera = HttpCamera(HttpCameraSettings("front", sys.argv[1], "mjpeg", frame_stale_s=30), MonotonicClock())
    await camera.connect()
    print(camera.worker_pid, flush=True)
    await camera.run()
asyncio.run(main())
"""


@pytest.mark.parametrize("fault", ["none", "hang"])
async def test_worker_ends_when_its_parent_is_killed(fault: CameraFault) -> None:
    async with simulated("mjpeg") as (simulator, _):
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-c", PARENT, simulator.stream_url]
        parent = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, env=environment)
        assert parent.stdout is not None
        worker = os.pidfd_open(int(await parent.stdout.readline()))
        await simulator.set_fault(fault)
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(worker, ended.set)
        parent.kill()
        await parent.wait()
        async with asyncio.timeout(5):
            await ended.wait()
        asyncio.get_running_loop().remove_reader(worker)
        os.close(worker)


async def test_connect_refuses_what_is_no_camera() -> None:
    for answer, code in (
        (b"\x00\xff garbage \r\n\r\n" * 50, "camera_bad_answer"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "camera_bad_answer"),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", "camera_refused"),
        (b"", "camera_unreachable"),
    ):
        async with serving(answer) as (url, _):
            error = await refusal(url)
            assert (error.code, error.device, error.address) == (code, "front", url)
    async with serving(ok(JPEG)) as (url, _):
        assert (await refusal(url, mode="mjpeg")).code == "camera_bad_answer"


async def test_password_is_sent_from_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    async with serving(ok(JPEG)) as (url, requests):
        settings = HttpCameraSettings("front", url, user="admin", password_file=secret, auth="basic")
        camera = HttpCamera(settings, CLOCK)
        await camera.connect()
        command_line = command_line_of(camera.worker_pid)
        await camera.close()
    assert b"Authorization: Basic YWRtaW46czNjcmV0" in requests[0]
    assert b"s3cret" not in command_line
    secret.write_text("\n")
    for file in (tmp_path / "absent", secret):
        assert (await refusal(url, password_file=file)).code == "camera_password_unreadable"


async def test_newest_frame_only_where_many_come_at_once() -> None:
    burst = [JPEG[:-2] + bytes([0xFF, 0xFE, 0, 3, number, 0xFF, 0xD9]) for number in range(40)]
    sent = asyncio.Event()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary={BOUNDARY}\r\n\r\n".encode()
        )
        for picture in burst:
            writer.write(f"--{BOUNDARY}\r\nContent-Length: {len(picture)}\r\n\r\n".encode() + picture + b"\r\n")
        await writer.drain()
        sent.set()
        await asyncio.Event().wait()

    async with serving(answer) as (url, _):
        camera = HttpCamera(HttpCameraSettings("front", url, "mjpeg", frame_stale_s=20.0), CLOCK)
        delivered = 0
        async with asyncio.timeout(20):
            await camera.connect()
            await sent.wait()
            while (await camera.capture(0, 5.0)).jpeg != burst[-1]:
                delivered += 1
                await camera._changed.wait()
        assert delivered < 20
        await camera.close()


async def test_worker_that_talks_nonsense_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulated("snapshot") as (_, camera):
        nonsense = "import sys; sys.stdout.write('HTTP/1.1 nonsense' * 9); sys.stdout.flush(); sys.stdin.read()"
        monkeypatch.setattr(camera, "command", (sys.executable, "-c", nonsense))
        with pytest.raises(DeviceError, match=r"camera_worker_died.*expected a message"):
            await camera.connect()
        monkeypatch.setattr(camera, "command", (sys.executable, "-c", "raise SystemExit('broken')"))
        with pytest.raises(DeviceError, match=r"camera_worker_died.*exit status 1 broken"):
            await camera.connect()
        monkeypatch.setattr(camera, "command", ("/nonexistent",))
        with pytest.raises(DeviceError, match="camera_worker_died"):
            await camera.connect()


async def test_silent_worker_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulated("snapshot", frame_stale_s=0.1) as (_, camera):
        monkeypatch.setattr("drivers.kit.camera.hosted.WORKER_START_S", 0.1)
        monkeypatch.setattr(camera, "command", (sys.executable, "-c", "input()\ninput()"))
        with pytest.raises(DeviceError, match="camera_no_frame"):
            await camera.connect()


@pytest.mark.hazard("D5")
async def test_frame_from_another_clock_is_not_believed() -> None:
    class Behind(MonotonicClock):
        def now_ms(self) -> int:
            return 5

    async with simulated("snapshot") as (_, camera):
        camera._clock = Behind()
        with pytest.raises(DeviceError, match=r"camera_worker_died.*future"):
            await camera.connect()


def test_unusable_address_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match="rtsp"):
        HttpCamera(HttpCameraSettings("front", "rtsp://10.0.0.7/1"), CLOCK)
