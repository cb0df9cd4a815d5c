"""Pure: a multipart stream taken apart, whatever its parts are (RFC 2046, as cameras bend it)."""

import re
from dataclasses import dataclass
from typing import Literal

MAX_PART_HEAD_BYTES = 8 * 1024
# Line ends and dashes before a delimiter are no part of the picture that they follow.
_LINE_END_ROOM = 4
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)
_LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*([0-9]{1,12})[ \t]*", re.IGNORECASE)
_TYPE = re.compile(rb"content-type[ \t]*:[ \t]*([^;\s]+)", re.IGNORECASE)
_NAMED = re.compile(rb"content-disposition[ \t]*:(.*)", re.IGNORECASE)
_NAME = re.compile(rb'(?:file)?name[ \t]*=[ \t]*(?:"([^"]*)"|([^\s;"]+))', re.IGNORECASE)


def boundary_of(content_type: str) -> str | None:
    """The boundary parameter of a multipart content type, None where it is another type or has none."""
    if not content_type.strip().lower().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]) if found else None


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a stream. `oversized`: it passed the byte limit, so its bytes were dropped (`data` is empty).

    `media` is its content type in lower case without parameters, `names` what its disposition calls it (name, file
    name); both are empty where its head does not tell.
    """

    data: bytes
    oversized: bool = False
    media: str = ""
    names: tuple[str, ...] = ()

    @property
    def may_be_picture(self) -> bool:
        """False where it says that it is something else."""
        return not self.media or self.media.startswith("image/") or self.media == "application/octet-stream"


class MultipartParser:
    """Takes a multipart stream apart, fed in pieces of any size (RFC 2046, as cameras bend it).

    A part ends at its Content-Length or at the next delimiter, whichever comes first: a wrong length costs that
    part alone. Whatever stands between parts is skipped, and so are parts without a byte. Memory
    is bounded by `max_bytes` plus one head and one piece.
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
        self._media = ""
        self._names: tuple[str, ...] = ()

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
        self._length, self._media, self._names, self._head_bytes = None, "", (), 0
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
            self._media = kind[1].lower().decode("latin-1")
        elif (named := _NAMED.fullmatch(line)) is not None:
            self._names = tuple((one[1] or one[2] or b"").decode("latin-1") for one in _NAME.finditer(named[1]))

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
        parts.append(Part(b"", oversized=True, media=self._media, names=self._names))
        self._enter("skip")
        return True

    def _finish(self, data: bytes, used: int, parts: list[Part]) -> bool:
        if len(data) > self._max_bytes:
            return self._drop(parts)
        if data:
            parts.append(Part(data, media=self._media, names=self._names))
        del self._buffer[:used]
        self._enter("seek")
        return True
