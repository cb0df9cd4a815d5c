"""A camera that tells what it recognised: a frame per event, signs of life between them (decision 43)."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drivers.kit.camera.digest import Auth
from drivers.kit.camera.hosted import HostedCamera, HostSettings
from edge.log import logger
from edge.ports import Clock

# How much longer than its stream may be silent a camera may say nothing that can be used.
PATIENCE_S = 1.0
# Shorter than what a supervisor waits for a connection: heartbeats may be further apart.
FIRST_SIGN_S = 12.0
# Several of one vehicle may come at once, and each is a look at it.
KEPT_EVENTS = 8


@dataclass(frozen=True, slots=True)
class EventCameraSettings:
    """One camera. `url` is `http://host[:port]`, or `https://`, with the path of its stream where that is its own.

    `wait_s` bounds connecting and an answer's head; a camera that says nothing for `silent_s` is lost, so it is longer
    than two of its heartbeats are apart. An event that is `late_ms` older than the camera's heartbeats is `late`.
    """

    name: str
    url: str
    user: str | None = None
    password_file: Path | None = None
    auth: Auth = "auto"
    ca_file: Path | None = None
    certificate_sha256: str | None = None
    max_bytes: int = 8 * 1024 * 1024
    max_pixels: int = 40_000_000
    wait_s: float = 3.0
    silent_s: float = 30.0
    late_ms: int = 3_000
    # Of a camera that pushes, `drivers.kit.push`.
    peers: tuple[str, ...] = ()
    spool: Path | None = None


class EventCamera(HostedCamera):
    """`HostedCamera` whose worker listens to a stream of events."""

    def __init__(self, settings: EventCameraSettings, clock: Clock, *, worker: str, path: str) -> None:
        """`path` stands where the address has none. Raises ValueError as `HostedCamera`."""
        bare = urlsplit(settings.url).path in ("", "/") and not urlsplit(settings.url).query
        host = HostSettings(
            settings.name,
            settings.url.rstrip("/") + path if bare else settings.url,
            worker,
            "events",
            user=settings.user,
            password_file=settings.password_file,
            auth=settings.auth,
            ca_file=settings.ca_file,
            certificate_sha256=settings.certificate_sha256,
            max_bytes=settings.max_bytes,
            max_pixels=settings.max_pixels,
            wait_s=settings.wait_s,
            # The worker knows better what is wrong where nothing comes at all.
            silent_s=settings.silent_s + PATIENCE_S,
            stream_silence_s=settings.silent_s,
            first_sign_s=FIRST_SIGN_S,
            late_ms=settings.late_ms,
            # Each event has a picture of its own: the same one again is no other vehicle.
            frozen_after=1,
            kept=KEPT_EVENTS,
            peers=settings.peers,
            spool=settings.spool,
        )
        super().__init__(host, clock)

    def _alive(self, said: str) -> None:
        super()._alive(said)
        if said == "without_picture" and self.said[said] == 1:
            logger().warning(
                "camera_event_without_picture",
                device=self.name,
                next_step="set the camera to send the scene's picture with each event: words alone count for nothing",
            )
