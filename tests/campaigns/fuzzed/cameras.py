"""What cameras send: HTTP, multipart, events, RTSP, their pictures; and what a camera's worker tells its driver."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, cast

from config.loader import load_text
from config.schema import Configuration
from drivers.camera_dahua import wire as dahua
from drivers.camera_http.source import Source
from drivers.camera_isapi import wire as isapi
from drivers.camera_isapi.push_wire import read_push
from drivers.camera_onvif import wire as onvif
from drivers.camera_rtsp.wire import refusal
from drivers.kit.camera import address, picture, rtsp
from drivers.kit.camera.dial import SourceError
from drivers.kit.camera.digest import Authenticator, RefusedError
from drivers.kit.camera.events import Notice
from drivers.kit.camera.interleaved import InterleavedReader, Packet
from drivers.kit.camera.listening import listener
from drivers.kit.camera.multipart import MAX_PART_HEAD_BYTES, MultipartParser, Part
from drivers.kit.camera.pipe import AliveMessage, FrameMessage, HeadMessage, MessageReader, PipeError, ProblemMessage
from drivers.kit.camera.pipe import encode as to_pipe
from drivers.kit.camera.stream_clock import StreamClock
from drivers.kit.camera.worker import Who, WorkerSettings
from drivers.kit.push.guard import Guard, UnprovedError
from drivers.kit.push.head import PushHead, PushRefusedError, parse_head
from edge.bringup.camera import CameraTrial
from edge.core.plate import Plate
from edge.core.readings import PlateClaim
from edge.picture_header import read_picture_header
from edge.ports import Recogniser
from models.picture import open_picture, picture_size
from simulators.devices import onvif_words
from simulators.devices.camera_rtsp import interleaved
from tests.campaigns.fuzzed.target import Target, pieces, refusing, target
from tests.edge.test_playback import CONFIG
from tests.support.clocks import StoodClock
from tests.support.drawn import ground, jpeg, png

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
URL = "http://camera/pictures"
MOST_PICTURE = 1_024
MOST_PIXELS = 1 << 20
HTTP = "drivers.kit.camera.asking drivers.kit.camera.multipart drivers.kit.camera.digest"
RTSP = "drivers.kit.camera.rtsp drivers.kit.camera.stream_clock"
_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
_ASKS = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="c", nonce="n", qop="auth"\r\n\r\n'
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\xff\xd8\xff12\r\n0\r\n\r\n"


class _Connection:
    """A camera that has said all this, and hangs up."""

    def __init__(self, data: bytes) -> None:
        self._pieces = pieces(data)

    def settimeout(self, _seconds: float) -> None:
        """Never late."""

    def sendall(self, _data: bytes) -> None:
        """Heard, and not heeded."""

    def recv_into(self, buffer: memoryview) -> int:
        piece = next(self._pieces, b"")
        buffer[: len(piece)] = piece
        return len(piece)


class _Dialler:
    """Gives the camera's words to whoever dials; what is asked again is answered the same."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.address = address.parse_url(URL)

    @contextmanager
    def dial(self) -> Iterator[_Connection]:
        yield _Connection(self._data)


def _authenticator() -> Authenticator:
    return Authenticator("user", "secret", "auto", secured=True, new_cnonce=lambda: "c" * 16)


def _http(data: bytes) -> None:
    """A snapshot and a stream over HTTP end by SourceError, or with a picture."""
    for ask in (Source.snapshot, lambda source: list(source.stream())):
        dialler: Any = _Dialler(data)
        with suppress(SourceError):
            ask(Source(dialler, _authenticator(), wait_s=60.0, max_bytes=MOST_PICTURE))


def _events(parse: Callable[[bytes], Notice | str], *, beats: bool) -> Callable[[bytes], None]:
    gives = listener(parse, "words", heartbeats_tell_time=beats)
    settings = WorkerSettings(
        URL, "events", "user", "secret", "auto", None, None, MOST_PICTURE, MOST_PIXELS, 60.0, 1.0, 60.0, 3_000
    )

    def take(data: bytes) -> None:
        parse(data)
        for raw in (data, _STREAM + data):
            dialler: Any = _Dialler(raw)
            with suppress(SourceError):
                for _ in gives(settings, Who(dialler, _authenticator()), threading.Event()):
                    pass

    return take


def _multipart(data: bytes) -> None:
    parser, whole = MultipartParser("frame", MOST_PICTURE), MultipartParser("frame", MOST_PICTURE)
    parts: list[Part] = []
    for piece in pieces(data):
        parts += parser.feed(piece)
        assert parser.buffered_bytes <= MOST_PICTURE + MAX_PART_HEAD_BYTES + 128
    assert parts == whole.feed(data), "other parts from other pieces"


def _rtsp(data: bytes) -> None:
    found = []
    for feed in (pieces(data), iter((data,))):
        reader, answers = rtsp.AnswerReader(), list[rtsp.Answer]()
        with suppress(rtsp.RtspError):
            for piece in feed:
                answers += reader.feed(piece)
                assert reader.buffered_bytes <= rtsp.MAX_HEAD_BYTES + rtsp.MAX_BODY_BYTES + 8
        for answer in answers:
            refusal(answer.body)
            with suppress(RefusedError):
                _authenticator().challenged(answer.all("www-authenticate"))
        found.append(answers)
    assert found[0] == found[1], "other answers from other pieces"
    refusal(data)
    clock, now_ms = StreamClock(), 0
    for place in range(0, len(data) - 3, 4):
        now_ms += data[place]
        clock.age_ms(int.from_bytes(data[place + 1 : place + 4], signed=True) / 16, now_ms)


def _onvif(data: bytes) -> None:
    """The bytes as a stream, as one document and as what a camera offers."""
    told = []
    for feed in (pieces(data), iter((data,))):
        reader, documents, found = InterleavedReader((0, 1), 107), onvif.DocumentReader(), list[Any]()
        for piece in feed:
            for one in reader.feed(piece):
                if isinstance(one, Packet):
                    found.append(onvif.report_ms(one.data) if one.reports else documents.feed(one.data))
            assert reader.buffered_bytes <= rtsp.MAX_HEAD_BYTES + rtsp.MAX_BODY_BYTES + 8
            assert documents.buffered_bytes <= onvif.MAX_DOCUMENT_BYTES
        told.append(found)
    assert told[0] == told[1], "other documents from other pieces"
    for document in (data, *(one for one in told[0] if isinstance(one, bytes))):
        seen = onvif.parse_document(document)
        assert isinstance(seen, str) or len(seen) <= onvif.MAX_SEEN
    onvif.refusal(data)
    for one in rtsp.medias(data):
        assert onvif.resolved(one.control, "rtsp://camera/1").isprintable()


def _digest(data: bytes) -> None:
    said, asks = data.decode("latin-1").split("\n"), _authenticator()
    with suppress(RefusedError):
        for _ in range(4):
            asks.authorization("/pictures", again=True)
            asks.challenged(said)
    asks.authorization("/pictures", again=True)


def _pipe(data: bytes) -> None:
    ended = []
    for feed in (pieces(data), iter((data,))):
        reader, messages = MessageReader(MOST_PICTURE), list[Any]()
        try:
            for piece in feed:
                messages += reader.feed(piece)
            ended.append(messages)
        except PipeError:
            pass
    assert len(ended) < 2 or ended[0] == ended[1], "other messages from other pieces"


def _pipe_head(data: bytes) -> None:
    """The head alone, behind a prefix that is right."""
    reader = MessageReader(MOST_PICTURE)
    reader.feed(b"KKF1" + len(data).to_bytes(4) + bytes(4) + data)


def _picture(data: bytes) -> None:
    width, height, defect = picture.judge(data, MOST_PIXELS)
    header = read_picture_header(data)
    assert (width, height) == ((0, 0) if header is None else (header.width, header.height))
    assert header is not None or defect == "not_a_picture"
    size = picture_size(data)
    # Larger ones are decoded as well, and take their time.
    if size is None or size[0] * size[1] <= MOST_PIXELS:
        opened = open_picture(data)
        assert (opened.image is None) != (opened.defect is None)


def _url(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for parse in (address.parse_url, rtsp.parse_url):
        with suppress(ValueError):
            found = parse(text)
            address.encode_request(found)
            if parse is rtsp.parse_url:
                rtsp.encode_request("DESCRIBE", found.target, 1)


def _date() -> Callable[[bytes], None]:
    configuration = load_text(CONFIG)
    assert isinstance(configuration, Configuration)
    clock, reads = StoodClock(), cast(Recogniser, None)

    def take(data: bytes) -> None:
        trial = CameraTrial(configuration.lanes[0].cameras[0], clock, reads)
        for head in (data, b"HTTP/1.1 200 OK\r\nDate: " + data + b"\r\n\r\n"):
            trial.heard(head)

    return take


def _push(data: bytes) -> None:
    media, _, body = data.partition(b"\n")
    read = read_push(media.decode("latin-1"), body, isapi.parse_alert, MOST_PICTURE)
    # What is not multipart is one part, as long as the listener lets a body be.
    assert isinstance(read, str) or all(len(one.data) <= MOST_PICTURE or one.data == body for one in read.parts)


def _push_head(data: bytes) -> None:
    head = parse_head(data, path="/events", most_bytes=MOST_PICTURE)
    assert 0 <= head.length <= MOST_PICTURE


def _proof(data: bytes) -> None:
    head = PushHead("", 0, False, authorization=data.decode("latin-1"))
    for auth in ("auto", "basic"):
        guard = Guard("kakou", "a word that nobody guesses", auth, new_nonce=lambda: "n", now_ms=lambda: 0)
        with suppress(UnprovedError):
            guard.check(PushHead("", 0, False))
        with suppress(UnprovedError):
            guard.check(head)
            raise AssertionError("whoever does not know the password has proved that he does")


def _part(kind: str, body: bytes, name: str = "x") -> bytes:
    head = f"--frame\r\nContent-Type: {kind}\r\nContent-Disposition: form-data; name={name}\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n%b\r\n" % (len(body), body)


def _messages() -> list[bytes]:
    claim = PlateClaim(Plate("粤B6R678", "blue", "ordinary"), 0.9)
    frame = FrameMessage(b"p", "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940", 1, 2, 3, 4, None)
    described = FrameMessage(frame.picture, frame.sha256, 1, 2, 3, 4, "dark", "e", claim)
    others = [AliveMessage("heartbeat"), HeadMessage(b"GET", b"HTTP"), ProblemMessage("c", "e", "g", "n")]
    return [to_pipe(one) for one in (frame, described, *others)]


def targets() -> list[Target]:
    """Return all of them."""
    small, other = jpeg(ground(24, 18)), png(ground(24, 18))
    alert = isapi.encode_event(AT, "粤B6R678", uuid="u-1", pictures=1)
    told = dahua.encode_event(AT, "粤B6R678", sequence=1)
    parts = _part("image/jpeg", small[:200]) + _part("image/jpeg", b"\xff\xd8\xff2")
    isapi_stream = _part("application/xml", isapi.encode_heartbeat(AT)) + _part("application/xml", alert) + parts
    dahua_stream = _part("text/plain", dahua.encode_heartbeat()) + _part("text/plain", told) + parts
    described = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
    answered = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: %d\r\n\r\n%b" % (len(described), described)
    words = onvif_words.scene(AT, ("粤B6R678",))
    streamed = b"".join(interleaved(0, one) for one in onvif_words.packets(words, 1, 65_535))
    streamed += answered + interleaved(1, onvif_words.report(AT, 1)) + streamed
    offered = described + onvif_words.describe().encode()
    refused = b'RTSP/1.0 401 no\r\nWWW-Authenticate: Digest realm="c", nonce="n"\r\n\r\n'
    challenges = [b'Digest realm="c", nonce="n", algorithm=MD5, qop="auth,auth-int", opaque="o"\nBasic realm="c"']
    heads = [one[12 : 12 + int.from_bytes(one[4:8])] for one in _messages()[2:]]
    return [
        target("http_pictures", f"{HTTP} drivers.camera_http.source drivers.camera_http.wire",
               [_STREAM + parts, _ASKS, _CHUNKED, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xd8\xff1"], _http),
        target("multipart", "drivers.kit.camera.multipart", [parts, isapi_stream], _multipart),
        target("isapi_camera", f"{HTTP} drivers.camera_isapi.wire drivers.kit.camera.events",
               [alert, isapi.encode_heartbeat(AT), isapi_stream], _events(isapi.parse_alert, beats=True)),
        target("isapi_push", "drivers.camera_isapi.push_wire drivers.kit.camera.multipart drivers.camera_isapi.wire",
               [b"multipart/form-data; boundary=frame\n" + isapi_stream, b"application/xml\n" + alert,
                b"application/json\n" + isapi.encode_event_json(AT, "粤B6R678", uuid="u-1", pictures=0)], _push),
        target("push_head", "drivers.kit.push.head",
               [b"POST /events HTTP/1.1\r\nHost: lane\r\nContent-Type: a/b\r\nContent-Length: 12\r\n\r\n"],
               refusing(_push_head, PushRefusedError)),
        target("push_proof", "drivers.kit.push.guard",
               [b'Digest username="kakou", realm="kakou", nonce="n", uri="/", qop=auth, nc=00000001, cnonce="c", '
                b'algorithm=MD5, response="00112233445566778899aabbccddeeff"', b"Basic a2Frb3U6cGFzc3dvcmQ=",
                b"Digest username*=UTF-8''kakou, realm=kakou, nonce=n, uri=/, response=0"], _proof),
        target("dahua_camera", f"{HTTP} drivers.camera_dahua.wire drivers.kit.camera.events",
               [told, dahua.encode_heartbeat(), dahua_stream], _events(dahua.parse_event, beats=False)),
        target("rtsp_answers", f"{RTSP} drivers.camera_rtsp.wire drivers.kit.camera.digest",
               [answered, refused + answered, described], _rtsp),
        target("onvif_metadata", "drivers.kit.camera.interleaved drivers.kit.camera.xml drivers.camera_onvif.wire",
               [words, onvif_words.notification(AT, "粤B6R678"), streamed, offered], _onvif),
        target("digest", "drivers.kit.camera.digest", challenges, _digest),
        target("camera_pipe", "drivers.kit.camera.pipe", [*_messages(), b"".join(_messages())],
               _pipe),
        target("camera_pipe_head", "drivers.kit.camera.pipe", heads, refusing(_pipe_head, PipeError)),
        target("pictures", "drivers.kit.camera.picture edge.picture_header models.picture models.pixels",
               [small, other], _picture),
        target("camera_date", "edge.bringup.camera",
               [b"HTTP/1.1 200 OK\r\nDate: Sun, 01 Mar 2026 08:00:00 GMT\r\n\r\n", b"Sun, 01 Mar 2026 08:00:00 +0800"],
               _date()),
        target("camera_address", "drivers.kit.camera.address drivers.kit.camera.rtsp",
               [b"http://10.0.0.2:80/a?b=c", b"https://[::1]/x", b"rtsp://camera:554/1"], _url),
    ]  # fmt: skip
