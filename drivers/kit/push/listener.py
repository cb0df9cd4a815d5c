"""Waits for what devices push over HTTP: from named peers alone, each wait and each size bounded.

It is for a loop of its own, or for small bodies: what `handle` does is what takes its time.
"""

import asyncio
import contextlib
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from drivers.kit.push.guard import Guard, UnprovedError
from drivers.kit.push.head import CONTINUE, MOST_HEAD_BYTES, PushHead, PushRefusedError, encode_answer, parse_head
from edge.portable.serving import stop_accepting

# A device has one connection, or one for each event that it sends at once.
MOST_CONNECTIONS = 4
# With those that are being told that they are refused. More are cut off.
MOST_OPEN = 32
_READ_BYTES = 64 * 1024
# Who is refused in the middle of a body hears it only where what is on the way was read: so much of it, so long.
_MOST_LINGER_BYTES = 256 * 1024
_LINGER_S = 0.5
# A device tries without, with a nonce, and with a fresh one where its own was too old.
_MOST_ASKED = 3


@dataclass(frozen=True, slots=True)
class Push:
    """A whole push. `begun_at_ms` is when its connection was made, `ended_at_ms` when its last byte came."""

    media: str
    body: bytes = field(repr=False)
    begun_at_ms: int
    ended_at_ms: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """`path` of the address, `/` for every path. `head_s` bounds a head, `push_s` all of a push up to its answer."""

    path: str = "/"
    most_bytes: int = 12 * 1024 * 1024
    head_s: float = 3.0
    push_s: float = 10.0


class PushListener:
    """Serves `host:port`. A push is answered 200 once `handle` has returned, and by what it refuses it with.

    `handle` raises PushRefusedError. `on_refused` hears what was refused of a peer that may push, and why.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        peers: Sequence[str],
        handle: Callable[[Push], Awaitable[None]],
        now_ms: Callable[[], int],
        on_refused: Callable[[PushRefusedError], None],
        bounds: Bounds,
    ) -> None:
        """`peers` are addresses. Raises ValueError where one is none."""
        self._host, self._port = host, port
        self._peers = frozenset(ipaddress.ip_address(one) for one in peers)
        self._handle, self._now_ms, self._on_refused = handle, now_ms, on_refused
        self._bounds = bounds
        self._guard: Guard | None = None
        self._server: asyncio.Server | None = None
        self._listening = False
        self._open: set[asyncio.Task[None]] = set()
        self._busy = 0
        self.strangers = 0

    async def start(self, guard: Guard | None = None) -> None:
        """Listen; with a `guard` whoever pushes proves itself as well. Raises OSError."""
        self._guard = guard
        self._listening = True
        self._server = await asyncio.start_server(self._accept, self._host, self._port, limit=MOST_HEAD_BYTES)

    async def stop(self) -> None:
        """Close the port and every connection. May be called at any time, any number of times."""
        self._listening = False
        server, self._server = self._server, None
        if server is not None:
            # The task of whoever was let in at this moment finds nobody who listens.
            await stop_accepting(server)
        ending = list(self._open)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun_at_ms = self._now_ms()
        task = asyncio.current_task()
        assert task is not None
        admitted = self._admitted(writer)
        if not admitted or len(self._open) >= MOST_OPEN or not self._listening:
            # Whoever may not push hears nothing, and holds nothing; nor does one who came as the port was closed.
            self.strangers += not admitted
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            refused = await self._served(reader, writer, begun_at_ms)
            writer.write(encode_answer(200) if refused is None else _encoded(refused))
            if refused is not None:
                self._on_refused(refused)
                await self._linger(reader, writer)
        except _LeftError:
            pass  # to come again with what it was asked for
        except (OSError, asyncio.IncompleteReadError):
            # Not only a connection that was reset: a route that goes is no ConnectionError.
            self._on_refused(PushRefusedError(400, "the connection ended within a push"))
        except asyncio.CancelledError:
            writer.transport.abort()  # `stop`: the task ends here, there is nothing above it to cancel
        finally:
            self._open.discard(task)
            writer.close()

    def _admitted(self, writer: asyncio.StreamWriter) -> bool:
        name = writer.get_extra_info("peername")
        return name is not None and ipaddress.ip_address(name[0]) in self._peers

    async def _served(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, begun_at_ms: int
    ) -> PushRefusedError | None:
        """Take one push; why it was not taken."""
        if self._busy >= MOST_CONNECTIONS:
            return PushRefusedError(503, "too many connections")
        self._busy += 1
        try:
            async with asyncio.timeout(self._bounds.push_s):
                head = await self._proved(reader, writer)
                if head.waits:
                    writer.write(CONTINUE)
                body = await self._body(reader, head.length)
                await self._handle(Push(head.media, body, begun_at_ms, self._now_ms()))
        except TimeoutError:
            return PushRefusedError(408, f"a whole push within {self._bounds.push_s:g} s is expected")
        except PushRefusedError as error:
            return error
        finally:
            self._busy -= 1
        return None

    async def _proved(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> PushHead:
        """The head of a push that may be taken. Whoever is asked who it is may answer on the same connection."""
        head = await self._head(reader)
        asked = 0
        while self._guard is not None:
            try:
                self._guard.check(head)
                break
            except UnprovedError as unproved:
                asked += 1
                if not head.waits:
                    # Many devices send all of it before they listen.
                    await self._body(reader, head.length, keep=False)
                # Behind a head that waits for leave a body could come as well as a head.
                if head.waits or head.ends or asked == _MOST_ASKED:
                    raise
                self._on_refused(unproved)
                writer.write(_encoded(unproved, goes_on=True))
            try:
                head = await self._head(reader)
            except asyncio.IncompleteReadError as ended:
                if ended.partial:
                    raise
                raise _LeftError from ended
        return head

    async def _head(self, reader: asyncio.StreamReader) -> PushHead:
        try:
            async with asyncio.timeout(self._bounds.head_s):
                raw = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise PushRefusedError(431, f"a head of at most {MOST_HEAD_BYTES} bytes is expected") from error
        except TimeoutError as error:
            raise PushRefusedError(408, f"a head within {self._bounds.head_s:g} s is expected") from error
        return parse_head(raw, path=self._bounds.path, most_bytes=self._bounds.most_bytes)

    async def _body(self, reader: asyncio.StreamReader, length: int, *, keep: bool = True) -> bytes:
        body = bytearray()
        left = length
        while left:
            data = await reader.read(min(_READ_BYTES, left))
            if not data:
                raise asyncio.IncompleteReadError(b"", length)
            left -= len(data)
            if keep:
                body += data
        return bytes(body)

    async def _linger(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read on for a moment: a connection that is closed over unread bytes takes the answer with it."""
        read = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await writer.drain()
                if writer.can_write_eof():
                    writer.write_eof()
                while read < _MOST_LINGER_BYTES and (data := await reader.read(_READ_BYTES)):
                    read += len(data)


class _LeftError(Exception):
    """The device closed the connection after it was asked who it is."""


def _encoded(refused: PushRefusedError, *, goes_on: bool = False) -> bytes:
    asks = refused.asks if isinstance(refused, UnprovedError) else ()
    return encode_answer(refused.status, refused.reason, asks, goes_on=goes_on)
