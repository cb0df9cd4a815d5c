"""Pictures by digest over HTTPS, for holders of a signed, expiring address (design: *Evidence*).

One GET for each connection, within bounds and time; whoever is slow or many is put off.
"""

import asyncio
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
        self._settings = settings
        self._store = store
        self._secret, self._site, self._utc = secret, site, utc
        self._connections: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve until cancelled. Raises OSError (also for a certificate: ssl.SSLError) where it cannot listen."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._settings.certificate_file, self._settings.key_file)
        server = await asyncio.start_server(
            self._accept, self._settings.host, self._settings.port, ssl=context, limit=MAX_HEAD_BYTES,
            ssl_handshake_timeout=REQUEST_S, backlog=MAX_CONNECTIONS,
        )  # fmt: skip
        self.port = server.sockets[0].getsockname()[1]
        self.listening.set()
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for task in tuple(self._connections):
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            if len(self._connections) >= MAX_CONNECTIONS:
                return
            self._connections.add(task)
            async with asyncio.timeout(REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
            status, body = await self._answer(head)
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
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # Theirs to try again: a reader that stops half way takes nothing with it.
            pass
        except asyncio.CancelledError:
            # The end of the server, which waits for this task. The streams of Python 3.11 would report it as an error.
            pass
        finally:
            self._connections.discard(task)
            writer.transport.abort()

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
