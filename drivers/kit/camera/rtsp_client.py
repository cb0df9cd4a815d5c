"""Asks a camera over RTSP, before the decoder does, whose only word is no. Blocking, every wait bounded."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drivers.kit.camera.asking import expect_success, without_secrets
from drivers.kit.camera.dial import SourceError, say, unreachable
from drivers.kit.camera.digest import RefusedError
from drivers.kit.camera.rtsp import Answer, AnswerReader, RtspError, encode_request
from drivers.kit.camera.worker import Who

_READ_BYTES = 4096


class RtspClient:
    """One connection, on which the camera may ask who asks. Codes as `ask`."""

    def __init__(self, connection: socket.socket, who: Who, wait_s: float) -> None:
        """`wait_s` bounds each answer."""
        self._connection = connection
        self._who = who
        self._wait_s = wait_s
        self._reader = AnswerReader()
        self._sequence = 0

    def describe(self) -> Answer:
        """The session description of the stream."""
        answer = self.ask("DESCRIBE", self._who.dialler.address.target, "Accept: application/sdp")
        expect_success(answer.status)
        return answer

    def ask(self, method: str, target: str, *fields: str) -> Answer:
        """The answer to a request, whatever its status but 401.

        Raises SourceError: `camera_unreachable`, `camera_refused`, `camera_bad_answer`.
        """
        again = False
        while True:
            answer = self._answer(self.request(method, target, *fields, again=again))
            if answer.status != 401:
                return answer
            self.challenged(answer)
            again = True

    def request(self, method: str, target: str, *fields: str, again: bool = False) -> bytes:
        """The bytes of the next request; `again`: of one that was asked with status 401 who asks."""
        self._sequence += 1
        authorization = self._who.authenticator.authorization(target, again=again, method=method)
        return encode_request(method, target, self._sequence, authorization, fields)

    def challenged(self, answer: Answer) -> None:
        """Take an answer with status 401. Raises SourceError (`camera_refused`) where another try is in vain."""
        try:
            self._who.authenticator.challenged(answer.all("www-authenticate"))
        except RefusedError as refused:
            raise SourceError("camera_refused", "status 200", refused.got, refused.next_step) from refused

    def _answer(self, request: bytes) -> Answer:
        answer = self._receive(request)
        if self._who.on_heads is not None:
            self._who.on_heads(without_secrets(request), without_secrets(answer.head))
        return answer

    def _receive(self, request: bytes) -> Answer:
        end_at = time.monotonic() + self._wait_s
        try:
            self._connection.settimeout(self._wait_s)
            self._connection.sendall(request)
            while True:
                # The socket's own time-out starts again with every byte.
                if (left_s := end_at - time.monotonic()) <= 0:
                    raise TimeoutError("time is up")
                self._connection.settimeout(left_s)
                if not (data := self._connection.recv(_READ_BYTES)):
                    raise unreachable("an answer", "the camera closed the connection", self._wait_s)
                if answers := self._reader.feed(data):
                    return answers[0]
        except OSError as error:
            raise unreachable("an answer", error, self._wait_s) from error
        except RtspError as error:
            next_step = "check that the port is the camera's RTSP port"
            raise SourceError("camera_bad_answer", "an answer over RTSP", say(error), next_step) from error


# In words why a session description is not one of a stream that can be taken; None where it is.
Refusal = Callable[[bytes], str | None]


@contextmanager
def asked(who: Who, wait_s: float, refusal: Refusal) -> Iterator[None]:
    """Enter where the camera has H.264 for who asks, raise SourceError where not. Codes as `RtspClient`.

    The connection stays open inside: a server that makes a stream ready for who asks, and lets go of it behind
    him, refuses who comes meanwhile.
    """
    with who.dialler.dial() as connection:
        got = refusal(RtspClient(connection, who, wait_s).describe().body)
        if got is not None:
            next_step = "set the camera to H.264, or write the address of its stream that is"
            raise SourceError("camera_bad_answer", "a stream of H.264", got, next_step)
        yield
