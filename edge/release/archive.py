"""The one file that carries a release: a zip that Python can run, with a manifest over every member.

The same content gives the same bytes: members in order of their names, no times, no compression (wheels are
compressed already). Standard library alone: the machine that opens it has nothing else yet.
"""

import hashlib
import json
import re
import shutil
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"
# Members below this folder are the release; what lies beside it (`__main__.py`) only carries it.
FILES = "files"
# What `zipfile` says of files that are none: RuntimeError of encrypted members, of others NotImplementedError, which is
# one; ValueError of names that are no text; struct.error where a header ends too soon.
_UNREADABLE = (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError, struct.error)
MOST_MANIFEST_BYTES = 4 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,79}")


class BundleError(Exception):
    """A bundle that is not what it says. `code` is stable; the text says what to do.

    Codes: bundle_unreadable, bundle_manifest, bundle_member, bundle_digest, bundle_platform, bundle_wheels,
    bundle_environment, bundle_journal.
    """

    def __init__(self, code: str, place: object, expected: str, got: str, next_step: str) -> None:
        super().__init__(f"{code}: {place}: expected {expected}, got {got}; next: {next_step}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Member:
    """One file: SHA-256 (hex) and size (bytes) of its content, and whether it may be executed."""

    sha256: str
    size: int
    executable: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a bundle holds. `release` names the content: the version and the digest of all members.

    `commit` is None where it was not known; `journal_schema` is the schema of the journal that this release writes.
    """

    version: str
    commit: str | None
    platform: str
    python: str
    journal_schema: int
    members: Mapping[str, Member]

    @property
    def release(self) -> str:
        """The folder below `releases/`: two bundles of one name hold the same files."""
        named = json.dumps({name: asdict(self.members[name]) for name in sorted(self.members)})
        return f"{self.version}-{hashlib.sha256(named.encode()).hexdigest()[:12]}"

    def encoded(self) -> bytes:
        """Return the bytes of the manifest, the same for the same content."""
        values: dict[str, Any] = {"format": FORMAT, "release": self.release}
        values |= {name: getattr(self, name) for name in ("version", "commit", "platform", "python", "journal_schema")}
        values["members"] = {name: asdict(member) for name, member in self.members.items()}
        return json.dumps(values, indent=1, sort_keys=True).encode() + b"\n"


def decoded(content: bytes, place: object) -> Manifest:
    """Return the manifest in `content`. Raises BundleError."""
    try:
        values = json.loads(content)
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']!r}, this program knows {FORMAT}")
        members = {str(name): Member(**member) for name, member in values["members"].items()}
        texts = [str(values[name]) for name in ("version", "platform", "python")]
        commit = None if values["commit"] is None else str(values["commit"])
        manifest = Manifest(texts[0], commit, texts[1], texts[2], int(values["journal_schema"]), members)
        if values["release"] != manifest.release or not _NAME.fullmatch(manifest.release):
            raise ValueError(f"it calls itself {values['release']!r}, its members make {manifest.release!r}")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise BundleError("bundle_manifest", place, "a manifest of this format", repr(error), "copy it anew") from error
    for name in members:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name or name == MANIFEST:
            raise BundleError("bundle_member", place, "plain relative names", repr(name), "do not use this bundle")
    return manifest


def write_bundle(target: Path, manifest: Manifest, sources: Mapping[str, Path | bytes]) -> str:
    """Write the bundle whole or not at all; returns its SHA-256 (hex). Raises OSError."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
            _add(archive, MANIFEST, manifest.encoded(), executable=False)
            for name in sorted(manifest.members):
                source = sources[name]
                content = source if isinstance(source, bytes) else source.read_bytes()
                _add(archive, name, content, executable=manifest.members[name].executable)
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return digest


def _add(archive: zipfile.ZipFile, name: str, content: bytes, *, executable: bool) -> None:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    archive.writestr(entry, content)


def member_of(content: bytes, *, executable: bool = False) -> Member:
    """Return what the manifest says of `content`."""
    return Member(hashlib.sha256(content).hexdigest(), len(content), executable)


def read_manifest(bundle: Path) -> Manifest:
    """Return a bundle's manifest; its members are not looked at. Raises BundleError."""
    with _opened(bundle) as archive:
        return _manifest_of(archive, bundle)


def unpack(bundle: Path, target: Path | None) -> Manifest:
    """Verify every member, write those below `FILES` and the manifest into `target`; with None, verify alone.

    A member that is not in the manifest, is missing, doubled, longer or different is refused before its name is
    used. Raises BundleError, OSError; `target` then holds a part.
    """
    with _opened(bundle) as archive:
        manifest = _manifest_of(archive, bundle)
        names = sorted(entry.filename for entry in archive.infolist() if entry.filename != MANIFEST)
        if names != sorted(manifest.members):
            strange = sorted(set(names) ^ set(manifest.members)) or ["a member twice"]
            raise BundleError("bundle_member", bundle, "the manifest's members", strange[0], "copy it anew")
        for name, member in manifest.members.items():
            inside = PurePosixPath(name).parts
            kept = target is not None and inside[0] == FILES
            content = _content(archive, name, member, bundle)
            if kept:
                assert target is not None
                path = target.joinpath(*inside[1:])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                path.chmod(0o755 if member.executable else 0o644)
    if target is not None:
        (target / MANIFEST).write_bytes(manifest.encoded())
    return manifest


def _content(archive: zipfile.ZipFile, name: str, member: Member, bundle: Path) -> bytes:
    info = archive.getinfo(name)
    content = b""
    if info.file_size == member.size and info.compress_type == zipfile.ZIP_STORED:
        try:
            content = archive.read(info)
        except _UNREADABLE as error:
            raise BundleError("bundle_unreadable", f"{bundle}: {name}", "its bytes", repr(error), "copy it") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != member.sha256 or len(content) != member.size:
        raise BundleError("bundle_digest", f"{bundle}: {name}", member.sha256, digest, "copy the bundle anew")
    return content


def _opened(bundle: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(bundle)
    except _UNREADABLE as error:
        raise BundleError("bundle_unreadable", bundle, "a bundle", repr(error), "copy it anew") from error


def _manifest_of(archive: zipfile.ZipFile, bundle: Path) -> Manifest:
    try:
        entry = archive.getinfo(MANIFEST)
        if entry.file_size > MOST_MANIFEST_BYTES or entry.compress_type != zipfile.ZIP_STORED:
            raise KeyError("too long")
        content = archive.read(entry)
    except (KeyError, *_UNREADABLE) as error:
        raise BundleError("bundle_manifest", bundle, f"a {MANIFEST}", repr(error), "copy it anew") from error
    return decoded(content, bundle)


def discard(folder: Path) -> None:
    """Remove a folder that something else may have removed or never made. Raises OSError for what stays."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        shutil.rmtree(folder)
