"""What crossed the wires of devices, in a file of bounded size: lines of JSON, the first one saying what it is.

A line has `at_ms` (of the process's monotonic clock), `device`, `sent`, and `hex`, or `picture` in base64. Plates, tags
and pictures are in it: the file is readable to its owner alone, and says so.
"""

import base64
import contextlib
import errno
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

FORMAT = 1
LEAST_BYTES = 64 * 1024
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG")


class Recording:
    """One file, and one before it: when it has grown to half of `most_bytes` it becomes `<name>.1`.

    `about` goes into the first line of each. Raises OSError where it cannot be written; what is there already is
    replaced where it is a file, and refused where it is a link or a device.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], *, most_bytes: int | None = 64 << 20) -> None:
        """With `most_bytes` None whoever writes turns to the next file."""
        self.path = path
        self._about = about
        self._most_bytes = None if most_bytes is None else max(most_bytes, LEAST_BYTES) // 2
        self._bytes = 0
        self._file = self._begin()

    def keep(self, entry: Mapping[str, Any]) -> None:
        """Write one line."""
        line = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        if self._most_bytes is not None and self._bytes + len(line) > self._most_bytes:
            self.turn(self._about)
        self._bytes += self._file.write(line)

    def turn(self, about: Mapping[str, Any]) -> None:
        """Begin the next file; the one so far becomes the one before it."""
        self._about = about
        self._file.close()
        self.path.replace(before_of(self.path))
        self._file = self._begin()

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _begin(self) -> IO[bytes]:
        file = os.fdopen(_anew(self.path), "wb")
        about = {"kakou_recording": FORMAT, "personal_data": True, **self._about}
        self._bytes = file.write(json.dumps(about, ensure_ascii=False).encode() + b"\n")
        return file


def _anew(path: Path) -> int:
    """Open a new file that was never anybody else's; an old one is replaced, and nothing but a file is."""
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise FileExistsError(errno.EEXIST, "expected a file or nothing, got something else", str(path))
        # Somebody may have it open, or another name for it: to write into it would show them the rest.
        path.unlink()
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def before_of(path: Path) -> Path:
    """Return the name of the file before this one."""
    return path.with_name(f"{path.name}.1")


def entry_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line with its `data`, if it has any, as text."""
    entry = dict(line)
    data: bytes | None = entry.pop("data", None)
    if data is None:
        return entry
    if data.startswith(_PICTURES):
        return {**entry, "picture": base64.b64encode(data).decode()}
    return {**entry, "hex": data.hex()}


class RecordingTap:
    """An `edge.ports.Tap` that keeps what crosses the wire of one device."""

    wants_words = False

    def __init__(self, keep: Callable[[Mapping[str, Any]], None], device: str, now_ms: Callable[[], int]) -> None:
        self._keep = keep
        self._device = device
        self._now_ms = now_ms

    def crossed(self, sent: bool, data: bytes) -> None:
        """Keep the bytes."""
        self._keep(entry_of({"at_ms": self._now_ms(), "device": self._device, "sent": sent, "data": data}))

    def understood(self, sent: bool, words: str) -> None:
        """Nothing: today's drivers understand the bytes anew."""
