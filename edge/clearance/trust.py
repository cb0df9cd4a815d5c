"""Which keyset this lane trusts now: verified against the pinned root, never older than one it has seen."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from edge.clearance.keys import key_id_of, load_public_key
from edge.clearance.keyset import Environment, Keyset, KeysetError, open_keyset
from edge.files import write_whole
from edge.log import logger

KEYSET_FILE = "keyset.jws"
ROOT_FILE = "root.pub.pem"


class Trust:
    """The keyset in `keys_dir`; a newer file is taken at the next question, a refused one leaves the old in force.

    The highest version ever accepted is kept in `state_dir`, so that an old keyset cannot be brought back.
    Raises KeyFileError or KeysetError where there is nothing to trust at the start, OSError where the version
    cannot be kept.
    """

    def __init__(
        self, keys_dir: Path, state_dir: Path, *, environment: Environment, utc: Callable[[], datetime]
    ) -> None:
        self._path = keys_dir / KEYSET_FILE
        self._seen_path = state_dir / f"keyset-seen-{environment}.json"
        self._environment = environment
        self._utc = utc
        self._root = load_public_key(keys_dir / ROOT_FILE)
        self._stamp = self._stamp_now()
        self._keyset = self._open()

    def current(self) -> Keyset:
        """Return the keyset in force. An expired one is returned too: it refuses every key by itself."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._keyset = self._open()
            except (KeysetError, OSError) as error:
                logger().error("keyset_refused", path=str(self._path), cause=str(error))
        return self._keyset

    def _stamp_now(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except OSError:
            return (0, 0)
        return (found.st_mtime_ns, found.st_size)

    def _open(self) -> Keyset:
        try:
            raw = self._path.read_bytes()
        except OSError as error:
            raise KeysetError("keyset_unreadable", str(error)) from error
        root_key_id = key_id_of(self._root)
        seen = self._seen()
        keyset = open_keyset(
            raw,
            root_key_id=root_key_id,
            root=self._root,
            environment=self._environment,
            now_utc=self._utc(),
            highest_seen=seen.get(root_key_id, 0),
        )
        if keyset.version > seen.get(root_key_id, 0):
            # Counters are per root: only a new root may begin anew (hazards.md S14).
            write_whole(self._seen_path, json.dumps({**seen, root_key_id: keyset.version}).encode())
        return keyset

    def _seen(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads(self._seen_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as error:
            raise KeysetError("seen_versions_damaged", str(self._seen_path)) from error
        if not isinstance(found, dict) or not all(type(version) is int for version in found.values()):
            raise KeysetError("seen_versions_damaged", str(self._seen_path))
        return found
