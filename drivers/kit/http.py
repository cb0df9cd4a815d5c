"""One short question over HTTP/1.1, its answer whole or not at all. Bytes are pure; `get` opens a connection for each.

No redirects, no chunks, no compression, no passwords: what such a small device needs, and nothing that could hang.
"""

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

MOST_BYTES = 64 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?", re.ASCII)
_LENGTH = re.compile(rb"[0-9]{1,6}")
_DEFAULT_PORT = 80


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The status and the body of an answer."""

    status: int
    body: bytes


class HttpError(Exception):
    """There is no answer. `code`: `unreachable`, `silent`, or `garbled` where what came is no HTTP."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def encode_get(url: str) -> bytes:
    """Return the bytes that ask for `url`."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = (f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", "Accept: application/json", "Connection: close", "", "")
    return "\r\n".join(lines).encode("ascii", "replace")


def parse_answer(raw: bytes) -> HttpAnswer | None:
    """Return the answer that `raw`, all of a closed connection, is; None where it is none or not whole."""
    head, end, body = raw.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(lines[0])
    fields = [line.partition(b":")[::2] for line in lines[1:]]
    named = {name.strip().lower(): value.strip() for name, value in fields}
    if not end or status is None or b"transfer-encoding" in named or len(named) != len(fields):
        return None
    length = named.get(b"content-length", b"%d" % len(body))
    if not _LENGTH.fullmatch(length) or int(length) != len(body):
        return None
    return HttpAnswer(int(status[1]), body)


async def get(url: str, timeout_s: float) -> HttpAnswer:
    """Ask for `url`, everything within `timeout_s`. Raises HttpError."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(timeout_s):
            raw = await _exchange(parts.hostname or "", parts.port or _DEFAULT_PORT, encode_get(url))
    except TimeoutError as error:
        raise HttpError("silent", f"no whole answer in {timeout_s:g} s") from error
    except (OSError, UnicodeError) as error:
        raise HttpError("unreachable", str(error) or type(error).__name__) from error
    answer = parse_answer(raw)
    if answer is None:
        raise HttpError("garbled", f"{len(raw)} bytes that are no whole answer")
    return answer


async def _exchange(host: str, port: int, question: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(question)
        raw = bytearray()
        while len(raw) <= MOST_BYTES and (data := await reader.read(4096)):
            raw += data
        return bytes(raw[: MOST_BYTES + 1])
    finally:
        # At once: a peer that holds the connection open holds nothing else.
        writer.transport.abort()
