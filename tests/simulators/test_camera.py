import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator

import pytest

from drivers.camera_http.wire import MultipartParser
from edge.picture_header import read_picture_header
from simulators.devices.camera import BOUNDARY, CameraSimulator, Picture
from simulators.scene import render_container, render_front

TRUCK = render_front("粤B12345", "blue", width=640, height=360)
NEXT_TRUCK = render_container(["CSQU3054383"], ["22G1"], width=640, height=360)


class Lane:
    def __init__(self) -> None:
        self.scene: Picture | None = None

    def look(self) -> Picture | None:
        return self.scene


@pytest.fixture
def lane() -> Lane:
    return Lane()


@pytest.fixture
async def camera(lane: Lane) -> AsyncIterator[CameraSimulator]:
    simulator = CameraSimulator(lane.look, frames_per_s=50.0, seed=3)
    await simulator.start()
    yield simulator
    await simulator.stop()


async def get(camera: CameraSimulator, request: bytes = b"GET /snapshot.jpg HTTP/1.0\r\n\r\n") -> tuple[bytes, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", camera.port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return head, body
    finally:
        writer.close()
        await writer.wait_closed()


async def read_parts(camera: CameraSimulator, count: int) -> list[bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", camera.port)
    parser, parts = MultipartParser(BOUNDARY, 1 << 20), []
    try:
        writer.write(b"GET /stream.mjpg?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        async with asyncio.timeout(10):
            while len(parts) < count:
                data = await reader.read(65_536)
                assert data
                parts += [part.data for part in parser.feed(data)]
        return parts
    finally:
        writer.close()
        await writer.wait_closed()


async def test_snapshot_is_a_jpeg_of_the_length_that_it_says(camera: CameraSimulator) -> None:
    head, body = await get(camera)
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert b"Content-Length: %d" % len(body) in head
    header = read_picture_header(body)
    assert header is not None
    assert (header.width, header.height, header.defect) == (1280, 720, None)


async def test_stream_never_repeats_a_frame_and_a_new_scene_shows(camera: CameraSimulator, lane: Lane) -> None:
    parts = await read_parts(camera, 20)
    assert all(first != second for first, second in itertools.pairwise(parts))
    lane.scene = TRUCK
    header = read_picture_header((await read_parts(camera, 1))[0])
    assert header is not None
    assert header.width == 640


async def test_same_seed_gives_the_same_bytes(lane: Lane) -> None:
    pictures = [await CameraSimulator(lane.look, seed=9).next_picture() for _ in range(2)]
    assert pictures[0] == pictures[1]


async def test_earlier_picture_is_the_vehicle_before(camera: CameraSimulator, lane: Lane) -> None:
    lane.scene = TRUCK
    of_truck = {hashlib.sha256(await camera.next_picture()).digest() for _ in range(16)}
    lane.scene = NEXT_TRUCK
    await camera.set_fault("earlier_picture")
    assert hashlib.sha256(await camera.next_picture()).digest() in of_truck
    await camera.set_fault("none")
    assert hashlib.sha256(await camera.next_picture()).digest() not in of_truck


async def test_off_closes_the_port_and_none_opens_the_same_again(camera: CameraSimulator) -> None:
    port = camera.port
    stream = asyncio.create_task(read_parts(camera, 100_000))
    await read_parts(camera, 1)
    await camera.set_fault("off")
    with pytest.raises((AssertionError, ConnectionError)):
        await stream
    with pytest.raises(ConnectionError):
        await get(camera)
    await camera.set_fault("none")
    assert camera.port == port
    assert camera.fault == "none"
    assert (await get(camera))[0].startswith(b"HTTP/1.1 200")


async def test_faults_show_on_the_wire(camera: CameraSimulator) -> None:
    await camera.set_fault("frozen")
    assert (await get(camera))[1] == (await get(camera))[1]
    await camera.set_fault("garbage")
    assert read_picture_header((await get(camera))[1]) is None
    await camera.set_fault("huge")
    header = read_picture_header((await get(camera))[1])
    assert header is not None
    assert header.width * header.height > 4_000_000_000
    await camera.set_fault("truncated")
    header = read_picture_header((await get(camera))[1])
    assert header is not None
    assert header.defect == "truncated"
    await camera.set_fault("garbage_http")
    assert not (await get(camera))[0].startswith(b"HTTP/")


async def test_hang_answers_nothing_until_it_is_released(camera: CameraSimulator) -> None:
    await camera.set_fault("hang")
    waiting = asyncio.create_task(get(camera))
    await asyncio.wait({waiting}, timeout=0.1)
    assert not waiting.done()
    await camera.set_fault("none")
    assert (await waiting)[0].startswith(b"HTTP/1.1 200")


async def test_slow_trickles_until_it_is_released(camera: CameraSimulator) -> None:
    await camera.set_fault("slow")
    waiting = asyncio.create_task(get(camera))
    await asyncio.wait({waiting}, timeout=0.2)
    assert not waiting.done()
    assert camera.frames_sent == 0
    await camera.set_fault("none")
    assert read_picture_header((await waiting)[1]) is not None


async def test_other_requests_are_answered_as_http_asks(camera: CameraSimulator) -> None:
    assert (await get(camera, b"GET /other HTTP/1.1\r\n\r\n"))[0].startswith(b"HTTP/1.1 404")
    assert (await get(camera, b"POST /snapshot.jpg HTTP/1.1\r\n\r\n"))[0].startswith(b"HTTP/1.1 405")
    assert (await get(camera, b"nonsense\r\n\r\n"))[0].startswith(b"HTTP/1.1 405")


async def test_unknown_fault_is_refused(camera: CameraSimulator) -> None:
    with pytest.raises(ValueError, match="expected one of none, off, frozen"):
        await camera.set_fault("broken")  # type: ignore[arg-type]
