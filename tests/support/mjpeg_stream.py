"""A stream of JPEG that owes nothing to our code: GStreamer's own parts, behind somebody else's web server (CGI).

Run by Debian's own Python. It ends with the connection that it writes to.
"""

import sys

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # type: ignore[import-not-found]  # noqa: E402

PIPELINE = (
    "videotestsrc is-live=true pattern=snow ! video/x-raw,width=320,height=240,framerate=20/1"
    " ! jpegenc ! multipartmux boundary=of-gstreamer ! fdsink fd=1"
)

sys.stdout.write("Content-Type: multipart/x-mixed-replace; boundary=of-gstreamer\r\n\r\n")
sys.stdout.flush()
Gst.init(None)
pipeline = Gst.parse_launch(PIPELINE)
loop = GLib.MainLoop()
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message::error", lambda *_: loop.quit())
pipeline.set_state(Gst.State.PLAYING)
loop.run()
pipeline.set_state(Gst.State.NULL)
