"""What a journal says happened in one lane: boots, authorities, raises, terminal records."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.runtime.journal import JournalReader
from edge.runtime.notes import NOTE


@dataclass
class Boot:
    """One run of the controller: the nonces that it spent and how often it asked the boom to rise."""

    consumed: list[tuple[str, ...]] = field(default_factory=list)
    raises: int = 0


@dataclass
class JournalFacts:
    """One lane's journal, counted."""

    boots: list[Boot] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    ended: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    # The types of all events for central operations, in order.
    events: list[str] = field(default_factory=list)
    first_broken: int | None = None

    @property
    def terminals(self) -> list[list[str]]:
        """Of each opened passage, in order, its terminal records: one each, where all is well."""
        return [[end["terminal"] for end in self.ended.get(passage, [])] for passage in self.opened]

    @property
    def consumed(self) -> list[tuple[str, ...]]:
        return [nonces for boot in self.boots for nonces in boot.consumed]

    def named(self, name: str) -> list[dict[str, Any]]:
        """The fields of all reports of this name."""
        return [dict(report["fields"]) for report in self.reports if report["name"] == name]


def read_facts(path: Path, lane: str) -> JournalFacts:
    """Read a journal that may be in use."""
    facts = JournalFacts()
    reader = JournalReader(path)
    try:
        facts.first_broken = reader.verify_chain(lane)
        for record in reader.records(lane):
            body = json.loads(record.body)
            if record.kind == "boot":
                facts.boots.append(Boot())
            if record.kind == NOTE:
                facts.events.append(body["note"])
            for effect in body["effects"]:
                _count(facts, effect)
    finally:
        reader.close_reader()
    return facts


def _count(facts: JournalFacts, effect: dict[str, Any]) -> None:
    match effect["type"]:
        case "Report":
            facts.reports.append(effect)
            facts.events.append(effect["name"])
            if effect["name"] == "passage_opened":
                facts.opened.append(effect["passage"])
        case "ConsumeAuthority":
            facts.boots[-1].consumed.append(tuple(effect["nonces"]))
        case "RaiseBoom":
            facts.boots[-1].raises += 1
        case "EndPassage":
            facts.events.append("passage_ended")
            facts.ended.setdefault(effect["passage"], []).append(effect)
