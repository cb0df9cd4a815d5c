"""What the suite needs of each camera that tells what it recognised: its words as a simulator says them, its driver.

A new driver adds one rig to `EVENT_RIGS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drivers.camera_dahua.driver import DahuaCamera
from drivers.camera_dahua.wire import parse_event
from drivers.camera_isapi.driver import IsapiCamera
from drivers.camera_isapi.push_driver import PushedIsapiCamera
from drivers.camera_isapi.wire import parse_alert
from drivers.kit.camera.event_camera import EventCamera, EventCameraSettings
from drivers.kit.camera.events import Notice
from edge.ports import Clock
from simulators.devices.event_camera import EVENT_FAULTS, DahuaWords, EventCameraSimulator, IsapiWords, Words
from simulators.devices.pushing_camera import PUSH_FAULTS, PushingCameraSimulator
from simulators.ports import free_ports

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
    heartbeats_tell_time: bool = True
    codes: tuple[str, ...] = CODES
    simulator: Callable[..., EventCameraSimulator] = EventCameraSimulator
    # Whether it is we who connect.
    pulled: bool = True
    faults: tuple[str, ...] = EVENT_FAULTS

    def __str__(self) -> str:
        return self.protocol


def pushing(words: Words, **settings: Any) -> PushingCameraSimulator:
    """A simulator that pushes to a port that nobody has yet."""
    return PushingCameraSimulator(words, port=free_ports(1)[0], **settings)


EVENT_RIGS = [
    EventRig("isapi_camera", "camera_isapi", IsapiWords, IsapiCamera, parse_alert),
    EventRig(
        "dahua_camera",
        "camera_dahua",
        DahuaWords,
        DahuaCamera,
        parse_event,
        heartbeats_tell_time=False,
        codes=(*CODES, "camera_lagging"),
    ),
    EventRig(
        "isapi_push",
        "camera_isapi",
        IsapiWords,
        PushedIsapiCamera,
        parse_alert,
        codes=(*CODES, "camera_lagging", "camera_port_unavailable", "camera_spool_failed"),
        simulator=pushing,
        pulled=False,
        faults=PUSH_FAULTS,
    ),
]
