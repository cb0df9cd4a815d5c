"""`kakou bundle --output FILE`: one archive from which a gate box installs without a network."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.release.archive import BundleError
from edge.release.build import PLATFORMS, PYTHONS, build
from edge.release.install import this_machine
from edge.text import say
from edge.text.arguments import Parser

EXIT_UNAVAILABLE = 69


def main(arguments: Sequence[str]) -> int:
    """Make the bundle and print its name and digest; 0, or 69 where a wheel cannot be had."""
    parser = Parser("kakou bundle", say("verb_bundle"))
    machine, version = this_machine()
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help=say("bundle_output"))
    parser.add_argument("--platform", choices=PLATFORMS, default=machine, help=say("bundle_platform"))
    parser.add_argument("--python", choices=PYTHONS, default=version, help=say("bundle_python"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    given = parser.parse_args(arguments)
    try:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        manifest, digest = build(given.output, platform=given.platform, python=given.python)
    except BundleError as error:
        print(error, file=sys.stderr)
        return EXIT_UNAVAILABLE
    found = {
        "bundle": str(given.output),
        "release": manifest.release,
        "commit": manifest.commit,
        "members": len(manifest.members),
        "bytes": given.output.stat().st_size,
        "sha256": digest,
    }
    print(json.dumps(found) if given.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0
