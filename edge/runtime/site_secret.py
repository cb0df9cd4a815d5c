"""The box's own secret: keys the hashes by which authorities may compare identifiers without seeing them."""

import os
import secrets
from pathlib import Path

_BYTES = 32


def site_secret(state_dir: Path) -> bytes:
    """Return the secret in `state_dir`, made at the first call with mode 0600. Raises OSError, or ValueError if cut."""
    path = state_dir / "site.secret"
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = secrets.token_bytes(_BYTES)
        partial = path.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(found)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    if len(found) != _BYTES:
        raise ValueError(f"{path}: expected {_BYTES} bytes, got {len(found)}; restore it or remove it")
    return found
