"""The driver against a camera built on GStreamer's RTSP server: what it reads is RTSP, not our own idea of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from drivers.camera_rtsp.driver import RtspCamera
from drivers.kit.camera.stream_camera import RtspCameraSettings
from edge.ports import DeviceError, Frame
from tests.support.camera_http import MonotonicClock
from tests.support.needs import REPOSITORY

pytestmark = pytest.mark.gstreamer

CLOCK = MonotonicClock()
SERVER = ("/usr/bin/python3", str(REPOSITORY / "tests/support/rtsp_server.py"))
PASSWORD = "s3:c@r/e t%é"


class GStreamer:
    """A running server, and its address."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.port = port
        self.url = f"rtsp://127.0.0.1:{port}/live"
        self._process = process

    async def say(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())
        await self._process.stdin.drain()


@asynccontextmanager
async def gstreamer(port: int = 0, user: str | None = None) -> AsyncIterator[GStreamer]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *SERVER, str(port), *([] if user is None else [user]), stdin=pipe, stdout=pipe
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if user is not None:
            process.stdin.write(f"{PASSWORD}\n".encode())
        async with asyncio.timeout(60):
            bound = int(await process.stdout.readline())
        yield GStreamer(process, bound)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def camera_at(url: str, **settings: object) -> AsyncIterator[RtspCamera]:
    camera = RtspCamera(RtspCameraSettings("front", url, **{"interval_s": 0.1, **settings}), CLOCK)  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(60):
            yield camera
    finally:
        await camera.close()


async def with_defect(camera: RtspCamera, defect: str | None) -> Frame:
    while (frame := await camera.capture(CLOCK.now_ms(), 10.0)).defect != defect:
        pass
    return frame


@pytest.mark.hazard("D1", "D2", "D4")
async def test_a_camera_of_gstreamer_is_seen_frozen_dark_silent_and_back() -> None:
    async with gstreamer() as server, camera_at(server.url, frame_stale_s=2.0) as camera:
        await camera.connect()
        running = asyncio.create_task(camera.run())
        after_ms = CLOCK.now_ms()
        frame = await camera.capture(after_ms, 5.0)
        assert (frame.width, frame.height, frame.defect) == (640, 360, None)
        assert frame.captured_at_ms >= after_ms
        assert frame.jpeg.startswith(b"\xff\xd8")
        assert (await camera.capture(frame.captured_at_ms + 1, 5.0)).sha256 != frame.sha256
        await server.say("pattern black")
        await with_defect(camera, "dark")
        await server.say("pattern checkers-8")
        await with_defect(camera, "frozen")
        await server.say("pattern snow")
        await with_defect(camera, None)
        await server.say("pause")
        with pytest.raises(DeviceError, match=r"camera_stalled|camera_unreachable"):
            await running
        await camera.connect()
        assert (await camera.capture(CLOCK.now_ms(), 5.0)).defect is None


async def test_a_camera_of_gstreamer_that_was_restarted_is_seen_again() -> None:
    async with contextlib.AsyncExitStack() as stack:
        async with gstreamer() as server:
            camera = await stack.enter_async_context(camera_at(server.url))
            await camera.connect()
            running = asyncio.create_task(camera.run())
        with pytest.raises(DeviceError, match="camera_unreachable"):
            await running
        with pytest.raises(DeviceError, match="camera_unreachable"):
            await camera.connect()
        async with gstreamer(server.port):
            await camera.connect()
            assert (await camera.capture(CLOCK.now_ms(), 5.0)).defect is None


@pytest.mark.hazard("S15")
async def test_a_camera_of_gstreamer_that_asks_who_asks(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    async with gstreamer(user="admin") as server:
        async with camera_at(server.url, user="admin", password_file=secret) as camera:
            await camera.connect()
            assert await camera.capture(CLOCK.now_ms(), 5.0)
        secret.write_text("another\n")
        for given in ({"user": "admin", "password_file": secret}, {}):
            async with camera_at(server.url, **given) as camera:
                with pytest.raises(DeviceError, match="camera_refused") as caught:
                    await camera.connect()
                assert "another" not in str(caught.value)


async def test_a_path_that_gstreamer_does_not_have_is_named() -> None:
    async with gstreamer() as server, camera_at(f"rtsp://127.0.0.1:{server.port}/nope") as camera:
        with pytest.raises(DeviceError, match=r"camera_bad_answer.*404"):
            await camera.connect()
