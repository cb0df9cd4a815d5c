"""The way to a customs platform over Redis: questions published on its topics, answers heard on ours.

Redis keeps nothing for who is away, so nothing is asked before the subscriptions are confirmed, and the loss of
either connection ends both: an answer may have been published in between. RESP2 lets a connection that subscribes do
nothing else, hence two.
"""

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from edge.clearance.bridge.json_body import PubSub, heading
from edge.clearance.bridge.link import PlatformCounters, PlatformDown, Reconnecting
from edge.clearance.bridge.resp import Refusal, Reply, ReplyDecoder, RespError, command
from edge.clearance.bridge.wire import MAX_BODY_BYTES, Frame
from edge.secret import Secret

_log = logging.getLogger(__name__)

_READ_BYTES = 16 * 1024
MAX_UNSENT_BYTES = 256 * 1024
# The rest of a message comes at once.
HALF_REPLY_S = 5.0
_PING = command(b"PING")

ChannelCode = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class PubSubSettings:
    """Where the Redis server listens, and who we are there. It is pinged each `heartbeat_s`.

    Where a connection says nothing at all for `silence_s`, both are given up.
    """

    host: str
    port: int
    heartbeat_s: float = 10.0
    silence_s: float = 30.0
    connect_timeout_s: float = 3.0
    backoff_min_s: float = 0.2
    backoff_max_s: float = 15.0
    user: str | None = None
    password: Secret | None = None
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """Return host:port, for messages."""
        return f"{self.host}:{self.port}"


class PubSubLink:
    """Two connections that stand and fall together. `channels` are area, number and direction as they are spelt there.

    `on_frame` gets each message on an answering topic, `on_down` each loss once, `on_unheard` a question that nobody
    had subscribed to. None may raise or block.
    """

    def __init__(
        self,
        settings: PubSubSettings,
        words: PubSub,
        channels: Iterable[ChannelCode],
        *,
        on_frame: Callable[[Frame], None],
        on_up: Callable[[], None] = lambda: None,
        on_down: Callable[[PlatformDown], None] = lambda _down: None,
        on_unheard: Callable[[Frame], None] = lambda _frame: None,
    ) -> None:
        self.settings = settings
        self.counters = PlatformCounters()
        self._words = words
        self._topics = {words.answering_topic(*channel).encode(): channel for channel in channels}
        self._on_frame = on_frame
        self._on_up = on_up
        self._on_unheard = on_unheard
        self._kept = Reconnecting(settings, self.counters, on_down)
        self._asking: _Connection | None = None
        # What was published and not counted yet, in order; None for a ping.
        self._published: deque[Frame | None] = deque()

    @property
    def is_up(self) -> bool:
        """Say whether a question would be published now."""
        return self._asking is not None and self._asking.is_open

    def send(self, frame: Frame) -> bool:
        """Publish a question now; False without connections, where no more is taken, and for what has no topic."""
        if self._asking is None or frame.kind != self._words.asks:
            return False
        topic = self._words.asking_topic(frame.area, frame.channel, frame.direction)
        if not self._asking.write(command(b"PUBLISH", topic.encode(), frame.body)):
            return False
        self._published.append(frame)
        return True

    async def send_when_idle(self, frame: Frame) -> bool:
        """Publish as `send` does: what waits for another message, a picture, has no topic here."""
        return self.send(frame)

    async def run(self) -> None:
        """Connect, serve and reconnect until cancelled."""
        await self._kept.run(self._serve_once)

    async def _serve_once(self) -> PlatformDown:
        opened: list[_Connection] = []
        try:
            async with asyncio.timeout(self.settings.connect_timeout_s):
                opened.append(await self._opened())
                await self._subscribe(opened[0])
                opened.append(await self._opened())
            return await self._serve(*opened)
        except PlatformDown as down:
            return down
        except TimeoutError:
            return self._down("connect_timeout")
        except ConnectionRefusedError:
            return self._down("connect_refused")
        except OSError:
            return self._down("connect_failed")
        finally:
            self._asking = None
            for one in opened:
                one.abort()

    async def _opened(self) -> "_Connection":
        reader, writer = await asyncio.open_connection(self.settings.host, self.settings.port, ssl=self.settings.tls)
        connection = _Connection(reader, writer, self.settings)
        try:
            if self.settings.password is not None:
                names = [] if self.settings.user is None else [self.settings.user.encode()]
                connection.write(command(b"AUTH", *names, self.settings.password.reveal().encode()))
                await connection.expect("OK")
            # Also where no password is wanted: a server that is loading, or wants one, says so now.
            connection.write(_PING)
            await connection.expect("PONG")
        except BaseException:
            connection.abort()
            raise
        return connection

    async def _subscribe(self, connection: "_Connection") -> None:
        connection.write(command(b"SUBSCRIBE", *self._topics))
        for topic in self._topics:
            while (reply := await connection.next())[:2] != [b"subscribe", topic]:
                self._take(reply)

    async def _serve(self, listening: "_Connection", asking: "_Connection") -> PlatformDown:
        self._published.clear()
        self._asking = asking
        self._kept.up()
        self._on_up()
        works = (self._listen(listening), self._count(asking), self._beat(listening, asking))
        tasks = [asyncio.ensure_future(one) for one in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            ended = next(one for one in tasks if one.done())
            ended.result()
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise AssertionError("each of them runs until its connection is lost")

    async def _listen(self, connection: "_Connection") -> NoReturn:
        while True:
            reply = await connection.one()
            # Else no answer would ever come: who is subscribed to nothing is answered PONG in one word.
            if not isinstance(reply, list) or reply[:1] == [b"unsubscribe"]:
                raise self._down("not_resp")
            self._take(list(reply))
            self._kept.heard()

    async def _count(self, connection: "_Connection") -> NoReturn:
        """Learn how many heard each question; it may have been nobody."""
        while True:
            reply = await connection.one()
            # What answers something else would have each later count taken for that of another question.
            if not self._published:
                raise self._down("not_resp")
            frame = self._published.popleft()
            if reply != "PONG" if frame is None else not isinstance(reply, int) or reply < 0:
                raise self._down("not_resp")
            self._kept.heard()
            if frame is not None and reply == 0:
                self._on_unheard(frame)

    async def _beat(self, listening: "_Connection", asking: "_Connection") -> NoReturn:
        while True:
            await asyncio.sleep(self.settings.heartbeat_s)
            listening.write(_PING)
            if asking.write(_PING):
                self._published.append(None)

    def _take(self, reply: list[object]) -> None:
        """Take what a connection that subscribes is told; pongs and late confirmations say nothing."""
        if len(reply) != 3 or reply[0] != b"message":
            return
        topic, body = reply[1], reply[2]
        channel = self._topics.get(topic) if isinstance(topic, bytes) else None
        if channel is None or not isinstance(body, bytes) or len(body) > MAX_BODY_BYTES:
            self.counters.bad_frames += 1
            if self.counters.bad_frames == 1:
                _log.warning("platform_message_too_long", extra={"platform": self.settings.address})
            return
        self.counters.frames += 1
        kind, sender = heading(body, self._words)
        self._on_frame(Frame(kind, *channel, sender, body))

    def _down(self, code: str) -> PlatformDown:
        return PlatformDown(code, self.settings.address)


class _Connection:
    """One connection to the server, bounded both ways. Raises PlatformDown where it ends."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: PubSubSettings) -> None:
        self._reader, self._writer, self._settings = reader, writer, settings
        self._decoder = ReplyDecoder()
        self._replies: deque[Reply] = deque()
        # Until when a reply that has begun has to be whole: a byte now and then is no answer.
        self._whole_by_s: float | None = None

    @property
    def is_open(self) -> bool:
        return not self._writer.is_closing()

    def write(self, data: bytes) -> bool:
        """Write now; False where it is closed, or takes no more, which ends it."""
        if self._writer.is_closing():
            return False
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            self._writer.transport.abort()
            return False
        return True

    def abort(self) -> None:
        """Not closed in order: what still waits to be sent would be asked of whoever reads on."""
        self._writer.transport.abort()

    async def one(self) -> Reply:
        """Return the next reply that is no refusal."""
        while not self._replies:
            await self._read()
        reply = self._replies.popleft()
        if isinstance(reply, Refusal):
            # Its first word is a code of Redis; what follows may quote what was sent.
            raise self._down("refused_by_server", reply.text.partition(" ")[0])
        return reply

    async def next(self) -> list[object]:
        """Return the next reply that is a list; others are left out."""
        while not isinstance(reply := await self.one(), list):
            pass
        return list(reply)

    async def expect(self, word: str) -> None:
        """Wait for this one word."""
        if await self.one() != word:
            raise self._down("not_resp")

    async def _read(self) -> None:
        now_s = asyncio.get_running_loop().time()
        until_s = now_s + self._settings.silence_s if self._whole_by_s is None else self._whole_by_s
        try:
            async with asyncio.timeout_at(until_s):
                data = await self._reader.read(_READ_BYTES)
        except TimeoutError:
            raise self._down("silent" if self._whole_by_s is None else "half_frame") from None
        except OSError:
            raise self._down("connection_lost") from None
        if not data:
            raise self._down("closed_by_platform")
        try:
            found = self._decoder.feed(data)
        except RespError as error:
            raise self._down("not_resp", error.reason) from error
        self._replies += found
        if not self._decoder.pending:
            self._whole_by_s = None
        elif found or self._whole_by_s is None:
            self._whole_by_s = asyncio.get_running_loop().time() + HALF_REPLY_S
        # A flood must leave the loop to deadlines and to other lanes.
        await asyncio.sleep(0)

    def _down(self, code: str, said: str = "") -> PlatformDown:
        return PlatformDown(code, self._settings.address, said)
