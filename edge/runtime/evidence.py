"""Pictures kept by digest under the state directory, with a quota and a retention.

A file's modification time is the moment until which it must be kept: the passage's minimum. That survives
restarts without an index. Past it, pictures of no open passage go, oldest first, when room is needed or when
the retention ends. Disk work runs on one thread, never on the event loop.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_DIGEST = re.compile(r"^[0-9a-f]{64}$")
_CODES = {
    errno.ENOSPC: "evidence_disk_full",
    errno.EDQUOT: "evidence_disk_full",
    errno.EFBIG: "evidence_disk_full",
    errno.EROFS: "evidence_read_only",
    errno.EACCES: "evidence_read_only",
    errno.EPERM: "evidence_read_only",
}


class EvidenceError(Exception):
    """A picture cannot be kept or given. `code` is stable, `path` where.

    Codes: evidence_disk_full, evidence_read_only, evidence_io_error, evidence_quota_reached,
    evidence_wrong_digest, evidence_missing.
    """

    def __init__(self, code: str, path: Path, detail: str, next_step: str) -> None:
        super().__init__(f"{code}: {path}: {detail}; next: {next_step}")
        self.code = code
        self.path = path
        self.detail = detail
        self.next_step = next_step


@dataclass(frozen=True, slots=True)
class EvidenceLimits:
    """`quota_bytes` for all pictures; each is kept at least `minimum_s` and, after it, at most to `retention_s`."""

    quota_bytes: int
    minimum_s: float
    retention_s: float

    def __post_init__(self) -> None:
        if self.quota_bytes <= 0 or not 0 <= self.minimum_s <= self.retention_s:
            raise ValueError(f"quota must be positive and 0 <= minimum_s <= retention_s: {self}")


@dataclass(slots=True)
class _Picture:
    size: int
    keep_until_s: float


class EvidenceStore:
    """The pictures of a box. Use from one event loop; `open` before anything else.

    A picture of an open passage is referenced and stays; `release` says that the passage has ended.
    """

    def __init__(self, directory: Path, limits: EvidenceLimits, *, utc: Callable[[], datetime]) -> None:
        self._directory = directory
        self._limits = limits
        self._utc = utc
        self._pictures: dict[str, _Picture] = {}
        self._references: dict[str, set[str]] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evidence")

    @property
    def used_bytes(self) -> int:
        """How much the pictures take."""
        return sum(picture.size for picture in tuple(self._pictures.values()))

    async def open(self) -> None:
        """Make the directory, remove half-written files, learn what is there. Raises EvidenceError."""
        await self._do(self._scan)

    async def keep(self, jpeg: bytes, sha256: str, passage: str) -> None:
        """Write a picture of `passage` durably; one that is there already is kept longer.

        Raises EvidenceError: the digest is not that of the bytes, no room, disk full or read-only.
        """
        self._references.setdefault(passage, set()).add(sha256)
        await self._do(self._keep, jpeg, sha256)

    def release(self, passage: str) -> None:
        """The passage has its terminal record: only the minimum protects its pictures now."""
        self._references.pop(passage, None)

    async def read(self, sha256: str) -> bytes:
        """Return a picture; raises EvidenceError (evidence_missing, evidence_wrong_digest where it was damaged)."""
        return await self._do(self._read, sha256)

    async def sweep(self) -> int:
        """Delete what is past its retention; returns how many. Raises EvidenceError."""
        return await self._do(self._sweep)

    async def close(self) -> None:
        """End the thread after what is queued."""
        await asyncio.to_thread(self._thread.shutdown)

    async def _do(self, work: Callable[..., T], *values: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *values)
        except OSError as error:
            code = _CODES.get(error.errno or 0, "evidence_io_error")
            next_step = "check space, rights and health of the state directory's disk"
            raise EvidenceError(code, self._directory, str(error), next_step) from error

    def _scan(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        for folder in self._directory.iterdir():
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.suffix == ".part":
                    path.unlink()
                elif path.suffix == ".jpg" and _DIGEST.match(path.stem):
                    found = path.stat()
                    self._pictures[path.stem] = _Picture(found.st_size, found.st_mtime)

    def _keep(self, jpeg: bytes, sha256: str) -> None:
        if hashlib.sha256(jpeg).hexdigest() != sha256:
            raise EvidenceError("evidence_wrong_digest", self._directory, sha256, "report this as a defect")
        keep_until_s = self._utc().timestamp() + self._limits.minimum_s
        path = self._path(sha256)
        known = self._pictures.get(sha256)
        if known is None:
            self._make_room(len(jpeg))
            self._write(path, jpeg, keep_until_s)
            self._pictures[sha256] = _Picture(len(jpeg), keep_until_s)
        elif keep_until_s > known.keep_until_s:
            os.utime(path, (keep_until_s, keep_until_s))
            known.keep_until_s = keep_until_s

    def _write(self, path: Path, jpeg: bytes, keep_until_s: float) -> None:
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        try:
            with part.open("wb") as file:
                file.write(jpeg)
                file.flush()
                os.fsync(file.fileno())
            os.utime(part, (keep_until_s, keep_until_s))
            part.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def _make_room(self, size: int) -> None:
        need = self.used_bytes + size - self._limits.quota_bytes
        if need <= 0:
            return
        for sha256 in self._removable(self._utc().timestamp()):
            need -= self._remove(sha256)
            if need <= 0:
                return
        raise EvidenceError(
            "evidence_quota_reached",
            self._directory,
            f"{self.used_bytes} of {self._limits.quota_bytes} bytes are still to be kept",
            "raise the quota or shorten the minimum",
        )

    def _removable(self, before_s: float) -> list[str]:
        """Return digests of unreferenced pictures whose minimum ended before, oldest first."""
        referenced = set[str]().union(*tuple(self._references.values()))
        old = [(p.keep_until_s, sha256) for sha256, p in self._pictures.items() if p.keep_until_s <= before_s]
        return [sha256 for _, sha256 in sorted(old) if sha256 not in referenced]

    def _sweep(self) -> int:
        spare_s = self._limits.retention_s - self._limits.minimum_s
        expired = self._removable(self._utc().timestamp() - spare_s)
        for sha256 in expired:
            self._remove(sha256)
        return len(expired)

    def _remove(self, sha256: str) -> int:
        self._path(sha256).unlink(missing_ok=True)
        return self._pictures.pop(sha256).size

    def _read(self, sha256: str) -> bytes:
        next_step = "look whether its retention has ended"
        if sha256 not in self._pictures:
            raise EvidenceError("evidence_missing", self._directory, sha256[:64], next_step)
        jpeg = self._path(sha256).read_bytes()
        if hashlib.sha256(jpeg).hexdigest() != sha256:
            raise EvidenceError("evidence_wrong_digest", self._path(sha256), "damaged on disk", "check the disk")
        return jpeg

    def _path(self, sha256: str) -> Path:
        # A digest that was checked against bytes or found in the index: never a path of someone else's making.
        return self._directory / sha256[:2] / f"{sha256}.jpg"
