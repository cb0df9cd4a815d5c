"""`kakou keys CONFIG`: make the keys that a configuration needs and are missing; existing ones stay."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from config.loader import load
from edge.clearance.keys import KeyFileError, create_keys, load_private_key, write_public_key
from edge.clearance.keyset import KeysetError
from edge.text import say
from edge.text.arguments import Parser

EXIT_CONFIG = 78
EXIT_CANNOT_CREATE = 73


def main(arguments: Sequence[str]) -> int:
    """Make lane, authority and root keys and the keyset in `keys_dir`; 0, 73 where they cannot be written."""
    parser = Parser("kakou keys", say("verb_keys"))
    parser.add_argument("config", type=Path, help=say("option_config"))
    parser.add_argument("--officer", action="append", default=[], help=say("keys_officer"))
    given = parser.parse_args(arguments)
    loaded = load(given.config)
    if isinstance(loaded, list):
        for problem in loaded:
            print(problem, file=sys.stderr)
        return EXIT_CONFIG
    simulated = any(lane.simulated for lane in loaded.lanes)
    try:
        made = create_keys(
            loaded.keys_dir,
            site=loaded.site,
            lanes=[lane.id for lane in loaded.lanes],
            authorities=[authority.id for authority in loaded.authorities],
            environment="simulated" if simulated else "production",
            now_utc=datetime.now(UTC),
            list_issuers=sorted({lane.limited_offline.authority for lane in loaded.lanes if lane.limited_offline}),
            officers=given.officer,
            sampling_issuers=sorted({lane.sampling.authority for lane in loaded.lanes if lane.sampling}),
        )
    except (KeyFileError, KeysetError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_CREATE
    # For central operations, which checks what the lanes sign (`kakou ops audit --lane-keys`).
    public = {lane: path.with_name(f"lane-{lane}.pub.pem") for lane, path in made.lanes.items()}
    for lane, path in public.items():
        write_public_key(path, load_private_key(made.lanes[lane]).public_key())
    private = [*made.lanes.values(), *made.authorities.values(), *made.drills.values(), *made.officers.values()]
    for path in (made.root_public, made.keyset, *public.values(), *private):
        print(path)
    print(say("keys_made", version=made.keyset_version, directory=loaded.keys_dir))
    return 0
