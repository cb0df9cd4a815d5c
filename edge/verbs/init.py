"""`kakou init [FOLDER]`: a commented configuration to start from. Atomic; never touches a file that is there."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.text import say
from edge.text.arguments import Parser

EXIT_CANNOT_CREATE = 73
EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "examples" / "lane.yaml"
NAME = "kakou.yaml"


def main(arguments: Sequence[str]) -> int:
    """Write the configuration; 0 where it is there afterwards, 73 where it cannot be written."""
    parser = Parser("kakou init", say("verb_init"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help=say("init_folder"))
    given = parser.parse_args(arguments)
    target: Path = given.folder / NAME
    try:
        given.folder.mkdir(parents=True, exist_ok=True)
        if target.exists():
            print(say("init_kept", file=target))
            return 0
        partial = target.with_name(f".{NAME}.partial")
        partial.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
        # A link appears whole or not at all, and never over a file that somebody else just made.
        os.link(partial, target)
        partial.unlink()
    except OSError as error:
        print(say("init_failed", file=target, cause=error), file=sys.stderr)
        return EXIT_CANNOT_CREATE
    print(say("init_written", file=target))
    return 0
