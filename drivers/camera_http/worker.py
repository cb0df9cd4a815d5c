"""The capture process: `python -m drivers.camera_http.worker`."""

import threading
from collections.abc import Iterator

from drivers.camera_http.source import Source
from drivers.kit.camera.given import Picture
from drivers.kit.camera.worker import Who, WorkerSettings, main


def poll(source: Source, wanted: threading.Event, interval_s: float) -> Iterator[Picture]:
    """Ask for a snapshot at every interval, at once where one is wanted."""
    while True:
        wanted.clear()
        yield source.snapshot()
        wanted.wait(interval_s)


def pictures(settings: WorkerSettings, who: Who, wanted: threading.Event) -> Iterator[Picture]:
    """Give the pictures of one camera, in its mode."""
    source = Source(
        who.dialler,
        who.authenticator,
        wait_s=settings.wait_s,
        max_bytes=settings.max_bytes,
        on_heads=who.on_heads,
    )
    return source.stream() if settings.mode == "mjpeg" else poll(source, wanted, settings.poll_interval_s)


if __name__ == "__main__":
    main(pictures)
