"""`kakou bringup DEVICE [FILE]`: one device alone, live, with what to press and what should change; then a report."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edge.device_lock import DevicesHeldError, devices_held
from edge.text import default_language, plain, say
from edge.text.arguments import EXIT_USAGE, Parser
from edge.verbs.configured import configured
from edge.verbs.person import DEFAULT_CONFIG, EXIT_CONFIG

if TYPE_CHECKING:
    from config.schema import Configuration
    from edge.bringup.report import Report
    from edge.bringup.step import Step
    from edge.bringup.target import Target
    from edge.recording import Recording

EXIT_FAILED = 1
EXIT_TEMPORARY = 75
EXIT_ENDED = 128 + signal.SIGTERM


def main(arguments: Sequence[str]) -> int:
    """Bring one device up.

    0 where all passed, 1 where something failed, or could not be kept or recorded, 64 for an unknown device, 75 where
    the devices are held, 78 for the configuration or a driver's package, 143 where it was told to end.
    """
    given = _parser().parse_args(arguments)
    loaded = configured(given.config)
    if loaded is None:
        return EXIT_CONFIG
    # Imported late: it brings every driver with it.
    from edge.bringup.target import targets_of
    from edge.packages import PackageError

    known = {one.configured.id: one for one in targets_of(loaded)}
    target = known.get(given.device)
    if target is None:
        print(say("bringup_unknown", device=plain(given.device), known=", ".join(known)), file=sys.stderr)
        return EXIT_USAGE
    if given.move and not _confirmed(target):
        return EXIT_USAGE
    try:
        with devices_held(loaded.state_dir):
            report, recorded = asyncio.run(_bring_up(target, given, loaded))
            kept = _kept(loaded, target, report)
    except asyncio.CancelledError:
        return EXIT_ENDED
    except DevicesHeldError as error:
        print(error, file=sys.stderr)
        return EXIT_TEMPORARY
    except PackageError as error:
        print(plain(str(error)), file=sys.stderr)
        return EXIT_CONFIG
    except PermissionError as error:
        print(say("bringup_not_allowed", file=plain(str(error.filename))), file=sys.stderr)
        return EXIT_TEMPORARY
    if given.json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
    if given.report is not None:
        paths = ", ".join(plain(str(path)) for path in report.write(given.report, default_language()))
        print(say("bringup_written", paths=paths), file=sys.stderr)
    return 0 if report.ok and recorded and kept else EXIT_FAILED


def _kept(configuration: "Configuration", target: "Target", report: "Report") -> bool:
    """Keep it for the start of its lane, and say what that still lacks; False where it cannot be kept."""
    from edge.bringup.keeping import keep_report
    from edge.bringup.kept import kept_file
    from edge.bringup.standing import is_real, standings

    # Nothing asks for the report of a simulator.
    if not is_real(target.lane, target.configured):
        return True
    file = kept_file(configuration.state_dir, target.configured.id)
    try:
        stays = keep_report(configuration, report) is None
    except OSError as error:
        _warn(plain(say("bringup_not_kept", file=file, cause=error)))
        return False
    _warn(plain(say("bringup_stays" if stays else "bringup_kept", file=file)))
    found = standings(configuration, target.lane)
    for one in found:
        if one.status != "OK":
            _warn("\n".join(one.lines()))
    # What was seen a moment ago counts for more than what is kept.
    if report.ok and all(one.status == "OK" for one in found):
        _warn(say("bringup_whole", lane=target.lane.id))
    return True


def _parser() -> Parser:
    parser = Parser("kakou bringup", say("verb_bringup"))
    parser.add_argument("device", help=say("bringup_device"))
    parser.add_argument("config", type=Path, nargs="?", default=DEFAULT_CONFIG, help=say("option_config"))
    parser.add_argument("--seconds", type=_seconds, default=60.0, help=say("bringup_seconds"))
    parser.add_argument("--move", action="store_true", help=say("bringup_move"))
    parser.add_argument("--record", type=Path, metavar="FILE", help=say("bringup_record"))
    parser.add_argument("--report", type=Path, metavar="FOLDER", help=say("bringup_report"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("1 to 3600")
    return seconds


def _confirmed(target: "Target") -> bool:
    """Let a person type the name of what will move; who pipes it here has typed it as well."""
    name = target.configured.id
    if not target.may_move:
        print(say("bringup_no_boom", device=name), file=sys.stderr)
        return False
    print(say("bringup_confirm", device=name), file=sys.stderr)
    if sys.stdin.readline().strip() == name:
        return True
    print(say("bringup_not_confirmed"), file=sys.stderr)
    return False


async def _bring_up(
    target: "Target", given: argparse.Namespace, configuration: "Configuration"
) -> "tuple[Report, bool]":
    """Return the report, and whether all was recorded that should be. Keeps what is wrong where it is broken off."""
    from edge.bringup.report import Report
    from edge.bringup.session import Limits, try_out
    from edge.bringup.watching import WireView
    from edge.recording import Recording, RecordingTap
    from edge.runtime.clock import LoopClock
    from models.recogniser import WorkerRecogniser

    clock, recogniser, name = LoopClock(), WorkerRecogniser(), target.configured.id
    begun, began_ms = datetime.now(UTC), clock.now_ms()
    trial = target.trial(clock, recogniser, move=given.move)
    about = {"site_device": name, "lane": target.lane.id, "begun": begun.isoformat()}
    recording = None if given.record is None else Recording(given.record, about)
    taps = [] if recording is None else [RecordingTap(recording.keep, name, clock.now_ms)]
    view = WireView(_quiet if given.json else _show, clock.now_ms, trial.heard, taps)

    def told(steps: "Sequence[Step]") -> Report:
        spent_s = (clock.now_ms() - began_ms) / 1000
        return Report(target, trial.device.address, steps, begun, spent_s, view.sent_bytes, view.heard_bytes)

    if not given.json:
        for step in trial.steps:
            print(f"WAIT {step.text('ask')}")
    _end_in_order()
    limits = Limits(given.seconds)
    try:
        steps = await try_out(trial, view, clock, limits, _quiet if given.json else _tell)
    except BaseException:
        # Told to end, or a defect of a driver: neither makes good what was seen until then.
        if trial.break_off():
            _kept(configuration, target, told(trial.steps))
        raise
    finally:
        if trial.boom_left is not None:
            _warn(say("bringup_boom_left", boom=trial.boom_left))
        await recogniser.close()
        recorded = recording is None or _closed(recording, view.failure)
    return told(steps), recorded


def _end_in_order() -> None:
    """Let whoever ends it, or a session that is cut off, stop what moves first, as Ctrl-C does."""
    task = asyncio.current_task()
    assert task is not None, "coroutines run in tasks"
    # SIGBREAK: on Windows, that the window was closed.
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        # Not everywhere, and in no other thread than the first.
        with contextlib.suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(getattr(signal, name), task.cancel)


def _closed(recording: "Recording", failure: OSError | None) -> bool:
    """End the recording; say so where something of it is missing."""
    try:
        recording.close()
    except OSError as error:
        failure = failure or error
    if failure is not None:
        _warn(say("bringup_not_recorded", file=plain(str(recording.path)), cause=plain(str(failure))))
    return failure is None


def _warn(line: str) -> None:
    # A session that is cut off has nowhere to say it any more.
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def _show(line: str) -> None:
    print(line, flush=True)


def _tell(step: "Step") -> None:
    print(f"{step.status} {step.text('seen')}", flush=True)
    if step.status == "FAIL":
        print(f"     -> {step.text('next')}", flush=True)


def _quiet(_: object) -> None:
    return
