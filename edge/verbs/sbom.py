"""`kakou sbom [--out FILE]`: the bill of materials of this release."""

import json
from collections.abc import Sequence
from pathlib import Path

from edge.files import write_whole
from edge.release.sbom import sbom
from edge.text import say
from edge.text.arguments import Parser


def main(arguments: Sequence[str]) -> int:
    """Print CycloneDX JSON, or write it to `--out`."""
    parser = Parser("kakou sbom", say("verb_sbom"))
    parser.add_argument("--out", type=Path, metavar="FILE", help=say("sbom_out"))
    given = parser.parse_args(arguments)
    text = json.dumps(sbom(), ensure_ascii=False, indent=2) + "\n"
    if given.out is None:
        print(text, end="")
    else:
        write_whole(given.out, text.encode(), mode=0o644)
        print(given.out)
    return 0
