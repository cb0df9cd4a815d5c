"""The driver against GStreamer's RTSP server: session, description, interleaving and reports are not of our making.

The documents, and the packets that carry them, are this test's, because GStreamer of Debian has no payloader of them.
"""

import asyncio
from pathlib import Path

import pytest

from drivers.camera_onvif.driver import OnvifCamera, OnvifCameraSettings
from edge.ports import DeviceError, Frame
from tests.drivers.camera_rtsp.test_gstreamer import PASSWORD, gstreamer
from tests.support.camera_http import MonotonicClock

pytestmark = pytest.mark.gstreamer

CLOCK = MonotonicClock()


async def claiming(camera: OnvifCamera, plate: str | None) -> Frame:
    async with asyncio.timeout(60):
        while True:
            frame = await camera.capture(CLOCK.now_ms(), 10.0)
            if (None if frame.claim is None else frame.claim.plate.text) == plate:
                return frame


async def test_plates_beside_the_video_of_gstreamer_are_told_with_its_frames(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    async with gstreamer(user="admin") as server:
        url = f"rtsp://127.0.0.1:{server.port}/plates"
        settings = OnvifCameraSettings("front", url, "admin", secret, interval_s=0.1)
        camera = OnvifCamera(settings, CLOCK)
        try:
            await camera.connect()
            assert (await claiming(camera, None)).defect is None
            await server.say("plate 苏A88888")
            frame = await claiming(camera, "苏A88888")
            assert (frame.width, frame.height, frame.defect) == (640, 360, None)
            await server.say("plate")
            await claiming(camera, None)
        finally:
            await camera.close()


async def test_a_stream_of_gstreamer_without_metadata_is_refused() -> None:
    async with gstreamer() as server:
        camera = OnvifCamera(OnvifCameraSettings("front", server.url), CLOCK)
        with pytest.raises(DeviceError, match=r"camera_bad_answer.*no metadata"):
            await camera.connect()
