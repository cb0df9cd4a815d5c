"""The capture process: `python -m drivers.camera_onvif.worker`."""

import threading
from collections.abc import Callable, Iterator

from drivers.camera_onvif.join import Joiner
from drivers.camera_onvif.session import Heard, Listener
from drivers.kit.camera.asking import monotonic_ms
from drivers.kit.camera.dial import SourceError
from drivers.kit.camera.events import LaggingError
from drivers.kit.camera.given import Picture
from drivers.kit.camera.pipe import AliveMessage
from drivers.kit.camera.streaming import address_of, looks, reach
from drivers.kit.camera.worker import Who, WorkerSettings, main


def joined(
    seen: Iterator[Picture | None],
    heard: Callable[[], list[Heard]],
    joiner: Joiner,
    now_ms: Callable[[], int] = monotonic_ms,
) -> Iterator[Picture | AliveMessage]:
    """The pictures of a stream with what the camera told of them. Raises SourceError, also as `camera_lagging`."""
    for look in seen:
        for one in heard():
            if one.report_ms is not None:
                joiner.report(one.report_ms, one.at_ms)
            elif one.seen is not None and (vain := _heard(joiner, one)) is not None:
                yield AliveMessage(vain)
        if look is not None:
            joiner.hold(look)
        moment_ms = now_ms()
        yield from joiner.due(moment_ms)
        if joiner.unjoined(moment_ms):
            yield AliveMessage("without_picture")


def _heard(joiner: Joiner, one: Heard) -> str | None:
    assert one.seen is not None, "asked before"
    try:
        return joiner.hear(one.seen, one.at_ms)
    except LaggingError as lagging:
        got = f"several in a row {lagging.args[0] / 1000:.0f} s late"
        next_step = "let the camera take its time from NTP; where its clock was not set, find what delays it"
        raise SourceError("camera_lagging", "metadata as it happens", got, next_step) from lagging


def pictures(settings: WorkerSettings, who: Who, wanted: threading.Event) -> Iterator[Picture | AliveMessage]:
    """Give the frames of one camera."""
    # Imported late: who imports this module for its functions needs no decoder.
    from drivers.kit.camera.decoder import Decoder

    url = address_of(settings)
    listener = Listener(who, settings.wait_s, settings.silence_s or settings.wait_s)
    with listener.listening():
        stream = Decoder(url, settings.wait_s)
        yield from joined(looks(stream, wanted, settings), listener.take, Joiner(settings.late_ms))


if __name__ == "__main__":
    main(pictures, reach)
