"""The command line: `kakou VERB`. Each verb's own module is imported only when it is asked for."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from edge.text import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status (sysexits: 64 usage, 69 device, 75 temporary, 78 configuration)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["test"]:
        # Everything after `test` is pytest's, its own options included.
        status: int = importlib.import_module("tests.run").main(given[1:])
        return status
    parser = argparse.ArgumentParser(prog="kakou", description=say("cli_description"))
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("test", help=say("verb_test"))
    parser.parse_args(given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
