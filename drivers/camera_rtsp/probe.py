"""Asks a camera what it has (DESCRIBE) before the decoder does, whose only word is no. Blocking, every wait bounded."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from drivers.camera_rtsp.wire import Answer, AnswerReader, RtspError, encode_describe, video_codec
from drivers.kit.camera.asking import expect_success, without_secrets
from drivers.kit.camera.dial import SourceError, say, unreachable
from drivers.kit.camera.digest import RefusedError
from drivers.kit.camera.worker import Who

_READ_BYTES = 4096
_CODEC = "H264"


class Probe:
    """One connection, on which the camera may ask who asks."""

    def __init__(self, who: Who, wait_s: float) -> None:
        """`wait_s` bounds each answer."""
        self._who = who
        self._address = who.dialler.address
        self._wait_s = wait_s

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Enter where the camera has H.264 for who asks, raise SourceError where not.

        The connection stays open inside: a server that makes a stream ready for who asks, and lets go of it behind
        him, refuses who comes meanwhile. Codes: `camera_unreachable`, `camera_refused`, `camera_bad_answer`.
        """
        with self._who.dialler.dial() as connection:
            _expect_video(self._describe(connection))
            yield

    def _describe(self, connection: socket.socket) -> Answer:
        reader = AnswerReader()
        sequence = 0
        while True:
            sequence += 1
            authorization = self._who.authenticator.authorization(
                self._address.target, again=sequence > 1, method="DESCRIBE"
            )
            request = encode_describe(self._address, sequence, authorization)
            answer = self._ask(connection, reader, request)
            if self._who.on_heads is not None:
                self._who.on_heads(without_secrets(request), without_secrets(answer.head))
            if answer.status != 401:
                return answer
            try:
                self._who.authenticator.challenged(answer.all("www-authenticate"))
            except RefusedError as refused:
                raise SourceError("camera_refused", "status 200", refused.got, refused.next_step) from refused

    def _ask(self, connection: socket.socket, reader: AnswerReader, request: bytes) -> Answer:
        end_at = time.monotonic() + self._wait_s
        try:
            connection.settimeout(self._wait_s)
            connection.sendall(request)
            while True:
                # The socket's own time-out starts again with every byte.
                if (left_s := end_at - time.monotonic()) <= 0:
                    raise TimeoutError("time is up")
                connection.settimeout(left_s)
                if not (data := connection.recv(_READ_BYTES)):
                    raise unreachable("an answer", "the camera closed the connection", self._wait_s)
                if answers := reader.feed(data):
                    return answers[0]
        except OSError as error:
            raise unreachable("an answer", error, self._wait_s) from error
        except RtspError as error:
            next_step = "check that the port is the camera's RTSP port"
            raise SourceError("camera_bad_answer", "an answer over RTSP", say(error), next_step) from error


def _expect_video(answer: Answer) -> None:
    expect_success(answer.status)
    codec = video_codec(answer.body)
    if codec != _CODEC:
        raise SourceError(
            "camera_bad_answer",
            "a stream of H.264",
            "no video" if codec is None else f"video in {codec}",
            "set the camera to H.264, or write the address of its stream that is",
        )
