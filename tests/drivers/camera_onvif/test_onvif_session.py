"""The metadata's connection, in this process, against servers that say what a test has them say."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from drivers.camera_onvif import session
from drivers.camera_onvif.session import Heard, Listener
from drivers.kit.camera.dial import SourceError
from drivers.kit.camera.streaming import reach
from drivers.kit.camera.worker import WorkerSettings
from simulators.devices import onvif_words
from simulators.devices.camera_rtsp import interleaved

SDP = (
    b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
    b"m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\na=control:track2\r\n"
)
OK = b"RTSP/1.0 200 OK\r\n"
ASKED = b'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="IPC", nonce="%d"\r\n\r\n'
SET_UP = OK + b"Session: 7;timeout=1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=2-3\r\n\r\n"
AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
(WORDS,) = onvif_words.packets(onvif_words.scene(AT, ("苏A88888",)), 1, 1)
REPORT = interleaved(3, onvif_words.report(AT, 7))


class Camera:
    """Answers each method with what is listed for it, the last one again and again; `asked` are its requests."""

    def __init__(self, **answers: list[bytes]) -> None:
        described = OK + b"Content-Length: %d\r\n\r\n" % len(SDP) + SDP
        usual = {"DESCRIBE": [described], "SETUP": [SET_UP], "PLAY": [OK + b"\r\n"], "GET_PARAMETER": [OK + b"\r\n"]}
        self._answers = {**usual, **answers}
        self.asked: list[bytes] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(request)
                answers = self._answers[request.split(b" ")[0].decode()]
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                writer.write(answer)
                await writer.drain()
                if answer.endswith(b"bye"):
                    break
        writer.close()

    def methods(self) -> list[str]:
        return [request.split(b" ")[0].decode() for request in self.asked]


@asynccontextmanager
async def listening(camera: Camera) -> AsyncIterator[None]:
    server = await asyncio.start_server(camera.serve, "127.0.0.1", 0)
    camera.url = f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"
    try:
        async with asyncio.timeout(30):
            yield
    finally:
        server.close()


def hear(
    camera: Camera, until: Callable[[list[Heard]], bool], silence_s: float = 5.0, wait_s: float = 5.0
) -> list[Heard]:
    """What is heard until it is enough; whatever goes wrong is raised."""
    settings = WorkerSettings(
        camera.url, "", "admin", "s3cret", "auto", None, None, 1_000_000, 1_000_000, wait_s, 0.05
    )  # fmt: skip
    listener = Listener(reach(settings), wait_s, silence_s)
    heard: list[Heard] = []
    with listener.listening():
        while not until(heard):
            heard += listener.take()
    return heard


async def said(camera: Camera, **limits: float) -> str:
    """What is wrong with a camera that is heard until it fails."""
    async with listening(camera):
        with pytest.raises(SourceError) as caught:
            await asyncio.to_thread(hear, camera, lambda _: False, **limits)
    return f"{caught.value.message.code}: {caught.value.message.got}"


async def test_words_and_reports_are_heard_on_the_channels_that_the_camera_chose() -> None:
    camera = Camera(PLAY=[REPORT + OK + b"\r\n" + interleaved(2, WORDS)])
    async with listening(camera):
        report, words = await asyncio.to_thread(hear, camera, lambda heard: len(heard) == 2)
    assert report.report_ms in (AT.timestamp() * 1000, AT.timestamp() * 1000 - 1)
    assert words.seen is not None
    assert words.seen.claim is not None
    assert words.seen.claim.plate.text == "苏A88888"
    assert camera.asked[1].startswith(f"SETUP {camera.url}/track2 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP".encode())
    assert camera.asked[2].startswith(f"PLAY {camera.url} RTSP/1.0\r\nCSeq: 3\r\nSession: 7\r\nRange".encode())


async def test_a_session_is_kept_alive_and_who_asks_is_told_as_often_as_the_camera_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "_LEAST_KEPT_S", 0.05)
    camera = Camera(
        DESCRIBE=[ASKED % 1, Camera()._answers["DESCRIBE"][0]],
        PLAY=[ASKED % 2, OK + b"\r\n"],
        GET_PARAMETER=[ASKED % 3, OK + b"\r\n", OK + b"\r\n" + interleaved(2, WORDS)],
    )
    async with listening(camera):
        await asyncio.to_thread(hear, camera, lambda heard: len(heard) > 0)
    assert camera.methods()[:8] == ["DESCRIBE"] * 2 + ["SETUP"] + ["PLAY"] * 2 + ["GET_PARAMETER"] * 3
    nonces = [re.search(rb'nonce="(.)"', request) for request in camera.asked[:8]]
    assert b"".join(b"-" if one is None else one[1] for one in nonces) == b"-1112233"
    assert b"s3cret" not in b"".join(camera.asked)


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"SETUP": [OK + b"\r\n"]}, "camera_bad_answer: none"),
        ({"SETUP": [OK + b"Session: a b\r\n\r\n"]}, "camera_bad_answer: a b"),
        ({"SETUP": [b"RTSP/1.0 461 No\r\n\r\n"]}, "camera_bad_answer: status 461"),
        ({"PLAY": [b"RTSP/1.0 455 No\r\n\r\n"]}, "camera_bad_answer: status 455"),
        ({"PLAY": [b"RTSP/1.0 403 No\r\n\r\n"]}, "camera_refused: status 403"),
        ({"PLAY": [b"bye"]}, "camera_unreachable: the camera closed the connection"),
        ({"PLAY": [OK + b"\r\n" + b"bye"]}, "camera_unreachable: the camera closed the connection"),
        ({"PLAY": [OK + b"\r\n" + b"\xff" * 300_000]}, "camera_garbled: "),
        ({"PLAY": [b"\xff" * 300_000]}, "camera_garbled: "),
        ({"PLAY": [ASKED % 1]}, "camera_refused: status 401 to user and password"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_named(answers: dict[str, list[bytes]], found: str) -> None:
    assert (await said(Camera(**answers))).startswith(found)


@pytest.mark.hazard("D4")
async def test_every_wait_has_an_end() -> None:
    assert (await said(Camera(PLAY=[b""]), wait_s=0.3)).startswith("camera_unreachable: TimeoutError")
    assert await said(Camera(), silence_s=0.3) == "camera_unreachable: nothing"


async def test_an_address_in_an_answer_is_taken_only_where_it_is_one() -> None:
    base = b"Content-Base: rtsp://127.0.0.1/other/\r\n"
    for given, used in ((base, b"rtsp://127.0.0.1/other/track2"), (base.replace(b"rtsp", b"http"), b"/live/track2")):
        described = OK + given + b"Content-Length: %d\r\n\r\n" % len(SDP) + SDP
        camera = Camera(DESCRIBE=[described], PLAY=[OK + b"\r\n" + interleaved(2, WORDS)])
        async with listening(camera):
            await asyncio.to_thread(hear, camera, lambda heard: len(heard) > 0)
        assert used + b" RTSP" in camera.asked[1]


async def test_documents_that_are_none_end_it_and_one_in_between_does_not() -> None:
    def packet(sequence: int, payload: bytes) -> bytes:
        return b"".join(interleaved(2, one) for one in onvif_words.packets(payload, 1, sequence))

    good = onvif_words.scene(AT, ())
    kept = [packet(at, good if at == 7 else b"<none/>") for at in range(15)]
    camera = Camera(PLAY=[OK + b"\r\n" + b"".join(kept)])
    assert await said(camera, silence_s=0.3) == "camera_unreachable: nothing"
    camera = Camera(PLAY=[OK + b"\r\n" + b"".join([*kept, packet(15, b"<none/>")])])
    assert await said(camera) == "camera_garbled: no metadata stream"
    torn = [packet(2 * at, good) for at in range(10)]
    assert (await said(Camera(PLAY=[OK + b"\r\n" + b"".join(torn)]))).startswith("camera_garbled: a document that")
