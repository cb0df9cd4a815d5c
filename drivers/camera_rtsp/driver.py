"""`RtspCamera`: a camera that streams H.264 over RTSP."""

from drivers.kit.camera.stream_camera import RtspCameraSettings, StreamCamera
from edge.ports import Clock


class RtspCamera(StreamCamera):
    """Implements `edge.ports.Camera`: H.264 over RTSP over TCP, newest frame only, as a JPEG that the worker makes.

    Codes raised: those of `HostedCamera`, but for TLS.
    """

    def __init__(self, settings: RtspCameraSettings, clock: Clock) -> None:
        """Raises ValueError where the address is not one of a camera over RTSP."""
        super().__init__(settings, clock, worker="drivers.camera_rtsp.worker")
