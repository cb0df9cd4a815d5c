"""The capture process: `python -m drivers.camera_rtsp.worker`."""

import threading
from collections.abc import Iterator

from drivers.camera_rtsp.wire import refusal
from drivers.kit.camera.given import Picture
from drivers.kit.camera.rtsp_client import asked
from drivers.kit.camera.streaming import address_of, frames, reach
from drivers.kit.camera.worker import Who, WorkerSettings, main


def pictures(settings: WorkerSettings, who: Who, wanted: threading.Event) -> Iterator[Picture]:
    """Give the frames of one camera."""
    # Imported late: who imports this module for its functions needs no decoder.
    from drivers.kit.camera.decoder import Decoder

    url = address_of(settings)
    with asked(who, settings.wait_s, refusal):
        stream = Decoder(url, settings.wait_s)
    yield from frames(stream, wanted, settings)


if __name__ == "__main__":
    main(pictures, reach)
