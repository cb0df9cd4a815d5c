"""Lines of text on a stream. A line that is refused goes whole: the tail of a garbled one is never another line."""

import re
from abc import abstractmethod

from drivers.kit.wire import NO_FRAME, NOT_YET, F, StreamDecoder


class LineDecoder(StreamDecoder[F]):
    """Lines that end with any byte of `ends`, of less than `most_bytes`; empty ones are nothing at all."""

    def __init__(self, ends: bytes, most_bytes: int) -> None:
        super().__init__()
        self._ends = ends
        self._end = re.compile(b"[" + re.escape(ends) + b"]")
        self._most_bytes = most_bytes
        # What is held is the tail of a line whose beginning was dropped.
        self._headless = False

    @abstractmethod
    def read(self, line: bytes) -> F | None:
        """Return what a line says, without its end; None where it is refused."""

    def measure(self, data: bytearray, at: int) -> int:
        """Frame by the end."""
        found = self._end.search(data, at)
        if found is not None:
            return found.end() - at
        return NOT_YET if len(data) - at < self._most_bytes else NO_FRAME

    def parse(self, candidate: bytes) -> F | None:
        """Refuse what is too long, and the tail of what was."""
        if self._headless or len(candidate) > self._most_bytes:
            return None
        return self.read(candidate[:-1])

    def reset(self) -> None:
        """Forget an unfinished line."""
        super().reset()
        self._headless = False

    def give_up(self) -> list[F]:
        """Drop an unfinished line: nothing hides in it."""
        self._headless = self._headless or bool(self._buffer)
        self.dropped_bytes += len(self._buffer)
        self._buffer.clear()
        return []

    def _next_head(self, position: int) -> int:
        while position < len(self._buffer) and self._buffer[position] in self._ends and not self._headless:
            position += 1
        return position

    def _drop(self, position: int) -> int:
        found = self._end.search(self._buffer, position)
        self._headless = found is None
        end = len(self._buffer) if found is None else found.end()
        self.dropped_bytes += end - position
        return end
