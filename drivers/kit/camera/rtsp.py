"""Pure: the address of an RTSP camera, requests and answers (RFC 2326), and what a session description offers.

Nothing here reads a socket, a clock or a file, and nothing here decodes a picture.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from drivers.kit.camera.address import CameraAddress

RTSP_PORT = 554
H264 = "H264"
MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
# FFmpeg's RTSP client keeps user and password in 128 bytes, and cuts what is longer without a word.
MAX_CREDENTIALS = 127
_STATUS = re.compile(rb"RTSP/1\.\d ([1-5]\d\d)(?: .*)?")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:(.*)")
_LENGTH = re.compile(r"[0-9]{1,9}")
_MEDIA = re.compile(r"m=([a-z]{1,20}) [0-9/]{1,12} \S{1,40} ([0-9]{1,3})(?: .*)?")
_CODEC = re.compile(r"a=rtpmap:([0-9]{1,3})[ \t]+([A-Za-z0-9.+-]{1,40})/([0-9]{1,9}).*")
_CONTROL = re.compile(r"a=control:([!-~]{1,500})[ \t]*")


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


def encode_request(
    method: str, target: str, sequence: int, authorization: bytes | None = None, fields: tuple[str, ...] = ()
) -> bytes:
    """A request, with its own fields (`Accept: application/sdp`) and the Authorization if any."""
    own = [one.encode("ascii") for one in fields]
    lines = [f"{method} {target} RTSP/1.0".encode("ascii"), b"CSeq: %d" % sequence, *own, b"User-Agent: Kakou"]
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
        return None if buffer == b"\r" else take_answer(buffer)


def take_answer(buffer: bytearray) -> Answer | None:
    """Take the answer off the beginning of a buffer; None where it is not all there. Raises RtspError."""
    start = b"RTSP/1."[: len(buffer)]
    if bytes(buffer[: len(start)]) != start:
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


@dataclass(slots=True)
class Media:
    """One media of a session description (RFC 4566): `video`, `application`; what it is of its first payload type.

    `codec` is in capitals, `?` where it is not named; `control` is as it is written, empty where it is not.
    """

    kind: str
    payload_type: int
    codec: str = "?"
    clock_hz: int = 0
    control: str = ""


def medias(description: bytes) -> list[Media]:
    """What a session description offers, in its order. Never raises."""
    found: list[Media] = []
    inside = False
    for line in description.decode("latin-1").splitlines():
        if line.startswith("m="):
            # One that cannot be read is none, and what follows it is not that of the one before.
            if inside := (media := _MEDIA.fullmatch(line)) is not None:
                found.append(Media(media[1], int(media[2])))
        elif inside and (named := _CODEC.fullmatch(line)) is not None:
            if int(named[1]) == found[-1].payload_type and found[-1].codec == "?":
                found[-1].codec, found[-1].clock_hz = named[2].upper(), int(named[3])
        elif inside and (control := _CONTROL.fullmatch(line)) is not None:
            found[-1].control = control[1]
    return found


def video_codec(description: bytes) -> str | None:
    """The codec of the first video in a session description, in capitals; None where it has no video.

    `?` where it is not named.
    """
    return next((one.codec for one in medias(description) if one.kind == "video"), None)
