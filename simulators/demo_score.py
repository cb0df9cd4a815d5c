"""What became of the demo's trucks, and how it is counted. Pure values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from simulators.vehicle import Truck

STAGES = ("identified", "requested", "granted", "opened", "cleared")
# Terminal records of vehicles that the lane let in by itself, and those that a named person let in.
_BY_ITSELF = frozenset({"PASSED", "OFFLINE_PASSED"})
# A boom may have risen rightly, once, for each vehicle that ended so: it passed, or something happened on the way.
_MAY_HAVE_RISEN = _BY_ITSELF | {"MANUAL_PASSED", "ABANDONED", "FAULT", "ABORTED_RESTART"}


@dataclass(slots=True)
class Passage:
    """What became of one truck. `terminals` has one entry where everything is right."""

    truck: Truck
    id: str | None = None
    identity: dict[str, Any] = field(default_factory=lambda: {"plates": [], "containers": [], "tag": None})
    decision: str | None = None
    # Who wanted to look at it, and where.
    inspections: list[dict[str, Any]] = field(default_factory=list)
    terminals: list[str] = field(default_factory=list)
    stages_ms: dict[str, int] = field(default_factory=dict)
    # Colours by plate, as they were read: part of a plate's identity, though `--json` shows its text alone.
    colours: dict[str, str] = field(default_factory=dict)

    @property
    def truth(self) -> dict[str, Any]:
        """Who the truck truly is."""
        return {
            "plates": [text for _, text, _, _, _ in self.truck.plates],
            "containers": sorted(code for code, _ in self.truck.containers),
            "tag": self.truck.tag_epc,
        }

    def carried(self) -> set[tuple[str, str]]:
        """Everything that the truck truly carries and a lane could read."""
        return _named(self.truth) | {
            ("colour", f"{text} {colour}") for _, text, colour, _, _ in self.truck.plates if colour
        }

    def seen(self) -> set[tuple[str, str]]:
        """Everything that was read and can be judged: of a plate whose true colour nobody noted, none is wrong."""
        unknown = {text for _, text, colour, _, _ in self.truck.plates if not colour}
        read = {("colour", f"{text} {colour}") for text, colour in self.colours.items() if text not in unknown}
        return _named(self.identity) | read

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints for it; several terminal records, a defect, are shown as a list."""
        return {
            "id": self.id,
            "truth": self.truth,
            "identity": self.identity,
            "decision": self.decision,
            "inspections": self.inspections,
            "terminal": self.terminals[0] if len(self.terminals) == 1 else self.terminals or None,
            "stages_ms": {name: self.stages_ms.get(name) for name in STAGES},
        }


def score(passages: Sequence[Passage], raises: int) -> dict[str, Any]:
    """Count what matters, from `passages` and how often the boom was truly raised.

    `wrongly_opened`: passed by itself under an identity that is not the truck's, or the boom raised more often than
    vehicles can account for (one whose end nobody heard of accounts for one). `held_wrong`: held, and something was
    read that the truck does not carry. `held_unread`: held, nothing was read wrongly, and something that the truck
    carries was not read.
    """
    opened = [one for one in passages if _BY_ITSELF.intersection(one.terminals)]
    accounted = sum(not one.terminals or bool(_MAY_HAVE_RISEN.intersection(one.terminals)) for one in passages)
    held = [one for one in passages if one.decision == "hold"]
    wrong = [one for one in held if one.seen() - one.carried()]
    unread = [one for one in held if one not in wrong and one.carried() - one.seen()]
    return {
        "passages": [one.as_json() for one in passages],
        "wrongly_opened": sum(one.identity != one.truth or bool(one.seen() - one.carried()) for one in opened)
        + max(0, raises - accounted),
        "held_unread": len(unread),
        "held_wrong": len(wrong),
    }


def _named(identity: dict[str, Any]) -> set[tuple[str, str]]:
    """Everything that is named, with its kind: a plate never stands for a code."""
    named = {("plate", text) for text in identity["plates"]} | {("container", code) for code in identity["containers"]}
    return named if identity["tag"] is None else named | {("tag", identity["tag"])}


def plain_identity(identity: dict[str, Any]) -> dict[str, Any]:
    """The identity of a passage message as the demo's JSON shows it: what was read, nothing that was not."""
    return {
        "plates": [plate["text"] for plate in identity["plates"] if plate["text"]],
        "containers": sorted(one["code"] for one in identity["containers"]),
        "tag": identity["tag"],
    }


def colours_of(identity: dict[str, Any]) -> dict[str, str]:
    """The colours of a passage message's plates that were read."""
    return {plate["text"]: plate["colour"] for plate in identity["plates"] if plate["text"] and plate["colour"]}
