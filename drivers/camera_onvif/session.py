"""The metadata of a camera, heard on a connection of its own beside the decoder's. Blocking, every wait bounded."""

import contextlib
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from drivers.camera_onvif.wire import DocumentReader, Seen, metadata_track, parse_document, refusal, report_ms, resolved
from drivers.kit.camera.asking import expect_success, monotonic_ms
from drivers.kit.camera.dial import SourceError, unreachable
from drivers.kit.camera.events import MOST_GARBLED
from drivers.kit.camera.interleaved import InterleavedReader, Packet
from drivers.kit.camera.rtsp import Answer
from drivers.kit.camera.rtsp_client import RtspClient
from drivers.kit.camera.worker import Who

_READ_BYTES = 64 * 1024
_ADDRESS = re.compile(r"rtsp://[!-~]{1,500}")
_SESSION = re.compile(r"[!-~]{1,200}")
_CHANNELS = re.compile(r"interleaved=([0-9]{1,3})-([0-9]{1,3})", re.IGNORECASE)
_TIMEOUT = re.compile(r"timeout=([0-9]{1,5})", re.IGNORECASE)
# RFC 2326 12.37.
_USUAL_TIMEOUT_S = 60
_LEAST_KEPT_S = 5
# So much that is no packet, and none in between, is no metadata any more.
_MOST_DROPPED_BYTES = 256 * 1024
# What waits for the next frame of the video; of more the oldest goes.
_MOST_WAITING = 1024


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing that the camera told, and when it came: a moment with or without a plate, or a sender report."""

    at_ms: int
    seen: Seen | None = None
    report_ms: int | None = None


@dataclass(slots=True)
class _Playing:
    """A session that is set up: `base` is the address of the whole, every request names the `session`."""

    connection: socket.socket
    client: RtspClient
    reader: InterleavedReader
    base: str
    session: str
    keep_s: float

    def send(self, method: str, *fields: str, again: bool = False) -> None:
        """Send a request, and wait for nothing."""
        self.connection.sendall(self.client.request(method, self.base, self.session, *fields, again=again))

    def receive(self, end_s: float) -> list[Answer | Packet]:
        """What comes next. Raises TimeoutError at `end_s` of the monotonic clock, SourceError where it is over."""
        if (left_s := end_s - time.monotonic()) <= 0:
            raise TimeoutError("time is up")
        self.connection.settimeout(left_s)
        if not (data := self.connection.recv(_READ_BYTES)):
            raise unreachable("the metadata to go on", "the camera closed the connection", left_s)
        return self.reader.feed(data)


class Listener:
    """Hears one camera in a thread of its own, until it fails; `take` is asked by the thread that follows the video."""

    def __init__(self, who: Who, wait_s: float, silence_s: float) -> None:
        """`wait_s` bounds each answer; a stream on which no packet comes for `silence_s` has failed."""
        self._who, self._wait_s, self._silence_s = who, wait_s, silence_s
        self._documents = DocumentReader()
        self._heard: deque[Heard] = deque(maxlen=_MOST_WAITING)
        self._garbled = 0
        self._problem: SourceError | None = None

    def take(self) -> list[Heard]:
        """What came since the last time, in its order. Raises SourceError where the metadata failed.

        Codes: `camera_unreachable`, `camera_refused`, `camera_bad_answer`, `camera_garbled`.
        """
        if self._problem is not None:
            raise self._problem
        taken = []
        while self._heard:
            taken.append(self._heard.popleft())
        return taken

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Ask for the metadata, and hear it inside. Raises SourceError where the camera has none for who asks.

        Codes: `camera_unreachable`, `camera_refused`, `camera_bad_answer`.
        """
        with self._who.dialler.dial() as connection:
            playing = self._set_up(connection)
            self._play(playing)
            thread = threading.Thread(target=self._listen, args=(playing,), daemon=True)
            thread.start()
            try:
                yield
            finally:
                # Wakes the thread; where the camera hung up first there is nothing left to shut.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                thread.join()

    def _set_up(self, connection: socket.socket) -> _Playing:
        client = RtspClient(connection, self._who, self._wait_s)
        described = client.describe()
        if (got := refusal(described.body)) is not None:
            next_step = "let the camera add analytics metadata, uncompressed, to this stream of H.264"
            raise SourceError("camera_bad_answer", "H.264 with vnd.onvif.metadata", got, next_step)
        track = metadata_track(described.body)
        assert track is not None, "nothing was refused"
        base = next(iter(described.all("content-base")), self._who.dialler.address.target)
        if not _ADDRESS.fullmatch(base):
            base = self._who.dialler.address.target
        set_up = client.ask("SETUP", resolved(track.control, base), "Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        expect_success(set_up.status)
        session, _, parameters = next(iter(set_up.all("session")), "").partition(";")
        if not _SESSION.fullmatch(session):
            raise SourceError("camera_bad_answer", "a session", session[:40] or "none", "renew the camera's firmware")
        named = _CHANNELS.search(next(iter(set_up.all("transport")), ""))
        channels = (0, 1) if named is None else (int(named[1]), int(named[2]))
        within = _TIMEOUT.search(parameters)
        timeout_s = _USUAL_TIMEOUT_S if within is None else int(within[1])
        reader = InterleavedReader(channels, track.payload_type)
        return _Playing(connection, client, reader, base, f"Session: {session}", max(timeout_s / 2, _LEAST_KEPT_S))

    def _play(self, playing: _Playing) -> None:
        """Let it begin; packets may come before the answer."""
        end_s = time.monotonic() + self._wait_s
        again = False
        try:
            while True:
                playing.send("PLAY", "Range: npt=0.000-", again=again)
                answer = self._answer(playing, end_s)
                if answer.status != 401:
                    expect_success(answer.status)
                    return
                playing.client.challenged(answer)
                again = True
        except OSError as error:
            raise unreachable("an answer", error, self._wait_s) from error

    def _answer(self, playing: _Playing, end_s: float) -> Answer:
        found: Answer | None = None
        while found is None:
            for one in playing.receive(end_s):
                if isinstance(one, Packet):
                    self._packet(one)
                else:
                    found = one
            _expect_packets(playing)
        return found

    def _listen(self, playing: _Playing) -> None:
        try:
            self._follow(playing)
        except SourceError as problem:
            self._problem = problem
        except OSError as error:
            self._problem = unreachable("the metadata to go on", error, self._silence_s)

    def _follow(self, playing: _Playing) -> None:
        heard_s = asked_s = time.monotonic()
        while True:
            # TimeoutError ends the first, and is an OSError to the caller.
            found: list[Answer | Packet] = []
            with contextlib.suppress(TimeoutError):
                found = playing.receive(min(heard_s + self._silence_s, asked_s + playing.keep_s))
            now_s = time.monotonic()
            for one in found:
                if isinstance(one, Packet):
                    heard_s = now_s
                    self._packet(one)
                elif one.status == 401:
                    playing.client.challenged(one)
                    playing.send("GET_PARAMETER", again=True)
            _expect_packets(playing)
            if now_s >= heard_s + self._silence_s:
                raise unreachable("metadata", "nothing", self._silence_s)
            if now_s >= asked_s + playing.keep_s:
                asked_s = now_s
                playing.send("GET_PARAMETER")

    def _packet(self, packet: Packet) -> None:
        now_ms = monotonic_ms()
        if packet.reports:
            if (told_ms := report_ms(packet.data)) is not None:
                self._heard.append(Heard(now_ms, report_ms=told_ms))
            return
        damaged = self._documents.damaged
        document = self._documents.feed(packet.data)
        if document is not None:
            told = parse_document(document)
        elif self._documents.damaged > damaged:
            told = "a document that lacks a packet, or is too large"
        else:
            return
        if not isinstance(told, str):
            self._garbled = 0
            self._heard.extend(Heard(now_ms, seen) for seen in told)
            return
        self._garbled += 1
        if self._garbled >= MOST_GARBLED:
            next_step = "check that the camera sends ONVIF metadata, and its firmware"
            raise SourceError("camera_garbled", "ONVIF metadata in XML", told, next_step)


def _expect_packets(playing: _Playing) -> None:
    if playing.reader.dropped_bytes > _MOST_DROPPED_BYTES:
        got = f"{playing.reader.dropped_bytes} bytes that are none"
        raise SourceError("camera_garbled", "packets of RTP", got, "check the network and the camera's firmware")
