"""Cameras that ask who asks, on real sockets: the simulator's door, and answers that lure a password elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import HTTPDigestAuthHandler, HTTPPasswordMgrWithDefaultRealm, build_opener

import pytest

from drivers.camera_http.driver import HttpCamera, HttpCameraSettings, Mode
from drivers.camera_http.source import Source
from drivers.kit.camera.address import parse_url
from drivers.kit.camera.dial import Dialler, Trust
from drivers.kit.camera.digest import Authenticator
from edge.ports import DeviceError
from simulators.devices.camera import CameraFault, CameraSimulator
from simulators.devices.camera_door import CameraDoor, Scheme
from tests.support.camera_http import MonotonicClock, serving

CLOCK = MonotonicClock()
PASSWORD = "s3cret-Käse"


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\n", encoding="utf-8")
    return path


@asynccontextmanager
async def behind(door: CameraDoor) -> AsyncIterator[CameraSimulator]:
    simulator = CameraSimulator(lambda: None, frames_per_s=20.0, door=door)
    await simulator.start()
    try:
        async with asyncio.timeout(30):
            yield simulator
    finally:
        await simulator.stop()


def camera_at(url: str, password_file: Path, mode: Mode = "snapshot", **changes: object) -> HttpCamera:
    settings = HttpCameraSettings(
        "front", url, mode, user="viewer", password_file=password_file, frame_stale_s=5.0, poll_interval_s=0.05
    )
    return HttpCamera(replace(settings, **changes), CLOCK)  # type: ignore[arg-type]


async def refusal(camera: HttpCamera) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await camera.connect()
    assert camera.worker_pid is None
    assert PASSWORD not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("mode", "offers"), [("snapshot", ["basic", "md5", "sha-256"]), ("mjpeg", ["md5"])])
async def test_camera_with_digest_gives_its_frames(mode: Mode, offers: list[Scheme], password_file: Path) -> None:
    door = CameraDoor("viewer", PASSWORD, offers)
    async with behind(door) as simulator:
        url = simulator.stream_url if mode == "mjpeg" else simulator.snapshot_url
        camera = camera_at(url, password_file, mode)
        try:
            await camera.connect()
            for _ in range(3):
                assert (await camera.capture(CLOCK.now_ms(), 5.0)).defect is None
        finally:
            await camera.close()
        assert door.heard[0] is None
        answered = [said for said in door.heard[1:] if said is not None]
        assert len(answered) == len(door.heard) - 1
        assert all(f"algorithm={offers[-1].upper()}" in said for said in answered)
        # One challenge for all: the nonce stays, its count grows.
        assert [f"nc={number:08x}" in said for number, said in enumerate(answered, 1)] == [True] * len(answered)
        assert len({said.partition("nonce=")[2].partition(",")[0] for said in answered}) == 1


async def test_nonces_good_for_one_request_cost_a_second_request_and_no_picture(password_file: Path) -> None:
    door = CameraDoor("viewer", PASSWORD)
    async with behind(door) as simulator:
        await simulator.set_fault("stale_nonce")
        camera = camera_at(simulator.snapshot_url, password_file)
        try:
            await camera.connect()
            for _ in range(3):
                assert (await camera.capture(CLOCK.now_ms(), 5.0)).defect is None
        finally:
            await camera.close()
        assert len({said for said in door.heard if said is not None and "nc=00000001" in said}) >= 3


@pytest.mark.parametrize(
    ("fault", "user", "tries"), [("wrong_realm", "viewer", 2), ("none", "somebody", 2), ("none", None, 1)]
)
async def test_camera_that_refuses_is_named(
    fault: CameraFault, user: str | None, tries: int, password_file: Path
) -> None:
    door = CameraDoor("viewer", PASSWORD)
    async with behind(door) as simulator:
        await simulator.set_fault(fault)
        error = await refusal(camera_at(simulator.snapshot_url, password_file, user=user))
    assert (error.code, error.got[:10]) == ("camera_refused", "status 401")
    assert len(door.heard) == tries


async def test_camera_that_offers_basic_alone(password_file: Path) -> None:
    door = CameraDoor("viewer", PASSWORD, ["basic"])
    async with behind(door) as simulator:
        error = await refusal(camera_at(simulator.snapshot_url, password_file))
        assert (error.code, door.heard) == ("camera_refused", [None])
        assert "auth: basic" in error.next_step
        camera = camera_at(simulator.snapshot_url, password_file, auth="basic")
        await camera.connect()
        await camera.close()
        assert door.heard[1] is not None


async def test_recorder_that_forbids_a_nonce_the_second_time_still_gives_its_pictures() -> None:
    async def answer(writer: asyncio.StreamWriter) -> None:
        said = heard[-1].partition(b"Authorization: ")[2]
        status = b"401 Unauthorized" if not said else b"200 OK" if b"nc=00000001" in said else b"403 Forbidden"
        challenge = b"Digest realm=r, nonce=n%d, qop=auth" % len(heard)
        writer.write(b"HTTP/1.1 %s\r\nWWW-Authenticate: %s\r\nContent-Length: 0\r\n\r\n" % (status, challenge))

    async with serving(answer) as (url, heard):
        asking = Authenticator("viewer", PASSWORD, "auto", secured=False, new_cnonce=lambda: "c")
        source = Source(Dialler(parse_url(url), Trust(), 5.0), asking, wait_s=5.0, max_bytes=1000)
        for _ in range(3):
            assert (await asyncio.to_thread(source.snapshot)).fault is None
    assert len(heard) == 2 + 3 + 3


async def test_redirects_are_refused(password_file: Path) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\n\r\n") as (elsewhere, lured):
        moved = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()
        async with serving(moved) as (url, _):
            error = await refusal(camera_at(url, password_file, auth="basic"))
    assert (error.code, error.got) == ("camera_bad_answer", "status 302, a redirect")
    assert "never followed" in error.next_step
    assert lured == []


async def test_the_simulators_door_admits_another_client(tmp_path: Path) -> None:
    async with behind(CameraDoor("viewer", "pass", ["md5"])) as simulator:
        passwords = HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(None, simulator.snapshot_url, "viewer", "pass")
        opener = build_opener(HTTPDigestAuthHandler(passwords))

        def fetch() -> bytes:
            with opener.open(simulator.snapshot_url, timeout=10) as answer:
                return bytes(answer.read())

        assert (await asyncio.to_thread(fetch)).startswith(b"\xff\xd8")
