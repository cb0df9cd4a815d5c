"""The worker of a camera that tells what it recognised: its stream of events, until it fails."""

import threading
from collections.abc import Callable, Iterator

from drivers.kit.camera.asking import Asker, system_utc_ms
from drivers.kit.camera.dial import SourceError
from drivers.kit.camera.events import Assembler, GarbledError, LaggingError, Notice
from drivers.kit.camera.given import Picture
from drivers.kit.camera.pipe import LISTENING, AliveMessage
from drivers.kit.camera.worker import Gives, Who, WorkerSettings


def listener(parse: Callable[[bytes], Notice | str], expected: str, *, heartbeats_tell_time: bool = True) -> Gives:
    """What a worker gives whose camera's words `parse` understands; `expected` says what they are."""

    def gives(settings: WorkerSettings, who: Who, _: threading.Event) -> Iterator[Picture | AliveMessage]:
        asker = Asker(
            who.dialler,
            who.authenticator,
            wait_s=settings.wait_s,
            max_bytes=settings.max_bytes,
            silence_s=settings.silence_s,
            on_heads=who.on_heads,
            accept="multipart/*, application/xml, text/plain, image/jpeg",
        )
        assembler = Assembler(parse, settings.late_ms, heartbeats_tell_time=heartbeats_tell_time, utc_ms=system_utc_ms)
        arrivals = asker.parts("check the address: it has to be the camera's stream of events")
        for arrival in arrivals:
            if arrival is None:
                yield AliveMessage(LISTENING)
                continue
            try:
                yield from assembler.take(arrival)
            except GarbledError as garbled:
                next_step = "check that the camera speaks this protocol, and its firmware"
                raise SourceError("camera_garbled", expected, str(garbled), next_step) from garbled
            except LaggingError as lagging:
                got = f"several in a row {lagging.args[0] / 1000:.0f} s later than those before"
                next_step = "let the camera take its time from NTP; where its clock was not set, find what delays it"
                raise SourceError("camera_lagging", "events as they happen", got, next_step) from lagging

    return gives
