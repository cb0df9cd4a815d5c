"""The simulated camera with metadata as a viewer by hand sees it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from simulators.devices.camera_onvif import OnvifCameraSimulator
from simulators.scene import render_front
from tests.simulators.test_camera_rtsp import Viewer

TRUCK = render_front("粤B12345", "blue", width=328, height=184)


@pytest.fixture
async def camera() -> AsyncIterator[OnvifCameraSimulator]:
    simulator = OnvifCameraSimulator(lambda: TRUCK, lambda: "粤B12345", frames_per_s=20.0, seed=3)
    await simulator.start()
    yield simulator
    await simulator.stop()


async def test_a_viewer_gets_both_tracks_of_one_session_each_on_its_channels(camera: OnvifCameraSimulator) -> None:
    async with Viewer(camera) as viewer:
        _, _, body = await viewer.ask("DESCRIBE")
        assert b"m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000" in body
        for track, channels in (("track1", "0-1"), ("track2", "2-3")):
            transport = f"Transport: RTP/AVP/TCP;unicast;interleaved={channels}"
            _, head, _ = await viewer.ask("SETUP", transport, url=f"{camera.url}/{track}")
            assert f"interleaved={channels}" in head
        assert (await viewer.ask("PLAY", "Session: 1"))[0] == 200
        seen = set[tuple[int, int]]()
        words = b""
        async with asyncio.timeout(20):
            while b"</tt:MetadataStream>" not in words or len(seen) < 3:
                assert await viewer.reader.readexactly(1) == b"$"
                channel = (await viewer.reader.readexactly(1))[0]
                packet = await viewer.reader.readexactly(int.from_bytes(await viewer.reader.readexactly(2), "big"))
                seen.add((channel, packet[1] if channel % 2 else packet[1] & 0x7F))
                words += packet[12:] if channel == 2 else b""
        assert seen == {(0, 96), (2, 107), (3, 200)}
        assert "粤B12345".encode() in words


async def test_an_unknown_fault_is_refused(camera: OnvifCameraSimulator) -> None:
    with pytest.raises(ValueError, match=r"expected one of none, off.*wrong_clock"):
        await camera.set_fault("broken")  # type: ignore[arg-type]
