"""Pure: the address of an RTSP camera, its answer to DESCRIBE (RFC 2326), and how old a frame of its stream is.

Nothing here reads a socket, a clock or a file, and nothing here decodes a picture.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from drivers.kit.camera.address import CameraAddress

RTSP_PORT = 554
MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
# FFmpeg's RTSP client keeps user and password in 128 bytes, and cuts what is longer without a word.
MAX_CREDENTIALS = 127
_STATUS = re.compile(rb"RTSP/1\.\d ([1-5]\d\d)(?: .*)?")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:(.*)")
_LENGTH = re.compile(r"[0-9]{1,9}")
_CODEC = re.compile(r"a=rtpmap:[0-9]{1,3}[ \t]+([A-Za-z0-9.-]{1,40})/.*")


def parse_url(url: str) -> CameraAddress:
    """Take an `rtsp://host[:port]/path?query` apart; `target` is the whole address, as it is asked for.

    Raises:
        ValueError: for another scheme, a missing host, credentials inside the address, or a character that
            has no place in a request line.
    """
    parts = urlsplit(url)
    if parts.scheme != "rtsp" or not parts.hostname:
        raise ValueError(f"expected rtsp://host[:port]/path, got {url!r}")
    if "@" in parts.netloc:
        raise ValueError("credentials belong in user and password_file, not in the address")
    if not url.isascii() or not url.isprintable() or " " in url or '"' in url:
        raise ValueError(f"the address may hold printable ASCII only, percent-encode the rest: {url!r}")
    return CameraAddress(parts.hostname, parts.port or RTSP_PORT, url.partition("#")[0])


def with_credentials(url: str, user: str, password: str) -> str:
    """The address as FFmpeg takes it, with who asks. A secret: it goes into no log, error or command line.

    Raises:
        ValueError: both are longer than FFmpeg keeps. The message names neither.
    """
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
    if len(credentials) > MAX_CREDENTIALS:
        raise ValueError(f"user and password of {len(credentials)} characters, percent-encoded")
    return "rtsp://" + credentials + "@" + url.removeprefix("rtsp://")


def encode_describe(address: CameraAddress, sequence: int, authorization: bytes | None = None) -> bytes:
    """A DESCRIBE of the stream, with the Authorization if any."""
    lines = [
        f"DESCRIBE {address.target} RTSP/1.0".encode("ascii"),
        b"CSeq: %d" % sequence,
        b"Accept: application/sdp",
        b"User-Agent: Kakou",
    ]
    if authorization is not None:
        lines.append(b"Authorization: " + authorization)
    return b"\r\n".join(lines) + b"\r\n\r\n"


class RtspError(ValueError):
    """The bytes are no answer over RTSP, or more than one may be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, its fields in their order with names in lower case, its body; `head` as it came."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    head: bytes

    def all(self, name: str) -> list[str]:
        """The values of all fields of this name (lower case)."""
        return [value for field, value in self.fields if field == name]


class AnswerReader:
    """Cuts answers out of a stream, fed in pieces of any size. Memory is bounded by one answer and one piece.

    Empty lines before an answer are skipped. What follows the first wrong byte is not looked at: a camera that
    answers wrongly is asked again on a connection of its own.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._failed = False

    @property
    def buffered_bytes(self) -> int:
        """How much is held back, waiting for more."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Answer]:
        """Take the next bytes and return the answers that they completed. Raises RtspError, and ever after."""
        answers: list[Answer] = []
        self._buffer += data
        try:
            while (answer := self._next()) is not None:
                answers.append(answer)
        except RtspError:
            self._failed = True
            self._buffer.clear()
            if not answers:
                raise
        return answers

    def _next(self) -> Answer | None:
        if self._failed:
            raise RtspError("nothing more after what was no answer")
        buffer = self._buffer
        while buffer[:2] == b"\r\n":
            del buffer[:2]
        start = b"RTSP/1."[: len(buffer)]
        if bytes(buffer[: len(start)]) != start and buffer != b"\r":
            raise RtspError(f"expected an answer over RTSP, got {bytes(buffer[:40])!r}")
        end = buffer.find(b"\r\n\r\n", 0, MAX_HEAD_BYTES + 4)
        if end < 0:
            if len(buffer) >= MAX_HEAD_BYTES + 4:
                raise RtspError(f"expected a head of at most {MAX_HEAD_BYTES} bytes")
            return None
        head = bytes(buffer[:end])
        status, fields, length = _head(head)
        if len(buffer) < end + 4 + length:
            return None
        body = bytes(buffer[end + 4 : end + 4 + length])
        del buffer[: end + 4 + length]
        return Answer(status, fields, body, head)


def _head(head: bytes) -> tuple[int, tuple[tuple[str, str], ...], int]:
    first, *lines = head.split(b"\r\n")
    if (status := _STATUS.fullmatch(first)) is None:
        raise RtspError(f"expected a status line, got {first[:40]!r}")
    fields = []
    for line in lines:
        if (field := _FIELD.fullmatch(line.decode("latin-1"))) is None:
            raise RtspError(f"expected a header field, got {line[:40]!r}")
        fields.append((field[1].lower(), field[2].strip(" \t")))
    lengths = {value for name, value in fields if name == "content-length"} or {"0"}
    if len(lengths) > 1 or not _LENGTH.fullmatch(length := lengths.pop()) or int(length) > MAX_BODY_BYTES:
        raise RtspError(f"expected a body of at most {MAX_BODY_BYTES} bytes")
    return int(status[1]), tuple(fields), int(length)


def video_codec(description: bytes) -> str | None:
    """The codec of the first video in a session description (RFC 4566), in capitals; None where it has no video.

    `?` where it is not named.
    """
    codec: str | None = None
    for line in description.decode("latin-1").splitlines():
        if line.startswith("m="):
            if codec is not None:
                break
            codec = "?" if line.startswith("m=video ") else None
        elif codec is not None and (named := _CODEC.fullmatch(line)) is not None:
            return named[1].upper()
    return codec


# A stream that begins with what the camera had kept comes faster than time: nothing is believed before it is even.
SETTLE_MS = 500
_EVEN_MS = 50
# No two clocks agree; those of cameras are off by some hundred parts in a million.
_DRIFT = 0.0005
_MOST_HELD_MS = 1_000.0


class StreamClock:
    """Says how old frames are, by comparing the stream's times with ours: what was held up is not taken for new.

    The quickest frame so far is taken to have come without delay. How long a frame takes through camera and network
    at its quickest cannot be known here, and the camera's idea of the date is never asked for.
    """

    def __init__(self) -> None:
        self._least_ms: float | None = None
        self._last_ms = 0
        self._last_stream_ms = 0.0
        self._uneven_ms = 0

    def age_ms(self, stream_ms: float, now_ms: int) -> int | None:
        """How old a frame is at least, in ms; None while that is not known yet.

        `stream_ms` is the frame's time in the stream, `now_ms` when it came. A stream whose time stands still
        or goes back is older with every frame.
        """
        # The decoder gives a frame when the next one begins.
        held_ms = min(max(stream_ms - self._last_stream_ms, 0.0), _MOST_HELD_MS)
        self._last_stream_ms = stream_ms
        offset_ms = now_ms - stream_ms
        if self._least_ms is None:
            self._least_ms, self._uneven_ms = offset_ms, now_ms
        else:
            self._least_ms += (now_ms - self._last_ms) * _DRIFT
        if offset_ms < self._least_ms - _EVEN_MS:
            self._uneven_ms = now_ms
        self._least_ms, self._last_ms = min(self._least_ms, offset_ms), now_ms
        if now_ms - self._uneven_ms < SETTLE_MS:
            return None
        return round(offset_ms - self._least_ms + held_ms)
