"""The simulated RTSP camera as a viewer by hand sees it, and its pictures as OpenCV decodes them."""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from simulators.devices import h264
from simulators.devices.camera_rtsp import RtspCameraSimulator, RtspFault
from simulators.scene import render_front

TRUCK = render_front("粤B12345", "blue", width=328, height=184)


@pytest.fixture
async def camera() -> AsyncIterator[RtspCameraSimulator]:
    simulator = RtspCameraSimulator(lambda: TRUCK, frames_per_s=20.0, seed=3)
    await simulator.start()
    yield simulator
    await simulator.stop()


class Viewer:
    def __init__(self, camera: RtspCameraSimulator) -> None:
        self._camera = camera
        self._sequence = 0

    async def __aenter__(self) -> "Viewer":
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._camera.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def ask(self, method: str, *fields: str, url: str | None = None) -> tuple[int, str, bytes]:
        self._sequence += 1
        lines = [f"{method} {url or self._camera.url} RTSP/1.0", f"CSeq: {self._sequence}", *fields]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        async with asyncio.timeout(10):
            while (first := await self.reader.readexactly(1)) == b"$":
                await self.rest_of_packet()
            head = (first + await self.reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"Content-Length: (\d+)", head)
            body = await self.reader.readexactly(int(length[1])) if length else b""
        assert f"CSeq: {self._sequence}\r\n" in head
        return int(head.split(" ")[1]), head, body

    async def rest_of_packet(self) -> bytes:
        await self.reader.readexactly(1)
        return await self.reader.readexactly(int.from_bytes(await self.reader.readexactly(2), "big"))

    async def packet(self) -> bytes:
        async with asyncio.timeout(10):
            assert await self.reader.readexactly(1) == b"$"
            return await self.rest_of_packet()


TCP = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"


async def test_a_viewer_is_told_what_there_is_and_gets_it_in_packets_that_count(camera: RtspCameraSimulator) -> None:
    async with Viewer(camera) as viewer:
        status, head, _ = await viewer.ask("OPTIONS")
        assert (status, "DESCRIBE" in head) == (200, True)
        status, head, body = await viewer.ask("DESCRIBE")
        assert (status, f"Content-Base: {camera.url}/" in head) == (200, True)
        assert b"H264/90000" in body
        assert (await viewer.ask("SETUP", "Transport: RTP/AVP;unicast;client_port=1-2"))[0] == 461
        assert (await viewer.ask("SETUP", TCP, url=f"{camera.url}/track1"))[0] == 200
        assert (await viewer.ask("PLAY", "Session: 1"))[0] == 200
        packets = [await viewer.packet() for _ in range(200)]
        numbers = [int.from_bytes(packet[2:4], "big") for packet in packets]
        assert numbers == [(numbers[0] + at) % 65_536 for at in range(200)]
        times = sorted({int.from_bytes(packet[4:8], "big") for packet in packets})
        assert len(times) > 1
        assert times[-1] - times[0] < 90_000 * 10
        # A report of the viewer's, between its requests.
        viewer.writer.write(b"$\x01\x00\x04rtcp")
        assert (await viewer.ask("GET_PARAMETER"))[0] == 200
        assert camera.viewers == 1


@pytest.mark.parametrize(("method", "path", "status"), [("DESCRIBE", "/other", 404), ("RECORD", "/live", 501)])
async def test_what_it_does_not_have_is_refused(
    camera: RtspCameraSimulator, method: str, path: str, status: int
) -> None:
    async with Viewer(camera) as viewer:
        assert (await viewer.ask(method, url=f"rtsp://127.0.0.1:{camera.port}{path}"))[0] == status


@pytest.mark.parametrize(("fault", "status"), [("not_there", 404), ("wrong_codec", 200)])
async def test_faults_of_its_answers(camera: RtspCameraSimulator, fault: RtspFault, status: int) -> None:
    await camera.set_fault(fault)
    async with Viewer(camera) as viewer:
        told, _, body = await viewer.ask("DESCRIBE")
    assert told == status
    assert b"H264" not in body


async def test_an_unknown_fault_is_refused_and_the_port_is_kept(camera: RtspCameraSimulator) -> None:
    with pytest.raises(ValueError, match="expected one of none, off"):
        await camera.set_fault("broken")  # type: ignore[arg-type]
    port = camera.port
    await camera.set_fault("off")
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", port)
    await camera.set_fault("none")
    assert (camera.port, camera.fault) == (port, "none")


@pytest.mark.parametrize("shape", [(184, 328), (48, 64), (50, 66)])
def test_what_was_encoded_is_decoded(tmp_path: Path, shape: tuple[int, int]) -> None:
    picture = np.ascontiguousarray(TRUCK[: shape[0], : shape[1]])
    start = b"\0\0\0\1"
    sets = b"".join(start + one for one in h264.parameter_sets(shape[1], shape[0]))
    stream = tmp_path / "stream.h264"
    stream.write_bytes(b"".join(sets + start + h264.encode(picture, number) for number in range(3)))
    capture = cv2.VideoCapture(str(stream), cv2.CAP_FFMPEG)
    decoded = []
    while capture.grab():
        decoded.append(capture.retrieve()[1])
    assert len(decoded) == 3
    for one in decoded:
        assert one.shape == picture.shape
        assert np.abs(one.astype(int) - picture).mean() < 4


def test_units_are_cut_and_described_as_decoders_expect() -> None:
    sps, pps = h264.parameter_sets(64, 48)
    assert base64.b64encode(sps).decode() + "," + base64.b64encode(pps).decode() in h264.describe(64, 48)
    assert h264.packets(sps, 1, 65_535, 7, last=True) == [bytes.fromhex("80e0ffff0000000100000007") + sps]
    unit = bytes([0x65]) + bytes(range(1, 256)) * 12
    cut = h264.packets(unit, 1, 0, 7, last=True)
    assert [packet[12:14].hex() for packet in cut] == ["7c85", "7c05", "7c45"]
    assert [packet[1] for packet in cut] == [96, 96, 224]
    assert unit[:1] + b"".join(packet[14:] for packet in cut) == unit
    with pytest.raises(ValueError, match="even"):
        h264.parameter_sets(63, 48)
