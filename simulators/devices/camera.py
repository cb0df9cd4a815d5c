"""A camera over HTTP on a real port: `/snapshot.jpg` and `/stream.mjpg`, with a fault switch."""

import asyncio
import contextlib
import random
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from edge.portable.serving import stop_accepting
from simulators.devices.camera_door import CameraDoor
from simulators.scene import Vary, darken, encode_jpeg, overexpose, render_empty_lane, vary

Picture = npt.NDArray[np.uint8]
PictureSource = Callable[[], Picture | None]
CameraFault = Literal[
    "none",
    "off",
    "frozen",
    "dark",
    "overexposed",
    "truncated",
    "garbage",
    "garbage_http",
    "slow",
    "huge",
    "hang",
    "earlier_picture",
    "wrong_realm",
    "stale_nonce",
    "expired_certificate",
    "wrong_host",
]
CAMERA_FAULTS: tuple[CameraFault, ...] = get_args(CameraFault)
BOUNDARY = "kakou-frame"
SNAPSHOT_PATH = "/snapshot.jpg"
STREAM_PATH = "/stream.mjpg"
# As many encodings of one scene as a passage has frames that matter; then they come round again.
_RING = 16
_SLOW_BYTES = 256
_SLOW_EVERY_S = 0.1


class CameraCertificates(NamedTuple):
    """Certificate and key file for each: one for 127.0.0.1, one that has expired, one for another address."""

    good: tuple[Path, Path]
    expired: tuple[Path, Path]
    wrong_host: tuple[Path, Path]


class _Ring:
    """One scene and its varied encodings, made when they are first asked for."""

    def __init__(self, scene: Picture, seed: int, varied: Vary) -> None:
        self.scene = scene
        self._seed, self._varied = seed, varied
        self._turn = 0
        self._encoded: dict[tuple[str, int], bytes] = {}

    async def next(self, look: Literal["plain", "dark", "overexposed"]) -> bytes:
        """The next frame: never the bytes of the frame before."""
        self._turn = (self._turn + 1) % _RING
        key = (look, self._turn)
        if key not in self._encoded:
            self._encoded[key] = await asyncio.to_thread(self._encode, look, self._seed * _RING + self._turn)
        return self._encoded[key]

    def _encode(self, look: str, seed: int) -> bytes:
        change = {"dark": darken, "overexposed": overexpose}.get(look)
        scene = self.scene if change is None else change(self.scene)
        return encode_jpeg(self._varied(scene, seed), seed)


class CameraSimulator:
    """Serves what `source` returns, frame by frame, with a real camera's variation.

    `source` is asked for every frame; None is the empty lane. It must return the same array for as long as the
    scene is the same: that is how encodings are reused. `fault` may be set at any time with `set_fault`.
    """

    def __init__(
        self,
        source: PictureSource,
        *,
        frames_per_s: float = 5.0,
        seed: int = 0,
        port: int = 0,
        door: CameraDoor | None = None,
        certificates: CameraCertificates | None = None,
    ) -> None:
        """`port` 0 takes a free one at `start`, and keeps it. Without a `door` everybody is admitted.

        With `certificates` it speaks HTTPS alone.
        """
        self._certificates = certificates
        self._tls = None if certificates is None else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._source = source
        self._door = door
        self._period_s = 1.0 / frames_per_s
        self._seed = seed
        self._port = port
        self._fault: CameraFault = "none"
        self._random = random.Random(seed)  # noqa: S311 - a repeatable simulation
        self._empty = render_empty_lane(seed)
        # How each frame differs from its scene; where it rains, drops fall.
        self.varied: Vary = vary
        self._ring = _Ring(self._empty, seed, self._vary)
        self._earlier = self._ring
        self._held: bytes | None = None
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._released = asyncio.Event()
        self.frames_sent = 0
        # What its clock says, for the Date of its answers; None where it tells no time.
        self.utc: Callable[[], datetime] | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 before the first start."""
        return self._port

    @property
    def snapshot_url(self) -> str:
        """Address of one picture."""
        return f"{self._scheme}://127.0.0.1:{self._port}{SNAPSHOT_PATH}"

    @property
    def stream_url(self) -> str:
        """Address of the MJPEG stream."""
        return f"{self._scheme}://127.0.0.1:{self._port}{STREAM_PATH}"

    @property
    def _scheme(self) -> str:
        return "http" if self._tls is None else "https"

    @property
    def fault(self) -> CameraFault:
        """What is wrong with it now."""
        return self._fault

    async def start(self) -> None:
        """Listen on loopback."""
        self._show_certificate()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection. May be called at any time."""
        server, self._server = self._server, None
        if server is not None:
            await stop_accepting(server)
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def set_fault(self, fault: CameraFault) -> None:
        """Switch to `fault`, or back to `none`. `off` closes the port; leaving it opens the same one again.

        Raises ValueError for an unknown fault.
        """
        if fault not in CAMERA_FAULTS:
            raise ValueError(f"expected one of {', '.join(CAMERA_FAULTS)}, got {fault!r}")
        self._fault, self._held = fault, None
        self._show_certificate()
        if fault != "hang":
            self._released.set()
            self._released = asyncio.Event()
        if fault == "off":
            await self.stop()
        elif self._server is None:
            await self.start()

    def _show_certificate(self) -> None:
        """Handshakes from now on show the certificate of the present fault."""
        if self._tls is not None and self._certificates is not None:
            files = {"expired_certificate": self._certificates.expired, "wrong_host": self._certificates.wrong_host}
            self._tls.load_cert_chain(*files.get(self._fault, self._certificates.good))

    async def next_picture(self) -> bytes:
        """The bytes of the next frame, with the present fault in them."""
        scene = self._source()
        scene = self._empty if scene is None else scene
        if scene is not self._ring.scene:
            self._earlier, self._ring = self._ring, _Ring(scene, self._random.randrange(1 << 20), self._vary)
        match self._fault:
            case "frozen":
                if self._held is None:
                    self._held = await self._ring.next("plain")
                return self._held
            case "dark" | "overexposed" as look:
                return await self._ring.next(look)
            case "truncated":
                whole = await self._ring.next("plain")
                return whole[: len(whole) // 2]
            case "garbage":
                return self._random.randbytes(5000)
            case "huge":
                return claim_size(await self._ring.next("plain"), 65_500, 65_500)
            case "earlier_picture":
                return await self._earlier.next("plain")
            case _:
                return await self._ring.next("plain")

    def _vary(self, scene: Picture, seed: int) -> Picture:
        return self.varied(scene, seed)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client's business
        except asyncio.CancelledError:
            writer.transport.abort()  # `stop`: the task ends here, there is nothing above it to cancel
        finally:
            self._serving.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].split(b" ")
        await self._hang()
        if self._fault == "garbage_http":
            writer.write(self._random.randbytes(5000))
            await writer.drain()
        elif len(words) != 3 or words[0] != b"GET":
            await _send_status(writer, "405 Method Not Allowed")
        elif self._door is not None and (asked := self._door.refusal(head, self._fault)) is not None:
            await _send_status(writer, "401 Unauthorized", [f"WWW-Authenticate: {one}" for one in asked])
        elif words[1].split(b"?")[0] == SNAPSHOT_PATH.encode():
            await self._send_snapshot(writer)
        elif words[1].split(b"?")[0] == STREAM_PATH.encode():
            await self._send_stream(writer)
        else:
            await _send_status(writer, "404 Not Found")

    async def _send_snapshot(self, writer: asyncio.StreamWriter) -> None:
        picture = await self.next_picture()
        writer.write(
            b"HTTP/1.1 200 OK\r\n%sContent-Type: image/jpeg\r\nCache-Control: no-store\r\n"
            b"Content-Length: %d\r\nConnection: close\r\n\r\n" % (self._date(), len(picture))
        )
        await self._send(writer, picture)

    async def _send_stream(self, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\n%sContent-Type: multipart/x-mixed-replace; boundary=%s\r\n"
            b"Cache-Control: no-store\r\nConnection: close\r\n\r\n" % (self._date(), BOUNDARY.encode())
        )
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self._hang()
            if self._fault in ("garbage", "garbage_http"):
                writer.write(self._random.randbytes(2000))
            picture = await self.next_picture()
            writer.write(
                b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % (BOUNDARY.encode(), len(picture))
            )
            await self._send(writer, picture)
            writer.write(b"\r\n")
            # A camera does not make up for frames that a slow network cost it.
            due = max(due + self._period_s, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        while self._fault == "slow" and data:
            writer.write(data[:_SLOW_BYTES])
            data = data[_SLOW_BYTES:]
            await writer.drain()
            await asyncio.sleep(_SLOW_EVERY_S)
        writer.write(data)
        await writer.drain()
        self.frames_sent += 1

    def _date(self) -> bytes:
        return b"" if self.utc is None else b"Date: %s\r\n" % format_datetime(self.utc(), usegmt=True).encode()

    async def _hang(self) -> None:
        while self._fault == "hang":
            await self._released.wait()


async def _send_status(writer: asyncio.StreamWriter, status: str, fields: Sequence[str] = ()) -> None:
    lines = [f"HTTP/1.1 {status}", *fields, "Content-Length: 0", "Connection: close"]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    await writer.drain()


def claim_size(jpeg: bytes, width: int, height: int) -> bytes:
    """A decompression bomb: the same JPEG, whose baseline header claims another size (ITU-T T.81 B.2.2)."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + jpeg[at + 4 :]
