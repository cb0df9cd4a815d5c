"""What the workers of cameras over RTSP share: the stream is opened and followed, its frames are given or not."""

import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from drivers.kit.camera.asking import monotonic_ms
from drivers.kit.camera.dial import Dialler, SourceError, Trust, unreachable
from drivers.kit.camera.digest import Authenticator
from drivers.kit.camera.given import Picture
from drivers.kit.camera.rtsp import parse_url, with_credentials
from drivers.kit.camera.stream_clock import StreamClock
from drivers.kit.camera.worker import Who, WorkerSettings


class Stream(Protocol):
    """An open stream (`decoder.Decoder`)."""

    def next_frame(self) -> float | None:
        """Wait for the next frame and return its time in the stream in ms; None where the stream is over."""

    def picture(self, max_bytes: int, max_pixels: int) -> bytes | None:
        """The newest frame as a JPEG, empty where it is too large; None where it cannot be had."""


def looks(
    stream: Stream,
    wanted: threading.Event,
    settings: WorkerSettings,
    now_ms: Callable[[], int] = monotonic_ms,
) -> Iterator[Picture | None]:
    """Follow the stream: a picture at every interval, at once where one is wanted, None for each frame in between.

    Every frame has to be decoded for the next one; only those that are given cost more. Ends by SourceError alone.
    """
    ages = StreamClock()
    due_ms = 0
    while (stream_ms := stream.next_frame()) is not None:
        came_ms = now_ms()
        age_ms = ages.age_ms(stream_ms, came_ms)
        if age_ms is not None and age_ms > settings.wait_s * 1000:
            raise SourceError(
                "camera_stalled",
                f"frames at most {settings.wait_s:g} s old",
                f"{age_ms} ms, or a stream whose time stands still",
                "check the network, and the load of camera and box; connected anew by itself",
            )
        jpeg = None
        if age_ms is not None and (wanted.is_set() or came_ms >= due_ms):
            wanted.clear()
            due_ms = came_ms + round(settings.poll_interval_s * 1000)
            jpeg = stream.picture(settings.max_bytes, settings.max_pixels)
        if jpeg is None or age_ms is None:
            yield None
        else:
            yield Picture(jpeg, came_ms - age_ms, came_ms, None if jpeg else "too_large")
    raise unreachable("the stream to go on", "it ended, or no frame came", settings.wait_s)


def frames(
    stream: Stream,
    wanted: threading.Event,
    settings: WorkerSettings,
    now_ms: Callable[[], int] = monotonic_ms,
) -> Iterator[Picture]:
    """The pictures of `looks` alone."""
    yield from (one for one in looks(stream, wanted, settings, now_ms) if one is not None)


def address_of(settings: WorkerSettings) -> str:
    """The address as the decoder takes it, a secret. Raises SourceError (`camera_refused`)."""
    if settings.user is None:
        return settings.url
    try:
        return with_credentials(settings.url, settings.user, settings.password)
    except ValueError as error:
        next_step = "give the camera a shorter password"
        raise SourceError("camera_refused", "at most 127 characters", str(error), next_step) from error


def reach(settings: WorkerSettings) -> Who:
    """Over TCP, with digest, or basic where the configuration says so."""
    authenticator = Authenticator(
        settings.user,
        settings.password,
        settings.auth,
        secured=False,
        new_cnonce=lambda: secrets.token_hex(16),
        rtsp=True,
    )
    return Who(Dialler(parse_url(settings.url), Trust(), settings.wait_s), authenticator)
