"""Pure bytes <-> values of cameras over HTTP: the request, the multipart stream, picture headers.

Nothing here reads a socket, a clock or a file, and nothing here decodes a picture.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

PictureFormat = Literal["jpeg", "png"]

MAX_PART_HEAD_BYTES = 8 * 1024
# Line ends and dashes before a delimiter are no part of the picture that they follow.
_LINE_END_ROOM = 4
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_JPEG_MAGIC = b"\xff\xd8\xff"
_END_OF_IMAGE = b"\xff\xd9"
# Start-of-frame markers of ITU-T T.81 table B.1; C4, C8 and CC are other segments in the same range.
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*([0-9]{1,12})[ \t]*", re.IGNORECASE)
_TYPE = re.compile(rb"content-type[ \t]*:[ \t]*([^;\s]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CameraAddress:
    """Where a camera answers, taken apart: `target` is the path with its query, `secured` HTTPS."""

    host: str
    port: int
    target: str
    secured: bool = False


def parse_url(url: str) -> CameraAddress:
    """Take an `http://host[:port]/path?query` or `https://` address apart.

    Raises:
        ValueError: for another scheme, a missing host, credentials inside the address, or a character that
            has no place in a request line.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"expected http://host[:port]/path or https://, got {url!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials belong in user and password_file, not in the address")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    written = target + parts.hostname
    # A quote would end the address within a digest's Authorization.
    if not written.isascii() or not written.isprintable() or " " in target or '"' in target:
        raise ValueError(f"the address may hold printable ASCII only, percent-encode the rest: {url!r}")
    secured = parts.scheme == "https"
    return CameraAddress(parts.hostname, parts.port or (443 if secured else 80), target, secured)


def encode_request(address: CameraAddress, authorization: bytes | None = None) -> bytes:
    """A GET for one picture or one stream on a connection of its own (RFC 9112), with the Authorization if any."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    lines = [
        f"GET {address.target} HTTP/1.1",
        f"Host: {host}:{address.port}",
        "Accept: image/jpeg, image/png, multipart/x-mixed-replace",
        "Connection: close",
    ]
    head = [line.encode("ascii") for line in lines]
    if authorization is not None:
        head.append(b"Authorization: " + authorization)
    return b"\r\n".join(head) + b"\r\n\r\n"


def boundary_of(content_type: str) -> str | None:
    """The boundary parameter of a multipart content type, None where it is another type or has none."""
    if not content_type.strip().lower().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]) if found else None


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What a picture's header claims. `complete` is False where its end marker is missing."""

    format: PictureFormat
    width: int
    height: int
    complete: bool


def read_picture_header(data: bytes) -> PictureHeader | None:
    """Size of a JPEG or PNG from its header alone, so that a bomb is refused before anything decodes it.

    None where the bytes are no such picture, or end before the size is known.
    """
    if data.startswith(_PNG_MAGIC):
        return _png_header(data)
    if data.startswith(_JPEG_MAGIC):
        return _jpeg_header(data)
    return None


def _png_header(data: bytes) -> PictureHeader | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if not width or not height:
        return None
    return PictureHeader("png", width, height, b"IEND\xaeB`\x82" in data[-64:])


def _jpeg_header(data: bytes) -> PictureHeader | None:
    size: tuple[int, int] | None = None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            return None
        if marker in _START_OF_FRAME and at + 9 <= len(data):
            height, width = int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
            # The largest of several claims: what a decoder would do with a second one is not ours to guess.
            size = max(size or (0, 0), (width, height), key=lambda claim: claim[0] * claim[1])
        if marker == _START_OF_SCAN:
            break
        at += 2 + length
    if size is None or not size[0] or not size[1]:
        return None
    # Inside a scan FF is always stuffed, so this marker cannot be picture data (T.81 B.1.1.5).
    return PictureHeader("jpeg", size[0], size[1], data.rfind(_END_OF_IMAGE, at) > at)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a stream. `oversized`: it passed the byte limit, so its bytes were dropped (`data` is empty)."""

    data: bytes
    oversized: bool = False


class MultipartParser:
    """Takes a `multipart/x-mixed-replace` stream apart, fed in pieces of any size (RFC 2046, as cameras bend it).

    A part ends at its Content-Length or at the next delimiter, whichever comes first: a wrong length costs that
    part alone. Whatever stands between parts is skipped. Parts that say they are no picture are left out.
    Memory is bounded by `max_bytes` plus one head and one piece.
    """

    def __init__(self, boundary: str, max_bytes: int) -> None:
        # Some cameras write the leading dashes into the parameter, some do not: look for the name behind two.
        self._delimiter = b"--" + boundary.lstrip("-").encode("latin-1", "replace")
        self._max_bytes = max_bytes
        self._buffer = bytearray()
        self._state: Literal["seek", "head", "body", "skip"] = "seek"
        self._scanned = 0
        self._head_bytes = 0
        self._length: int | None = None
        self._is_picture = True

    @property
    def buffered_bytes(self) -> int:
        """How much is held back, waiting for more."""
        return len(self._buffer)

    @property
    def inside_part(self) -> bool:
        """True where the stream has begun a part and not ended it: its last byte has yet to come."""
        return self._state in ("head", "body")

    def feed(self, data: bytes) -> list[Part]:
        """Take the next bytes and return the parts that they completed, oldest first."""
        self._buffer += data
        parts: list[Part] = []
        advance = {"seek": self._seek, "skip": self._seek, "head": self._head, "body": self._body}
        while advance[self._state](parts):
            pass
        return parts

    def _enter(self, state: Literal["seek", "head", "body", "skip"]) -> None:
        self._state = state
        self._scanned = 0

    def _start_part(self, after: int) -> bool:
        del self._buffer[:after]
        self._length, self._is_picture, self._head_bytes = None, True, 0
        self._enter("head")
        return True

    def _seek(self, _parts: list[Part]) -> bool:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            keep = len(self._delimiter) - 1
            del self._buffer[: max(0, len(self._buffer) - keep)]
            return False
        return self._start_part(at + len(self._delimiter))

    def _head(self, _parts: list[Part]) -> bool:
        end = self._buffer.find(b"\n", self._scanned)
        if end < 0:
            self._scanned = len(self._buffer)
            if self._head_bytes + len(self._buffer) > MAX_PART_HEAD_BYTES:
                self._enter("seek")
                return True
            return False
        first = self._head_bytes == 0
        line = bytes(self._buffer[:end]).rstrip(b"\r")
        self._head_bytes += end + 1
        if self._head_bytes > MAX_PART_HEAD_BYTES or (at := line.find(self._delimiter)) >= 0:
            # A head without an end, or cut short by the next delimiter: look again from here.
            cut = 0 if self._head_bytes <= MAX_PART_HEAD_BYTES and at >= 0 else end + 1
            del self._buffer[:cut]
            self._enter("seek")
            return True
        del self._buffer[: end + 1]
        self._scanned = 0
        if first:
            # The rest of the delimiter's own line; two dashes there end the stream.
            if line.startswith(b"--"):
                self._enter("seek")
        elif not line:
            self._enter("body")
        else:
            self._header(line)
        return True

    def _header(self, line: bytes) -> None:
        if (length := _LENGTH.fullmatch(line)) is not None:
            self._length = int(length[1])
        elif (kind := _TYPE.match(line)) is not None:
            media = kind[1].lower()
            self._is_picture = media.startswith(b"image/") or media == b"application/octet-stream"

    def _body(self, parts: list[Part]) -> bool:
        limit = len(self._buffer) if self._length is None else min(self._length, len(self._buffer))
        start = max(0, self._scanned - len(self._delimiter) + 1)
        at = self._buffer.find(self._delimiter, start, limit)
        self._scanned = limit
        room = self._max_bytes + _LINE_END_ROOM
        if at > room or (at < 0 and limit > room + len(self._delimiter)):
            return self._drop(parts)
        if at >= 0:
            return self._finish(bytes(self._buffer[:at]).rstrip(b"\r\n-"), at, parts)
        if limit == self._length:
            return self._finish(bytes(self._buffer[:limit]), limit, parts)
        return False

    def _drop(self, parts: list[Part]) -> bool:
        """Give the part up but keep its bytes in sight: a delimiter may lie across its end."""
        if self._is_picture:
            parts.append(Part(b"", oversized=True))
        self._enter("skip")
        return True

    def _finish(self, data: bytes, used: int, parts: list[Part]) -> bool:
        if len(data) > self._max_bytes:
            return self._drop(parts)
        if self._is_picture and data:
            parts.append(Part(data))
        del self._buffer[:used]
        self._enter("seek")
        return True
