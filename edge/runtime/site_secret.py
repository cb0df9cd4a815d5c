"""The box's own secret: keys the hashes by which authorities may compare identifiers without seeing them."""

import secrets
import stat
from pathlib import Path

from edge.files import write_whole
from edge.portable import POSIX

_BYTES = 32


class SecretError(Exception):
    """The secret cannot be used; the text says which file, why, and what to do. Nothing may start."""

    def __init__(self, code: str, path: Path, got: str, next_step: str) -> None:
        super().__init__(f"{code}: {path}: {got}; next: {next_step}")
        self.code = code


def site_secret(state_dir: Path) -> bytes:
    """Return the secret in `state_dir`, made at the first call with mode 0600.

    Raises OSError, and SecretError where the file was cut (`site_secret_damaged`) or where others may read it
    (`site_secret_readable_by_others`).
    """
    path = state_dir / "site.secret"
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = secrets.token_bytes(_BYTES)
        write_whole(path, found)
    if len(found) != _BYTES:
        raise SecretError(
            "site_secret_damaged", path, f"expected {_BYTES} bytes, got {len(found)}", "restore it, or remove it"
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if POSIX and mode & 0o077:
        raise SecretError("site_secret_readable_by_others", path, f"mode {mode:04o}", f"chmod 600 {path}")
    return found
