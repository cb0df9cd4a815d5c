"""Journal records that no step of the lane made: chained like all others, and passed over by recovery and replay."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from edge.runtime.journal import Journal, Ticket
from edge.runtime.outbox import OutboxEvent

NOTE = "note"


class Alarms(Protocol):
    """Where a lane's alarms are published."""

    def publish_alarm(self, code: str, detail: str | None) -> None:
        """Raise an alarm, or take it back with None."""


def append_note(journal: Journal, lane: str, name: str, data: Mapping[str, Any]) -> Ticket:
    """Append a note (no personal data), and with it the event of that name for central operations."""
    body = json.dumps({"note": name, "data": dict(data), "effects": []}, ensure_ascii=False, separators=(",", ":"))
    return journal.append(lane, NOTE, body, [OutboxEvent(name, data)])


def security_note(journal: Journal, lane: str, code: str, stands: bool, detail: str) -> Ticket:
    """Append that a security alarm began, or ended."""
    return append_note(journal, lane, "security_alarm", {"code": code, "stands": stands, "detail": detail})
