"""`PushedIsapiCamera`: a plate camera that pushes its alerts to us (its "HTTP listening" server)."""

from drivers.kit.camera.event_camera import FIRST_SIGN_S, EventCamera, EventCameraSettings
from edge.log import logger
from edge.ports import Clock, DeviceError

STALE = "stale"
SPOOL_DAMAGED = "spool_damaged"


class PushedIsapiCamera(EventCamera):
    """Implements `edge.ports.Camera`: a frame for each vehicle that the camera recognised, with what it read.

    `url` is where we listen: an address of this machine, a port, and a path where pushes have to name one. `peers` may
    push, `spool` is the file that a push lies in until its frame is here. With `user` and `password_file` who pushes
    proves itself as well (`drivers.kit.push.guard`). Codes raised: those of `HostedCamera`,
    `camera_garbled`, `camera_lagging`, `camera_port_unavailable`, `camera_spool_failed`.
    """

    def __init__(self, settings: EventCameraSettings, clock: Clock) -> None:
        """Raises ValueError as `HostedCamera`, over HTTPS, and without peers or a spool."""
        if not settings.url.startswith("http://") or not settings.peers or settings.spool is None:
            raise ValueError("expected an address with http://, who may push to it, and a spool")
        super().__init__(settings, clock, worker="drivers.camera_isapi.push_worker", path="/")

    async def connect(self) -> None:
        """Listen, and wait for a first push: a heartbeat will do. Raises DeviceError."""
        try:
            await super().connect()
        except DeviceError as error:
            if error.code != "camera_no_frame":
                raise
            raise self._error(
                "camera_unreachable",
                f"a push within {FIRST_SIGN_S:g} s",
                "none",
                "set at the camera its HTTP listening server to this address, with a heartbeat each 5 s",
            ) from error

    def _alive(self, said: str) -> None:
        word, _, count = said.partition(" ")
        if word == STALE:
            # It says nothing of the camera: these came before.
            self.said[STALE] = self.said.get(STALE, 0) + int(count or 1)
            logger().warning(
                "camera_pushes_stale",
                device=self.name,
                count=int(count or 1),
                next_step="nothing: they are too old to tell who stands there now; the spool keeps them for a day",
            )
        elif word == SPOOL_DAMAGED:
            logger().error(
                "camera_spool_damaged",
                device=self.name,
                next_step="check the disk; what could not be read lies beside the spool, as .damaged",
            )
        else:
            super()._alive(said)
