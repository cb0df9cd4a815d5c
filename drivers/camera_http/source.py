"""The worker's HTTP client: each request on a connection of its own, every wait and every size bounded. Blocking."""

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from drivers.camera_http.dial import Dialler, SourceError, say, unreachable
from drivers.camera_http.digest import Authenticator, RefusedError
from drivers.camera_http.wire import MultipartParser, Part, boundary_of, encode_request

READ_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes as the camera sent them. `fault` is `too_large` or `truncated` where transport already says so."""

    data: bytes
    begun_at_ms: int
    captured_at_ms: int
    fault: str | None = None


def monotonic_ms() -> int:
    """Milliseconds of CLOCK_MONOTONIC, the same in every process of the box."""
    return time.monotonic_ns() // 1_000_000


class _TimedSocket(io.RawIOBase):
    """Reads of a socket that end at a moment, however slowly bytes trickle in.

    A socket's own time-out starts again with every byte, so one byte a second would hold it for ever.
    """

    def __init__(self, connection: socket.socket, wait_s: float) -> None:
        self._connection = connection
        self.end_at = time.monotonic() + wait_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        left = self.end_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("time is up")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What `http.client.HTTPResponse` asks a socket for."""
        return io.BufferedReader(self, READ_BYTES)


class Source:
    """Asks one camera. Every method raises SourceError where the camera does not answer as it should."""

    def __init__(self, dialler: Dialler, authenticator: Authenticator, *, wait_s: float, max_bytes: int) -> None:
        """`wait_s` bounds the head of an answer, a snapshot's body, and a stream's silence, each."""
        self._dialler = dialler
        self._authenticator = authenticator
        self._wait_s = wait_s
        self._max_bytes = max_bytes

    def snapshot(self) -> Picture:
        """Ask for one picture and wait for its last byte."""
        begun_at_ms = monotonic_ms()
        with ExitStack() as ending:
            answer, timed = self._ask(ending)
            body = bytearray()
            timed.end_at = time.monotonic() + self._wait_s
            fault: str | None = None
            try:
                while piece := answer.read1(READ_BYTES):
                    body += piece
                    if len(body) > self._max_bytes:
                        return Picture(b"", begun_at_ms, monotonic_ms(), "too_large")
                if answer.length:  # what its Content-Length still owes
                    fault = "truncated"
            except (http.client.HTTPException, ValueError):  # ValueError: a malformed chunk length
                fault = "truncated"
            except OSError as error:
                raise self._silent("a whole picture", error) from error
        return Picture(bytes(body), begun_at_ms, monotonic_ms(), fault)

    def stream(self) -> Iterator[Picture]:
        """Yield each picture of an MJPEG stream as its last byte arrives. Never ends but by SourceError."""
        with ExitStack() as ending:
            answer, timed = self._ask(ending)
            content_type = answer.headers.get("content-type", "")
            boundary = boundary_of(content_type)
            if boundary is None:
                raise SourceError(
                    "camera_bad_answer",
                    "a multipart stream",
                    f"content type {content_type[:80]!r}",
                    "check the address, or set mode: snapshot",
                )
            yield from self._parts(MultipartParser(boundary, self._max_bytes), answer, timed)

    def _parts(
        self, parser: MultipartParser, answer: http.client.HTTPResponse, timed: _TimedSocket
    ) -> Iterator[Picture]:
        begun_at_ms = monotonic_ms()
        while True:
            timed.end_at = time.monotonic() + self._wait_s
            try:
                piece = answer.read1(READ_BYTES)
            except (http.client.HTTPException, ValueError, OSError) as error:
                raise self._silent("the stream to go on", error) from error
            if not piece:
                raise self._silent("the stream to go on", "the camera closed the connection")
            now_ms = monotonic_ms()
            if not parser.inside_part:
                begun_at_ms = now_ms
            for part in parser.feed(piece):
                yield _stream_picture(part, begun_at_ms, now_ms)
                begun_at_ms = now_ms

    def _ask(self, ending: ExitStack) -> tuple[http.client.HTTPResponse, _TimedSocket]:
        """Ask, as often as the camera wants to know better who asks; what is open ends with `ending`."""
        again = False
        while True:
            authorization = self._authenticator.authorization(self._dialler.address.target, again=again)
            with ExitStack() as opened:
                # The answer is closed before its connection: closed later, it would be read once more.
                connection = opened.enter_context(self._dialler.dial())
                timed = _TimedSocket(connection, self._wait_s)
                answer = http.client.HTTPResponse(timed)  # type: ignore[arg-type]
                opened.callback(answer.close)
                self._begin(connection, answer, encode_request(self._dialler.address, authorization))
                if not self._due_again(answer):
                    ending.enter_context(opened.pop_all())
                    return answer, timed
            again = True

    def _due_again(self, answer: http.client.HTTPResponse) -> bool:
        if answer.status == 403 and self._authenticator.forbidden():
            return True
        if answer.status != 401:
            _expect_success(answer.status)
            return False
        try:
            self._authenticator.challenged(answer.headers.get_all("www-authenticate", []))
        except RefusedError as refused:
            raise SourceError("camera_refused", "status 200", refused.got, refused.next_step) from refused
        return True

    def _begin(self, connection: socket.socket, answer: http.client.HTTPResponse, request: bytes) -> None:
        try:
            connection.sendall(request)
            answer.begin()
        except OSError as error:  # first: a peer that hangs up is both
            raise self._silent("an answer", error) from error
        except (http.client.HTTPException, ValueError) as error:
            raise SourceError(
                "camera_bad_answer", "an HTTP answer", say(error), "check that the address is a camera's"
            ) from error

    def _silent(self, expected: str, got: Exception | str) -> SourceError:
        return unreachable(expected, got, self._wait_s)


def _expect_success(status: int) -> None:
    if status == 403:
        next_step = "check at the camera what this user may see"
        raise SourceError("camera_refused", "status 200", "status 403", next_step)
    if 300 <= status < 400:
        # Who follows takes the password, or the lane's eyes, wherever an answer points.
        next_step = "write into url the address that it refers to; a redirect is never followed"
        raise SourceError("camera_bad_answer", "status 200", f"status {status}, a redirect", next_step)
    if status != 200:
        raise SourceError("camera_bad_answer", "status 200", f"status {status}", "check the path of the address")


def _stream_picture(part: Part, begun_at_ms: int, now_ms: int) -> Picture:
    return Picture(part.data, begun_at_ms, now_ms, "too_large" if part.oversized else None)
