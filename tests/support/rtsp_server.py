"""An RTSP camera built on GStreamer's server, which owes nothing to our code; run by Debian's own Python.

Arguments: the port (0: a free one), and for digest authentication a user; the password is the first line of standard
input. It writes its port, then takes a line a command: `pattern NAME` of videotestsrc, or `pause`, which lasts until
nobody watches any more.
"""

import sys
from typing import Any

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # type: ignore[import-not-found]  # noqa: E402

PIPELINE = (
    "( videotestsrc name=source is-live=true pattern=snow ! video/x-raw,width=640,height=360,framerate=10/1"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=20 ! rtph264pay name=pay0 pt=96 config-interval=1 )"
)


class Camera:
    def __init__(self, port: str, user: str | None, password: str) -> None:
        self._media: Any = None
        self._server = GstRtspServer.RTSPServer.new()
        self._server.set_address("127.0.0.1")
        self._server.set_service(port)
        factory = GstRtspServer.RTSPMediaFactory.new()
        factory.set_launch(PIPELINE)
        factory.set_shared(True)
        factory.connect("media-configure", self._configured)
        if user is not None:
            self._ask(factory, user, password)
        self._server.get_mount_points().add_factory("/live", factory)
        self._server.attach(None)
        sys.stdout.write(f"{self._server.get_bound_port()}\n")
        sys.stdout.flush()

    def _ask(self, factory: Any, user: str, password: str) -> None:
        token = GstRtspServer.RTSPToken.new()
        token.set_string("media.factory.role", "viewer")
        permissions = GstRtspServer.RTSPPermissions.new()
        permissions.add_role("viewer")
        for right in ("access", "construct"):
            permissions.add_permission_for_role("viewer", f"media.factory.{right}", True)
        factory.set_permissions(permissions)
        auth = GstRtspServer.RTSPAuth.new()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
        self._server.set_auth(auth)

    def _configured(self, _factory: Any, media: Any) -> None:
        self._media = media

    def obey(self, command: str) -> None:
        pipeline = self._media.get_element()
        if command.startswith("pattern "):
            pipeline.get_by_name("source").set_property("pattern", command.removeprefix("pattern "))
        elif command == "pause":
            pipeline.set_state(Gst.State.PAUSED)


def main() -> None:
    Gst.init(None)
    user = sys.argv[2] if len(sys.argv) > 2 else None
    camera = Camera(sys.argv[1], user, "" if user is None else sys.stdin.readline().rstrip("\n"))
    loop = GLib.MainLoop()

    def heard(*_: object) -> bool:
        line = sys.stdin.readline()
        if line:
            camera.obey(line.strip())
        else:
            loop.quit()
        return bool(line)

    GLib.io_add_watch(
        GLib.IOChannel.unix_new(0), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN | GLib.IOCondition.HUP, heard
    )
    loop.run()


if __name__ == "__main__":
    main()
