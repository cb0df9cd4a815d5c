"""A camera that streams H.264 over RTSP, decoded and judged in a process of its own."""

from dataclasses import dataclass
from pathlib import Path

from drivers.kit.camera.digest import Auth
from drivers.kit.camera.hosted import HostedCamera, HostSettings
from drivers.kit.camera.rtsp import parse_url
from edge.ports import Clock

# What OpenCV gives to FFmpeg when it opens a stream: TCP, no queue of old frames, no protocol but what RTSP takes,
# for the session description comes from outside and must not make FFmpeg open files or other addresses.
_CAPTURE_OPTIONS = "|".join(
    (
        "rtsp_transport;tcp",
        "fflags;nobuffer",
        "flags;low_delay",
        "analyzeduration;200000",
        "probesize;100000",
        "allowed_media_types;video",
        "protocol_whitelist;rtsp,rtp,tcp",
    )
)
# What FFmpeg and OpenCV say of a stream holds its address, and that holds the password.
_SAID_NOTHING = {"OPENCV_LOG_LEVEL": "SILENT", "OPENCV_FFMPEG_LOGLEVEL": "-8"}
DECODER_ENVIRONMENT = {**_SAID_NOTHING, "OPENCV_FFMPEG_CAPTURE_OPTIONS": _CAPTURE_OPTIONS}
# A key frame every second or two redraws the noise that an encoder leaves out in between.
FROZEN_AFTER_MS = 5_000


@dataclass(frozen=True, slots=True)
class RtspCameraSettings:
    """One camera. `url` is `rtsp://host[:port]/path`; `password_file` may end in a newline.

    `auth`: `auto` takes Digest and refuses a camera that offers Basic alone, `basic` sends the password as it is.
    `frame_stale_s` bounds connecting, an answer, the wait for a frame and how late it may be: a camera that gives no
    new frame for this long, or older ones, is lost. `interval_s` paces the pictures while nobody waits for one.
    """

    name: str
    url: str
    user: str | None = None
    password_file: Path | None = None
    auth: Auth = "auto"
    max_bytes: int = 8 * 1024 * 1024
    max_pixels: int = 40_000_000
    frame_stale_s: float = 3.0
    interval_s: float = 0.5


class StreamCamera(HostedCamera):
    """`HostedCamera` whose worker follows a stream: newest frame only, as a JPEG that the worker makes."""

    def __init__(
        self,
        settings: RtspCameraSettings,
        clock: Clock,
        *,
        worker: str,
        silent_s: float | None = None,
        late_ms: int = 0,
    ) -> None:
        """`silent_s` and `late_ms` are words to a worker that hears more than pictures.

        Raises ValueError where the address is not one of a camera over RTSP.
        """
        host = HostSettings(
            settings.name,
            settings.url,
            worker,
            user=settings.user,
            password_file=settings.password_file,
            auth=settings.auth,
            max_bytes=settings.max_bytes,
            max_pixels=settings.max_pixels,
            wait_s=settings.frame_stale_s,
            silent_s=settings.frame_stale_s,
            poll_interval_s=settings.interval_s,
            frozen_after_ms=FROZEN_AFTER_MS,
            oldest_ms=round(settings.frame_stale_s * 1000),
            environment=DECODER_ENVIRONMENT,
            stream_silence_s=silent_s,
            late_ms=late_ms,
        )
        super().__init__(host, clock, asks=True)

    def _check_address(self, url: str) -> None:
        parse_url(url)
