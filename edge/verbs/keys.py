"""`kakou keys CONFIG`: make the keys that a configuration needs and are missing, or sign which root follows."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge.clearance.keys import (
    KeyFileError,
    create_keys,
    key_id_of,
    load_private_key,
    load_public_key,
    write_public_key,
)
from edge.clearance.keyset import Environment, KeysetError
from edge.clearance.root_rotation import seal_rotation
from edge.clearance.trust import ROTATION_FILE
from edge.files import write_whole
from edge.hardware import bind
from edge.text import say
from edge.text.arguments import Parser
from edge.verbs.configured import configured

EXIT_CONFIG = 78
EXIT_CANNOT_CREATE = 73


def main(arguments: Sequence[str]) -> int:
    """Make lane, authority and root keys and the keyset in `keys_dir`; 0, 73 where they cannot be written."""
    parser = Parser("kakou keys", say("verb_keys"))
    parser.add_argument("config", type=Path, help=say("option_config"))
    parser.add_argument("--officer", action="append", default=[], help=say("keys_officer"))
    parser.add_argument("--new-root", type=Path, metavar="FILE", help=say("keys_new_root"))
    given = parser.parse_args(arguments)
    loaded = configured(given.config)
    if loaded is None:
        return EXIT_CONFIG
    simulated = any(lane.simulated for lane in loaded.lanes)
    environment: Environment = "simulated" if simulated else "production"
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
            load_public_key(successor),
            environment=environment,
            issued=datetime.now(UTC),
            key_id=key_id_of(root.public_key()),
            root=root,
        )
        write_whole(keys_dir / ROTATION_FILE, raw, mode=0o644)
    except (KeyFileError, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_CREATE
    print(say("keys_root_rotated", file=keys_dir / ROTATION_FILE))
    return 0
