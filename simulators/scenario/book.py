"""The authorities' book in a scenario: who has a release note, by what the lane must match."""

from collections.abc import Mapping, Sequence
from typing import Any

from edge.core.grant import NotedPlate, ReleaseNote
from simulators.release_notes import ReleaseNotes, Ruling
from simulators.scenario.schema import TruckSpec


class Book(ReleaseNotes):
    """Release notes by front plate where the lane must match one, else by tag. Each is good for one passage."""

    def __init__(self, must_match: Sequence[str]) -> None:
        super().__init__()
        self._by_tag = "front_plate" not in must_match
        self._entered = 0
        self._tags: dict[str, ReleaseNote] = {}
        self._passage_of: dict[str, str] = {}

    def enter(self, truck: TruckSpec) -> None:
        """Enter a fresh note for what this truck truly is."""
        self._entered += 1
        number = f"note-{self._entered}"
        plates = tuple(NotedPlate(one.place, one.text, one.colour) for one in truck.plates)
        note = ReleaseNote(number, plates, tuple(one.code for one in truck.containers), truck.tag)
        if not self._by_tag:
            self.add(note)
        elif truck.tag is not None:
            self._tags[truck.tag] = note

    def rule(self, readings: Mapping[str, Any], passage: str) -> Ruling:
        """Judge readings as a request tells them; by tag, the rest is the lane's to compare with the note."""
        if not self._by_tag:
            return super().rule(readings, passage)
        tag = readings["tag"]
        if tag["status"] != "read":
            return Ruling("hold", f"{tag['status']}_tag")
        note = self._tags.get(tag["value"]["epc"])
        if note is None:
            return Ruling("hold", "no_note")
        if self._passage_of.setdefault(note.number, passage) != passage:
            return Ruling("hold", "note_used", note)
        return Ruling("release", "", note)
