"""RESP2, what Redis speaks, as far as publishing and subscribing need it: bytes to replies and back. Pure.

    +OK            a word          -ERR text      a refusal        :3             a number
    $5 hello       text            $-1            nothing          *2 ... ...     a list of such

Each line ends with CR LF. There is nothing to find the way back by: what is no reply ends the connection.
"""

import re
from dataclasses import dataclass

# A message that is longer than the customs protocol allows is still taken off the wire, up to this.
MAX_BULK_BYTES = 1024 * 1024
MAX_LINE_BYTES = 1024
# `message`, topic, payload; the confirmation of a subscription has as many.
MAX_LIST = 8
_NUMBER = re.compile(rb"-?[0-9]{1,18}\Z")


class RespError(ValueError):
    """The bytes are no reply of bounded size. `reason` is stable.

    Reasons: resp_type, resp_number, resp_end, resp_line_too_long, resp_too_long, resp_list.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of the server; its first word is a code, such as NOAUTH."""

    text: str


Scalar = str | int | bytes | Refusal | None
Reply = Scalar | list[Scalar]


def command(*parts: bytes) -> bytes:
    """Return a command as a client sends it: a list of texts."""
    return b"".join((b"*%d\r\n" % len(parts), *(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)))


class ReplyDecoder:
    """Replies from a stream cut anywhere. Holds less than one longest reply."""

    def __init__(self, most_in_list: int = MAX_LIST) -> None:
        self._most_in_list = most_in_list
        self._buffer = bytearray()
        # Where the rest of a long text ends: looked at again no sooner.
        self._wants = 0

    @property
    def pending(self) -> int:
        """Bytes that may become a reply."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Reply]:
        """Return the replies that are whole now, in order. Raises RespError; nothing that follows is a reply then."""
        self._buffer += data
        found: list[Reply] = []
        while self._buffer and len(self._buffer) >= self._wants:
            reading = _Reading(self._buffer, self._most_in_list)
            try:
                found.append(reading.reply())
            except _MoreError as more:
                self._wants = more.until
                break
            self._wants = 0
            del self._buffer[: reading.at]
        return found


class _MoreError(Exception):
    """The reply goes on: no sooner than at `until` bytes can more be said."""

    def __init__(self, until: int) -> None:
        super().__init__()
        self.until = until


class _Reading:
    """One reply from the start of a buffer; `at` is where it ends."""

    def __init__(self, buffer: bytearray, most_in_list: int) -> None:
        self.at = 0
        self._most_in_list = most_in_list
        self._buffer = buffer

    def reply(self) -> Reply:
        kind, rest = self._line()
        if kind != b"*":
            return self._scalar(kind, rest)
        count = _number(rest)
        if not 0 <= count <= self._most_in_list:
            raise RespError("resp_list")
        return [self._scalar(*self._line()) for _ in range(count)]

    def _scalar(self, kind: bytes, rest: bytes) -> Scalar:
        if kind == b"$":
            return self._bulk(_number(rest))
        if kind == b":":
            return _number(rest)
        if kind in (b"+", b"-"):
            text = rest.decode("utf-8", "replace")
            return text if kind == b"+" else Refusal(text)
        raise RespError("resp_type")

    def _line(self) -> tuple[bytes, bytes]:
        end = self._buffer.find(b"\r\n", self.at, self.at + MAX_LINE_BYTES)
        if end < 0:
            if len(self._buffer) - self.at >= MAX_LINE_BYTES:
                raise RespError("resp_line_too_long")
            raise _MoreError(len(self._buffer) + 1)
        line = bytes(self._buffer[self.at : end])
        self.at = end + 2
        return line[:1], line[1:]

    def _bulk(self, length: int) -> bytes | None:
        if length == -1:
            return None
        if not 0 <= length <= MAX_BULK_BYTES:
            raise RespError("resp_too_long")
        end = self.at + length
        if len(self._buffer) < end + 2:
            raise _MoreError(end + 2)
        if self._buffer[end : end + 2] != b"\r\n":
            raise RespError("resp_end")
        text = bytes(self._buffer[self.at : end])
        self.at = end + 2
        return text


def _number(text: bytes) -> int:
    if not _NUMBER.match(text):
        raise RespError("resp_number")
    return int(text)
