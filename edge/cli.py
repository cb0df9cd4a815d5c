"""The command line: `kakou VERB`. Each verb's own module is imported only when it is asked for."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from edge import __version__
from edge.portable import POSIX
from edge.starting import uncollected
from edge.streams import give_up, prepare, tell
from edge.text import say
from edge.text.arguments import EXIT_USAGE, Parser

# Verb: module and function that take what follows the verb and return the exit status.
VERBS: dict[str, tuple[str, str]] = {
    "demo": ("simulators.demo", "main"),
    "sim": ("simulators.scenario.verb", "main"),
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
    "supplement": ("edge.verbs.person", "supplement"),
    "mode": ("edge.verbs.person", "mode"),
    "confirm": ("edge.verbs.confirm", "main"),
    "reload": ("edge.verbs.person", "reload"),
    "calendar": ("edge.verbs.calendar", "main"),
    "doctor": ("edge.verbs.doctor", "main"),
    "bringup": ("edge.verbs.bringup", "main"),
    "record": ("edge.verbs.record", "main"),
    "playback": ("edge.verbs.playback", "main"),
    "hardware": ("edge.verbs.hardware", "main"),
    "keys": ("edge.verbs.keys", "main"),
    "manifest": ("edge.verbs.manifest", "main"),
    "offline": ("edge.verbs.offline", "main"),
    "sampling": ("edge.verbs.sampling", "main"),
    "sbom": ("edge.verbs.sbom", "main"),
    "broker": ("edge.verbs.broker", "main"),
    "bridge": ("edge.verbs.bridge", "main"),
    "bench": ("simulators.bench", "main"),
    "bundle": ("edge.verbs.bundle", "main"),
    "upgrade": ("edge.verbs.upgrade", "main"),
    "rollback": ("edge.verbs.upgrade", "rollback"),
    "prove": ("simulators.prove.verb", "main"),
}
EXIT_INPUT_OUTPUT = 74
EXIT_INTERRUPTED = 130
EXIT_PIPE_CLOSED = 141
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


def parser() -> Parser:
    """Return the parser of the first word; every verb parses its own."""
    top = Parser("kakou", say("cli_description"))
    top.add_argument("--version", action="version", version=__version__, help=say("cli_version"))
    top.add_argument("--completion", choices=("bash", "zsh", "tcsh"), help=say("cli_completion"))
    verbs = top.add_subparsers(dest="verb", metavar="VERB")
    for verb in VERBS:
        verbs.add_parser(verb, help=say(f"verb_{verb}"), add_help=False)
    return top


def _guarded(run: Callable[[], int]) -> int:
    """Run what ends with a status; what befalls any program that prints ends so too, not with a traceback."""
    try:
        try:
            status = run()
        except SystemExit:
            # Help and the version end so, printed and not yet written.
            sys.stdout.flush()
            raise
        sys.stdout.flush()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except OSError as error:
        give_up(sys.stdout)
        if isinstance(error, BrokenPipeError):
            return EXIT_PIPE_CLOSED
        tell(say("cli_cannot_go_on", cause=error) + "\n")
        return EXIT_INPUT_OUTPUT
    finally:
        # What a mistake said, if nobody took it: it takes no status with it.
        tell("")
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status.

    Of sysexits: 64 usage, 69 device, 74 input or output, 75 temporary, 78 configuration. 130: Ctrl-C. 141: whoever
    read the output went away.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # As the parsers understand it: an option may be shortened.
    prepare(as_json=any(len(one) > len("--") and "--json".startswith(one) for one in given))
    return _guarded(lambda: _run(given))


def _run(given: list[str]) -> int:
    if foreign := foreign_packages():
        tell(say("foreign_packages", packages=", ".join(foreign), root=ROOT) + "\n")
        return EXIT_CONFIG
    if not POSIX:
        # Imported only here: asyncio is most of a short verb's start.
        from edge.portable.loop import use_portable_loop

        use_portable_loop()
    if given and given[0] in VERBS:
        module, function = VERBS[given[0]]
        with uncollected():
            verb: Callable[[Sequence[str]], int] = getattr(importlib.import_module(module), function)
        return verb(given[1:])
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
