"""An RTSP camera built on GStreamer's server, which owes nothing to our code; run by Debian's own Python.

Arguments: the port (0: a free one), and for digest authentication a user; the password is the first line of standard
input. It writes its port, then takes a line a command: `pattern NAME` of videotestsrc, `pause`, which lasts until
nobody watches any more, or `plate TEXT`, which the metadata at `/plates` tell from then on.
"""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
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

# GStreamer of Debian has no payloader of metadata: their packets, without times, are made here.
METADATA = (
    " appsrc name=words is-live=true do-timestamp=true format=time"
    ' caps="application/x-rtp,media=(string)application,payload=(int)107,clock-rate=(int)90000,'
    'encoding-name=(string)VND.ONVIF.METADATA" ! identity name=pay1 )'
)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema">'
OBJECT = (
    '<tt:Object ObjectId="12"><tt:Appearance><tt:LicensePlateInfo><tt:PlateNumber Likelihood="0.9">{}</tt:PlateNumber>'
    "</tt:LicensePlateInfo></tt:Appearance></tt:Object>"
)
TOLD_EVERY_MS = 200
PACKET_BYTES = 150


class Words:
    """What the camera at `/plates` tells."""

    def __init__(self) -> None:
        self.plate = ""

    def document(self) -> bytes:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        seen = OBJECT.format(self.plate) if self.plate else ""
        frame = f'<tt:VideoAnalytics><tt:Frame UtcTime="{at}">{seen}</tt:Frame></tt:VideoAnalytics>'
        return f"{HEAD}{frame}</tt:MetadataStream>".encode()

    def tell(self, source: Any, sequence: Iterator[int]) -> bool:
        document = self.document()
        while document:
            piece, document = document[:PACKET_BYTES], document[PACKET_BYTES:]
            marker = 0 if document else 0x80
            head = bytes([0x80, 107 | marker]) + (next(sequence) & 0xFFFF).to_bytes(2, "big") + bytes(4) + b"ONVF"
            source.emit("push-buffer", Gst.Buffer.new_wrapped(head + piece))
        return True


class Camera:
    def __init__(self, port: str, user: str | None, password: str) -> None:
        self._media: Any = None
        self._words = Words()
        self._server = GstRtspServer.RTSPServer.new()
        self._server.set_address("127.0.0.1")
        self._server.set_service(port)
        for path, pipeline in (("/live", PIPELINE), ("/plates", PIPELINE.removesuffix(" )") + METADATA)):
            factory = GstRtspServer.RTSPMediaFactory.new()
            factory.set_launch(pipeline)
            # A shared media gives who comes second no track that the first did not ask for.
            factory.set_shared(path == "/live")
            factory.connect("media-configure", self._configured)
            if user is not None:
                self._ask(factory, user, password)
            self._server.get_mount_points().add_factory(path, factory)
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
        source = media.get_element().get_by_name("words")
        if source is not None:
            GLib.timeout_add(TOLD_EVERY_MS, self._words.tell, source, count())

    def obey(self, command: str) -> None:
        if command.startswith("plate"):
            self._words.plate = command.removeprefix("plate").strip()
            return
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
