"""Pure: the head of a push, an HTTP/1.x request with a body of a known length (RFC 9112), and what it is answered."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MOST_HEAD_BYTES = 8 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINE = re.compile(rb"([A-Z]{1,16}) ([!-~]{1,2000}) HTTP/1\.([01])")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64})[ \t]*:[ \t]*(.*?)[ \t]*", re.DOTALL)
_LENGTH = re.compile(rb"[0-9]{1,12}")
UNPROVED = 401
_SAID = {
    200: "OK",
    400: "Bad Request",
    UNPROVED: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
    507: "Insufficient Storage",
}


class PushRefusedError(Exception):
    """A push is not taken: `status` is what it is answered, `reason` says why in a few words."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PushHead:
    """What a body will be: its content type as it was sent, its bytes, and whether its sender waits to be told.

    `method` and `target` are as they were asked, `authorization` says who asks, empty where it does not.
    """

    media: str
    length: int
    waits: bool
    method: str = "POST"
    target: str = "/"
    authorization: str = field(default="", repr=False)
    # Its sender asks nothing more on this connection.
    ends: bool = False


def parse_head(raw: bytes, *, path: str, most_bytes: int) -> PushHead:
    """Read a head up to its empty line. `path` `/` is every path; a query says nothing.

    Raises PushRefusedError: another method or path, no length, one that is too large, or no HTTP.
    """
    first, *lines = raw.removesuffix(b"\r\n\r\n").split(b"\r\n")
    asked = _LINE.fullmatch(first)
    if asked is None:
        raise PushRefusedError(400, "no request of HTTP/1.1")
    fields: dict[bytes, bytes] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise PushRefusedError(400, "a header that is none")
        name = found[1].lower()
        if name == b"content-length" and fields.get(name, found[2]) != found[2]:
            raise PushRefusedError(400, "two lengths")
        fields[name] = found[2]
    if asked[1] not in (b"POST", b"PUT"):
        raise PushRefusedError(405, "POST is expected here")
    if path != "/" and _path_of(asked[2]) != path:
        raise PushRefusedError(404, "nothing is expected at this path")
    length = fields.get(b"content-length", b"")
    if b"transfer-encoding" in fields or not length:
        raise PushRefusedError(411, "a body with its Content-Length is expected, not in chunks")
    if not _LENGTH.fullmatch(length):
        raise PushRefusedError(400, "a length that is none")
    if int(length) > most_bytes:
        raise PushRefusedError(413, f"at most {most_bytes} bytes are taken")
    media = fields.get(b"content-type", b"").decode("latin-1")
    waits = fields.get(b"expect", b"").lower() == b"100-continue"
    authorization = fields.get(b"authorization", b"").decode("latin-1")
    kept = fields.get(b"connection", b"keep-alive" if asked[3] == b"1" else b"close").lower() == b"keep-alive"
    return PushHead(media, int(length), waits, asked[1].decode(), asked[2].decode(), authorization, not kept)


def _path_of(target: bytes) -> str:
    try:
        return urlsplit(target.decode("ascii")).path or "/"
    except ValueError:
        return ""


def encode_answer(status: int, reason: str = "", asks: Sequence[str] = (), *, goes_on: bool = False) -> bytes:
    """Return the answer to a push; the connection ends with it where it does not go on. `asks`: WWW-Authenticate."""
    body = reason.encode("ascii", "replace") + b"\n" if reason else b""
    asked = "".join(f"WWW-Authenticate: {one}\r\n" for one in asks)
    head = (
        f"HTTP/1.1 {status} {_SAID.get(status, 'Error')}\r\nContent-Type: text/plain\r\n{asked}"
        f"Content-Length: {len(body)}\r\nConnection: {'keep-alive' if goes_on else 'close'}\r\n\r\n"
    )
    return head.encode("ascii") + body


def encode_push(path: str, media: str, body: bytes) -> bytes:
    """Return a push as a device sends it: for simulators."""
    head = f"POST {path} HTTP/1.1\r\nHost: kakou\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body
