"""`kakou confirm`: the challenge of a held passage for a handheld terminal, and its answer, with no network."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.text import plain, say
from edge.text.arguments import Parser
from edge.verbs.person import EXIT_REFUSED, add_target, ask_controller, refusal, show_outcome

STANDARD_INPUT = Path("-")


def main(arguments: Sequence[str]) -> int:
    """Show the challenge of a lane, or hand in an answer; 0 where there is one or it opened or refused, else 1, 69."""
    parser = Parser("kakou confirm", say("verb_confirm"))
    add_target(parser)
    parser.add_argument("lane", help=say("open_lane"))
    parser.add_argument("answer", nargs="?", type=Path, help=say("confirm_answer"))
    given = parser.parse_args(arguments)
    if given.answer is None:
        answer = ask_controller(given, {"verb": "challenge", "lane": given.lane})
        return answer if isinstance(answer, int) else _show_challenge(answer, as_json=given.json)
    raw = sys.stdin.buffer.read() if given.answer == STANDARD_INPUT else given.answer.read_bytes()
    request = {"verb": "confirm", "lane": given.lane, "answer": raw.decode("ascii", "replace").strip()}
    answer = ask_controller(given, request)
    if isinstance(answer, int):
        return answer
    if not given.json and answer.get("reason"):
        print(say("confirm_ignored", reason=plain(answer["reason"])), file=sys.stderr)
    return show_outcome(given, answer)


def _show_challenge(answer: dict[str, Any], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(answer, ensure_ascii=False))
    elif "error" in answer:
        print(refusal(answer), file=sys.stderr)
    elif answer["challenge"] is None:
        print(say("confirm_nothing_held"), file=sys.stderr)
    else:
        print(answer["challenge"])
    return 0 if answer.get("challenge") else EXIT_REFUSED
