"""Replace the running release by another one, and go back by itself where that one does not become healthy.

The service manager restarts the service in one command, so whoever is killed here leaves a box that runs, or starts,
the old or the new release. What is under way is on the disk before it is done: `resume` finishes it.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edge.files import sync_folder, write_whole
from edge.release.archive import MANIFEST, BundleError, decoded, discard
from edge.release.layout import CURRENT, PREVIOUS, PROGRAM, UPGRADER, Releases
from edge.runtime.control import ControlError, ask
from edge.runtime.journal_file import SCHEMA_VERSION

# The pattern names a customs bridge where one runs on this box, and nothing elsewhere: it runs the same release.
RESTART = ("systemctl", "restart", "kakou.service", "kakou-bridge*.service")
DRAIN_S, HEALTH_S, SETTLE_S = 120.0, 60.0, 5.0
Step = Literal["switching", "rolling_back"]
# Nothing is left to try after the old release: it gets at least this long.
BACK_AT_LEAST_S = 60.0
_COMMAND_TIMEOUT_S = 180.0
_LOOK_EVERY_S = 0.1
_ANSWER_TIMEOUT_S = 5.0


class UpgradeError(Exception):
    """An upgrade that was not begun, or was undone. `code` is stable; the text says what to do.

    Codes: upgrade_refused_configuration, upgrade_not_brought_up, upgrade_journal_too_far, upgrade_not_drained,
    upgrade_rolled_back, upgrade_not_installed, upgrade_unhealthy, upgrade_state_damaged.
    """

    def __init__(self, code: str, release: str, expected: str, got: str, next_step: str) -> None:
        super().__init__(f"{code}: {release}: expected {expected}, got {got}; next: {next_step}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Plan:
    """One upgrade. `restart` is the service manager's command; times in seconds.

    `drain_s`: how long lanes may take to come to rest; `health_s`: how long the release may take to become healthy;
    `settle_s`: how long it must then stay so, in one process.
    """

    target: str
    origin: str
    config: str
    control_socket: str
    restart: tuple[str, ...] = RESTART
    drain_s: float = DRAIN_S
    health_s: float = HEALTH_S
    settle_s: float = SETTLE_S
    step: Step = "switching"


def nowhere(step: str) -> None:
    """Do nothing at a step."""


class Upgrade:
    """Carries out one plan. `at` hears of each step after it was made: a test kills the process there."""

    def __init__(self, releases: Releases, at: Callable[[str], None] = nowhere) -> None:
        self._releases = releases
        self._at = at

    def begin(self, plan: Plan, *, brought_up: bool = False) -> None:
        """Check, drain, switch, restart, look. Raises UpgradeError where the old release runs on, or runs again.

        `brought_up`: a lane starts only with the reports of its devices. Without them neither release would start
        again: the target is asked before a running lane is touched.
        """
        self._check(plan)
        if brought_up:
            self._check_reports(plan)
        self._at("checked")
        self._releases.point(UPGRADER, plan.origin)
        self._drain(plan)
        self._at("drained")
        self._save(plan)
        self._at("planned")
        self._go_on(plan)

    def resume(self) -> str | None:
        """Finish what a killed process began; returns the release that now is current, None for nothing to do.

        Raises UpgradeError as `begin` does.
        """
        file = self._releases.state_file
        try:
            values = json.loads(file.read_bytes())
            plan = Plan(**{**values, "restart": tuple(values["restart"])})
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise UpgradeError(
                "upgrade_state_damaged",
                str(file),
                "the plan of an upgrade",
                repr(error)[:200],
                "look with `kakou status` which release runs, remove this file, then upgrade again",
            ) from error
        self._go_on(plan)
        return plan.target

    def _go_on(self, plan: Plan) -> None:
        if plan.step == "switching":
            self._releases.point(PREVIOUS, plan.origin)
            self._releases.point(CURRENT, plan.target)
            self._at("switched")
            trouble = self._restarted(plan, plan.target)
            if trouble is None:
                self._forget()
                self._prune()
                return
            plan = replace(plan, step="rolling_back")
            self._save(plan)
        else:
            trouble = "an upgrade that was cut off while it rolled back"
        self._at("rolling_back")
        self._releases.point(PREVIOUS, plan.target)
        self._releases.point(CURRENT, plan.origin)
        self._at("switched_back")
        again = self._restarted(plan, plan.origin)
        self._forget()
        if again is not None:
            raise UpgradeError(
                "upgrade_unhealthy", plan.origin, "a healthy release", again, "look at the service's log"
            )
        raise UpgradeError(
            "upgrade_rolled_back", plan.target, "a healthy release", trouble, f"{plan.origin} runs again; read its log"
        )

    def _check(self, plan: Plan) -> None:
        if not self._releases.is_installed(plan.target):
            raise UpgradeError("upgrade_not_installed", plan.target, "an installed release", "none", "install it anew")
        schema = self._schema(plan.target)
        if abs(schema - SCHEMA_VERSION) > 1:
            raise UpgradeError(
                "upgrade_journal_too_far", plan.target, f"journal schema {SCHEMA_VERSION} or one beside it",
                str(schema), "go by way of the releases in between",
            )  # fmt: skip
        checked = self._checked(plan)
        if checked is not None:
            raise UpgradeError(
                "upgrade_refused_configuration", plan.target, f"no error in {plan.config}", checked, "correct it"
            )

    def _check_reports(self, plan: Plan) -> None:
        lacking = self._checked(plan, "--brought-up")
        if lacking is not None:
            raise UpgradeError(
                "upgrade_not_brought_up", plan.target, "the bring-up reports that its lanes ask for", lacking,
                "bring these devices up, or leave require_bringup out of their lanes, then try again",
            )  # fmt: skip

    def _checked(self, plan: Plan, *more: str) -> str | None:
        program = str(self._releases.path(plan.target) / PROGRAM)
        return _run((sys.executable, program, "check", plan.config, *more))

    def _schema(self, release: str) -> int:
        file = self._releases.path(release) / MANIFEST
        try:
            return decoded(file.read_bytes(), file).journal_schema
        except (OSError, BundleError) as error:
            raise UpgradeError("upgrade_not_installed", release, "a manifest", str(error), "install it anew") from error

    def _drain(self, plan: Plan) -> None:
        """Let passages end. A box whose controller does not run, or is too old to know, has nothing to drain."""
        with contextlib.suppress(ControlError):
            answer = _asked(plan, {"verb": "drain", "wait_s": plan.drain_s}, plan.drain_s + _ANSWER_TIMEOUT_S)
            if moving := answer.get("moving"):
                raise UpgradeError(
                    "upgrade_not_drained", plan.origin, "no boom in motion", f"lanes {', '.join(moving)}",
                    "close these lanes, then try again",
                )  # fmt: skip

    def _restarted(self, plan: Plan, release: str) -> str | None:
        """Restart the service; None once `release` is healthy and stays so, else what is wrong."""
        refused = _run(plan.restart)
        self._at(f"restarted_{'new' if release == plan.target else 'old'}")
        trouble: str | None = refused or "nothing yet"
        patience_s = plan.health_s if release == plan.target else max(plan.health_s, BACK_AT_LEAST_S)
        deadline_s = time.monotonic() + patience_s
        well_since_s, pid = 0.0, None
        while time.monotonic() < deadline_s:
            answer = self._status(plan)
            trouble = unwell(answer, release)
            if trouble is not None or answer["pid"] != pid:
                well_since_s, pid = time.monotonic(), answer.get("pid")
            elif time.monotonic() - well_since_s >= plan.settle_s:
                return None
            time.sleep(_LOOK_EVERY_S)
        return (trouble or "not healthy for long enough") + (f"; {refused}" if refused else "")

    def _status(self, plan: Plan) -> dict[str, Any]:
        try:
            return _asked(plan, {"verb": "status"}, _ANSWER_TIMEOUT_S)
        except ControlError as error:
            return {"error": str(error)}

    def _save(self, plan: Plan) -> None:
        write_whole(self._releases.state_file, json.dumps(asdict(plan)).encode())

    def _forget(self) -> None:
        self._at("healthy")
        self._releases.state_file.unlink(missing_ok=True)
        sync_folder(self._releases.prefix)

    def _prune(self) -> None:
        """Give back the room of releases that no link names, and of those that were never finished."""
        kept = {self._releases.named(link) for link in (CURRENT, PREVIOUS, UPGRADER)}
        for folder in self._releases.folder.iterdir():
            if folder.name not in kept:
                discard(folder)


def unwell(answer: dict[str, Any], release: str) -> str | None:
    """Return what is wrong with a controller's status; None where it is `release`, ready or degraded by a named cause.

    A lane that starts is well only once it names what it waits for. A journal that cannot be written is never well.
    """
    if "error" in answer:
        return str(answer["error"])
    if answer.get("release") != release:
        return f"release {answer.get('release')} answers"
    for lane in answer["lanes"]:
        lost = [name for name, device in lane["devices"].items() if device["state"] == "lost"]
        if "journal_lost" in lane["alarms"]:
            return f"{lane['lane']}: journal_lost"
        if lane["phase"] == "starting" and not (lane["alarms"] or lane["lost_devices"] or lost):
            return f"{lane['lane']}: starting, and no cause named"
    return None


def _asked(plan: Plan, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    return asyncio.run(ask(Path(plan.control_socket), request, timeout_s))


def _run(command: Sequence[str]) -> str | None:
    """Run a command; None where it succeeded, else what it said."""
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, or a release's own program
            command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=_COMMAND_TIMEOUT_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {error!r}"
    said = done.stdout.decode("utf-8", "replace").strip()[-1000:]
    return None if done.returncode == 0 else f"{command[0]} ended with {done.returncode}: {said}"
