"""`kakou record LANE`: let the running controller keep what crosses the wires of a lane, for a time."""

import json
import sys
from collections.abc import Sequence

from edge.text import plain, say
from edge.text.arguments import Parser
from edge.verbs.person import EXIT_REFUSED, add_target, ask_controller, login_name, refusal


def main(arguments: Sequence[str]) -> int:
    """Begin or stop a recording; 0 where it did, 1 where it is refused, 69 where the controller cannot be reached."""
    parser = Parser("kakou record", say("verb_record"))
    add_target(parser)
    parser.add_argument("lane", help=say("open_lane"))
    parser.add_argument("--operator", help=say("open_operator"))
    parser.add_argument("--reason", default="", help=say("open_reason"))
    parser.add_argument("--seconds", type=int, default=600, help=say("record_seconds"))
    parser.add_argument("--most-mib", type=int, default=64, help=say("record_most_mib"))
    parser.add_argument("--stop", action="store_true", help=say("record_stop"))
    given = parser.parse_args(arguments)
    request = {
        "verb": "record",
        "lane": given.lane,
        "operator": login_name() if given.operator is None else given.operator,
        "reason": given.reason,
        "seconds": 0 if given.stop else given.seconds,
        "most_mib": given.most_mib,
    }
    answer = ask_controller(given, request)
    if isinstance(answer, int):
        return answer
    if given.json:
        print(json.dumps(answer, ensure_ascii=False))
    elif "error" in answer:
        print(refusal(answer), file=sys.stderr)
    elif given.stop:
        print(say("record_stopped", file=plain(str(answer["file"]))))
    else:
        print(say("record_begun", file=plain(str(answer["file"])), seconds=given.seconds))
    return EXIT_REFUSED if "error" in answer else 0
