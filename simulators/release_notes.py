"""The authority's book of release notes (核放单), and what it decides for a set of readings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.core.grant import ReleaseNote, Verdict


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the book says about one request. `reason` is stable and empty for a release."""

    verdict: Verdict
    reason: str = ""
    note: ReleaseNote | None = None


@dataclass(slots=True)
class ReleaseNotes:
    """Release notes by front plate. A release is for one passage; the same passage may ask again."""

    _by_plate: dict[str, ReleaseNote] = field(default_factory=dict)
    _used_by: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, notes: Iterable[ReleaseNote]) -> "ReleaseNotes":
        """Return a book of these notes."""
        book = cls()
        for note in notes:
            book.add(note)
        return book

    def add(self, note: ReleaseNote) -> None:
        """Enter a note, fresh; it takes the place of one with the same front plate. Raises ValueError without one."""
        front = _plate(note, "front")
        if front is None:
            raise ValueError(f"release note {note.number} names no front plate")
        self._by_plate[front[0]] = note
        self._used_by.pop(note.number, None)

    def used_by(self, number: str) -> str | None:
        """Return the passage that a note's release was given to, if any."""
        return self._used_by.get(number)

    def rule(self, readings: Mapping[str, Any], passage: str) -> Ruling:
        """Judge readings as a request tells them: released only where everything required was read and is equal.

        Reasons to hold: unread_front_plate, conflict_front_plate, no_note, note_used, unread_container,
        conflict_container, unread_tag, conflict_tag, contradicts_note. A release uses the note up.
        """
        plates = {item["place"]: item for item in readings["plates"]}
        front = plates.get("front")
        reason = _not_read(front, "front_plate")
        if front is None or reason:
            return Ruling("hold", reason)
        note = self._by_plate.get(front["value"]["text"])
        if note is None:
            return Ruling("hold", "no_note")
        reason = _objection(note, plates, readings)
        if reason:
            return Ruling("hold", reason, note)
        if self._used_by.setdefault(note.number, passage) != passage:
            return Ruling("hold", "note_used", note)
        return Ruling("release", "", note)


def _objection(note: ReleaseNote, plates: Mapping[str, Any], readings: Mapping[str, Any]) -> str:
    containers, tag = readings["containers"], readings["tag"]
    # Where the lane has no container camera or reader, only a note that names none can be released.
    if note.containers or containers["reason"] != "not_looked_for":
        reason = _not_read(containers, "container")
        if reason:
            return reason
        if sorted(item["code"] for item in containers["value"]) != sorted(note.containers):
            return "contradicts_note"
    if note.tag is not None:
        reason = _not_read(tag, "tag")
        if reason:
            return reason
    if tag["status"] == "conflict":
        return "conflict_tag"
    if note.tag is not None and tag["value"]["epc"] != note.tag:
        return "contradicts_note"
    return "" if _plates_agree(note, plates) else "contradicts_note"


def _plates_agree(note: ReleaseNote, plates: Mapping[str, Any]) -> bool:
    for place, item in plates.items():
        noted = _plate(note, place)
        if noted is None or item["status"] != "read":
            continue
        text, colour = noted
        read_colour = item["value"]["colour"]
        if item["value"]["text"] != text:
            return False
        if colour is not None and read_colour is not None and colour != read_colour:
            return False
    return True


def _not_read(reading: Mapping[str, Any] | None, name: str) -> str:
    """Return why an identifier cannot be matched, or '' where it was read and is shown."""
    if reading is None or reading["status"] == "unread":
        return f"unread_{name}"
    if reading["status"] == "conflict":
        return f"conflict_{name}"
    return "" if reading["policy"] == "allow" else f"withheld_{name}"


def _plate(note: ReleaseNote, place: str) -> tuple[str, str | None] | None:
    return next(((p.text, p.colour) for p in note.plates if p.place == place), None)
