"""The command line: `kakou VERB`. Each verb's own module is imported only when it is asked for."""

import argparse
import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from edge import __version__
from edge.text import say

# Verb: module and function that take what follows the verb and return the exit status.
VERBS: dict[str, tuple[str, str]] = {
    "demo": ("simulators.demo", "main"),
    "test": ("tests.run", "main"),
    "init": ("edge.verbs.init", "main"),
    "check": ("edge.verbs.run", "check"),
    "run": ("edge.verbs.run", "main"),
    "ops": ("ops.cli", "main"),
    "identify": ("models.identify", "main"),
    "evaluate": ("models.evaluate", "main"),
    "replay": ("edge.verbs.replay", "main"),
    "status": ("edge.verbs.person", "status"),
    "open": ("edge.verbs.person", "order"),
    "keys": ("edge.verbs.keys", "main"),
    "bench": ("simulators.bench", "main"),
}
EXIT_USAGE = 64
EXIT_CONFIG = 78


PACKAGES = ("edge", "drivers", "models", "config", "simulators", "ops")
ROOT = Path(__file__).resolve().parent.parent


def foreign_packages() -> list[str]:
    """Return those of our packages that Python would load from elsewhere: their names are common ones.

    docs/decisions/0001-top-level-names.md tells why such a start is refused.
    """
    specs = {name: importlib.util.find_spec(name) for name in PACKAGES}
    return [
        f"{name} ({spec.origin if spec else 'missing'})"
        for name, spec in specs.items()
        if spec is None or spec.origin is None or Path(spec.origin).resolve().parent != ROOT / name
    ]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the first word; every verb parses its own."""
    top = argparse.ArgumentParser(prog="kakou", description=say("cli_description"))
    top.add_argument("--version", action="version", version=__version__)
    top.add_argument("--completion", choices=("bash", "zsh", "tcsh"), help=say("cli_completion"))
    verbs = top.add_subparsers(dest="verb", metavar="VERB")
    for verb in VERBS:
        verbs.add_parser(verb, help=say(f"verb_{verb}"), add_help=False)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status (sysexits: 64 usage, 69 device, 75 temporary, 78 configuration)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if foreign := foreign_packages():
        print(say("foreign_packages", packages=", ".join(foreign), root=ROOT), file=sys.stderr)
        return EXIT_CONFIG
    if given and given[0] in VERBS:
        module, function = VERBS[given[0]]
        run: Callable[[Sequence[str]], int] = getattr(importlib.import_module(module), function)
        return run(given[1:])
    top = parser()
    options = top.parse_args(given)
    if options.completion:
        shtab = importlib.import_module("shtab")
        print(shtab.complete(top, options.completion))
        return 0
    top.print_help(sys.stderr)
    return EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main())
