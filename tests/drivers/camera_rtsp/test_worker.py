"""The worker's logic, in this process: its question on real sockets, its stream, its threads, its settings."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from drivers.camera_rtsp.wire import refusal
from drivers.camera_rtsp.worker import pictures
from drivers.kit.camera import decoder, stream_camera
from drivers.kit.camera.dial import SourceError
from drivers.kit.camera.given import Picture
from drivers.kit.camera.picture import judge
from drivers.kit.camera.pipe import FrameMessage, Message, MessageReader, ProblemMessage
from drivers.kit.camera.rtsp_client import asked as probed
from drivers.kit.camera.streaming import frames, reach
from drivers.kit.camera.worker import WorkerSettings, run_worker, serve
from simulators.devices.camera_rtsp import RtspCameraSimulator
from simulators.scene import render_front
from tests.support.camera_http import serving

SCENE = render_front("粤B12345", "blue", width=320, height=180)
SDP = b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
DESCRIBED = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: %d\r\n\r\n" % len(SDP) + SDP


@pytest.fixture(autouse=True)
def _options_of_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stream_camera.DECODER_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@asynccontextmanager
async def simulated() -> AsyncIterator[RtspCameraSimulator]:
    simulator = RtspCameraSimulator(lambda: SCENE, frames_per_s=20.0)
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


def settings_for(url: str, **changes: Any) -> WorkerSettings:
    values = {
        "url": url, "user": None, "password": "", "auth": "auto", "max_bytes": 1_000_000, "max_pixels": 1_000_000,
        "mode": "", "ca_file": None, "certificate_sha256": None, "wait_s": 1.0, "poll_interval_s": 0.05,
    }  # fmt: skip
    return WorkerSettings(**{**values, **changes})


async def asked(answer: Any, user: str | None = None, wait_s: float = 0.3) -> str:
    """What the probe says of a server that answers so: the code and the words, or nothing where it is content."""

    def ask(url: str) -> str:
        try:
            with probed(reach(settings_for(url, user=user, password="s3cret", wait_s=wait_s)), wait_s, refusal):
                return ""
        except SourceError as error:
            return f"{error.message.code}: {error.message.got}; {error.message.next_step}"

    async with serving(answer) as (url, _):
        return await asyncio.to_thread(ask, url.replace("http://", "rtsp://"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (DESCRIBED, ""),
        (DESCRIBED.replace(b"H264", b"H265"), "camera_bad_answer: video in H265"),
        (DESCRIBED.replace(b"video", b"audio"), "camera_bad_answer: no video"),
        (b"RTSP/1.0 404 Not Found\r\n\r\n", "camera_bad_answer: status 404"),
        (b"RTSP/1.0 302 Moved\r\nLocation: rtsp://elsewhere/\r\n\r\n", "camera_bad_answer: status 302, a redirect"),
        (b"RTSP/1.0 403 Forbidden\r\n\r\n", "camera_refused: status 403"),
        (b"RTSP/1.0 401 No\r\nWWW-Authenticate: Basic\r\n\r\n", "camera_refused: status 401, it asks for basic"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "camera_bad_answer: RtspError"),
        (b"", "camera_unreachable: the camera closed the connection"),
        (DESCRIBED[:-3], "camera_unreachable: the camera closed the connection"),
    ],
)  # fmt: skip
async def test_answers_of_the_camera_are_named(answer: bytes, said: str) -> None:
    assert (await asked(answer)).startswith(said)


@pytest.mark.hazard("D4")
async def test_every_wait_has_an_end() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def trickling(writer: asyncio.StreamWriter) -> None:
        for byte in DESCRIBED * 20:
            writer.write(bytes([byte]) if byte != 0x0A else b" ")
            await writer.drain()
        await asyncio.Event().wait()

    for answer in (silent, trickling):
        assert (await asked(answer)).startswith("camera_unreachable: TimeoutError")


async def test_the_heads_are_told_without_passwords() -> None:
    told = list[tuple[bytes, bytes]]()

    def ask(url: str) -> None:
        settings = settings_for(url, user="admin", password="s3cret", auth="basic")
        with probed(replace(reach(settings), on_heads=lambda *heads: told.append(heads)), 5.0, refusal):
            pass

    async with serving(DESCRIBED) as (url, requests):
        await asyncio.to_thread(ask, url.replace("http", "rtsp"))
    assert b"Authorization: Basic YWRtaW46czNjcmV0" in requests[0]
    ((asked_for, answered),) = told
    assert asked_for.startswith(b"DESCRIBE rtsp://")
    assert b"YWRtaW46czNjcmV0" not in asked_for
    assert answered.startswith(b"RTSP/1.0 200 OK\r\nCSeq: 1")


async def test_digest_without_qop_is_answered_as_older_cameras_ask() -> None:
    said = list[bytes]()

    async def recorder(writer: asyncio.StreamWriter) -> None:
        writer.write(b'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="IPC", nonce="abc", stale="FALSE"\r\n\r\n')
        await writer.drain()
        reader = writer.transport.get_protocol()._stream_reader  # type: ignore[attr-defined,union-attr]
        said.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(DESCRIBED)
        await writer.drain()

    assert await asked(recorder, user="admin", wait_s=5.0) == ""
    assert b'Authorization: Digest username="admin", realm="IPC", nonce="abc", uri="rtsp://' in said[0]
    assert b"qop" not in said[0]
    assert b"cnonce" not in said[0]
    assert b"s3cret" not in said[0]


class Film:
    """A stream that gives frames as they are listed: their times in the stream, and when they come."""

    def __init__(self, times: list[tuple[float, int]], broken: bool = False) -> None:
        self._times = iter(times)
        self._broken = broken
        self.now_ms = 0

    def next_frame(self) -> float | None:
        found = next(self._times, None)
        if found is None:
            return None
        stream_ms, self.now_ms = found
        return stream_ms

    def picture(self, _max_bytes: int, _max_pixels: int) -> bytes | None:
        return None if self._broken else b"%d" % self.now_ms


def followed(film: Film, wanted: threading.Event, interval_s: float = 0.5) -> tuple[list[Picture], SourceError]:
    taken = list[Picture]()

    def follow() -> Iterator[Picture]:
        yield from frames(film, wanted, settings_for("rtsp://h/", poll_interval_s=interval_s), lambda: film.now_ms)

    with pytest.raises(SourceError) as ended:
        taken.extend(follow())
    return taken, ended.value


def test_pictures_are_taken_at_their_interval_and_their_times_are_those_of_the_stream() -> None:
    film = Film([(float(at), 7_000 + at) for at in range(0, 3_000, 100)])
    taken, ended = followed(film, threading.Event())
    assert {one.fault for one in taken} == {None}
    assert [one.captured_at_ms for one in taken] == [7_500, 8_000, 8_500, 9_000, 9_500]
    assert all(one.begun_at_ms == one.captured_at_ms - 100 for one in taken)
    assert ended.message.code == "camera_unreachable"


def test_a_picture_that_is_wanted_is_taken_at_once_and_one_that_cannot_be_had_is_none() -> None:
    wanted = threading.Event()
    film = Film([(float(at), at) for at in range(0, 1_000, 100)])
    wanted.set()
    taken, _ = followed(film, wanted, interval_s=60.0)
    assert [one.captured_at_ms for one in taken] == [500]
    assert not wanted.is_set()
    assert followed(Film([(float(at), at) for at in range(0, 1_000, 100)], broken=True), wanted)[0] == []


@pytest.mark.hazard("D1")
def test_a_stream_that_falls_behind_by_more_than_the_limit_is_given_up() -> None:
    behind = [(float(at), at) for at in range(0, 1_000, 100)] + [(1_000.0, 2_100)]
    _, ended = followed(Film(behind), threading.Event())
    assert ended.message.code == "camera_stalled"
    assert "1199 ms" in ended.message.got or "1200 ms" in ended.message.got


async def test_a_stream_is_opened_followed_and_its_end_is_the_last_message() -> None:
    sent = list[Message]()
    async with simulated() as simulator:

        def send(message: Message) -> None:
            sent.append(message)
            if len(sent) == 3:
                asyncio.run_coroutine_threadsafe(simulator.set_fault("off"), loop)

        loop = asyncio.get_running_loop()
        settings = settings_for(simulator.url)
        await asyncio.to_thread(serve, settings, threading.Event(), send, judge, pictures, reach)
    *frames_sent, last = sent
    assert all(isinstance(one, FrameMessage) and one.picture.startswith(b"\xff\xd8") for one in frames_sent)
    assert len(frames_sent) >= 3
    assert isinstance(last, ProblemMessage)
    assert last.code == "camera_unreachable"


async def test_a_decoder_that_cannot_open_and_a_password_too_long_are_named() -> None:
    for user, password, said in ((None, "", "the decoder cannot open it"), ("u", "p" * 200, "202 characters")):
        sent = list[Message]()
        async with serving(DESCRIBED) as (url, _):
            settings = settings_for(url.replace("http", "rtsp"), user=user, password=password)
            await asyncio.to_thread(serve, settings, threading.Event(), sent.append, judge, pictures, reach)
        (problem,) = sent
        assert isinstance(problem, ProblemMessage)
        assert said in problem.got


async def test_the_worker_runs_from_its_settings_to_its_last_message() -> None:
    async with serving(b"RTSP/1.0 404 Not Found\r\n\r\n") as (url, _):
        settings = settings_for(url.replace("http", "rtsp"))
        assert WorkerSettings.from_line(settings.to_line()) == settings
        assert "s3cret" not in repr(settings_for(url, password="s3cret"))
        output, left = io.BytesIO(), threading.Event()
        await asyncio.to_thread(run_worker, io.BytesIO(settings.to_line()), output, left.set, pictures, reach)
        assert left.wait(5)
    (problem,) = MessageReader(1_000).feed(output.getvalue())
    assert isinstance(problem, ProblemMessage)
    assert problem.got == "status 404"


def test_pictures_are_encoded_alike_and_none_is_too_large() -> None:
    first, again = (decoder.encode(SCENE, 1_000_000, 320 * 180) for _ in range(2))
    assert first == again
    assert judge(first, 1_000_000) == (320, 180, None)
    assert decoder.encode(SCENE, len(first) - 1, 1_000_000) == b""
    assert decoder.encode(SCENE, 1_000_000, 320 * 180 - 1) == b""


async def test_the_decoder_gives_times_and_pictures_and_ends() -> None:
    async with simulated() as simulator:
        opened = await asyncio.to_thread(decoder.Decoder, simulator.url, 2.0)
        times = [await asyncio.to_thread(opened.next_frame) for _ in range(5)]
        assert all(isinstance(one, float) for one in times)
        assert times == sorted(times, key=lambda one: one or 0.0)
        assert judge(opened.picture(1_000_000, 1_000_000) or b"", 1_000_000) == (320, 180, None)
    while await asyncio.to_thread(opened.next_frame) is not None:
        pass
    await asyncio.to_thread(opened.close)
    assert opened.picture(1_000_000, 1_000_000) is None
