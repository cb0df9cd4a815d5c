"""What the suite needs of each camera that tells what it recognised: its words as a simulator says them, its driver.

A new driver adds one rig to `EVENT_RIGS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from drivers.camera_isapi.driver import IsapiCamera
from drivers.camera_isapi.wire import parse_alert
from drivers.kit.camera.event_camera import EventCamera, EventCameraSettings
from drivers.kit.camera.events import Notice
from edge.ports import Clock
from simulators.devices.event_camera import IsapiWords, Words

# What a camera over HTTP can fail with, whatever it speaks.
CODES = (
    "camera_unreachable",
    "camera_refused",
    "camera_bad_answer",
    "camera_tls_failed",
    "camera_not_trusted",
    "camera_trust_unreadable",
    "camera_no_frame",
    "camera_stalled",
    "camera_garbled",
    "camera_worker_died",
    "camera_password_unreadable",
)


@dataclass(frozen=True)
class EventRig:
    """One driver. `parse` is what its codec makes of the words of one part."""

    protocol: str
    folder: str
    words: Callable[[], Words]
    camera: Callable[[EventCameraSettings, Clock], EventCamera]
    parse: Callable[[bytes], Notice | str]

    def __str__(self) -> str:
        return self.protocol

    def heartbeat(self, at: datetime) -> bytes:
        """Bytes of a sign of life."""
        return self.words().heartbeat(at)


EVENT_RIGS = [EventRig("isapi_camera", "camera_isapi", IsapiWords, IsapiCamera, parse_alert)]
