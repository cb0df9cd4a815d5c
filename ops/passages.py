"""What one ended passage counts as: its cell of the statistics and its stage times. Pure; any data may come."""

import re
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from ops.envelope import Lane, shown
from ops.histogram import MOST_MS

ENDED = "passage_ended"
UNKNOWN = "unknown"
How = Literal["clean", "referred", "manual", "other"]
HOW: tuple[How, ...] = ("clean", "referred", "manual", "other")
# In the order in which a vehicle goes through them; each authority's answer stands between the two halves.
BEFORE_ANSWERS = ("arrived", "identified", "requested")
AFTER_ANSWERS = ("granted", "opened", "cleared")
ANSWERED = "answered_"
# Terminal records of vehicles that the lane let in by itself, and those that needed a person.
_BY_ITSELF = frozenset({"PASSED", "OFFLINE_PASSED"})
_BY_PERSON = frozenset({"MANUAL_PASSED", "TURNED_BACK", "TIMEOUT", "FAULT"})
_WORD = re.compile(r"[a-z0-9_]{1,32}")
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MOST_STAGES = 32
_FIRST_YEAR, _LAST_YEAR = 2000, 2999


class Cell(NamedTuple):
    """Passages that are counted together. `hour` is of UTC and the passage's end (`2026-03-01T12`), or `unknown`."""

    hour: str
    site: str
    lane: str
    direction: str
    cargo_class: str
    how: str
    terminal: str
    decision: str
    simulated: bool
    drill: bool


def cell_of(lane: Lane, time: str, data: dict[str, Any]) -> Cell:
    """Return where a passage counts that ended at `time` (RFC 3339). What a lane does not say is `unknown`."""
    return Cell(
        _hour_of(time),
        lane.site,
        lane.name,
        _word(data.get("direction")),
        _word(data.get("cargo_class")),
        how(data),
        shown(data.get("terminal")),
        shown(data.get("decision")),
        data.get("simulated") is True,
        data.get("drill") is True,
    )


def how(data: dict[str, Any]) -> How:
    """Tell clean (the lane alone let it in), referred, manual (a person acted, or had to) and all others apart.

    Whoever needed a person is manual, referred or not. A lane of an earlier version does not say `touched`: there the
    reasons and the last decision tell, as far as they do.
    """
    # Of what a lane sends, not every value may be looked up.
    terminal, decision = shown(data.get("terminal")), data.get("decision")
    reasons = data.get("reasons")
    named = [one for one in reasons if isinstance(one, str)] if isinstance(reasons, list) else []
    touched = data.get("touched") is True or any(one.endswith("_by_person") for one in named)
    if touched or decision == "hold" or terminal in _BY_PERSON:
        return "manual"
    if decision == "refer" or terminal == "REFERRED":
        return "referred"
    return "clean" if terminal in _BY_ITSELF else "other"


def stage_times(data: dict[str, Any]) -> dict[str, int]:
    """Return the stage times in milliseconds, without what cannot be one."""
    times = data.get("stages_ms")
    if not isinstance(times, dict):
        return {}
    return {
        stage: round(value)
        for stage, value in list(times.items())[:_MOST_STAGES]
        if _STAGE.fullmatch(stage) and type(value) in (int, float) and 0 <= value <= MOST_MS
    }


def in_order(stages: set[str]) -> list[str]:
    """Return the fixed stages and those of `stages` that are not among them, in a vehicle's order."""
    answers = sorted(one for one in stages if one.startswith(ANSWERED))
    known = {*BEFORE_ANSWERS, *answers, *AFTER_ANSWERS}
    return [*BEFORE_ANSWERS, *answers, *AFTER_ANSWERS, *sorted(stages - known)]


def _hour_of(time: str) -> str:
    try:
        moment = datetime.fromisoformat(time)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return UNKNOWN
    # A clock that was never set is no hour.
    return moment.strftime("%Y-%m-%dT%H") if _FIRST_YEAR <= moment.year <= _LAST_YEAR else UNKNOWN


def _word(value: object) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else UNKNOWN
