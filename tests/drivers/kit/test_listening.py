"""The worker of a camera that tells events, in this process: a real socket, and what goes to the driver."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from drivers.camera_dahua import wire as dahua
from drivers.camera_dahua import worker as dahua_worker
from drivers.camera_isapi import wire as isapi
from drivers.camera_isapi import worker as isapi_worker
from drivers.kit.camera.events import MOST_GARBLED
from drivers.kit.camera.pipe import LISTENING, AliveMessage, FrameMessage, Message, ProblemMessage
from drivers.kit.camera.worker import Gives, WorkerSettings, serve
from tests.support.camera_http import serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"


def part(data: bytes, media: bytes) -> bytes:
    return b"--b\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (media, len(data)) + data + b"\r\n"


def judge_all_good(_data: bytes, _max_pixels: int) -> tuple[int, int, str | None]:
    return 4, 3, None


async def said(gives: Gives, body: bytes) -> list[Message]:
    """What the driver of this worker hears of a camera that sends this and hangs up."""
    sent: list[Message] = []
    async with serving(HEAD + body) as (url, _):
        settings = WorkerSettings(
            url, "events", None, "", "auto", None, None, 10_000, 100, 2.0, 0.0, late_ms=3_000, kept=8
        )
        await asyncio.to_thread(serve, settings, threading.Event(), sent.append, judge_all_good, gives)
    return sent


def problem_of(sent: list[Message]) -> ProblemMessage:
    (found,) = [one for one in sent if isinstance(one, ProblemMessage)]
    return found


async def test_an_alert_stream_gives_frames_with_what_the_camera_read() -> None:
    # A first heartbeat is believed where it tells the box's own time.
    now = datetime.now(UTC)
    beat = part(isapi.encode_heartbeat(now), b"application/xml")
    event = part(isapi.encode_event(now, "粤BF3871", uuid="u-1", pictures=1), b"application/xml")
    sent = await said(isapi_worker.events, beat + event + part(b"\xff\xd8 scene", b"image/jpeg"))
    (frame,) = [one for one in sent if isinstance(one, FrameMessage)]
    assert (frame.picture, frame.defect, frame.width) == (b"\xff\xd8 scene", None, 4)
    assert frame.claim is not None
    assert frame.claim.plate.text == "粤BF3871"
    assert AliveMessage(LISTENING) in sent
    assert AliveMessage("heartbeat") in sent
    assert problem_of(sent).code == "camera_unreachable"


async def test_words_that_are_none_end_the_connection_with_their_reason() -> None:
    sent = await said(isapi_worker.events, part(b"<!DOCTYPE x><x/>", b"text/xml") * MOST_GARBLED)
    problem = problem_of(sent)
    assert (problem.code, problem.expected, problem.got) == ("camera_garbled", "alerts in XML", "a DTD")
    assert problem.next_step


@pytest.mark.hazard("D3")
async def test_events_that_are_late_by_the_same_time_end_the_connection() -> None:
    now = datetime.now(UTC)
    times = [now, *(now - timedelta(hours=1) for _ in range(3))]
    events = [
        part(dahua.encode_event(at, "粤BF3871", sequence=number), b"text/plain") + part(b"\xff\xd8", b"image/jpeg")
        for number, at in enumerate(times)
    ]
    sent = await said(dahua_worker.events, b"".join(events))
    frames = [one.defect for one in sent if isinstance(one, FrameMessage)]
    assert frames == [None, "late", "late"]
    problem = problem_of(sent)
    assert (problem.code, problem.expected) == ("camera_lagging", "events as they happen")
    assert "3600 s" in problem.got
