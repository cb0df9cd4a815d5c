"""Pictures by digest over HTTPS, for holders of a signed, expiring address (design: *Evidence*).

One GET for each connection, within bounds and time. No more than `MAX_CONNECTIONS` are accepted, handshakes counted,
and no faster than `MOST_PER_S`: whoever is many waits with the kernel and costs the lanes nothing.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edge.clearance.picture_access import AddressError, digest_of
from edge.log import logger
from edge.runtime.evidence import EvidenceError, EvidenceStore

MAX_HEAD_BYTES = 8 * 1024
MAX_CONNECTIONS = 16
# A handshake costs milliseconds of the process that moves the booms: a passage has a dozen pictures, a flood no end.
MOST_PER_S = 10
REQUEST_S = 5.0
ANSWER_S = 30.0
_STATUS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class PictureServerSettings:
    """Where to listen, and the PEM files of this server's certificate and its key."""

    host: str
    port: int
    certificate_file: Path
    key_file: Path


class PictureServer:
    """Serves as long as `run` runs. `port` is known then; `counts` are of answers by status."""

    def __init__(
        self,
        settings: PictureServerSettings,
        store: EvidenceStore,
        *,
        secret: bytes,
        site: str,
        utc: Callable[[], datetime],
    ) -> None:
        self.port = settings.port
        self.counts: dict[int, int] = {}
        self.listening = asyncio.Event()
        # Told why nobody gets a picture, and None once it listens.
        self.on_state: Callable[[str | None], None] = lambda _why: None
        self._settings = settings
        self._store = store
        self._secret, self._site, self._utc = secret, site, utc
        self._connections: set[asyncio.Task[None]] = set()
        self._context: ssl.SSLContext | None = None
        self._stamp: tuple[tuple[int, int], ...] = ()

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError (also for a certificate: ssl.SSLError) where it cannot listen."""
        loop = asyncio.get_running_loop()
        try:
            try:
                self._tls()
                taken = await self._listener()
            except OSError as error:
                self.on_state(f"{self._settings.host}:{self._settings.port}: {error}")
                raise
            with taken as listener:
                self.port = listener.getsockname()[1]
                self.listening.set()
                self.on_state(None)
                while True:
                    while len(self._connections) >= MAX_CONNECTIONS:
                        await asyncio.wait(self._connections, return_when=asyncio.FIRST_COMPLETED)
                    connection, _ = await loop.sock_accept(listener)
                    task = loop.create_task(self._serve(connection))
                    self._connections.add(task)
                    task.add_done_callback(self._connections.discard)
                    await asyncio.sleep(1 / MOST_PER_S)
        finally:
            for task in tuple(self._connections):
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _listener(self) -> socket.socket:
        found = await asyncio.get_running_loop().getaddrinfo(
            self._settings.host, self._settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, _, _, _, address = found[0]
        listener = socket.create_server(address[:2], family=family, backlog=MAX_CONNECTIONS)
        listener.setblocking(False)
        return listener

    def _tls(self) -> ssl.SSLContext:
        """The certificate as its files are now: a renewed one needs no restart, a half renewed one is not taken yet."""
        files = self._settings.certificate_file, self._settings.key_file
        try:
            stamp = tuple((found.st_mtime_ns, found.st_size) for found in (file.stat() for file in files))
            if self._context is None or stamp != self._stamp:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.load_cert_chain(*files)
                self._context, self._stamp = context, stamp
        except OSError as error:
            if self._context is None:
                raise
            logger().warning("picture_certificate_not_taken", file=str(files[0]), cause=str(error))
        return self._context

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=MAX_HEAD_BYTES)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport: asyncio.WriteTransport | None = None
        try:
            async with asyncio.timeout(REQUEST_S):
                transport, _ = await loop.connect_accepted_socket(
                    lambda: protocol, connection, ssl=self._tls(), ssl_shutdown_timeout=REQUEST_S
                )
                head = await reader.readuntil(b"\r\n\r\n")
            await self._reply(asyncio.StreamWriter(transport, protocol, reader, loop), *await self._answer(head))
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # Theirs to try again: a reader that stops half way takes nothing with it.
            pass
        finally:
            if transport is not None:
                transport.abort()

    async def _reply(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        self.counts[status] = self.counts.get(status, 0) + 1
        kind = "image/jpeg" if status == 200 else "text/plain"
        writer.write(
            f"HTTP/1.1 {status} {_STATUS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
            + body
        )
        async with asyncio.timeout(ANSWER_S):
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    async def _answer(self, head: bytes) -> tuple[int, bytes]:
        method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
        target, _, version = rest.partition(b" ")
        if method != b"GET" or not version.startswith(b"HTTP/1.") or not target.isascii():
            return 400, b"request\n"
        try:
            digest = digest_of(target.decode("ascii"), self._secret, self._site, self._utc().timestamp())
        except AddressError as error:
            logger().warning("picture_refused", reason=error.reason)
            return 403, f"{error.reason}\n".encode()
        try:
            return 200, await self._store.read(digest)
        except EvidenceError as error:
            logger().warning("picture_not_given", code=error.code)
            return (404 if error.code == "evidence_missing" else 503), f"{error.code}\n".encode()
