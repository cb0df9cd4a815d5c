"""The highest version ever accepted of something signed: kept on the disk, so that no older one comes back (S12)."""

import json
from pathlib import Path

from edge.files import write_whole


class SeenVersionsError(ValueError):
    """The file cannot be understood: what was accepted before is not known, so nothing is accepted."""


class SeenVersions:
    """Versions by name in one small file. A name that was never seen has version 0."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def highest(self, name: str) -> int:
        """Return the highest version seen. Raises SeenVersionsError, OSError."""
        return self._read().get(name, 0)

    def keep(self, name: str, version: int) -> None:
        """Put the version on the disk where it is higher than what is there. Raises SeenVersionsError, OSError."""
        seen = self._read()
        if version > seen.get(name, 0):
            write_whole(self.path, json.dumps({**seen, name: version}).encode())

    def _read(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as error:
            raise SeenVersionsError(str(self.path)) from error
        if not isinstance(found, dict) or not all(type(version) is int for version in found.values()):
            raise SeenVersionsError(str(self.path))
        return found
