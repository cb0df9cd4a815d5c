"""A camera that pushes: what lies in its spool outlives everything, and never stands for another vehicle."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.devices import Camera as ConfiguredCamera
from drivers.camera_isapi.push_driver import PushedIsapiCamera
from drivers.camera_isapi.push_worker import Reception, received
from drivers.camera_isapi.wire import encode_event, encode_heartbeat, parse_alert
from drivers.kit.camera.dial import SourceError
from drivers.kit.camera.event_camera import EventCameraSettings
from drivers.kit.camera.given import Picture
from drivers.kit.camera.pipe import AliveMessage, FrameMessage, Message, MessageReader
from drivers.kit.camera.worker import TAKEN, Wishes, WorkerSettings, reach_over_http
from drivers.kit.push.head import encode_push
from edge.ports import DeviceError
from edge.registry import CAMERA, build
from simulators.devices.event_camera import IsapiWords, Passing
from simulators.devices.pushing_camera import PushingCameraSimulator
from simulators.ports import free_ports
from simulators.scene import encode_jpeg, render_empty_lane
from tests.support.camera_http import MonotonicClock
from tests.support.sources import ROOT

CLOCK = MonotonicClock()
SCENE = render_empty_lane(1, width=160, height=120)
JPEG = encode_jpeg(SCENE, 1)
TRUCK = Passing("粤BF3871", SCENE)
FORM = "multipart/form-data; boundary=b"


def settings_for(folder: Path, port: int, **changes: object) -> WorkerSettings:
    given: dict[str, object] = {
        "url": f"http://127.0.0.1:{port}/", "mode": "events", "user": None, "password": "", "auth": "auto",
        "ca_file": None, "certificate_sha256": None, "max_bytes": 1_000_000, "max_pixels": 1_000_000, "wait_s": 5.0,
        "poll_interval_s": 0.0, "silence_s": 60.0, "late_ms": 60_000, "kept": 8, "peers": ("127.0.0.1",),
        "spool": str(folder / "spool"),
    }  # fmt: skip
    return WorkerSettings(**{**given, **changes})  # type: ignore[arg-type]


def event_body(uuid: str, *, ago_s: float = 0.0, picture: bytes = JPEG) -> bytes:
    alert = encode_event(datetime.now(UTC) - timedelta(seconds=ago_s), TRUCK.plate, uuid=uuid, pictures=1)
    words = b"--b\r\nContent-Type: application/xml\r\n\r\n" + alert
    return words + b"\r\n--b\r\nContent-Type: image/jpeg\r\n\r\n" + picture + b"\r\n--b--\r\n"


async def pushed(port: int, body: bytes, media: str = FORM) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(encode_push("/", media, body))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split(b" ")[1])


async def beat(port: int) -> int:
    return await pushed(port, encode_heartbeat(datetime.now(UTC)), "application/xml")


@dataclass
class Worker:
    """The capture process itself, without its driver."""

    process: asyncio.subprocess.Process
    port: int
    reader: MessageReader = field(default_factory=lambda: MessageReader(1_000_000))
    waiting: list[Message] = field(default_factory=list)

    async def next(self) -> Message:
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while not self.waiting:
                data = await self.process.stdout.read(65_536)
                assert data, "the worker ended"
                self.waiting += self.reader.feed(data)
        return self.waiting.pop(0)

    async def frame(self) -> FrameMessage:
        """The next one. A heartbeat from before it may be told behind it: what is new goes first."""
        while not isinstance(told := await self.next(), FrameMessage):
            assert told == AliveMessage("heartbeat")
        return told

    async def listening(self) -> None:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    await writer.wait_closed()
                    return
                await CLOCK.sleep(0.02)

    async def tell(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        await self.process.stdin.drain()


@contextlib.asynccontextmanager
async def worker(settings: WorkerSettings, port: int) -> AsyncIterator[Worker]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "drivers.camera_isapi.push_worker", cwd=ROOT, stdin=-1, stdout=-1,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    made = Worker(process, port)
    await made.tell(settings.to_line())
    try:
        await made.listening()
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        assert process.stdout is not None
        await process.stdout.read()
        await process.wait()


def rows(folder: Path) -> list[tuple[int, int]]:
    with contextlib.closing(sqlite3.connect(folder / "spool")) as connection:
        return connection.execute("SELECT late, kept FROM push").fetchall()


async def until_rows(folder: Path, expected: list[tuple[int, int]]) -> None:
    async with asyncio.timeout(60):
        while rows(folder) != expected:
            await CLOCK.sleep(0.02)


@pytest.mark.hazard("D26", "D35")
async def test_a_kill_between_the_answer_and_the_driver_loses_nothing_and_nothing_counts_twice(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = settings_for(tmp_path, port)
    async with worker(settings, port) as first:
        assert [await beat(port), await pushed(port, event_body("u-1"))] == [200, 200]
        told = await first.frame()
        # The driver has not said that it has it: killed as it stands.
    assert rows(tmp_path) == [(0, 0)]
    async with worker(settings, port) as second:
        again = await second.next()
        assert isinstance(again, FrameMessage)
        assert (again.event, again.picture, again.begun_at_ms) == (told.event, JPEG, told.begun_at_ms)
        assert (again.defect, again.claim) == (told.defect, told.claim)
        await second.tell(b"s" + TAKEN + again.event.encode())
        await until_rows(tmp_path, [])
        # The camera had no answer, and sends it once more.
        assert await pushed(port, event_body("u-1")) == 200
        assert await second.next() == AliveMessage("repeated")
    assert rows(tmp_path) == []


@pytest.mark.hazard("D3", "D35")
async def test_what_lies_there_from_before_is_kept_for_people_and_never_handed_on(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with worker(settings_for(tmp_path, port), port):
        assert [await beat(port), await pushed(port, event_body("u-1"))] == [200, 200]
        assert rows(tmp_path) == [(0, 0)]
    async with worker(settings_for(tmp_path, port, late_ms=0), port) as second:
        assert await second.next() == AliveMessage("stale 1")
        assert await beat(port) == 200
        assert await second.next() == AliveMessage("heartbeat")
    assert rows(tmp_path) == [(0, 1)]


@pytest.mark.hazard("D3")
async def test_an_event_that_was_held_back_is_late_also_after_a_restart(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    for _ in range(2):
        async with worker(settings_for(tmp_path, port), port) as one:
            if not rows(tmp_path):
                assert [await beat(port), await pushed(port, event_body("u-1", ago_s=300))] == [200, 200]
            assert (await one.frame()).defect == "late"


# The process's own part, without one


@contextlib.asynccontextmanager
async def reception(settings: WorkerSettings) -> AsyncIterator[Reception]:
    made = Reception(settings)
    try:
        await made.start(Wishes())
        yield made
    finally:
        await made.stop()


@pytest.mark.hazard("D26")
async def test_what_waits_is_given_again_until_the_driver_has_it(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port)) as first:
        assert [await beat(port), await pushed(port, event_body("u-1"))] == [200, 200]
        assert await first.given() == AliveMessage("heartbeat")
        told = await first.given()
    async with reception(settings_for(tmp_path, port)) as second:
        again = await second.given()
        assert again == told
        assert isinstance(again, Picture)
        second._taken(again.event)
        await until_rows(tmp_path, [])
        assert [await beat(port), await pushed(port, event_body("u-1"))] == [200, 200]
        assert [await second.given() for _ in range(2)] == [AliveMessage("heartbeat"), AliveMessage("repeated")]


async def test_before_the_first_heartbeat_no_event_counts(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port)) as it:
        assert await pushed(port, event_body("u-1")) == 200
        given = await it.given()
        assert isinstance(given, Picture)
        assert given.fault == "late"


@pytest.mark.hazard("X3")
async def test_a_push_that_does_not_fit_is_refused_and_may_come_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port)) as it:
        assert it._spool is not None
        assert await beat(port) == 200
        it._spool._most_rows = 1
        assert await pushed(port, event_body("u-1")) == 200
        assert await pushed(port, event_body("u-2")) == 507
        it._spool._most_rows = 64
        (pages,) = it._spool._connection.execute("PRAGMA page_count").fetchone()
        it._spool._connection.execute(f"PRAGMA max_page_count={pages}")
        noise = encode_jpeg(SCENE, 2) + os.urandom(300_000)
        assert await pushed(port, event_body("u-2", picture=noise)) == 507
        it._spool._connection.execute("PRAGMA max_page_count=1000000")
        assert await pushed(port, event_body("u-2")) == 200
        given = [await it.given() for _ in range(3)]
        assert [type(one) for one in given] == [AliveMessage, Picture, Picture]
        it._spool.close()
        assert await pushed(port, event_body("u-3")) == 503


async def test_what_nobody_takes_in_time_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.camera_isapi.push_worker._PATIENCE_MS", 0)
    monkeypatch.setattr("drivers.camera_isapi.push_worker._LOOKED_EVERY_S", 0.01)
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port, late_ms=100)) as it:
        assert [await beat(port), await pushed(port, event_body("u-1"))] == [200, 200]
        given = [await it.given() for _ in range(3)]
        assert given[2] == AliveMessage("stale 1")
        assert it._spool is not None
        it._spool.close()
        with pytest.raises(SourceError, match="camera_spool_failed"):
            await it.given()


async def test_nonsense_ends_the_connection_and_silence_says_what_was_refused(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port)) as it:
        assert {await pushed(port, b"<other/>", "text/xml") for _ in range(8)} == {400}
        with pytest.raises(SourceError, match="camera_garbled"):
            await it.given()
    async with reception(settings_for(tmp_path, port, silence_s=0.5)) as it:
        assert {await pushed(port, b"", "text/xml") for _ in range(2)} == {400}
        with pytest.raises(SourceError, match="camera_stalled") as stalled:
            await it.given()
        assert "an empty body" in stalled.value.message.got
    async with reception(settings_for(tmp_path, port, silence_s=0.5, peers=("192.0.2.7",))) as it:
        with contextlib.suppress(ConnectionError, IndexError):
            await beat(port)
        with pytest.raises(SourceError, match="camera_unreachable") as silent:
            await it.given()
        assert silent.value.message.got == "none of 192.0.2.7, 1 connections of others"


async def test_heartbeats_that_lag_end_the_connection(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port, late_ms=1_000)) as it:
        assert await beat(port) == 200
        late = encode_heartbeat(datetime.now(UTC) - timedelta(seconds=30))
        answers = [await pushed(port, late, "application/xml") for _ in range(3)]
        assert answers[-1] == 503
        given = [await it.given() for _ in range(it._out.qsize() - 1)]
        assert set(given) == {AliveMessage("heartbeat")}
        with pytest.raises(SourceError, match="camera_lagging"):
            await it.given()


async def test_a_port_that_somebody_has_and_a_spool_that_cannot_be_are_told(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port)):
        with pytest.raises(SourceError, match="camera_port_unavailable"):
            async with reception(settings_for(tmp_path, port, spool=str(tmp_path / "other"))):
                pass
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SourceError, match="camera_spool_failed"):
        async with reception(settings_for(tmp_path, port, spool=str(tmp_path / "file" / "spool"))):
            pass


def test_the_worker_gives_what_is_pushed_until_it_fails(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    (tmp_path / "spool").write_bytes(b"no database" * 100)
    settings = settings_for(tmp_path, port, silence_s=0.2)
    given = received(settings, reach_over_http(settings), Wishes())
    assert next(given) == AliveMessage("spool_damaged")
    with pytest.raises(SourceError, match="camera_unreachable"):
        next(given)


async def test_what_was_kept_and_is_no_push_any_more_gives_nothing(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with reception(settings_for(tmp_path, port)) as it:
        assert [await beat(port), await pushed(port, event_body("u-1"))] == [200, 200]
        assert it._spool is not None
        it._spool._connection.execute("UPDATE push SET media='text/xml'")
        (waiting,) = it._spool.waiting()
        assert it._again(waiting) == []
    assert isinstance(parse_alert(waiting.body), str)


# The driver


def camera_for(folder: Path, url: str, **changes: object) -> PushedIsapiCamera:
    given: dict[str, object] = {"peers": ("127.0.0.1",), "spool": folder / "spool", "silent_s": 5.0, **changes}
    return PushedIsapiCamera(EventCameraSettings("plate-1", url, **given), CLOCK)  # type: ignore[arg-type]


@pytest.mark.hazard("D3")
async def test_what_was_pushed_while_nobody_stood_there_is_no_frame_of_who_comes(tmp_path: Path) -> None:
    simulator = PushingCameraSimulator(IsapiWords(), port=free_ports(1)[0], heartbeat_s=0.1)
    camera = camera_for(tmp_path, simulator.url)
    await simulator.start()
    try:
        await camera.connect()
        await simulator.pass_by(TRUCK)
        idle = await camera.capture(0, 20.0)
        arrived_ms = CLOCK.now_ms()
        assert idle.captured_at_ms <= arrived_ms
        with pytest.raises(DeviceError, match="camera_no_frame"):
            await camera.capture(arrived_ms + 1, 0.3)
        await until_rows(tmp_path, [])
        await simulator.pass_by(TRUCK)
        assert (await camera.capture(arrived_ms + 1, 20.0)).claim is not None
    finally:
        await camera.close()
        await simulator.stop()


async def test_connecting_waits_for_a_first_push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.kit.camera.event_camera.FIRST_SIGN_S", 3.0)
    (port,) = free_ports(1)
    camera = camera_for(tmp_path, f"http://127.0.0.1:{port}")
    with pytest.raises(DeviceError, match="camera_unreachable") as refused:
        await camera.connect()
    assert "HTTP listening" in refused.value.next_step
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DeviceError, match="camera_spool_failed"):
        await camera_for(tmp_path, camera.address, spool=tmp_path / "file" / "spool").connect()
    await camera.close()


async def test_what_a_spool_says_is_logged_and_is_no_sign_of_the_camera(tmp_path: Path) -> None:
    camera = camera_for(tmp_path, "http://127.0.0.1:1")
    with capture_logs() as logged:
        for said in ("stale 3", "stale 1", "spool_damaged"):
            camera._alive(said)
        assert camera._signs == 0
        camera._alive("heartbeat")
    assert (camera._signs, camera.said) == (1, {"stale": 4, "heartbeat": 1})
    assert [one["event"] for one in logged] == ["camera_pushes_stale"] * 2 + ["camera_spool_damaged"]


@pytest.mark.parametrize(
    "wrong", [{"url": "https://10.0.0.7"}, {"peers": ()}, {"spool": None}], ids=["https", "nobody", "no spool"]
)
def test_what_cannot_be_listened_at_is_refused_when_it_is_built(tmp_path: Path, wrong: dict[str, object]) -> None:
    given = {"url": "http://127.0.0.1:8601", "peers": ("127.0.0.1",), "spool": tmp_path / "s", **wrong}
    with pytest.raises(ValueError, match="http://, who may push"):
        PushedIsapiCamera(EventCameraSettings("p", **given), CLOCK)  # type: ignore[arg-type]


def test_the_registry_builds_it_from_the_configuration(tmp_path: Path) -> None:
    given = {
        "driver": "isapi_push", "id": "p-1", "url": "http://10.0.0.7:8601/plate", "place": "front", "reads": ("plate",),
        "peers": ("10.0.0.8",), "spool": str(tmp_path / "s"),
    }  # fmt: skip
    camera = build(CAMERA, ConfiguredCamera.model_validate(given), CLOCK, None)
    assert isinstance(camera, PushedIsapiCamera)
    assert (camera.name, camera.address) == ("p-1", "http://10.0.0.7:8601/plate")
