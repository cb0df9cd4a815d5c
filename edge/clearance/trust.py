"""Which keyset this lane trusts now: verified against the pinned root, never older than one it has seen."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from edge.clearance.envelope import EnvelopeError
from edge.clearance.keys import load_root, root_of
from edge.clearance.keyset import KEYSET_TYPE, Environment, Keyset, KeysetError, open_keyset
from edge.clearance.root_rotation import open_rotation
from edge.clearance.roots import Root, signed_by
from edge.clearance.seen import SeenVersions, SeenVersionsError
from edge.files import write_whole
from edge.log import logger
from edge.times import NEVER

KEYSET_FILE = "keyset.jws"
ROOT_FILE = "root.pub.pem"
ROTATION_FILE = "root-rotation.jws"


_RETIRED = 1


class Trust:
    """The keyset in `keys_dir`; a newer file is taken at the next question, a refused one leaves the old in force.

    The highest version ever accepted is kept in `state_dir`, so that an old keyset cannot be brought back. Where the
    pinned root has signed that another follows it (`root-rotation.jws`), a keyset of that one is taken, its versions
    count anew, and none of the old root is taken ever again.
    Raises KeyFileError or KeysetError where there is nothing to trust at the start, OSError where the version
    cannot be kept.
    """

    def __init__(
        self,
        keys_dir: Path,
        state_dir: Path,
        *,
        environment: Environment,
        utc: Callable[[], datetime],
        known: datetime = NEVER,
    ) -> None:
        """`known` is a moment that is over: a clock well before it makes every key refused."""
        self._path = keys_dir / KEYSET_FILE
        self._seen_path = state_dir / f"keyset-seen-{environment}.json"
        self._environment = environment
        self._utc = utc
        self._known = known
        self._rotation_path = keys_dir / ROTATION_FILE
        self._retired = SeenVersions(state_dir / f"roots-retired-{environment}.json")
        self._root = load_root(keys_dir / ROOT_FILE)
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

    def _stamp_now(self) -> tuple[tuple[int, int], ...]:
        return tuple(_stamp(path) for path in (self._path, self._rotation_path))

    def _open(self) -> Keyset:
        try:
            raw = self._path.read_bytes()
        except OSError as error:
            raise KeysetError("keyset_unreadable", str(error)) from error
        root = self._root_of(raw)
        root_key_id = root.key_id
        seen = self._seen()
        keyset = open_keyset(
            raw,
            root_key_id=root_key_id,
            root=root,
            environment=self._environment,
            now_utc=self._utc(),
            highest_seen=seen.get(root_key_id, 0),
        )
        if keyset.version > seen.get(root_key_id, 0):
            # Counters are per root: only a new root may begin anew (hazards.md S14).
            write_whole(self._seen_path, json.dumps({**seen, root_key_id: keyset.version}).encode())
        if root is not self._root:
            self._retired.keep(self._root.key_id, _RETIRED)
        return replace(keyset, known=self._known)

    def _root_of(self, keyset: bytes) -> Root:
        """Return the root that a keyset has to be signed by: the pinned one, or the one that follows it."""
        pinned = self._root.key_id
        try:
            raw = self._rotation_path.read_bytes()
            successor = open_rotation(raw, root=self._root, environment=self._environment)
        except FileNotFoundError:
            successor = ()
        try:
            retired = self._retired.highest(pinned) == _RETIRED
        except SeenVersionsError as error:
            raise _damaged(self._retired.path, ROOT_FILE, "root in force") from error
        if not successor:
            if retired:
                raise KeysetError(
                    "root_retired", f"{pinned}: put {ROTATION_FILE} back, or pin the root that follows it"
                )
            return self._root
        # Until its first keyset is there the old root is in force.
        by_pinned = bool(self._root.keys.keys() & _signers(keyset))
        return self._root if by_pinned and not retired else root_of(*successor)

    def _seen(self) -> dict[str, int]:
        try:
            found: dict[str, int] = json.loads(self._seen_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, RecursionError) as error:
            raise _damaged(self._seen_path, KEYSET_FILE, "newest that was issued") from error
        if not isinstance(found, dict) or not all(type(version) is int for version in found.values()):
            raise _damaged(self._seen_path, KEYSET_FILE, "newest that was issued")
        return found


def _damaged(path: Path, of: str, newest: str) -> KeysetError:
    """Only a person can vouch for what the file would have refused."""
    steps = f"make sure that {of} is the {newest}, move this file away and start again: it is written anew"
    return KeysetError("seen_versions_damaged", f"{path}: expected versions, got something else; {steps}")


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def _signers(keyset: bytes) -> set[str]:
    """Who say to have signed it; the signatures are for `open_keyset` to check, and so is what has no form."""
    try:
        return set(signed_by(keyset, typ=KEYSET_TYPE))
    except EnvelopeError:
        return set()
