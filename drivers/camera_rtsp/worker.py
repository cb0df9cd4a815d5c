"""The capture process: `python -m drivers.camera_rtsp.worker`."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

from drivers.camera_rtsp.probe import Probe
from drivers.camera_rtsp.wire import StreamClock, parse_url, with_credentials
from drivers.kit.camera.dial import Dialler, SourceError, Trust, unreachable
from drivers.kit.camera.digest import Authenticator
from drivers.kit.camera.given import Picture
from drivers.kit.camera.worker import Who, WorkerSettings, main


class Stream(Protocol):
    """An open stream (`decoder.Decoder`)."""

    def next_frame(self) -> float | None:
        """Wait for the next frame and return its time in the stream in ms; None where the stream is over."""

    def picture(self, max_bytes: int, max_pixels: int) -> bytes | None:
        """The newest frame as a JPEG, empty where it is too large; None where it cannot be had."""


OpenStream = Callable[[str, float], Stream]


def monotonic_ms() -> int:
    """Milliseconds of CLOCK_MONOTONIC, the same in every process of the box."""
    return time.monotonic_ns() // 1_000_000


def frames(
    stream: Stream,
    wanted: threading.Event,
    settings: WorkerSettings,
    now_ms: Callable[[], int] = monotonic_ms,
) -> Iterator[Picture]:
    """Follow the stream and give a frame at every interval, at once where one is wanted. Ends by SourceError alone.

    Every frame has to be decoded for the next one; only those that are given cost more.
    """
    ages = StreamClock()
    due_ms = 0
    while (stream_ms := stream.next_frame()) is not None:
        came_ms = now_ms()
        age_ms = ages.age_ms(stream_ms, came_ms)
        if age_ms is None:
            continue
        if age_ms > settings.wait_s * 1000:
            raise SourceError(
                "camera_stalled",
                f"frames at most {settings.wait_s:g} s old",
                f"{age_ms} ms, or a stream whose time stands still",
                "check the network, and the load of camera and box; connected anew by itself",
            )
        if wanted.is_set() or came_ms >= due_ms:
            wanted.clear()
            due_ms = came_ms + round(settings.poll_interval_s * 1000)
            if (jpeg := stream.picture(settings.max_bytes, settings.max_pixels)) is not None:
                yield Picture(jpeg, came_ms - age_ms, came_ms, None if jpeg else "too_large")
    raise unreachable("the stream to go on", "it ended, or no frame came", settings.wait_s)


def open_stream(settings: WorkerSettings, who: Who, opens: OpenStream) -> Stream:
    """Ask the camera what it has, and open it. Raises SourceError."""
    url = settings.url
    if settings.user is not None:
        try:
            url = with_credentials(url, settings.user, settings.password)
        except ValueError as error:
            next_step = "give the camera a shorter password"
            raise SourceError("camera_refused", "at most 127 characters", str(error), next_step) from error
    with Probe(who, settings.wait_s).asked():
        return opens(url, settings.wait_s)


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


def pictures(settings: WorkerSettings, who: Who, wanted: threading.Event) -> Iterator[Picture]:
    """Give the frames of one camera."""
    # Imported late: the driver reads this module's neighbours alone, and never the decoder.
    from drivers.camera_rtsp.decoder import Decoder

    yield from frames(open_stream(settings, who, Decoder), wanted, settings)


if __name__ == "__main__":
    main(pictures, reach)
