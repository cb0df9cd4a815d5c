"""`kakou manifest CONFIG --key FILE --out FILE`: sign which configuration and models a site may run."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from edge.app import environment_of, hash_of
from edge.clearance.keys import KeyFileError, key_id_of, load_private_key
from edge.clearance.manifest import Manifest, seal_manifest
from edge.files import write_whole
from edge.text import say
from edge.text.arguments import Parser
from edge.verbs.configured import configured
from models.registry import look_at_registry, registry_hash, registry_path

EXIT_CONFIG = 78
EXIT_NO_KEY = 66


def main(arguments: Sequence[str]) -> int:
    """Write the signed manifest; its version is the second of the signature. 66 without a key, 78 for a bad file."""
    parser = Parser("kakou manifest", say("verb_manifest"))
    parser.add_argument("config", type=Path, help=say("option_config"))
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help=say("manifest_key"))
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help=say("manifest_out"))
    given = parser.parse_args(arguments)
    loaded = configured(given.config)
    if loaded is None:
        return EXIT_CONFIG
    try:
        key = load_private_key(given.key)
    except KeyFileError as error:
        print(error, file=sys.stderr)
        return EXIT_NO_KEY
    # What cannot be read has a digest too, which would be signed, and match for as long as nobody mends it.
    if refused := look_at_registry(registry_path())[1]:
        print(*refused, sep="\n", file=sys.stderr)
        return EXIT_CONFIG
    now = datetime.now(UTC)
    manifest = Manifest(
        site=loaded.site,
        environment=environment_of(loaded.lanes[0]),
        version=int(now.timestamp()),
        issued=now,
        configuration=hash_of(given.config),
        models=registry_hash(),
    )
    write_whole(given.out, seal_manifest(manifest, key_id=key_id_of(key.public_key()), key=key), mode=0o644)
    print(say("manifest_made", file=given.out, version=manifest.version, signer=key_id_of(key.public_key())))
    return 0
