"""The update manifest: which configuration and which models a site may run, signed by an update key of the keyset.

The model registry names the digest of every model, so its own digest stands for all of them. The keyset is signed by
the root and guards itself (`edge.clearance.trust`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.clearance.claims import Table, is_hash, is_identifier, is_integer, is_utc, one_of
from edge.clearance.envelope import canonical_json, seal
from edge.clearance.key_types import PrivateKey
from edge.clearance.keyset import ANY, Environment, Keyset
from edge.clearance.signed import SignedError, open_signed
from edge.files import write_whole
from edge.times import rfc3339

MANIFEST_TYPE = "gate-manifest+jws"
MANIFEST_VERSION = 1
UPDATE_ISSUER = "update"
SEEN_FILE = "manifest-seen.json"

_CLAIMS: Table = {
    "v": one_of(MANIFEST_VERSION),
    "typ": one_of(MANIFEST_TYPE),
    "site": is_identifier,
    "environment": one_of("production", "simulated", "test"),
    "version": lambda value: is_integer(value, least=1),
    "issued": is_utc,
    "configuration": is_hash,
    "models": is_hash,
}


class ManifestError(ValueError):
    """The box must not start with what it found. `code` is stable.

    Codes: manifest_missing, manifest_unreadable, manifest_refused, manifest_rolled_back, manifest_mismatch,
    manifest_seen_damaged.
    """

    def __init__(self, code: str, path: Path, detail: str, next_step: str) -> None:
        super().__init__(f"{code}: {path}: {detail}; next: {next_step}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Manifest:
    """What may run: SHA-256 (hex) of the configuration file and of the model registry; versions only grow."""

    site: str
    environment: Environment
    version: int
    issued: datetime
    configuration: str
    models: str


def seal_manifest(manifest: Manifest, *, key_id: str, key: PrivateKey) -> bytes:
    """Return the manifest signed with an update key."""
    claims = {
        "v": MANIFEST_VERSION,
        "typ": MANIFEST_TYPE,
        "site": manifest.site,
        "environment": manifest.environment,
        "version": manifest.version,
        "issued": rfc3339(manifest.issued),
        "configuration": manifest.configuration,
        "models": manifest.models,
    }
    return seal(canonical_json(claims), typ=MANIFEST_TYPE, key_id=key_id, key=key)


def check_start(
    path: Path | None,
    state_dir: Path,
    *,
    keyset: Keyset,
    site: str,
    found: Mapping[str, str],
    utc: Callable[[], datetime],
) -> int | None:
    """Return the version of the manifest that allows what was `found` (digests by claim); None for a site without one.

    The version is kept in `state_dir` before it counts, so no older one is taken again (hazards.md S12), and a site
    that once had a manifest does not start without one. Under another root versions count anew (S14).
    Raises ManifestError; OSError where the version cannot be kept.
    """
    seen_path = state_dir / SEEN_FILE
    seen, root = _seen(seen_path)
    if path is None:
        if seen:
            raise ManifestError(
                "manifest_missing", seen_path, f"this site had manifest {seen}", "configure manifest_file again"
            )
        return None
    claims = _claims(path, keyset, site, utc())
    version = int(claims["version"])
    if root != keyset.root_key_id:
        seen = 0
    if version < seen:
        raise ManifestError("manifest_rolled_back", path, f"version {version}, seen {seen}", "install the newest one")
    for name, digest in found.items():
        if claims[name] != digest:
            detail = f"{name} has SHA-256 {digest}, the manifest says {claims[name]}"
            raise ManifestError("manifest_mismatch", path, detail, "install what was signed, or sign what is installed")
    if version > seen:
        write_whole(seen_path, json.dumps({"version": version, "root": keyset.root_key_id}).encode())
    return version


def _claims(path: Path, keyset: Keyset, site: str, now: datetime) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ManifestError("manifest_unreadable", path, str(error), "put the signed manifest there") from error
    try:
        claims = open_signed(
            raw.strip(),
            typ=MANIFEST_TYPE,
            role="update",
            issuer=UPDATE_ISSUER,
            table=_CLAIMS,
            keyset=keyset,
            site=site,
            lane=ANY,
            now_utc=now,
        ).claims
    except SignedError as error:
        raise ManifestError("manifest_refused", path, str(error), "have it signed with an update key") from error
    if (claims["site"], claims["environment"]) != (site, keyset.environment):
        raise ManifestError("manifest_refused", path, "of another site or environment", "have one signed for this site")
    return claims


_SEEN_ANEW = "make sure that the configured manifest is the newest that was signed, move this file away and start again"


def _seen(path: Path) -> tuple[int, str]:
    """Return the highest version that was taken, and under which root."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version, root = found["version"], found["root"]
    except FileNotFoundError:
        return 0, ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ManifestError("manifest_seen_damaged", path, repr(error)[:200], _SEEN_ANEW) from error
    if not is_integer(version, least=1) or not is_identifier(root):
        raise ManifestError("manifest_seen_damaged", path, f"version {version!r}"[:200], _SEEN_ANEW)
    return int(version), str(root)
