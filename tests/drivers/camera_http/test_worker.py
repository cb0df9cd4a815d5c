"""The worker's logic, in this process: its source on real sockets, its threads, its settings."""

import asyncio
import hashlib
import io
import os
import threading
from collections.abc import Iterator

import pytest

from drivers.camera_http.source import Source
from drivers.camera_http.worker import pictures, poll
from drivers.kit.camera.address import parse_url
from drivers.kit.camera.asking import monotonic_ms
from drivers.kit.camera.dial import Dialler, SourceError, Trust
from drivers.kit.camera.digest import Authenticator
from drivers.kit.camera.given import Picture
from drivers.kit.camera.pipe import AliveMessage, FrameMessage, Message, MessageReader, ProblemMessage
from drivers.kit.camera.worker import (
    LEAST_INTERVAL_S,
    NewestPicture,
    WorkerSettings,
    deliver,
    fetch,
    run_worker,
    serve,
    to_message,
    watch_driver,
)
from tests.support.camera_http import Answer, ok, serving

STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=b\r\n"
PART = b"--b\r\nContent-Length: 3\r\n\r\none\r\n"


def source_at(url: str, *, wait_s: float = 2.0, max_bytes: int = 1000) -> Source:
    nobody = Authenticator(None, "", "auto", secured=False, new_cnonce=lambda: "c")
    return Source(Dialler(parse_url(url), Trust(), wait_s), nobody, wait_s=wait_s, max_bytes=max_bytes)


def judge_all_good(_data: bytes, _max_pixels: int) -> tuple[int, int, str | None]:
    return 4, 3, None


async def snapshot_of(answer: bytes | Answer, **limits: float) -> Picture:
    async with serving(answer) as (url, requests):
        picture = await asyncio.to_thread(source_at(url, **limits).snapshot)  # type: ignore[arg-type]
        assert requests[0].startswith(b"GET /shot HTTP/1.1\r\n")
        return picture


async def stream_of(answer: bytes | Answer, **limits: float) -> tuple[list[Picture], SourceError]:
    got: list[Picture] = []

    def read(source: Source) -> SourceError:
        try:
            for picture in source.stream():
                got.append(picture)
        except SourceError as error:
            return error
        raise AssertionError("a stream ends by SourceError alone")

    async with serving(answer) as (url, _):
        error = await asyncio.to_thread(read, source_at(url, **limits))  # type: ignore[arg-type]
    return got, error


async def test_snapshot_with_and_without_a_length() -> None:
    before_ms = monotonic_ms()
    picture = await snapshot_of(ok(b"picture"))
    assert (picture.data, picture.fault) == (b"picture", None)
    assert before_ms <= picture.begun_at_ms <= picture.captured_at_ms <= monotonic_ms()
    assert (await snapshot_of(b"HTTP/1.0 200 OK\r\n\r\nto the end")).data == b"to the end"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert (await snapshot_of(chunked)).data == b"abcde"


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (ok(b"half", length=8), "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc", "truncated"),
        (ok(b"x" * 1001), "too_large"),
        (ok(b"x" * 70_000), "too_large"),
    ],
)
async def test_snapshot_whose_transport_failed_says_so(answer: bytes, fault: str) -> None:
    assert (await snapshot_of(answer)).fault == fault


@pytest.mark.hazard("D4")
async def test_every_wait_has_an_end() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def stuck_in_body(writer: asyncio.StreamWriter) -> None:
        writer.write(ok(b"half", length=8))
        await asyncio.Event().wait()

    for answer in (silent, stuck_in_body):
        with pytest.raises(SourceError, match="camera_unreachable"):
            await snapshot_of(answer, wait_s=0.1)
    for head in (b"", STREAM_HEAD + b"\r\n" + PART):

        async def stuck(writer: asyncio.StreamWriter, head: bytes = head) -> None:
            writer.write(head)
            await asyncio.Event().wait()

        pictures, error = await stream_of(stuck, wait_s=0.1)
        assert error.message.code == "camera_unreachable"
        assert len(pictures) == (1 if head else 0)


async def test_stream_plain_chunked_and_ended() -> None:
    pictures, error = await stream_of(STREAM_HEAD + b"\r\n" + PART + b"noise" + PART)
    assert [picture.data for picture in pictures] == [b"one", b"one"]
    assert error.message.got == "the camera closed the connection"
    body = PART + b"--b\r\n\r\n" + b"z" * 2000 + b"\r\n" + PART
    chunked = STREAM_HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\nbad\r\n"
    pictures, error = await stream_of(chunked)
    assert [picture.fault for picture in pictures] == [None, "too_large", None]
    assert error.message.code == "camera_unreachable"


async def test_stream_that_is_none_is_a_bad_answer() -> None:
    assert (await stream_of(ok(b"picture")))[1].message.code == "camera_bad_answer"


def test_newest_picture_replaces_what_waits() -> None:
    newest = NewestPicture()
    for number in range(3):
        newest.put(Picture(b"%d" % number, 1, 2))
    newest.end()
    sent: list[Message] = []
    deliver(newest, sent.append, 100, judge_all_good)
    assert [message.picture for message in sent if isinstance(message, FrameMessage)] == [b"2"]


def test_a_camera_that_floods_costs_the_control_process_no_more_than_a_fast_one() -> None:
    newest, sent, pauses = NewestPicture(), list[Message](), list[float]()
    number = 0

    def pause(seconds: float) -> None:
        nonlocal number
        pauses.append(seconds)
        if len(pauses) > 5:
            return
        for _ in range(1000):
            number += 1
            newest.put(Picture(b"%d" % number, 1, 2))
        if len(pauses) == 5:
            newest.end()

    newest.put(Picture(b"0", 1, 2))
    deliver(newest, sent.append, 100, judge_all_good, pause)
    assert [one.picture for one in sent if isinstance(one, FrameMessage)] == [b"%d" % (n * 1000) for n in range(6)]
    assert all(0 <= seconds <= LEAST_INTERVAL_S for seconds in pauses)


def test_events_wait_in_their_order() -> None:
    waiting = NewestPicture(2)
    for number in range(3):
        waiting.put(Picture(b"%d" % number, 1, 2))
    waiting.end()
    assert [waiting.take(), waiting.take(), waiting.take()] == [Picture(b"1", 1, 2), Picture(b"2", 1, 2), None]


def test_signs_of_life_wait_beside_the_picture() -> None:
    newest, sent = NewestPicture(), list[Message]()
    newest.put(AliveMessage("other"))
    newest.put(AliveMessage("heartbeat"))
    newest.put(AliveMessage("other"))
    newest.put(Picture(b"a", 1, 2))
    newest.end()
    deliver(newest, sent.append, 100, judge_all_good, lambda _: None)
    assert [type(one) for one in sent[:1]] == [FrameMessage]
    assert sent[1:] == [AliveMessage("other"), AliveMessage("heartbeat")]


def test_message_carries_the_judgement_or_the_transports() -> None:
    good = to_message(Picture(b"abc", 1, 2), 100, judge_all_good)
    assert good == FrameMessage(b"abc", hashlib.sha256(b"abc").hexdigest(), 1, 2, 4, 3, None)
    assert to_message(Picture(b"abc", 1, 2, "truncated"), 100, judge_all_good).defect == "truncated"


def test_fetch_ends_quietly_where_pictures_end() -> None:
    newest = NewestPicture()
    assert fetch(iter([Picture(b"a", 1, 2)]), newest) is None
    assert newest.take() == Picture(b"a", 1, 2)
    assert newest.take() is None


async def test_poll_asks_again_at_once_where_a_picture_is_wanted() -> None:
    wanted = threading.Event()
    async with serving(ok(b"picture")) as (url, requests):
        polled: Iterator[Picture] = poll(source_at(url), wanted, 3600.0)

        def two() -> None:
            next(polled)
            wanted.set()
            next(polled)

        async with asyncio.timeout(10):
            await asyncio.to_thread(two)
        assert len(requests) == 2


@pytest.mark.parametrize("mode", ["snapshot", "mjpeg"])
async def test_serve_sends_frames_and_ends_with_the_problem(mode: str) -> None:
    sent: list[Message] = []
    body = STREAM_HEAD + b"\r\n" + PART if mode == "mjpeg" else b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    async with serving(body) as (url, requests):
        settings = WorkerSettings(url, mode, "admin", "pw", "basic", None, None, 1000, 100, 2.0, 0.01)
        assert WorkerSettings.from_line(settings.to_line()) == settings
        await asyncio.to_thread(serve, settings, threading.Event(), sent.append, judge_all_good, pictures)
    assert b"Authorization: Basic " in requests[0]
    assert [type(message) for message in sent] == ([FrameMessage] if mode == "mjpeg" else []) + [ProblemMessage]


def test_watching_the_driver_turns_bytes_into_wishes_and_its_end_into_leaving() -> None:
    wanted = threading.Event()
    left = threading.Event()
    watch_driver(io.BytesIO(b"s"), wanted, left.set)
    assert wanted.is_set()
    assert left.is_set()


async def test_worker_reads_its_settings_and_speaks_in_messages() -> None:
    reading, writing = os.pipe()
    output = io.BytesIO()
    async with serving(STREAM_HEAD + b"\r\n" + PART) as (url, _):
        settings = WorkerSettings(url, "mjpeg", None, "", "auto", None, None, 1000, 100, 2.0, 0.01)
        with os.fdopen(reading, "rb") as commands, os.fdopen(writing, "wb") as driver:
            left = threading.Event()
            driver.write(settings.to_line())
            driver.flush()
            await asyncio.to_thread(run_worker, commands, output, left.set, pictures)
            assert not left.is_set()
            driver.close()
            assert await asyncio.to_thread(left.wait, 10)
    frame, problem = MessageReader(1000).feed(output.getvalue())
    assert isinstance(frame, FrameMessage)
    assert (frame.picture, frame.defect) == (b"one", "not_a_picture")
    assert isinstance(problem, ProblemMessage)


async def test_refused_connection_is_unreachable() -> None:
    async with serving(b"") as (url, _):
        pass
    with pytest.raises(SourceError, match="camera_unreachable"):
        await asyncio.to_thread(source_at(url).snapshot)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"\x00 garbage\r\n\r\n", "camera_bad_answer"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "camera_bad_answer"),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", "camera_bad_answer"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "camera_bad_answer"),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", "camera_refused"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "camera_refused"),
    ],
)
async def test_answers_that_are_no_picture_are_named(answer: bytes, code: str) -> None:
    with pytest.raises(SourceError, match=code):
        await snapshot_of(answer)
