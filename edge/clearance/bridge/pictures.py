"""The pictures of a passage, fetched from the lane by digest and kept beside the bridge's book.

After the question and never before it: no answer waits for a picture. What comes is believed by its digest alone.
"""

import asyncio
import hashlib
import logging
import ssl
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edge.clearance.bridge.trusting import server_tls
from edge.clearance.picture_access import AddressError, address_of
from edge.files import write_whole

_log = logging.getLogger(__name__)

MAX_PICTURE_BYTES = 8 * 1024 * 1024
MAX_HEAD_BYTES = 8 * 1024
FETCH_S = 15.0
# A longer length is no picture of ours; thousands of digits are not even a number here.
_LENGTH_DIGITS = 10
# Passages come once a minute; more than this waits for nothing but a lane that is cut off.
MOST_WAITING = 256
MOST_KEPT = 20_000
_TRIES = 3


class PictureError(Exception):
    """A picture was not fetched. `reason` is stable.

    Reasons: address_form, unreachable, timeout, tls, head_form, status_NNN, too_large, cut, wrong_digest, not_kept.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PictureFolder:
    """Fetches what `want` names, as long as `run` runs, into `DIGEST.jpg` files of one folder; the oldest go first."""

    def __init__(self, folder: Path, ca_file: Path, *, retry_s: float = 2.0) -> None:
        """Raises OSError for a folder or a CA file that cannot be used."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.fetched = 0
        self.failed: deque[str] = deque(maxlen=100)
        self._folder = folder
        self._tls = server_tls(ca_file)
        self._retry_s = retry_s
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue(MOST_WAITING)

    def want(self, claims: Mapping[str, Any]) -> None:
        """Have the pictures of a request fetched, where it says how; what no longer fits is told and left out."""
        if "pictures" not in claims:
            return
        for digest in claims["evidence"]:
            try:
                self._waiting.put_nowait((digest, address_of(claims, digest)))
            except (AddressError, asyncio.QueueFull) as error:
                self._tell(getattr(error, "reason", "too_many"))
                return

    def read(self, digest: str) -> bytes | None:
        """Return a picture that was fetched, None where there is none or it is not what it was."""
        try:
            picture = (self._folder / f"{digest}.jpg").read_bytes()
        except OSError:
            return None
        return picture if hashlib.sha256(picture).hexdigest() == digest else None

    async def run(self) -> None:
        """Fetch one after another until cancelled."""
        with suppress(OSError):
            await asyncio.to_thread(self._prune)
        while True:
            digest, address = await self._waiting.get()
            if not (self._folder / f"{digest}.jpg").exists():
                await self._fetch(digest, address)

    async def _fetch(self, digest: str, address: str) -> None:
        for left in reversed(range(_TRIES)):
            try:
                picture = await fetch(address, digest, self._tls)
                await asyncio.to_thread(self._keep, digest, picture)
            except PictureError as error:
                if not left:
                    self._tell(error.reason)
                    return
                await asyncio.sleep(self._retry_s)
            else:
                self.fetched += 1
                return

    def _keep(self, digest: str, picture: bytes) -> None:
        try:
            write_whole(self._folder / f"{digest}.jpg", picture)
            if self.fetched % 100 == 99:
                self._prune()
        except OSError as error:
            raise PictureError("not_kept") from error

    def _prune(self) -> None:
        kept = sorted(self._folder.glob("*.jpg"), key=lambda path: path.stat().st_mtime)
        for path in kept[: max(0, len(kept) - MOST_KEPT)]:
            path.unlink(missing_ok=True)

    def _tell(self, reason: str) -> None:
        self.failed.append(reason)
        _log.warning("picture_not_fetched", extra={"reason": reason})


async def fetch(address: str, digest: str, tls: ssl.SSLContext) -> bytes:
    """Return the picture of an https address; raises PictureError. No redirect is followed."""
    try:
        parts = urlsplit(address)
        port = parts.port or 443
    except ValueError as error:
        raise PictureError("address_form") from error
    try:
        async with asyncio.timeout(FETCH_S):
            reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls, limit=MAX_HEAD_BYTES)
            try:
                writer.write(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
                picture = await _received(reader)
            finally:
                writer.transport.abort()
    except TimeoutError as error:
        raise PictureError("timeout") from error
    except ssl.SSLError as error:
        raise PictureError("tls") from error
    except (OSError, UnicodeError) as error:
        # A host name that no name server could be asked for is refused before anything is sent.
        raise PictureError("unreachable") from error
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise PictureError("cut") from error
    if hashlib.sha256(picture).hexdigest() != digest:
        raise PictureError("wrong_digest")
    return picture


async def _received(reader: asyncio.StreamReader) -> bytes:
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, _, rest = status.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise PictureError("head_form")
    if rest[:3] != "200":
        raise PictureError(f"status_{rest[:3]}")
    lengths = [line.partition(":")[2].strip() for line in lines if line.lower().startswith("content-length:")]
    if len(lengths) != 1 or not lengths[0].isascii() or not lengths[0].isdigit():
        raise PictureError("head_form")
    if len(lengths[0]) > _LENGTH_DIGITS or int(lengths[0]) > MAX_PICTURE_BYTES:
        raise PictureError("too_large")
    return await reader.readexactly(int(lengths[0]))
