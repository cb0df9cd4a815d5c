"""Ed25519 key files, and the set of keys that a site starts with.

Private keys are unencrypted PKCS #8 PEM with mode 0600, written whole or not at all. A production root key is
made elsewhere and never lies on a lane; `create_keys` is for commissioning, demonstration and tests.
"""

import hashlib
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from edge.clearance.claims import is_identifier
from edge.clearance.envelope import EnvelopeError
from edge.clearance.key_types import PublicKey
from edge.clearance.keyset import (
    KEYSET_TYPE,
    MAX_LIFETIME,
    Environment,
    Keyset,
    KeysetError,
    KeysetKey,
    Role,
    open_keyset,
    seal_keyset,
)
from edge.clearance.roots import KEYS_OF_SHARED_ROOT, Root, line_of
from edge.files import write_whole
from edge.portable import POSIX

KEY_LIFETIME = timedelta(days=97)  # rotated each 90 days with a week of overlap (hazards.md 4.3)
# An expired keyset stops a lane, so it is made again while half of its life is left.
_RENEW_BEFORE = MAX_LIFETIME / 2
# Clocks of lane and issuer may differ; a key made this minute must be usable at once.
_BACKDATE = timedelta(hours=1)
_END = b"-----END PUBLIC KEY-----"


class KeyFileError(Exception):
    """A key file cannot be used.

    `code`: key_file_missing, key_file_readable_by_others, key_file_format, key_file_foreign.
    """

    def __init__(self, code: str, path: Path, *, expected: str, got: str, next_step: str) -> None:
        super().__init__(f"{code}: {path}: expected {expected}, got {got}; next: {next_step}")
        self.code = code
        self.path = path


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """Where `create_keys` put things. `keyset_version` is that of the keyset on disk."""

    root_private: Path
    root_public: Path
    keyset: Path
    lanes: dict[str, Path]
    authorities: dict[str, Path]
    keyset_version: int
    drills: dict[str, Path]
    officers: dict[str, Path]


def key_id_of(public: PublicKey) -> str:
    """Return the key's id: the first 16 hex digits of the SHA-256 of its raw bytes."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def write_private_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Write the key with mode 0600, whole or not at all. Raises OSError."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_whole(path, pem, mode=0o600)


def write_public_key(path: Path, *keys: Ed25519PublicKey) -> None:
    """Write a public key as PEM, or the several of a root, whole or not at all. Raises OSError."""
    pem = (key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo) for key in keys)
    write_whole(path, b"".join(pem), mode=0o644)


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Return the key; raises KeyFileError where it is absent, readable by others, or not Ed25519."""
    raw = _read(path)
    _check_private(path)
    try:
        key = load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
        raise _wrong_format(path, "an Ed25519 private key (PKCS #8 PEM)", "other bytes") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _wrong_format(path, "an Ed25519 private key", type(key).__name__)
    return key


def write_shared_secret(path: Path) -> None:
    """Write a fresh 32-byte secret (hex) that a lane and an issuer share. Raises OSError."""
    write_whole(path, secrets.token_hex(32).encode(), mode=0o600)


def load_shared_secret(path: Path) -> bytes:
    """Return the secret that issuer and lane share; raises KeyFileError."""
    raw = _read(path)
    _check_private(path)
    try:
        secret = bytes.fromhex(raw.decode("ascii").strip())
    except ValueError as error:
        raise _wrong_format(path, "64 hex digits", "other bytes") from error
    if len(secret) != 32:
        raise _wrong_format(path, "64 hex digits", f"{len(secret)} bytes")
    return secret


def _check_private(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if POSIX and mode & 0o077:
        raise KeyFileError(
            "key_file_readable_by_others", path, expected="mode 0600", got=f"{mode:04o}", next_step=f"chmod 600 {path}"
        )


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Return the key; raises KeyFileError where it is absent or not Ed25519."""
    return _public_key(path, _read(path))


def _public_key(path: Path, pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm, InternalError) as error:
        raise _wrong_format(path, "an Ed25519 public key (PEM)", "other bytes") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _wrong_format(path, "an Ed25519 public key", type(key).__name__)
    return key


def root_of(*keys: PublicKey) -> Root:
    """Return the root with these keys, known by their ids."""
    return Root({key_id_of(key): key for key in keys})


def load_root(path: Path) -> Root:
    """Return the root of a file: one Ed25519 public key, or three of which two have to sign. Raises KeyFileError."""
    blocks = [block + _END for block in _read(path).split(_END)[:-1]]
    if len(blocks) <= 1:
        return root_of(load_public_key(path))
    root = root_of(*(_public_key(path, block) for block in blocks))
    if len(blocks) != KEYS_OF_SHARED_ROOT or len(root.keys) != len(blocks):
        expected = f"one public key, or {KEYS_OF_SHARED_ROOT} different ones"
        raise _wrong_format(path, expected, f"{len(blocks)} keys, {len(root.keys)} different")
    return root


def create_keys(
    directory: Path,
    *,
    site: str,
    lanes: Iterable[str],
    authorities: Iterable[str],
    environment: Environment,
    now_utc: datetime,
    list_issuers: Iterable[str] = (),
    officers: Iterable[str] = (),
    sampling_issuers: Iterable[str] = (),
    central: bool = False,
) -> KeyFiles:
    """Make what is missing in `directory`: the keys and a keyset that names them.

    Root, lanes, and three of each authority: for grants, for drills, and for what comes of a referral; for
    `list_issuers` and `sampling_issuers`, authorities whose offline lists or sampling plans lanes take, also keys for
    these and each lane's secret for them. One for the handheld terminal of each of `officers`, and of those that have
    one in `directory` already. With `central` one with which it signs acknowledgements (`ops-central.key.pem`).

    Existing keys stay. The keyset is signed anew, with the next version, only where it is missing,
    names other keys or scopes, or has less than half of its life left. Raises ValueError for an id outside
    `[A-Za-z0-9_-]{1,64}`, KeyFileError for a key file or keyset that cannot be used, OSError.
    """
    lane_ids, authority_ids = tuple(lanes), tuple(authorities)
    officer_paths = _officer_paths(directory, officers)
    _check_ids(site, *lane_ids, *authority_ids, *officer_paths)
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    root_path = directory / "root.key.pem"
    root = _existing_or_new(root_path)
    pinned = _pinned(directory / "root.pub.pem", root)
    lane_paths = _named(directory, "lane", lane_ids)
    authority_paths = _named(directory, "authority", authority_ids)
    # Who plays an authority in a drill signs with a key that counts nowhere else.
    drill_paths = _named(directory, "drill", authority_ids)
    window = (now_utc - _BACKDATE, now_utc + KEY_LIFETIME)
    keys = [_entry(_existing_or_new(path), lane, "request", site, (lane,), window) for lane, path in lane_paths.items()]
    by_role: tuple[tuple[Role, dict[str, Path]], ...] = (
        ("grant", authority_paths), ("drill", drill_paths), ("result", _named(directory, "result", authority_ids)),
        ("list", _issuers(directory, "list", list_issuers, lane_ids)),
        ("sampling", _issuers(directory, "sampling", sampling_issuers, lane_ids)),
        ("officer", officer_paths), ("ops", _named(directory, "ops", ["central"] if central else [])),
    )  # fmt: skip
    keys += [
        _entry(_existing_or_new(path), name, role, site, lane_ids, window)
        for role, paths in by_role
        for name, path in paths.items()
    ]
    keyset = _current_keyset(directory / "keyset.jws", root, pinned, keys, environment, now_utc)
    return KeyFiles(
        root_path,
        directory / "root.pub.pem",
        directory / "keyset.jws",
        lane_paths,
        authority_paths,
        keyset.version,
        drill_paths,
        officer_paths,
    )


def _check_ids(*names: str) -> None:
    for name in names:
        if not is_identifier(name):
            raise ValueError(f"not an id of 1 to 64 letters, digits, _ or -: {name!r}")


def _named(directory: Path, role: str, names: Iterable[str]) -> dict[str, Path]:
    return {name: directory / f"{role}-{name}.key.pem" for name in names}


def _issuers(directory: Path, role: Role, issuers: Iterable[str], lanes: tuple[str, ...]) -> dict[str, Path]:
    """Return the key files of those who issue something to lanes; make the secret that each lane shares with them."""
    paths = _named(directory, role, issuers)
    for lane in lanes if paths else ():
        if not (directory / f"lane-{lane}.{role}.key").exists():
            write_shared_secret(directory / f"lane-{lane}.{role}.key")
    return paths


def _officer_paths(directory: Path, officers: Iterable[str]) -> dict[str, Path]:
    """The key files of these officers, and of those that have one already: they stay in the keyset."""
    found = (path.name for path in directory.glob("officer-*.key.pem"))
    known = (name.removeprefix("officer-").removesuffix(".key.pem") for name in found)
    names = sorted({*officers, *(name for name in known if is_identifier(name))})
    return {name: directory / f"officer-{name}.key.pem" for name in names}


def _entry(
    key: Ed25519PrivateKey,
    issuer: str,
    role: Role,
    site: str,
    lanes: tuple[str, ...],
    window: tuple[datetime, datetime],
) -> KeysetKey:
    public = key.public_key()
    return KeysetKey(key_id_of(public), issuer, public, role, (site,), lanes, window[0], window[1])


def _current_keyset(
    path: Path,
    root: Ed25519PrivateKey,
    pinned: Root,
    keys: list[KeysetKey],
    environment: Environment,
    now_utc: datetime,
) -> Keyset:
    version = 0
    if path.exists():
        # Read as of the beginning of time, so that an expired one still tells its version: never go below it.
        old = _open_own(path, root, environment)
        if _same_keys(old, keys) and old.expires - now_utc > _RENEW_BEFORE:
            return old
        version = old.version
    fresh = Keyset(
        pinned.key_id,
        version + 1,
        environment,
        now_utc - _BACKDATE,
        now_utc - _BACKDATE + MAX_LIFETIME,
        {key.key_id: key for key in keys},
    )
    write_whole(path, seal_keyset(fresh, root, key_id=key_id_of(root.public_key())), mode=0o644)
    return fresh


def _pinned(path: Path, root: Ed25519PrivateKey) -> Root:
    """Return the root that lanes pin: the shared one of this file, whose part `root` has to be, or `root` alone."""
    shared = load_root(path) if path.exists() else None
    if shared is None or len(shared.keys) == 1:
        write_public_key(path, root.public_key())
        return root_of(root.public_key())
    if key_id_of(root.public_key()) not in shared.keys:
        raise KeyFileError(
            "key_file_foreign",
            path,
            expected="a root with the key in root.key.pem",
            got=f"a shared root of {', '.join(shared.keys)}",
            next_step="put one of its private keys there",
        )
    return shared


def _open_own(path: Path, root: Ed25519PrivateKey, environment: Environment) -> Keyset:
    """Read what this key signed, whoever signed it besides."""
    own = key_id_of(root.public_key())
    try:
        return open_keyset(
            line_of(path.read_bytes(), typ=KEYSET_TYPE, key_id=own),
            root_key_id=own,
            root=root.public_key(),
            environment=environment,
            now_utc=datetime.min.replace(tzinfo=UTC),
        )
    except (KeysetError, EnvelopeError) as error:
        raise _wrong_format(path, f"a keyset for {environment} signed by the root beside it", str(error)) from error


def _same_keys(old: Keyset, keys: list[KeysetKey]) -> bool:
    def scope(key: KeysetKey) -> tuple[object, ...]:
        return (key.key_id, key.issuer, key.role, key.sites, key.lanes)

    return {scope(key) for key in old.keys.values()} == {scope(key) for key in keys}


def _existing_or_new(path: Path) -> Ed25519PrivateKey:
    if path.exists():
        return load_private_key(path)
    key = Ed25519PrivateKey.generate()
    write_private_key(path, key)
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(
            "key_file_missing",
            path,
            expected="a readable file",
            got=error.strerror or "nothing",
            next_step="make the keys with: kakou keys",
        ) from error


def _wrong_format(path: Path, expected: str, got: str) -> KeyFileError:
    return KeyFileError(
        "key_file_format", path, expected=expected, got=got, next_step="restore the file, or make it anew: kakou keys"
    )
