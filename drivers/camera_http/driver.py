"""`HttpCamera`: a camera that gives pictures over HTTP, one at a time or as a stream."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drivers.kit.camera.digest import Auth
from drivers.kit.camera.hosted import HostedCamera, HostSettings
from edge.ports import Clock

Mode = Literal["snapshot", "mjpeg"]


@dataclass(frozen=True, slots=True)
class HttpCameraSettings:
    """One camera. `url` is `http://host[:port]/path`, or `https://`; the rest as `HostSettings`.

    `frame_stale_s` bounds connecting, an answer's head, a snapshot's body, and the age of the newest frame: a
    camera that gives no new frame for this long is lost. `poll_interval_s` paces snapshots while nobody waits;
    it must be longer than the camera takes to renew its picture, or every picture looks frozen.
    """

    name: str
    url: str
    mode: Mode = "snapshot"
    user: str | None = None
    password_file: Path | None = None
    auth: Auth = "auto"
    ca_file: Path | None = None
    certificate_sha256: str | None = None
    max_bytes: int = 8 * 1024 * 1024
    max_pixels: int = 40_000_000
    frame_stale_s: float = 3.0
    poll_interval_s: float = 0.5


class HttpCamera(HostedCamera):
    """Implements `edge.ports.Camera`: snapshots or MJPEG. Codes raised: those of `HostedCamera`."""

    def __init__(self, settings: HttpCameraSettings, clock: Clock) -> None:
        """Raises ValueError where the address is not one of a camera over HTTP, or HTTPS lacks what it trusts."""
        host = HostSettings(
            settings.name,
            settings.url,
            "drivers.camera_http.worker",
            settings.mode,
            user=settings.user,
            password_file=settings.password_file,
            auth=settings.auth,
            ca_file=settings.ca_file,
            certificate_sha256=settings.certificate_sha256,
            max_bytes=settings.max_bytes,
            max_pixels=settings.max_pixels,
            wait_s=settings.frame_stale_s,
            silent_s=settings.frame_stale_s,
            poll_interval_s=settings.poll_interval_s,
        )
        super().__init__(host, clock, asks=settings.mode == "snapshot")
