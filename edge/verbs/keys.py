"""`kakou keys CONFIG`: make the keys that a configuration needs and are missing, or sign which root follows."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge.clearance.envelope import EnvelopeError
from edge.clearance.key_types import PrivateKey
from edge.clearance.keys import (
    KeyFileError,
    create_keys,
    key_id_of,
    load_private_key,
    load_root,
    write_public_key,
)
from edge.clearance.keyset import KEYSET_TYPE, Environment, KeysetError
from edge.clearance.root_rotation import ROTATION_TYPE, seal_rotation
from edge.clearance.roots import Root, RootError, countersigned, payload_of, signed_by
from edge.clearance.trust import ROOT_FILE, ROTATION_FILE
from edge.files import write_whole
from edge.hardware import bind
from edge.text import plain, say
from edge.text.arguments import Parser
from edge.verbs.configured import configured

# What a root signs.
_OF_ROOTS = (KEYSET_TYPE, ROTATION_TYPE)
EXIT_CONFIG = 78
EXIT_CANNOT_CREATE = 73


def main(arguments: Sequence[str]) -> int:
    """Make lane, authority and root keys and the keyset in `keys_dir`; 0, 73 where they cannot be written."""
    parser = Parser("kakou keys", say("verb_keys"))
    parser.add_argument("config", type=Path, help=say("option_config"))
    parser.add_argument("--officer", action="append", default=[], help=say("keys_officer"))
    parser.add_argument("--new-root", type=Path, metavar="FILE", help=say("keys_new_root"))
    parser.add_argument("--countersign", type=Path, metavar="FILE", help=say("keys_countersign"))
    parser.add_argument("--root-key", type=Path, metavar="FILE", help=say("keys_root_key"))
    given = parser.parse_args(arguments)
    loaded = configured(given.config)
    if loaded is None:
        return EXIT_CONFIG
    simulated = any(lane.simulated for lane in loaded.lanes)
    environment: Environment = "simulated" if simulated else "production"
    if given.countersign is not None:
        return _countersign(given.countersign, given.root_key, loaded.keys_dir)
    if given.new_root is not None:
        return _rotate_root(loaded.keys_dir, given.new_root, environment)
    try:
        made = create_keys(
            loaded.keys_dir,
            site=loaded.site,
            lanes=[lane.id for lane in loaded.lanes],
            authorities=[authority.id for authority in loaded.authorities],
            environment=environment,
            now_utc=datetime.now(UTC),
            list_issuers=sorted({lane.limited_offline.authority for lane in loaded.lanes if lane.limited_offline}),
            officers=given.officer,
            central=loaded.signed_acknowledgements,
            sampling_issuers=sorted({lane.sampling.authority for lane in loaded.lanes if lane.sampling}),
        )
    except (KeyFileError, KeysetError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_CREATE
    if loaded.hardware:
        bind(loaded.keys_dir, loaded.hardware)
    # For central operations, which checks what the lanes sign (`kakou ops audit --lane-keys`).
    public = {lane: path.with_name(f"lane-{lane}.pub.pem") for lane, path in made.lanes.items()}
    for lane, path in public.items():
        write_public_key(path, load_private_key(made.lanes[lane]).public_key())
    private = [*made.lanes.values(), *made.authorities.values(), *made.drills.values(), *made.officers.values()]
    for path in (made.root_public, made.keyset, *public.values(), *private):
        print(path)
    print(say("keys_made", version=made.keyset_version, directory=loaded.keys_dir))
    return 0


def _rotate_root(keys_dir: Path, successor: Path, environment: Environment) -> int:
    """Write the word of the root in `keys_dir` that another follows it; 0, 73 where it cannot be signed or written."""
    try:
        root = load_private_key(keys_dir / "root.key.pem")
        raw = seal_rotation(
            *load_root(successor).keys.values(),
            environment=environment,
            issued=datetime.now(UTC),
            key_id=key_id_of(root.public_key()),
            root=root,
        )
        write_whole(keys_dir / ROTATION_FILE, raw, mode=0o644)
    except (KeyFileError, KeysetError, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_CREATE
    print(say("keys_root_rotated", file=keys_dir / ROTATION_FILE))
    return 0


def _countersign(path: Path, key_file: Path | None, keys_dir: Path) -> int:
    """Show what a root signed, and put another of its keys below it; 0, 73 where it cannot be read, signed or written.

    Without a key it is only shown: whoever signs has to have read it.
    """
    try:
        root, raw = load_root(keys_dir / ROOT_FILE), path.read_bytes()
        typ = _type_of(raw)
        print(plain(payload_of(raw, typ=typ).decode(errors="replace")))
        if key_file is not None:
            key = load_private_key(key_file)
            raw = _signed_again(raw, typ, key, root)
            write_whole(path, raw, mode=0o644)
        signed = len(set(signed_by(raw, typ=typ)) & root.keys.keys())
    except (KeyFileError, EnvelopeError, RootError, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_CREATE
    print(say("keys_signed_by", file=path, signed=signed, needed=root.threshold))
    return 0


def _signed_again(raw: bytes, typ: str, key: PrivateKey, root: Root) -> bytes:
    key_id = key_id_of(key.public_key())
    if key_id not in root.keys:
        raise RootError("root_key_id", f"{key_id} is no key of this root")
    return countersigned(raw, typ=typ, key_id=key_id, key=key)


def _type_of(raw: bytes) -> str:
    try:
        payload_of(raw, typ=_OF_ROOTS[0])
    except EnvelopeError:
        return _OF_ROOTS[1]
    return _OF_ROOTS[0]
