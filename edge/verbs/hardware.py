"""`kakou hardware [CONFIG --bind]`: show which box this is, or bind the folders of a configuration to it."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.hardware import bind, fingerprints, of_root_alone
from edge.text import say
from edge.text.arguments import EXIT_USAGE, Parser
from edge.verbs.configured import configured

EXIT_REFUSED = 1
EXIT_CANNOT_CREATE = 73
EXIT_CONFIG = 78


def main(arguments: Sequence[str]) -> int:
    """Print the fingerprints; with --bind 0, 1 where there are none or others are configured, 64, 73, 78."""
    parser = Parser("kakou hardware", say("verb_hardware"))
    parser.add_argument("config", type=Path, nargs="?", help=say("option_config"))
    parser.add_argument("--bind", action="store_true", help=say("hardware_bind"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    given = parser.parse_args(arguments)
    present = fingerprints()
    if given.bind:
        return _bind(given.config, present)
    hidden = set(of_root_alone()) & set(present)
    if given.json:
        print(json.dumps({"hardware": present, "root_alone": sorted(hidden)}))
    elif not present:
        print(say("hardware_none"))
    for one in () if given.json else present:
        print(f"{one}  {say('hardware_root_alone')}" if one in hidden else one)
    return 0


def _bind(config: Path | None, present: tuple[str, ...]) -> int:
    if config is None:
        print(say("hardware_config_needed"), file=sys.stderr)
        return EXIT_USAGE
    loaded = configured(config)
    if loaded is None:
        return EXIT_CONFIG
    if not present:
        print(say("hardware_none"), file=sys.stderr)
        return EXIT_REFUSED
    if loaded.hardware and not set(loaded.hardware) & set(present):
        # The configuration is changed first: it may be signed, and then the centre says which box it is.
        print(say("hardware_other_configured", present=", ".join(present)), file=sys.stderr)
        return EXIT_REFUSED
    try:
        for folder in (loaded.keys_dir, loaded.state_dir):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            bind(folder, present)
            print(say("hardware_bound", folder=folder))
        if set(present) <= set(of_root_alone()):
            print(say("hardware_bound_to_root"), file=sys.stderr)
    except OSError as error:
        print(error, file=sys.stderr)
        return EXIT_CANNOT_CREATE
    return 0
