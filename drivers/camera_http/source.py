"""Pictures of a camera: one at a time, or from its stream. Blocking; for the worker."""

import http.client
import time
from collections.abc import Iterator
from contextlib import ExitStack

from drivers.camera_http.wire import MultipartParser
from drivers.kit.camera.asking import READ_BYTES, Asker, monotonic_ms
from drivers.kit.camera.dial import unreachable
from drivers.kit.camera.given import Picture


class Source(Asker):
    """Asks one camera. Every method raises SourceError where the camera does not answer as it should."""

    def snapshot(self) -> Picture:
        """Ask for one picture and wait for its last byte."""
        begun_at_ms = monotonic_ms()
        with ExitStack() as ending:
            answer, timed = self.ask(ending)
            body = bytearray()
            timed.end_at = time.monotonic() + self.wait_s
            fault: str | None = None
            try:
                while piece := answer.read1(READ_BYTES):
                    body += piece
                    if len(body) > self.max_bytes:
                        return Picture(b"", begun_at_ms, monotonic_ms(), "too_large")
                if answer.length:  # what its Content-Length still owes
                    fault = "truncated"
            except (http.client.HTTPException, ValueError):  # ValueError: a malformed chunk length
                fault = "truncated"
            except OSError as error:
                raise unreachable("a whole picture", error, self.wait_s) from error
        return Picture(bytes(body), begun_at_ms, monotonic_ms(), fault)

    def stream(self) -> Iterator[Picture]:
        """Yield each picture of an MJPEG stream as its last byte arrives. Never ends but by SourceError."""
        for one in self.parts("check the address, or set mode: snapshot", MultipartParser):
            if one is not None:
                fault = "too_large" if one.part.oversized else None
                yield Picture(one.part.data, one.begun_at_ms, one.ended_at_ms, fault)
