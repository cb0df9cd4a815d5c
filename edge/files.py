"""Small files that are there whole or not at all, also after a power cut."""

import os
import secrets
from pathlib import Path

from edge.portable import POSIX


def write_whole(path: Path, content: bytes, *, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Replace `path` by `content`, on the disk when this returns; a reader sees the old or the new. Raises OSError.

    It belongs to `owner` (user, group), where that is given and the system has such, from before it has its name.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None and POSIX:
                # By the open file, never by name: whoever may write the folder can put a link in its place.
                os.fchown(descriptor, *owner)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in `folder` on the disk, where the system knows how. Raises OSError."""
    if not POSIX:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
