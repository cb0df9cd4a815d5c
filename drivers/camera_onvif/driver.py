"""`OnvifCamera`: a plate camera that streams H.264 over RTSP, and beside it what it recognised (ONVIF metadata)."""

from dataclasses import dataclass

from drivers.kit.camera.stream_camera import RtspCameraSettings, StreamCamera
from edge.log import logger
from edge.ports import Clock


@dataclass(frozen=True, slots=True)
class OnvifCameraSettings(RtspCameraSettings):
    """One camera. A camera whose metadata say nothing for `silent_s` is lost, and is told anew by its supervisor.

    What the camera tells `late_ms` after it saw it counts for no picture.
    """

    silent_s: float = 30.0
    late_ms: int = 3_000


class OnvifCamera(StreamCamera):
    """Implements `edge.ports.Camera`: the frames of the video, with the plate that the camera itself told of each.

    Codes raised: those of `HostedCamera`, but for TLS, and `camera_garbled`, `camera_lagging`.
    """

    def __init__(self, settings: OnvifCameraSettings, clock: Clock) -> None:
        """Raises ValueError where the address is not one of a camera over RTSP."""
        super().__init__(
            settings,
            clock,
            worker="drivers.camera_onvif.worker",
            silent_s=settings.silent_s,
            late_ms=settings.late_ms,
        )

    def _alive(self, said: str) -> None:
        super()._alive(said)
        if said == "without_picture" and self.said[said] == 1:
            logger().warning(
                "camera_event_without_picture",
                device=self.name,
                next_step="let the camera take its time from NTP, and send metadata of the video that is watched",
            )
