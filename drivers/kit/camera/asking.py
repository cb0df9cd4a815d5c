"""The worker's HTTP client: each request on a connection of its own, every wait and every size bounded. Blocking."""

import http.client
import io
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from drivers.kit.camera.address import PICTURES, encode_request
from drivers.kit.camera.dial import Dialler, SourceError, say, unreachable
from drivers.kit.camera.digest import Authenticator, RefusedError
from drivers.kit.camera.given import Arrival
from drivers.kit.camera.multipart import MultipartParser, boundary_of

READ_BYTES = 64 * 1024
_MOST_HEAD_BYTES = 8 * 1024
# What a head may hold that nobody else is to see: passwords, sessions, and the query of an address, also where an
# answer repeats it (Content-Base, Location).
_SECRET = re.compile(rb"(?im)^((?:authorization|cookie|set-cookie)[ \t]*:[ \t]*)[^\r\n]*|(?<=\?)[^\s\"<>]+")
OnHeads = Callable[[bytes, bytes], None]


def system_utc_ms() -> int:
    """What the box's clock says; it may be wrong, and only ever confirms what a camera says of its own."""
    return time.time_ns() // 1_000_000


def monotonic_ms() -> int:
    """Milliseconds of CLOCK_MONOTONIC, the same in every process of the box."""
    return time.monotonic_ns() // 1_000_000


class TimedSocket(io.RawIOBase):
    """Reads of a socket that end at a moment, however slowly bytes trickle in.

    A socket's own time-out starts again with every byte, so one byte a second would hold it for ever.
    """

    def __init__(self, connection: socket.socket, wait_s: float) -> None:
        self._connection = connection
        self.end_at = time.monotonic() + wait_s
        # The beginning of what came: the head is in it.
        self.first = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read what is there. Raises TimeoutError where the moment has come."""
        left = self.end_at - time.monotonic()
        if left <= 0:
            raise TimeoutError("time is up")
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer)
        if len(self.first) < _MOST_HEAD_BYTES:
            self.first += bytes(buffer[: min(count, _MOST_HEAD_BYTES)])
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What `http.client.HTTPResponse` asks a socket for."""
        return io.BufferedReader(self, READ_BYTES)


class Asker:
    """Asks one camera. Every method raises SourceError where the camera does not answer as it should."""

    def __init__(
        self,
        dialler: Dialler,
        authenticator: Authenticator,
        *,
        wait_s: float,
        max_bytes: int,
        silence_s: float | None = None,
        accept: str = PICTURES,
        on_heads: OnHeads | None = None,
    ) -> None:
        """`wait_s` bounds the head of an answer and a body, `silence_s` (`wait_s` where left out) a stream's pauses.

        `on_heads` hears the head of each question and of its answer, without passwords.
        """
        self._on_heads = on_heads
        self._dialler = dialler
        self._authenticator = authenticator
        self.wait_s = wait_s
        self.max_bytes = max_bytes
        self._silence_s = wait_s if silence_s is None else silence_s
        self._accept = accept

    def parts(
        self, next_step: str, new_parser: Callable[[str, int], MultipartParser] = MultipartParser
    ) -> Iterator[Arrival | None]:
        """Yield None once the stream has begun, then each part as its last byte arrives. Ends by SourceError alone.

        `next_step` is for an answer that is no such stream.
        """
        with ExitStack() as ending:
            answer, timed = self.ask(ending)
            content_type = answer.headers.get("content-type", "")
            boundary = boundary_of(content_type)
            if boundary is None:
                got = f"content type {content_type[:80]!r}"
                raise SourceError("camera_bad_answer", "a multipart stream", got, next_step)
            yield None
            yield from self._parts(new_parser(boundary, self.max_bytes), answer, timed)

    def _parts(
        self, parser: MultipartParser, answer: http.client.HTTPResponse, timed: TimedSocket
    ) -> Iterator[Arrival]:
        begun_at_ms = monotonic_ms()
        while True:
            timed.end_at = time.monotonic() + self._silence_s
            try:
                piece = answer.read1(READ_BYTES)
            except (http.client.HTTPException, ValueError, OSError) as error:
                raise unreachable("the stream to go on", error, self._silence_s) from error
            if not piece:
                raise unreachable("the stream to go on", "the camera closed the connection", self._silence_s)
            now_ms = monotonic_ms()
            if not parser.inside_part:
                begun_at_ms = now_ms
            for part in parser.feed(piece):
                yield Arrival(part, begun_at_ms, now_ms)
                begun_at_ms = now_ms

    def ask(self, ending: ExitStack) -> tuple[http.client.HTTPResponse, TimedSocket]:
        """Ask, as often as the camera wants to know better who asks; what is open ends with `ending`."""
        again = False
        while True:
            authorization = self._authenticator.authorization(self._dialler.address.target, again=again)
            with ExitStack() as opened:
                # The answer is closed before its connection: closed later, it would be read once more.
                connection = opened.enter_context(self._dialler.dial())
                timed = TimedSocket(connection, self.wait_s)
                answer = http.client.HTTPResponse(timed)  # type: ignore[arg-type]
                opened.callback(answer.close)
                request = encode_request(self._dialler.address, authorization, self._accept)
                self._begin(connection, answer, request)
                if self._on_heads is not None:
                    self._on_heads(without_secrets(request), without_secrets(timed.first.partition(b"\r\n\r\n")[0]))
                if not self._due_again(answer):
                    ending.enter_context(opened.pop_all())
                    return answer, timed
            again = True

    def _due_again(self, answer: http.client.HTTPResponse) -> bool:
        if answer.status == 403 and self._authenticator.forbidden():
            return True
        if answer.status != 401:
            expect_success(answer.status)
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
            raise unreachable("an answer", error, self.wait_s) from error
        except (http.client.HTTPException, ValueError) as error:
            raise SourceError(
                "camera_bad_answer", "an HTTP answer", say(error), "check that the address is a camera's"
            ) from error


def without_secrets(head: bytes) -> bytes:
    """Return a head with the values that nobody else is to see replaced."""
    return _SECRET.sub(lambda found: (found[1] or b"") + b"***", head)


def expect_success(status: int) -> None:
    """Raise SourceError for a status that gives no picture: `camera_refused`, `camera_bad_answer`."""
    if status == 403:
        next_step = "check at the camera what this user may see"
        raise SourceError("camera_refused", "status 200", "status 403", next_step)
    if 300 <= status < 400:
        # Who follows takes the password, or the lane's eyes, wherever an answer points.
        next_step = "write into url the address that it refers to; a redirect is never followed"
        raise SourceError("camera_bad_answer", "status 200", f"status {status}, a redirect", next_step)
    if status != 200:
        raise SourceError("camera_bad_answer", "status 200", f"status {status}", "check the path of the address")
