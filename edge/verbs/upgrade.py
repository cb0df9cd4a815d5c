"""`kakou upgrade BUNDLE`, `kakou upgrade --resume`, `kakou rollback`: another release, without a network."""

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.release.archive import BundleError
from edge.release.install import install
from edge.release.layout import CURRENT, PREVIOUS, BusyError, Releases
from edge.release.upgrade import DRAIN_S, HEALTH_S, RESTART, SETTLE_S, Plan, Upgrade, UpgradeError
from edge.text import say
from edge.text.arguments import Parser
from edge.verbs.configured import configured

EXIT_FAILED = 1
EXIT_CONFIG = 78
DEFAULT_CONFIG = Path("/etc/kakou/lane.yaml")


def main(arguments: Sequence[str]) -> int:
    """Install and switch to the release of a bundle, or finish what was cut off; 0, 1 where the old one runs, 78."""
    parser = _parser("upgrade")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("bundle", type=Path, nargs="?", metavar="BUNDLE", help=say("upgrade_bundle"))
    what.add_argument("--resume", action="store_true", help=say("upgrade_resume"))
    given = parser.parse_args(arguments)
    if given.resume:
        return _locked(given, _resume)
    return _locked(given, _upgrade)


def rollback(arguments: Sequence[str]) -> int:
    """Switch to the release before; exit statuses as of `main`."""
    return _locked(_parser("rollback").parse_args(arguments), _roll_back)


def _parser(verb: str) -> Parser:
    parser = Parser(f"kakou {verb}", say(f"verb_{verb}"))
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=say("option_config"))
    parser.add_argument("--prefix", type=Path, default=Releases.of_this_program().prefix, help=say("install_prefix"))
    parser.add_argument("--restart-command", default=shlex.join(RESTART), help=say("upgrade_restart"))
    parser.add_argument("--drain-s", type=float, default=DRAIN_S, metavar="S", help=say("upgrade_drain"))
    parser.add_argument("--health-s", type=float, default=HEALTH_S, metavar="S", help=say("upgrade_health"))
    parser.add_argument("--settle-s", type=float, default=SETTLE_S, metavar="S", help=say("upgrade_settle"))
    return parser


def _locked(given: argparse.Namespace, work: Callable[[argparse.Namespace, Releases], int]) -> int:
    releases = Releases(given.prefix.absolute())
    try:
        with releases.locked():
            return work(given, releases)
    except (BundleError, BusyError, UpgradeError, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED


def _resume(_: argparse.Namespace, releases: Releases) -> int:
    finished = Upgrade(releases).resume()
    print(say("upgrade_nothing_to_resume") if finished is None else say("upgrade_done", release=finished))
    return 0


def _upgrade(given: argparse.Namespace, releases: Releases) -> int:
    # Whoever repeats a command that was cut off means to have it finished.
    Upgrade(releases).resume()
    manifest = install(given.bundle, releases)
    return _switch(given, releases, manifest.release)


def _roll_back(given: argparse.Namespace, releases: Releases) -> int:
    Upgrade(releases).resume()
    previous = releases.named(PREVIOUS)
    if previous is None:
        raise UpgradeError("upgrade_not_installed", PREVIOUS, "a release to go back to", "none", "install one")
    return _switch(given, releases, previous)


def _switch(given: argparse.Namespace, releases: Releases, target: str) -> int:
    origin = releases.named(CURRENT)
    if origin is None:
        raise UpgradeError("upgrade_not_installed", CURRENT, "an installed release", "none", "python3 BUNDLE")
    if origin == target:
        print(say("upgrade_is_current", release=target))
        return 0
    loaded = configured(given.config)
    if loaded is None:
        return EXIT_CONFIG
    plan = Plan(
        target,
        origin,
        str(given.config.absolute()),
        str(loaded.control_socket_path),
        tuple(shlex.split(given.restart_command)),
        given.drain_s,
        given.health_s,
        given.settle_s,
    )
    Upgrade(releases).begin(plan, brought_up=any(lane.require_bringup for lane in loaded.lanes))
    print(say("upgrade_done", release=target))
    return 0
