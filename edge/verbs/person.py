"""`kakou status`, `open`, `supplement` and `mode`: what a person at the lane sees, orders and says.

All through the local control socket.
"""

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.core.modes import MODES
from edge.runtime.control import ControlError, ask
from edge.text import plain, say
from edge.text.arguments import Parser
from edge.verbs.configured import configured

EXIT_REFUSED = 1
EXIT_UNREACHABLE = 69
EXIT_CONFIG = 78
DEFAULT_CONFIG = Path("kakou.yaml")
_OTHER_ORDERS = ("open", "refuse", "retry", "reset", "lower")


def status(arguments: Sequence[str]) -> int:
    """Show every lane of the running controller; 0, 69 where it cannot be reached."""
    parser = Parser("kakou status", say("verb_status"))
    add_target(parser)
    given = parser.parse_args(arguments)
    answer = ask_controller(given, {"verb": "status"})
    if isinstance(answer, int):
        return answer
    if given.json:
        print(json.dumps(answer, ensure_ascii=False))
    else:
        for lane in answer["lanes"]:
            print(_line(lane))
            for name, device in lane["devices"].items():
                print(f"  {name:<20} {device['state']:<8} {plain(device.get('cause', ''))}")
            if codes := lane.get("siren"):
                print("  " + say("siren_sounds", alarms=plain(", ".join(codes))))
            told = {one["code"] for one in lane["ends"]}
            for code, detail in lane.get("alarms_beside", {}).items():
                if code not in told:
                    print("  " + say("alarm_stands", code=plain(code), detail=plain(detail)))
            for one in lane["ends"]:
                if one["alarm"]:
                    print("  " + _ending(one))
    return 0


def order(arguments: Sequence[str]) -> int:
    """Give a person's order, by default to open; 0 where the lane accepted, 1 where it refused, 69 unreachable."""
    parser = Parser("kakou open", say("verb_open"))
    add_target(parser)
    parser.add_argument("--lane", required=True, help=say("open_lane"))
    parser.add_argument("--operator", help=say("open_operator"))
    parser.add_argument("--reason", required=True, help=say("open_reason"))
    parser.add_argument("--action", choices=_OTHER_ORDERS, default="open", help=say("open_action"))
    parser.add_argument("--passage", metavar="ID", help=say("open_passage"))
    given = parser.parse_args(arguments)
    request = {
        "verb": "order",
        "lane": given.lane,
        "action": given.action,
        "operator": login_name() if given.operator is None else given.operator,
        "reason": given.reason,
        "passage": given.passage,
    }
    answer = ask_controller(given, request)
    return answer if isinstance(answer, int) else show_outcome(given, answer)


def supplement(arguments: Sequence[str]) -> int:
    """Say of a held vehicle what was not read; 0 where the authorities were asked anew, 1 where not, 69, 78."""
    parser = Parser("kakou supplement", say("verb_supplement"))
    add_target(parser)
    parser.add_argument("lane", help=say("open_lane"))
    parser.add_argument("--operator", help=say("open_operator"))
    parser.add_argument("--reason", required=True, help=say("open_reason"))
    parser.add_argument("--plate", help=say("supplement_plate"))
    parser.add_argument("--rear-plate", help=say("supplement_rear_plate"))
    parser.add_argument("--container", action="append", default=[], metavar="CODE", help=say("supplement_container"))
    parser.add_argument("--passage", metavar="ID", help=say("open_passage"))
    given = parser.parse_args(arguments)
    plates = {"front": given.plate, "rear": given.rear_plate}
    request = {
        "verb": "supplement",
        "lane": given.lane,
        "operator": login_name() if given.operator is None else given.operator,
        "reason": given.reason,
        "plates": {place: text for place, text in plates.items() if text is not None},
        "containers": given.container,
        "passage": given.passage,
    }
    answer = ask_controller(given, request)
    if isinstance(answer, int):
        return answer
    if not given.json and answer.get("reason"):
        print(say("supplement_refused", why=say(f"supplement_{answer['reason']}")), file=sys.stderr)
    return show_outcome(given, answer)


def mode(arguments: Sequence[str]) -> int:
    """Show the mode of a lane, or order one; 0 where it is in force, 1 where it is refused or waits for a second."""
    parser = Parser("kakou mode", say("verb_mode"))
    add_target(parser)
    parser.add_argument("lane", help=say("open_lane"))
    parser.add_argument("mode", nargs="?", choices=MODES, help=say("mode_mode"))
    parser.add_argument("--operator", help=say("open_operator"))
    parser.add_argument("--reason", default="", help=say("open_reason"))
    given = parser.parse_args(arguments)
    if given.mode is None:
        return _show_mode(given)
    operator = login_name() if given.operator is None else given.operator
    request = {
        "verb": "mode",
        "lane": given.lane,
        "mode": given.mode,
        "operator": operator,
        "reason": given.reason,
    }
    answer = ask_controller(given, request)
    return answer if isinstance(answer, int) else show_outcome(given, answer)


def reload(arguments: Sequence[str]) -> int:
    """Let the running controller take its changed configuration; 0 where it will, 1 where it refuses, 69, 78."""
    parser = Parser("kakou reload", say("verb_reload"))
    add_target(parser)
    given = parser.parse_args(arguments)
    answer = ask_controller(given, {"verb": "reload"})
    if isinstance(answer, int):
        return answer
    if given.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif "error" in answer:
        print(refusal(answer), file=sys.stderr)
    else:
        for problem in answer["problems"]:
            print(plain(problem), file=sys.stderr)
        print(say("reload_changed" if answer["changed"] else "reload_unchanged"))
    return 0 if answer.get("accepted") else EXIT_REFUSED


def _show_mode(given: argparse.Namespace) -> int:
    answer = ask_controller(given, {"verb": "status"})
    if isinstance(answer, int):
        return answer
    lane = next((one for one in answer["lanes"] if one["lane"] == given.lane), None)
    if lane is None:
        print(say("open_unknown_lane", lanes=", ".join(plain(one["lane"]) for one in answer["lanes"])), file=sys.stderr)
        return EXIT_REFUSED
    shown = {name: lane[name] for name in ("lane", "mode", "hours", "awaits_second")}
    print(json.dumps(shown, ensure_ascii=False) if given.json else _line(lane))
    return 0


def show_outcome(given: argparse.Namespace, answer: dict[str, Any]) -> int:
    """Print what a lane did with an order; 0 where it accepted, else 1."""
    if given.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif "error" in answer:
        print(refusal(answer), file=sys.stderr)
    else:
        waiting = answer["lane"]["awaits_second"]
        if not answer["accepted"] and waiting is not None:
            print(say("second_person_needed", operator=plain(waiting["operator"]), seconds=waiting["for_s"]))
        print(("accepted" if answer["accepted"] else "refused") + ": " + _line(answer["lane"]))
    return 0 if answer.get("accepted") else EXIT_REFUSED


def refusal(answer: dict[str, Any]) -> str:
    """Return in words why the controller did not even ask the lane."""
    match answer["error"]:
        case "unknown_lane":
            return say("open_unknown_lane", lanes=", ".join(map(plain, answer["lanes"])))
        case "no_handheld":
            return say("confirm_no_handheld", lane=plain(answer["lane"]))
        case "operator_and_reason_needed":
            return say("open_who_and_why")
        case "too_long":
            return say("open_too_long", operator=answer["operator"], reason=answer["reason"])
        case "words_malformed":
            return say("supplement_words_malformed")
        case "already_recording" | "not_recording" | "disk_too_full" | "cannot_write" | "record_out_of_range":
            return say(f"record_{answer['error'].removeprefix('record_')}")
        case code:
            return plain(str(code))


def login_name() -> str:
    """Return who is logged in; empty where that has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A user without a name, as in a container: the lane then refuses the order and says what it needs.
        return ""


def add_target(parser: Parser) -> None:
    """Add the options of every verb that speaks to a running controller."""
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help=say("person_config"))
    parser.add_argument("--socket", type=Path, help=say("person_socket"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))


def ask_controller(given: argparse.Namespace, request: dict[str, Any]) -> dict[str, Any] | int:
    """Return the controller's answer; where there is none, say why and return the exit status."""
    path = given.socket
    if path is None:
        loaded = configured(given.config)
        if loaded is None:
            return EXIT_CONFIG
        path = loaded.control_socket_path
    try:
        return asyncio.run(ask(path, request))
    except ControlError as error:
        print(error, file=sys.stderr)
        return EXIT_UNREACHABLE


def _ending(one: dict[str, Any]) -> str:
    if one["ends"] is None:
        return say("status_ends_missing", name=plain(one["name"]))
    return say("status_ends", name=plain(one["name"]), ends=plain(one["ends"]))


def _line(lane: dict[str, Any]) -> str:
    notes = [*lane["reasons"], *lane["alarms"]]
    return (
        f"{lane['lane']}: {lane['phase']} for {lane['since_s']} s, boom {lane['boom']}, light {lane['light']}"
        + (f" [{', '.join(notes)}]" if notes else "")
        + (f" {lane['mode']}" if lane["mode"] != "NORMAL" else "")
        + (f" hours {lane['hours']}" if lane["hours"] != "open" else "")
        + (" SIMULATED" if lane["simulated"] else "")
    )
