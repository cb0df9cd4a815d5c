"""`IsapiCamera`: a plate camera whose alerts are pulled (`/ISAPI/Event/notification/alertStream`)."""

from drivers.camera_isapi.wire import ALERT_PATH
from drivers.kit.camera.event_camera import EventCamera, EventCameraSettings
from edge.ports import Clock


class IsapiCamera(EventCamera):
    """Implements `edge.ports.Camera`: a frame for each vehicle that the camera recognised, with what it read.

    Codes raised: those of `HostedCamera`, `camera_garbled`, `camera_lagging`.
    """

    def __init__(self, settings: EventCameraSettings, clock: Clock) -> None:
        """An address without a path is that of the camera. Raises ValueError as `HostedCamera`."""
        super().__init__(settings, clock, worker="drivers.camera_isapi.worker", path=ALERT_PATH)
