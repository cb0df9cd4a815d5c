"""A camera over RTSP on a real port: H.264 over TCP (`h264`), `rtsp://.../live`, with a fault switch."""

import asyncio
import random
import re
from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from edge.portable.serving import stop_accepting
from simulators.devices.camera_door import CameraDoor
from simulators.devices.h264 import describe, encode, packets, parameter_sets
from simulators.scene import Vary, darken, overexpose, render_empty_lane, vary

Picture = npt.NDArray[np.uint8]
PictureSource = Callable[[], Picture | None]
# `late`: every frame comes LATE_S later than it could. `kept`: whoever begins to watch first gets the frames of the
# last KEPT_S, at once. `standing_clock`: the stream's time stands still.
RtspFault = Literal[
    "none",
    "off",
    "frozen",
    "dark",
    "overexposed",
    "garbage",
    "garbage_rtsp",
    "hang",
    "late",
    "kept",
    "standing_clock",
    "earlier_picture",
    "wrong_codec",
    "not_there",
    "wrong_realm",
    "stale_nonce",
]
RTSP_FAULTS: tuple[RtspFault, ...] = get_args(RtspFault)
PATH = "/live"
LATE_S = 1.5
KEPT_S = 2.0
_RING = 4
_SSRC = 0x4B414B4F
_SESSION = "Session: 1;timeout=60"
_METHODS = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"


class _Frame(NamedTuple):
    """The units of one picture, and when it was taken (of the loop)."""

    units: tuple[bytes, ...]
    taken_at_s: float


class _Ring:
    """One scene and its varied encodings, made when they are first asked for: never the same twice running."""

    def __init__(self, scene: Picture, seed: int, varied: Vary) -> None:
        self.scene = scene
        self._seed, self._varied = seed, varied
        self._turn = 0
        self._encoded: dict[tuple[str, int], tuple[bytes, ...]] = {}

    async def next(self, look: str = "plain") -> tuple[bytes, ...]:
        self._turn = (self._turn + 1) % _RING
        key = (look, self._turn)
        if key not in self._encoded:
            self._encoded[key] = await asyncio.to_thread(self._encode, look, self._turn)
        return self._encoded[key]

    def _encode(self, look: str, turn: int) -> tuple[bytes, ...]:
        change = {"dark": darken, "overexposed": overexpose}.get(look)
        scene = self.scene if change is None else change(self.scene)
        picture = self._varied(scene, self._seed * _RING + turn)
        height, width = (side // 2 * 2 for side in picture.shape[:2])
        return (*parameter_sets(width, height), encode(picture[:height, :width], turn))


class RtspCameraSimulator:
    """Streams what `source` returns to whoever plays, each from a key frame on.

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
    ) -> None:
        """`port` 0 takes a free one at `start`, and keeps it. Without a `door` everybody is admitted."""
        self._source = source
        self._door = door
        self._period_s = 1.0 / frames_per_s
        self._seed = seed
        self._port = port
        self._fault: RtspFault = "none"
        self._random = random.Random(seed)  # noqa: S311 - a repeatable simulation
        self._empty = render_empty_lane(seed)
        # How each frame differs from its scene; where it rains, drops fall.
        self.varied: Vary = vary
        self._earlier = self._ring = _Ring(self._empty, seed, self._vary)
        self._held: tuple[bytes, ...] | None = None
        self._kept: deque[_Frame] = deque()
        self._filming: asyncio.Task[None] | None = None
        self._filmed = asyncio.Condition()
        self._filmed_count = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._released = asyncio.Event()
        self.viewers = 0

    @property
    def port(self) -> int:
        """Where it listens; 0 before the first start."""
        return self._port

    @property
    def url(self) -> str:
        """Address of the stream."""
        return f"rtsp://127.0.0.1:{self._port}{PATH}"

    @property
    def fault(self) -> RtspFault:
        """What is wrong with it now."""
        return self._fault

    async def start(self) -> None:
        """Listen on loopback, and film."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self._filming = asyncio.create_task(self._film())

    async def stop(self) -> None:
        """Close the port and every connection. May be called at any time."""
        server, self._server = self._server, None
        if server is not None:
            await stop_accepting(server)
        ending = [*self._serving, *([] if self._filming is None else [self._filming])]
        self._filming = None
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def set_fault(self, fault: RtspFault) -> None:
        """Switch to `fault`, or back to `none`. `off` closes the port; leaving it opens the same one again.

        Raises ValueError for an unknown fault.
        """
        if fault not in RTSP_FAULTS:
            raise ValueError(f"expected one of {', '.join(RTSP_FAULTS)}, got {fault!r}")
        self._fault, self._held = fault, None
        if fault != "hang":
            self._released.set()
            self._released = asyncio.Event()
        if fault == "off":
            await self.stop()
        elif self._server is None:
            await self.start()

    async def _film(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            taken_at_s = loop.time()
            units = await self._next_units()
            async with self._filmed:
                self._kept.append(_Frame(units, taken_at_s))
                while self._kept[0].taken_at_s < loop.time() - max(LATE_S, KEPT_S):
                    self._kept.popleft()
                self._filmed_count += 1
                self._filmed.notify_all()
            due = max(due + self._period_s, loop.time())
            await asyncio.sleep(due - loop.time())

    async def _next_units(self) -> tuple[bytes, ...]:
        scene = self._source()
        scene = self._empty if scene is None else scene
        if scene is not self._ring.scene:
            self._earlier, self._ring = self._ring, _Ring(scene, self._random.randrange(1 << 20), self._vary)
        if self._fault == "frozen":
            if self._held is None:
                self._held = await self._ring.next()
            return self._held
        if self._fault == "garbage":
            units = await self._ring.next()
            return (*units[:2], units[2][:1] + self._random.randbytes(5000))
        if self._fault == "earlier_picture":
            return await self._earlier.next()
        return await self._ring.next(self._fault if self._fault in ("dark", "overexposed") else "plain")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        playing: list[asyncio.Task[None]] = []
        channels: dict[str, int] = {}
        try:
            while (head := await _request(reader)) is not None:
                await self._hang()
                if await self._answer(head, writer, channels) and not playing:
                    playing.append(asyncio.create_task(self._play(writer, channels)))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client's business
        except asyncio.CancelledError:
            writer.transport.abort()  # `stop`: the task ends here, there is nothing above it to cancel
        finally:
            # Closed before anything is waited for: `stop` may cancel this task while it ends.
            writer.close()
            for one in playing:
                one.cancel()
            try:
                await asyncio.gather(*playing, return_exceptions=True)
                await writer.wait_closed()
            except (ConnectionError, asyncio.CancelledError):
                writer.transport.abort()
            self._serving.discard(task)

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter, channels: dict[str, int]) -> bool:
        """Answer one request, and say whether the stream is to play; `channels` are those of the tracks set up."""
        request, *lines = head.decode("latin-1").split("\r\n")
        method, url = (*request.split(" "), "", "")[:2]
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if self._fault == "garbage_rtsp":
            writer.write(self._random.randbytes(5000))
            await writer.drain()
            return False
        status, answer, body = self._result(method, url, head, fields)
        if method == "SETUP" and status == "200 OK":
            channels[url.rpartition("/")[2]] = _channel(fields["transport"])
        writer.write(_answer(status, fields.get("cseq", "0"), answer, body))
        await writer.drain()
        return method == "PLAY" and status == "200 OK"

    def _vary(self, scene: Picture, seed: int) -> Picture:
        return self.varied(scene, seed)

    def _result(self, method: str, url: str, head: bytes, fields: dict[str, str]) -> tuple[str, list[str], str]:
        if method == "OPTIONS":
            return "200 OK", [_METHODS], ""
        if self._door is not None and (asked := self._door.refusal(head, self._fault)) is not None:
            return "401 Unauthorized", [f"WWW-Authenticate: {one}" for one in asked], ""
        if self._fault == "not_there" or not url.partition("?")[0].startswith(f"rtsp://127.0.0.1:{self._port}{PATH}"):
            return "404 Not Found", [], ""
        if method == "DESCRIBE":
            return "200 OK", [f"Content-Base: {self.url}/"], self._described()
        if method == "SETUP":
            if "RTP/AVP/TCP" not in (transport := fields.get("transport", "")):
                return "461 Unsupported Transport", [], ""
            channel = _channel(transport)
            return "200 OK", [f"Transport: RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}", _SESSION], ""
        if method in ("PLAY", "GET_PARAMETER", "TEARDOWN"):
            return "200 OK", [_SESSION], ""
        return "501 Not Implemented", [], ""

    def _described(self) -> str:
        height, width = (side // 2 * 2 for side in self._ring.scene.shape[:2])
        return describe(width, height, "H265" if self._fault == "wrong_codec" else "H264")

    async def _play(self, writer: asyncio.StreamWriter, channels: dict[str, int]) -> None:
        """Stream the tracks that were set up; here there is one."""
        channel = next(iter(channels.values()), 0)
        loop = asyncio.get_running_loop()
        self.viewers += 1
        sent_until_s = loop.time() - (KEPT_S if self._fault == "kept" else 0.0)
        sequence = self._random.randrange(1 << 16)
        still: int | None = None
        try:
            while True:
                await self._hang()
                late_s = LATE_S if self._fault == "late" else 0.0
                for frame in [one for one in self._kept if sent_until_s < one.taken_at_s <= loop.time() - late_s]:
                    sent_until_s, ticks = frame.taken_at_s, round(frame.taken_at_s * 90_000)
                    still = (ticks if still is None else still) if self._fault == "standing_clock" else None
                    ticks = ticks if still is None else still
                    sequence = await self._send(writer, channel, frame.units, ticks, sequence)
                seen = self._filmed_count
                async with self._filmed:
                    await self._filmed.wait_for(lambda seen=seen: self._filmed_count != seen)  # type: ignore[misc]
        except ConnectionError:
            pass  # the client's business
        finally:
            self.viewers -= 1

    @staticmethod
    async def _send(
        writer: asyncio.StreamWriter, channel: int, units: tuple[bytes, ...], ticks: int, sequence: int
    ) -> int:
        for number, unit in enumerate(units):
            cut = packets(unit, ticks, sequence, _SSRC, last=number == len(units) - 1)
            sequence += len(cut)
            writer.write(b"".join(interleaved(channel, one) for one in cut))
            await writer.drain()
        return sequence

    async def _hang(self) -> None:
        while self._fault == "hang":
            await self._released.wait()


def interleaved(channel: int, packet: bytes) -> bytes:
    """A packet as it stands between the answers (RFC 2326 10.12)."""
    return b"$" + bytes([channel]) + len(packet).to_bytes(2, "big") + packet


def _channel(transport: str) -> int:
    """The channel that a viewer asks for, the first where he leaves it to the camera."""
    asked = re.search(r"interleaved=([0-9]{1,2})-", transport)
    return 0 if asked is None else int(asked[1])


async def _request(reader: asyncio.StreamReader) -> bytes | None:
    """The head of the next request, None at the end; what the viewer reports in between is dropped."""
    while first := await reader.read(1):
        if first != b"$":
            return first + await reader.readuntil(b"\r\n\r\n")
        _, length = (await reader.readexactly(1)), int.from_bytes(await reader.readexactly(2), "big")
        await reader.readexactly(length)
    return None


def _answer(status: str, sequence: str, fields: list[str], body: str) -> bytes:
    lines = [f"RTSP/1.0 {status}", f"CSeq: {sequence}", *fields]
    if body:
        lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
