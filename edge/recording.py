"""What crossed the wires of devices, in a file of bounded size: lines of JSON, the first one saying what it is.

A line has `at_ms` (of the process's monotonic clock), `device`, `sent`, and `hex`, or `picture` in base64. Plates, tags
and pictures are in it: the file is readable to its owner alone, and says so.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

FORMAT = 1
LEAST_BYTES = 64 * 1024
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG")


class Recording:
    """One file, and one before it: when it has grown to half of `most_bytes` it becomes `<name>.1`.

    `about` goes into the first line of each. Raises OSError where it cannot be written.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], *, most_bytes: int = 64 << 20) -> None:
        self.path = path
        self._about = {"kakou_recording": FORMAT, "personal_data": True, **about}
        self._most_bytes = max(most_bytes, LEAST_BYTES) // 2
        self._bytes = 0
        self._file = self._begin()

    def keep(self, entry: Mapping[str, Any]) -> None:
        """Write one line."""
        line = json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        if self._bytes + len(line) > self._most_bytes:
            self._file.close()
            self.path.replace(before_of(self.path))
            self._file = self._begin()
        self._bytes += self._file.write(line)

    def close(self) -> None:
        """End the file."""
        self._file.close()

    def _begin(self) -> IO[bytes]:
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        # A file that was there may have been readable to others.
        os.fchmod(descriptor, 0o600)
        file = os.fdopen(descriptor, "wb")
        self._bytes = file.write(json.dumps(self._about, ensure_ascii=False).encode() + b"\n")
        return file


def before_of(path: Path) -> Path:
    """Return the name of the file before this one."""
    return path.with_name(f"{path.name}.1")


class RecordingTap:
    """An `edge.ports.Tap` that keeps what crosses the wire of one device."""

    def __init__(self, keep: Callable[[Mapping[str, Any]], None], device: str, now_ms: Callable[[], int]) -> None:
        self._keep = keep
        self._device = device
        self._now_ms = now_ms

    def crossed(self, sent: bool, data: bytes) -> None:
        """Keep the bytes."""
        entry = {"at_ms": self._now_ms(), "device": self._device, "sent": sent}
        if data.startswith(_PICTURES):
            self._keep({**entry, "picture": base64.b64encode(data).decode()})
        else:
            self._keep({**entry, "hex": data.hex()})

    def understood(self, sent: bool, words: str) -> None:
        """Nothing: today's drivers understand the bytes anew."""
