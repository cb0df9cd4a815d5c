"""What a box keeps of a bring-up, for its lanes to ask for at their start: no plate, no tag, no picture.

Whoever may write the state directory can write such a file: it is against mistakes, not against that person.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from edge.clearance.claims import (
    ClaimError,
    Table,
    check_claims,
    check_version,
    is_hash,
    is_identifier,
    is_integer,
    is_reason,
    is_text,
    is_utc,
    one_of,
)
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.files import write_whole
from edge.portable import POSIX
from edge.regular_file import FileRefusedError, read_regular

KEPT_TYPE = "kakou-bringup"
KEPT_VERSION = 1
# A lane controller with every signal and the longest address takes less than a tenth of it.
MOST_BYTES = 64 * 1024
_MOST_STEPS = 256
_LONGEST_ADDRESS = 4_000
_STATUSES = ("PASS", "FAIL", "SKIP")
_REFUSED = {"missing": "none", "not_a_file": "no regular file", "too_large": f"more than {MOST_BYTES} bytes"}


class KeptError(ValueError):
    """There is no report that can be read. `code`: missing, unreadable, damaged; `got` says what is there instead."""

    def __init__(self, code: str, got: str) -> None:
        super().__init__(f"{code}: {got}")
        self.code, self.got = code, got


@dataclass(frozen=True, slots=True)
class KeptReport:
    """One trial of one device. `digest` is of its configuration then; a step is a code, its subject, and its status.

    Of real devices only: nothing asks for those of simulators. `sha256` (hex) is of the file that it was read from.
    """

    site: str
    lane: str
    device: str
    kind: str
    address: str
    digest: str
    begun: str
    steps: Sequence[tuple[str, str, str]]
    sha256: str = ""

    @property
    def failed(self) -> tuple[str, ...]:
        """What did not pass, by code and subject."""
        return tuple(f"{code} {subject}".strip() for code, subject, status in self.steps if status == "FAIL")

    def passed(self, *codes: str) -> bool:
        """Whether all of these were tried, and passed."""
        return {code for code, _, status in self.steps if status == "PASS"} >= set(codes)


def kept_file(state_dir: Path, device: str) -> Path:
    """Where the report of a device lies."""
    return state_dir / f"brought-up-{device}.json"


def keep(state_dir: Path, report: KeptReport) -> Path:
    """Put it in the place of the one before: after a power cut either is there, whole. Raises OSError."""
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = kept_file(state_dir, report.device)
    names = [name for name in KeptReport.__slots__ if name != "sha256"]
    body = {"v": KEPT_VERSION, "typ": KEPT_TYPE} | {name: getattr(report, name) for name in names}
    # The service's user has to read what root tried.
    found = state_dir.stat()
    owner = (found.st_uid, found.st_gid) if POSIX and os.geteuid() == 0 else None
    write_whole(path, json.dumps(body, ensure_ascii=False, indent=1).encode(), owner=owner)
    return path


def read_kept(state_dir: Path, device: str) -> KeptReport:
    """Return what is kept of a device. Raises KeptError for anything that is no such report; never waits."""
    raw = _read(kept_file(state_dir, device))
    try:
        found = parse_object(raw)
        check_version(found, _CLAIMS)
        check_claims(found, _CLAIMS)
    except (StrictJsonError, ClaimError) as error:
        raise KeptError("damaged", str(error)) from error
    known = {name: found[name] for name in _CLAIMS if name not in ("v", "typ", "steps")}
    steps = tuple((code, subject, status) for code, subject, status in found["steps"])
    return KeptReport(**known, steps=steps, sha256=sha256(raw).hexdigest())


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, MOST_BYTES, links=False)
    except FileRefusedError as error:
        code = "missing" if error.kind == "missing" else "unreadable"
        raise KeptError(code, _REFUSED.get(error.kind, error.got)) from error


def _are_steps(value: object) -> bool:
    return isinstance(value, list) and is_integer(len(value), least=1, most=_MOST_STEPS) and all(map(_is_step, value))


def _is_step(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 3:
        return False
    code, subject, status = value
    return is_reason(code) and code != "" and (subject == "" or is_identifier(subject)) and status in _STATUSES


_CLAIMS: Table = {
    "v": one_of(KEPT_VERSION),
    "typ": one_of(KEPT_TYPE),
    "site": is_identifier,
    "lane": is_identifier,
    "device": is_identifier,
    "kind": is_reason,
    "address": lambda value: is_text(value, longest=_LONGEST_ADDRESS),
    "digest": is_hash,
    "begun": is_utc,
    "steps": _are_steps,
}
