"""A server that speaks as much of Redis as publishing and subscribing need, for machines that have no redis-server.

python -m simulators.redis_server --port 6379
"""

import argparse
import asyncio
import contextlib
import hmac
import ssl
import sys
from collections.abc import Sequence

from edge.clearance.bridge.resp import ReplyDecoder, RespError, command
from edge.portable.serving import stop_accepting

_READ_BYTES = 16 * 1024
# The topics of a site's lanes in one SUBSCRIBE.
_MOST_WORDS = 256


class RedisServer:
    """One server on a real port of the loopback, between `start` and `stop`; like Redis it keeps nothing.

    `password` is what each client has to say, as `user` where that is set. `deaf`: it reads on and answers no more.
    With `tls` it is a server of that.
    """

    def __init__(
        self, *, port: int = 0, user: str = "default", password: str | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        self.user, self.password, self._tls = user, password, tls
        self.deaf = False
        self._port = port
        self._server: asyncio.Server | None = None
        self._clients: set[_Client] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port it listens on; the same after `stop` and `start`."""
        return self._port

    @property
    def topics(self) -> set[bytes]:
        """What is subscribed to now."""
        return {topic for client in self._clients for topic in client.topics}

    async def start(self) -> None:
        """Listen. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Die: no connection, no port."""
        server, self._server = self._server, None
        if server is not None:
            await stop_accepting(server)
        self.drop()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if server is not None:
            await server.wait_closed()

    def drop(self) -> None:
        """Reset every connection."""
        for client in tuple(self._clients):
            client.writer.transport.abort()

    def publish(self, topic: bytes, body: bytes) -> int:
        """Give a message to whoever has subscribed; returns to how many."""
        hearing = [client for client in self._clients if topic in client.topics]
        for client in hearing:
            client.writer.write(command(b"message", topic, body))
        return len(hearing)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        client = _Client(writer, admitted=self.password is None)
        self._clients.add(client)
        decoder = ReplyDecoder(_MOST_WORDS)
        try:
            while data := await reader.read(_READ_BYTES):
                for words in decoder.feed(data):
                    if not self.deaf and isinstance(words, list):
                        writer.write(self._answer(client, [one for one in words if isinstance(one, bytes)]))
        except (OSError, RespError):
            pass
        finally:
            self._clients.discard(client)
            writer.transport.abort()

    def _answer(self, client: "_Client", words: list[bytes]) -> bytes:
        name, rest = (words[0].upper() if words else b""), words[1:]
        if name == b"AUTH" and rest:
            return self._admit(client, rest)
        if not client.admitted:
            return b"-NOAUTH Authentication required.\r\n"
        if name == b"PING":
            return command(b"pong", b"") if client.topics else b"+PONG\r\n"
        if name == b"SUBSCRIBE" and rest:
            return b"".join(client.subscribe(topic) for topic in rest)
        if client.topics:
            return b"-ERR only (P|S)SUBSCRIBE / PING / QUIT are allowed in this context\r\n"
        if name == b"PUBLISH" and len(rest) == 2:
            return b":%d\r\n" % self.publish(*rest)
        return b"-ERR unknown command\r\n"

    def _admit(self, client: "_Client", said: list[bytes]) -> bytes:
        user, password = (b"default", said[0]) if len(said) == 1 else (said[0], said[1])
        right = (self.password or "").encode()
        client.admitted = user == self.user.encode() and hmac.compare_digest(password, right)
        return b"+OK\r\n" if client.admitted else b"-WRONGPASS invalid username-password pair\r\n"


class _Client:
    def __init__(self, writer: asyncio.StreamWriter, *, admitted: bool) -> None:
        self.writer = writer
        self.admitted = admitted
        self.topics: set[bytes] = set()

    def subscribe(self, topic: bytes) -> bytes:
        self.topics.add(topic)
        return b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%b\r\n:%d\r\n" % (len(topic), topic, len(self.topics))


async def _run(port: int) -> None:
    server = RedisServer(port=port)
    await server.start()
    sys.stdout.write(f"127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main(given: Sequence[str] | None = None) -> int:
    """Serve until Ctrl-C; prints its address."""
    parser = argparse.ArgumentParser("python -m simulators.redis_server", description=__doc__)
    parser.add_argument("--port", type=int, default=6379)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(parser.parse_args(given).port))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
