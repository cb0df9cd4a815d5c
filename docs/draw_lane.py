"""Draw docs/lane.md from the transition table: `python docs/draw_lane.py` writes it, `--check` compares it."""

import inspect
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from edge.core.actions import FaultAction, ignore_grant, ignore_person, nothing
from edge.core.confirming import ignore_confirmation
from edge.core.state import Phase
from edge.core.table import TRANSITIONS, Transition

PAGE = Path(__file__).with_name("lane.md")

PHASES: dict[Phase, str] = {
    Phase.STARTING: "Nothing is proved yet. Boom measured down, nothing below it, nothing tripped: then it is ready.",
    Phase.IDLE: "Barred and ready: red light, boom measured down, no passage.",
    Phase.IDENTIFYING: "A vehicle stands on the arrival loop; cameras and tag reader work until nothing can be added.",
    Phase.WAITING: "Every authority was asked; their answers, or their silence, settle the decision.",
    Phase.HELD: "A person decides: opens, refuses, or asks for new pictures. The vehicle may leave."
    " Where there are handheld terminals, each picture and reason makes a new challenge (`edge/core/confirming.py`).",
    Phase.CONSUMING: "The authority to open is spent in the journal; nothing moves before it is on the disk.",
    Phase.OPENING: "The boom was asked to rise, once; its limit switch has the word.",
    Phase.OPEN: "The boom is up, or was: green until the vehicle is below it, closed only on a proof.",
    Phase.CLOSING: "The boom was asked down; any doubt about the space below it withdraws that.",
    Phase.TURNING_BACK: "Denied, or refused by a person: the vehicle has to leave the way it came.",
    Phase.LEAVING: "The passage has its terminal record, and the vehicle still stands on the arrival loop.",
    Phase.FAULT: "Stopped and red until a named person resets it.",
}
HEAD = """# The lane

Drawn by `python docs/draw_lane.py` from `edge/core/table.py`; do not edit.

For one phase and one event, the first row whose guard holds is taken. A pair that is not in the table stops the lane
(`unexpected_event`). Rows that only record something are left out here. What every event means to the lane's picture of
itself (inputs, readings, lost devices), whatever the phase, is in `edge/core/observe.py`.
"""


def page() -> str:
    """Return the whole page."""
    rows = [row for row in TRANSITIONS if row.action not in (nothing, ignore_grant, ignore_person, ignore_confirmation)]
    parts = [HEAD, "## Phases\n", _phases(), "## Ways\n", _diagram(rows), "## Rows\n", _table(rows)]
    return "\n".join([*parts, "## Guards\n", _words(row.guard for row in rows), "## Actions\n", _actions(rows)])


def _phases() -> str:
    return "\n".join(f"- **{phase}**: {text}" for phase, text in PHASES.items()) + "\n"


def _diagram(rows: list[Transition]) -> str:
    """Edges that lead elsewhere, one per pair of phases; what leads into FAULT from everywhere is told in words."""
    edges: dict[tuple[Phase, Phase], list[str]] = {}
    for row in rows:
        for target in (row.to,) if row.to else row.may_enter:
            if target not in (row.phase, Phase.FAULT):
                edges.setdefault((row.phase, target), []).append(_label(row))
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.STARTING}"]
    for (source, target), labels in edges.items():
        lines.append(f"    {source} --> {target}: {'<br/>'.join(dict.fromkeys(labels))}")
    for phase in Phase:
        faults = [row.action.__name__ for row in rows if row.phase is phase and row.to is Phase.FAULT]
        named = [name.removeprefix("fail:") for name in faults if name.removeprefix("fail:") not in EVERYWHERE]
        if named:
            lines.append(f"    {phase} --> fault: {'<br/>'.join(dict.fromkeys(named))}")
    everywhere = ", ".join(f"`{code}`" for code in EVERYWHERE)
    return "\n".join([*lines, "```", "", f"Into `fault` lead, from almost everywhere and not drawn: {everywhere}.\n"])


EVERYWHERE = ("emergency", "boom_broken", "limits_disagree", "uncommanded_open", "journal_lost", "unexpected_event")


def _label(row: Transition) -> str:
    guard = row.guard.__name__
    return row.event.__name__ if guard == "always" else f"{row.event.__name__} [{guard}]"


def _table(rows: list[Transition]) -> str:
    """One line per event, guard, action and target, with all the phases that share it, in the order of the table."""
    shared: dict[tuple[str, ...], list[Phase]] = {}
    for row in rows:
        targets = [row.to] if row.to else row.may_enter
        to = " or ".join(targets) or "(stays)"
        key = (row.event.__name__, row.guard.__name__, row.action.__name__, to)
        shared.setdefault(key, []).append(row.phase)
    lines = ["| in | on | if | do | to |", "|---|---|---|---|---|"]
    for (event, guard, action, to), phases in shared.items():
        lines.append(f"| {_in(phases)} | {event} | {guard} | {action} | {to} |")
    return "\n".join(lines) + "\n"


def _in(phases: list[Phase]) -> str:
    others = [phase for phase in Phase if phase not in phases]
    return f"any but {', '.join(others)}" if len(others) <= 4 else ", ".join(phases)


def _words(functions: Iterable[object]) -> str:
    texts = {str(getattr(one, "__name__", "")): _first_sentence(one) for one in functions}
    return "\n".join(f"- `{name}`: {text}" for name, text in sorted(texts.items())) + "\n"


def _actions(rows: list[Transition]) -> str:
    plain = _words(row.action for row in rows if not isinstance(row.action, FaultAction))
    return f"{plain}- `fail:<code>`: {_first_sentence(FaultAction)}\n"


def _first_sentence(documented: object) -> str:
    return (inspect.getdoc(documented) or "").split("\n\n")[0].replace("\n", " ")


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` say whether it is up to date (exit code 1 where not)."""
    text = page()
    if "--check" in arguments:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
