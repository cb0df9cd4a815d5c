"""Reads a file that a site laid there: a regular one of a size that is allowed, or the reason why it is none."""

import errno
import os
import stat
from pathlib import Path

_PIECE_BYTES = 1 << 20
# Nothing is waited for: a pipe that nobody writes to would hold whoever opens it. Windows knows neither flag, and has
# one of its own for bytes as they are.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class FileRefusedError(Exception):
    """A path is not read. `kind` is `missing`, `link`, `not_a_file`, `too_large` or `unreadable`; `got` says more."""

    def __init__(self, kind: str, got: str) -> None:
        super().__init__(f"{kind}: {got}")
        self.kind = kind
        self.got = got


def read_regular(path: Path, most_bytes: int, *, links: bool = True) -> bytes:
    """Return the bytes of `path`. Raises FileRefusedError, and waits for nobody.

    Without `links` a symbolic link in its place is refused too (`link`).
    """
    try:
        # Looked at before it is opened: a device may do something when it is.
        _check(path.stat(follow_symlinks=links), most_bytes)
        handle = os.open(path, _FLAGS if links else _FLAGS | _NO_LINK)
        try:
            # And again: another may have been laid there in between.
            _check(os.fstat(handle), most_bytes)
            return _content(handle, most_bytes)
        finally:
            os.close(handle)
    except OSError as error:
        if not links and error.errno == errno.ELOOP:
            raise FileRefusedError("link", "a link") from error
        raise _refused(path, error) from error
    except ValueError as error:
        # No path at all: it holds NUL, or half of a character.
        raise FileRefusedError("unreadable", f"a path that no file can have ({error})") from error


def _check(found: os.stat_result, most_bytes: int) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise FileRefusedError("link", "a link")
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for is_one, name in _KINDS if is_one(found.st_mode)), "no regular file")
        raise FileRefusedError("not_a_file", kind)
    if found.st_size > most_bytes:
        raise FileRefusedError("too_large", f"{found.st_size} bytes")


def _content(handle: int, most_bytes: int) -> bytes:
    pieces: list[bytes] = []
    left = most_bytes + 1
    while left and (piece := os.read(handle, min(left, _PIECE_BYTES))):
        pieces.append(piece)
        left -= len(piece)
    if not left:
        # It grew, or is one of those that the system makes up while they are read.
        raise FileRefusedError("too_large", f"more than {most_bytes} bytes")
    return b"".join(pieces)


def _refused(path: Path, error: OSError) -> FileRefusedError:
    if error.errno == errno.ELOOP:
        return FileRefusedError("unreadable", "a symbolic link that leads back to itself")
    if error.errno == errno.ENXIO:
        # It took the place of a file since that was looked at.
        return FileRefusedError("not_a_file", "a socket, or a device that is not there")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        dangling = path.is_symlink()
        return FileRefusedError("missing", "a symbolic link to nothing" if dangling else "nothing")
    return FileRefusedError("unreadable", error.strerror or type(error).__name__)
