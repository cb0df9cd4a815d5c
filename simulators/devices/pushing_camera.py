"""A plate camera that pushes what it recognised: the camera of `event_camera.py`, on connections of its own making.

Each heartbeat and each event is one POST (`multipart/form-data`) to `url`; what is answered is kept in `answers`.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Literal, get_args

from drivers.kit.push.head import encode_push
from simulators.devices.event_camera import EventCameraSimulator, EventFault, Passing, Words

# What only a camera that pushes can do wrong.
OwnFault = Literal["picture_first", "cut", "chunked", "wrong_boundary", "twice", "deaf"]
PushFault = Literal[EventFault, OwnFault]
PUSH_FAULTS: tuple[PushFault, ...] = get_args(PushFault)
OWN_FAULTS: tuple[OwnFault, ...] = get_args(OwnFault)
_ANSWER_WITHIN_S = 5.0


class PushingCameraSimulator(EventCameraSimulator):
    """As `EventCameraSimulator`, but it goes to `url`; `start` begins with a heartbeat.

    `picture_first`: the alert comes behind its pictures. `cut`: the connection ends in the middle of each push.
    `chunked`: no length is told. `wrong_boundary`: another one than its head tells. `twice`: each push is sent again.
    `deaf`: it goes away without waiting for the answer.
    """

    def __init__(
        self,
        words: Words,
        *,
        port: int,
        path: str = "/",
        source: Callable[[], Passing | None] | None = None,
        heartbeat_s: float = 1.0,
        events_per_vehicle: int = 2,
        event_every_s: float = 0.4,
        seed: int = 0,
    ) -> None:
        """`port` on loopback is where somebody listens."""
        super().__init__(
            words,
            source=source,
            heartbeat_s=heartbeat_s,
            events_per_vehicle=events_per_vehicle,
            event_every_s=event_every_s,
            seed=seed,
            port=port,
        )
        self._path = path
        self._own: OwnFault | None = None
        self._pushing: asyncio.Task[None] | None = None
        # How many pushes were answered with each status; 0 where none came.
        self.answers: Counter[int] = Counter()
        self.answered = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it pushes to."""
        return super().url + self._path

    async def start(self) -> None:
        """Begin to push."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(64)
        self._pushing = asyncio.create_task(self._push_all(queue))
        self._clients[self._pushing] = queue
        self._begin_watching()

    async def stop(self) -> None:
        """Push nothing any more."""
        pushing, self._pushing = self._pushing, None
        await super().stop()
        if pushing is not None:
            self._clients.pop(pushing, None)

    async def set_fault(self, fault: PushFault) -> None:
        """As of every event camera; its own faults leave the others off."""
        own = next((one for one in OWN_FAULTS if one == fault), None)
        if own is not None:
            await super().set_fault("none")
        self._own = own
        if own is None:
            await super().set_fault(fault)  # type: ignore[arg-type]

    @property
    def _gone(self) -> bool:
        return self._pushing is None

    async def push(self, body: bytes, media: str | None = None) -> int:
        """Push this body; the status that it is answered, 0 where it is not."""
        status = 0
        with contextlib.suppress(OSError, TimeoutError, ValueError):
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                status = await self._post(body, media or f"multipart/form-data; boundary={self._words.boundary}")
        self.answers[status] += 1
        self.answered.set()
        return status

    async def _push_all(self, queue: asyncio.Queue[bytes]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(due):
                    sent = await queue.get()
            except TimeoutError:
                due = loop.time() + self._heartbeat_s
                sent = self._part(self._spoilt(self._words.heartbeat(self._now())), self._words.media)
                if self._again:
                    queue.put_nowait(self._again)
                    self._again = b""
            if self._fault == "stuck":
                continue
            for _ in range(2 if self._own == "twice" else 1):
                await self.push(self._arranged(sent))

    def _arranged(self, parts: bytes) -> bytes:
        boundary = b"--" + self._words.boundary.encode()
        if self._own == "picture_first":
            parts = boundary + boundary.join(reversed(parts.split(boundary)[1:]))
        if self._own == "wrong_boundary":
            return parts.replace(boundary, b"--another")
        return parts + boundary + b"--\r\n"

    async def _post(self, body: bytes, media: str) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            pushed = encode_push(self._path, media, body)
            if self._own == "cut":
                writer.write(pushed[: len(pushed) // 2])
                return 0
            if self._own == "chunked":
                length = f"Content-Length: {len(body)}".encode()
                head, _, _ = pushed.replace(length, b"Transfer-Encoding: chunked").partition(b"\r\n\r\n")
                pushed = head + b"\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n"
            await self._send(writer, pushed)
            if self._own == "deaf":
                return 0
            return int((await reader.read(64)).split(b" ")[1])
        except IndexError:
            return 0
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
