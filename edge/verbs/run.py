"""`kakou run CONFIG` is the service; `kakou check CONFIG` reports every error of a configuration at once."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.effective import effective
from config.loader import load
from config.named_files import missing_files
from config.schema import Configuration
from edge import log
from edge.box_problems import box_problems
from edge.lifeline import stop_when_stdin_closes
from edge.starting import uncollected
from edge.text import default_language, say
from edge.text.arguments import Parser

if TYPE_CHECKING:
    from edge.doctor.finding import Finding

EXIT_CONFIG = 78
EXIT_TEMPORARY = 75


def check(arguments: Sequence[str]) -> int:
    """Say everything for which `run` would refuse a configuration here; 0 where there is nothing, else 78.

    Keys and the reports of bring-ups come after the configuration: with `--brought-up` it asks for these as well.
    """
    parser = Parser("kakou check", say("verb_check"))
    parser.add_argument("config", type=Path, help=say("option_config"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    parser.add_argument("--effective", action="store_true", help=say("check_effective"))
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--elsewhere", action="store_true", help=say("check_elsewhere"))
    where.add_argument("--brought-up", action="store_true", help=say("check_brought_up"))
    given = parser.parse_args(arguments)
    loaded = load(given.config)
    problems = loaded if isinstance(loaded, list) else []
    if not isinstance(loaded, list) and not given.elsewhere:
        problems = [*missing_files(loaded, running=False), *box_problems(loaded)]
    wanting = [] if isinstance(loaded, list) or not given.brought_up else _not_brought_up(loaded)
    values = effective(loaded) if given.effective and not isinstance(loaded, list) else []
    if given.json:
        rows = [
            {"file": one.file, "line": one.line, "column": one.column, "code": one.code, "message": one.render("en")}
            for one in problems
        ]
        rows += [
            {"file": str(given.config), "line": 1, "column": 1, "code": one.code, "message": one.message("en")}
            for one in wanting
        ]
        answer: dict[str, object] = {"ok": not rows, "problems": rows}
        if given.effective:
            answer["effective"] = [{"path": path, "value": value, "origin": origin} for path, value, origin in values]
        print(json.dumps(answer, ensure_ascii=False))
    else:
        for path, value, origin in values:
            print(f"{path} = {json.dumps(value, ensure_ascii=False)}  ({origin})")
        for one in problems:
            print(one.render(default_language()))
        for finding in wanting:
            print("\n".join(finding.lines()))
        if not problems and not wanting:
            print(say("config_good", file=given.config))
    return EXIT_CONFIG if problems or wanting else 0


def _not_brought_up(configuration: Configuration) -> "Sequence[Finding]":
    from edge.bringup.standing import BringupError, check_bringup

    try:
        check_bringup(configuration)
    except BringupError as error:
        return error.findings
    return ()


def main(arguments: Sequence[str], *, runner: Callable[[], asyncio.Runner] = asyncio.Runner, **serving: Any) -> int:
    """Run the lanes of a configuration until told to stop; 78 for a bad one, 75 where the box cannot start.

    `runner` makes the event loop, and `edge.app.serve` is given `serving`: scenarios let time run faster.
    """
    parser = Parser("kakou run", say("verb_run"))
    parser.add_argument("config", type=Path, help=say("option_config"))
    levels = ("debug", "info", "warning", "error")
    parser.add_argument("--log-level", default="info", choices=levels, help=say("option_log_level"))
    parser.add_argument("--until-stdin-closes", action="store_true", help=say("option_until_stdin"))
    given = parser.parse_args(arguments)
    loaded = load(given.config)
    problems = loaded if isinstance(loaded, list) else missing_files(loaded, bridge=False)
    if isinstance(loaded, list) or problems:
        for problem in problems:
            print(problem.render(default_language()), file=sys.stderr)
        return EXIT_CONFIG
    if given.until_stdin_closes:
        stop_when_stdin_closes()
    log.configure(given.log_level, readable=sys.stderr.isatty())
    return _serve(loaded, given.config, runner, serving)


def _serve(
    configuration: Configuration, path: Path, runner: Callable[[], asyncio.Runner], serving: dict[str, Any]
) -> int:
    # Imported late: a bad configuration is told at once, without loading drivers.
    with uncollected():
        from edge.app import hash_of, serve
        from edge.bringup.standing import BringupError
        from edge.clearance.keys import KeyFileError
        from edge.clearance.keyset import KeysetError
        from edge.clearance.manifest import ManifestError
        from edge.device_lock import DevicesHeldError
        from edge.hardware import HardwareError
        from edge.packages import PackageError
        from edge.runtime.evidence import EvidenceError
        from edge.runtime.failpoints import FailpointError
        from edge.runtime.journal_errors import JournalError
        from edge.runtime.site_secret import SecretError

    # What stays as it is until somebody changes it; and what may be well a moment later.
    final = (FailpointError, HardwareError, ManifestError, PackageError, BringupError)
    passing = (JournalError, EvidenceError, KeyFileError, KeysetError, SecretError, OSError, DevicesHeldError)

    # Journal and evidence hold personal data, whatever mode the state directory was made with.
    before = os.umask(0o077)
    now, earlier, refused = (configuration, hash_of(path)), None, ""
    try:
        while True:
            if hasattr(signal, "SIGHUP") and not sys.stdin.isatty():
                # Until its handler stands, and between two configurations, it must not end the controller.
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
            try:
                with runner() as running:
                    again = running.run(serve(now[0], config_hash=now[1], path=path, refused=refused, **serving))
            except (*final, *passing) as error:
                code = getattr(error, "code", None) or getattr(error, "reason", type(error).__name__)
                log.logger().error("start_refused", cause=str(error), code=code)
                if earlier is None:
                    return EXIT_CONFIG if isinstance(error, final) else EXIT_TEMPORARY
                # A changed configuration that cannot start leaves the one before it in force.
                now, earlier, refused = earlier, None, str(error)
                continue
            if not again:
                return 0
            earlier, refused, loaded = now, "", load(path)
            now = now if isinstance(loaded, list) else (loaded, hash_of(path))
    finally:
        os.umask(before)
