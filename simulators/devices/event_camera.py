"""A plate camera that tells what it recognised, on a real port: a stream of words and pictures, with a fault switch.

What its words are is a `Words`: `IsapiWords`, `DahuaWords`. The vehicles come from `pass_by`, or from a `source`.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol, get_args

from drivers.camera_dahua import wire as dahua
from drivers.camera_isapi import wire as isapi
from edge.portable.serving import stop_accepting
from simulators.devices.camera import Picture, claim_size
from simulators.devices.camera_door import CameraDoor
from simulators.scene import Vary, darken, encode_jpeg, vary

EventFault = Literal[
    "none",
    "off",
    "stuck",
    "garbage",
    "wrong",
    "slow",
    "delayed",
    "intermittent",
    "frozen",
    "earlier_picture",
    "truncated",
    "dark",
    "huge",
    "no_picture",
    "misread",
    "wrong_clock",
    "repeated",
]
EVENT_FAULTS: tuple[EventFault, ...] = get_args(EventFault)
_MISREAD = "粤B99999"
_DELAY_S = 20.0
_SLOW_BYTES = 4096
_SLOW_EVERY_S = 0.002
# What a camera holds for a client that does not read.
_MOST_UNSENT = 64


@dataclass(frozen=True, slots=True)
class Passing:
    """A vehicle before the camera: what its plate is, and what the camera sees. The same object is the same vehicle."""

    plate: str
    scene: Picture
    colour: str = "blue"


class Words(Protocol):
    """What one maker's events look like. Boundary and content types without their line ends."""

    path: str
    boundary: str
    media: str

    def heartbeat(self, at: datetime) -> bytes:
        """What is said while nothing happens."""

    def event(self, at: datetime, vehicle: Passing, name: str, pictures: int) -> bytes:
        """What is said of a vehicle; `name` is no other event's."""


class IsapiWords:
    """Hikvision ISAPI."""

    path = isapi.ALERT_PATH
    boundary = "boundary"
    media = 'application/xml; charset="UTF-8"'

    def heartbeat(self, at: datetime) -> bytes:
        """An alert that no video is lost."""
        return isapi.encode_heartbeat(at)

    def event(self, at: datetime, vehicle: Passing, name: str, pictures: int) -> bytes:
        """An ANPR alert."""
        return isapi.encode_event(at, vehicle.plate, uuid=name, pictures=pictures, colour=vehicle.colour)


class DahuaWords:
    """Dahua."""

    path = dahua.EVENT_PATH
    boundary = "myboundary"
    media = "text/plain"

    def heartbeat(self, at: datetime) -> bytes:  # noqa: ARG002 - the word has no time
        """A word."""
        return dahua.encode_heartbeat()

    def event(self, at: datetime, vehicle: Passing, name: str, pictures: int) -> bytes:  # noqa: ARG002 - never counted
        """A vehicle at the junction."""
        sequence = int(name[:7], 16)
        return dahua.encode_event(at, vehicle.plate, sequence=sequence, colour=vehicle.colour.capitalize())


class EventCameraSimulator:
    """Sends heartbeats, and an event for each vehicle. `fault` may be set at any time with `set_fault`.

    With a `source`, which is asked all the time, each vehicle gets `events_per_vehicle` events `event_every_s` apart.
    """

    def __init__(
        self,
        words: Words,
        *,
        source: Callable[[], Passing | None] | None = None,
        heartbeat_s: float = 1.0,
        events_per_vehicle: int = 2,
        event_every_s: float = 0.4,
        seed: int = 0,
        port: int = 0,
        door: CameraDoor | None = None,
    ) -> None:
        """`port` 0 takes a free one at `start`, and keeps it. Without a `door` everybody is admitted."""
        self._words, self._source, self._door, self._port = words, source, door, port
        self._heartbeat_s = heartbeat_s
        self._events_per_vehicle, self._event_every_s = events_per_vehicle, event_every_s
        self._random = random.Random(seed)  # noqa: S311 - a repeatable simulation
        self._fault: EventFault = "none"
        self._server: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self._clients: dict[asyncio.Task[None], asyncio.Queue[bytes]] = {}
        self._held: bytes | None = None
        self._earlier: bytes | None = None
        # What is sent once more, behind the next heartbeat.
        self._again = b""
        self._numbered = 0
        self.events_sent = 0
        # How each picture differs from its scene; where it rains, drops fall.
        self.varied: Vary = vary

    @property
    def port(self) -> int:
        """Where it listens; 0 before the first start."""
        return self._port

    @property
    def url(self) -> str:
        """Address of the camera."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def clients(self) -> int:
        """How many are listening."""
        return len(self._clients)

    @property
    def fault(self) -> EventFault:
        """What is wrong with it now."""
        return self._fault

    async def start(self) -> None:
        """Listen on loopback."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self._begin_watching()

    def _begin_watching(self) -> None:
        if self._source is not None:
            self._watching = asyncio.create_task(self._watch(self._source))

    @property
    def _gone(self) -> bool:
        return self._server is None

    async def stop(self) -> None:
        """Close the port and every connection. May be called at any time."""
        server, self._server = self._server, None
        if server is not None:
            await stop_accepting(server)
        ending = [*self._clients, *([] if self._watching is None else [self._watching])]
        self._watching = None
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def set_fault(self, fault: EventFault) -> None:
        """Switch to `fault`, or back to `none`. `off` closes the port; leaving it opens the same one again.

        Raises ValueError for an unknown fault.
        """
        if fault not in EVENT_FAULTS:
            raise ValueError(f"expected one of {', '.join(EVENT_FAULTS)}, got {fault!r}")
        self._fault, self._held = fault, None
        if fault == "off":
            await self.stop()
        elif self._gone:
            await self.start()

    async def pass_by(self, vehicle: Passing) -> None:
        """Send one event of this vehicle to everybody who listens, as the present fault leaves it."""
        self._numbered += 1
        if self._fault == "intermittent" and self._numbered % 2:
            return
        if self._fault == "misread":
            vehicle = Passing(_MISREAD, vehicle.scene, vehicle.colour)
        picture = await self._picture(vehicle.scene)
        late_s = _DELAY_S if self._fault == "delayed" else 0.0
        pictures = 0 if self._fault == "no_picture" else 1
        words = self._words.event(self._now(late_s), vehicle, self._random.randbytes(16).hex(), pictures)
        sent = self._part(self._spoilt(words), self._words.media)
        if pictures:
            sent += self._part(picture, "image/jpeg", "detectionPicture.jpg")
        for queue in self._clients.values():
            if not queue.full():
                queue.put_nowait(sent)
        self._again = sent if self._fault == "repeated" else b""
        self.events_sent += 1

    async def _picture(self, scene: Picture) -> bytes:
        seed = self._random.randrange(1 << 20)
        seen = darken(scene) if self._fault == "dark" else scene
        picture = await asyncio.to_thread(lambda: encode_jpeg(self.varied(seen, seed), seed))
        earlier, self._earlier = self._earlier, picture
        match self._fault:
            case "frozen":
                self._held = self._held or picture
                return self._held
            case "earlier_picture":
                return earlier or picture
            case "truncated":
                return picture[: len(picture) // 2]
            case "huge":
                return claim_size(picture, 65_500, 65_500)
            case _:
                return picture

    async def _watch(self, source: Callable[[], Passing | None]) -> None:
        seen: Passing | None = None
        left, due = 0, 0.0
        loop = asyncio.get_running_loop()
        while True:
            vehicle = source()
            if vehicle is not seen:
                seen, left, due = vehicle, self._events_per_vehicle, loop.time()
            # Who stands there is said to whoever comes to listen: such cameras repeat themselves.
            if seen is not None and left and self._clients and loop.time() >= due:
                left, due = left - 1, loop.time() + self._event_every_s
                await self.pass_by(seen)
            await asyncio.sleep(0.02)

    def _now(self, ago_s: float = 0.0) -> datetime:
        years = 365 if self._fault == "wrong_clock" else 0
        return datetime.now(UTC) + timedelta(days=years) - timedelta(seconds=ago_s)

    def _spoilt(self, words: bytes) -> bytes:
        # A bracket or sign of each protocol's own that is gone.
        return words.replace(b">", b"", 3).replace(b"=", b"", 3) if self._fault == "wrong" else words

    def _part(self, data: bytes, media: str, name: str = "") -> bytes:
        if self._fault == "garbage":
            return self._random.randbytes(200)
        named = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n' if name else ""
        head = f"--{self._words.boundary}\r\nContent-Type: {media}\r\n{named}Content-Length: {len(data)}\r\n\r\n"
        return head.encode() + data + b"\r\n"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if (status := self._refusal(head)) is not None:
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                return
            queue: asyncio.Queue[bytes] = asyncio.Queue(_MOST_UNSENT)
            self._clients[task] = queue
            await self._stream(writer, queue)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client's business
        except asyncio.CancelledError:
            writer.transport.abort()  # `stop`: the task ends here, there is nothing above it to cancel
        finally:
            self._clients.pop(task, None)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _refusal(self, head: bytes) -> str | None:
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or words[0] != b"GET" or words[1].split(b"?")[0] != self._words.path.split("?")[0].encode():
            return "404 Not Found"
        asked = None if self._door is None else self._door.refusal(head, self._fault)
        return (
            None if asked is None else "\r\n".join(["401 Unauthorized", *(f"WWW-Authenticate: {one}" for one in asked)])
        )

    async def _stream(self, writer: asyncio.StreamWriter, queue: asyncio.Queue[bytes]) -> None:
        kind = f"multipart/mixed; boundary={self._words.boundary}"
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(due):
                    sent = await queue.get()
            except TimeoutError:
                due = loop.time() + self._heartbeat_s
                sent = self._part(self._spoilt(self._words.heartbeat(self._now())), self._words.media) + self._again
                self._again = b""
            if self._fault != "stuck":
                await self._send(writer, sent)

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        while self._fault == "slow" and data:
            writer.write(data[:_SLOW_BYTES])
            data = data[_SLOW_BYTES:]
            await writer.drain()
            await asyncio.sleep(_SLOW_EVERY_S)
        writer.write(data)
        await writer.drain()
