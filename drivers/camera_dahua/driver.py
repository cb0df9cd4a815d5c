"""`DahuaCamera`: a plate camera whose events are pulled (`snapManager.cgi?action=attachFileProc`)."""

from drivers.camera_dahua.wire import EVENT_PATH
from drivers.kit.camera.event_camera import EventCamera, EventCameraSettings
from edge.ports import Clock


class DahuaCamera(EventCamera):
    """Implements `edge.ports.Camera`: a frame for each vehicle that the camera recognised, with what it read.

    Codes raised: those of `HostedCamera`, and `camera_garbled`.
    """

    def __init__(self, settings: EventCameraSettings, clock: Clock) -> None:
        """An address without a path is that of the camera. Raises ValueError as `HostedCamera`."""
        super().__init__(settings, clock, worker="drivers.camera_dahua.worker", path=EVENT_PATH)
