"""Tells customs of each vehicle that passed under a document of it: one DXP record, in a folder of its exchange.

What ends a passage is heard on `passage/<authority>`. The record says what lane and book say of it, and opens nothing.
"""

import hashlib
import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from edge.clearance.bridge.book import BridgeBook
from edge.clearance.bridge.pass_record import DxpWords, PassRecord, record_bytes
from edge.clearance.claims import is_identifier
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.files import write_whole
from edge.mqtt import Message, MqttLink

_log = logging.getLogger(__name__)

# An exchange takes the files away; more than this waits for one that is gone.
MOST_WAITING = 20_000
_ID_CHARACTERS = 32
_INWARD = {"in": True, "out": False}
# Years before have no four digits.
_FIRST_YEAR = 1000


@dataclass(frozen=True, slots=True)
class Reporting:
    """Whose records these are, and of which lanes. `cards`: the authority may see the driver's card as it is."""

    site: str
    authority: str
    lanes: frozenset[str]
    sender: str
    receiver: str
    simulated: bool
    cards: bool
    words: DxpWords = field(default_factory=DxpWords)


class PassReports:
    """Writes a record for each passage under a document, once, as long as the link that it is attached to runs."""

    def __init__(self, reporting: Reporting, folder: Path, *, book: BridgeBook, utc: Callable[[], datetime]) -> None:
        """Raises OSError for a folder that cannot be used."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.written = 0
        self._reporting, self._folder, self._book, self._utc = reporting, folder, book, utc

    def attach(self, link: MqttLink) -> None:
        """Listen to what lanes tell this authority of their passages."""
        link.subscribe(f"gate/v1/{self._reporting.site}/+/passage/{self._reporting.authority}", self.receive)

    def receive(self, message: Message) -> None:
        """Take one message; whatever is no vehicle that passed under a document leaves nothing."""
        lane = message.topic.split("/")[3]
        if message.retain or lane not in self._reporting.lanes:
            return
        try:
            event = parse_object(message.payload)
            data = event["data"]
            if event["type"] != "passage_ended" or data["terminal"] != "PASSED" or not self._is_ours(data):
                return
            self._report(lane, event, data)
        except (StrictJsonError, AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            self._tell(lane, f"event_form: {type(error).__name__}")
        except (sqlite3.Error, OSError) as error:
            self._tell(lane, str(error))

    def _is_ours(self, data: Mapping[str, Any]) -> bool:
        """No drill is told to customs, and no simulated lane to a real one."""
        return data["drill"] is False and data["simulated"] is self._reporting.simulated

    def _report(self, lane: str, event: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        passage = data["passage"]
        if not is_identifier(passage):
            raise ValueError("passage")
        released = self._book.released(lane, passage)
        if released is None or self._book.pass_told(released.request_hash):
            return
        # The same passage makes the same file: a record that was written and not entered is written over.
        name = hashlib.sha256(released.request_hash.encode()).hexdigest()[:_ID_CHARACTERS]
        content = record_bytes(self._record(name, released.form, event, data), self._reporting.words)
        if sum(1 for _ in self._folder.iterdir()) >= MOST_WAITING:
            raise OSError(f"{self._folder}: {MOST_WAITING} records wait to be taken away")
        write_whole(self._folder / f"{name}.xml", content)
        self._book.tell_pass(released.request_hash, name)
        self.written += 1
        _log.info("pass_reported", extra={"lane": lane, "passage": passage})

    def _record(self, name: str, form: str, event: Mapping[str, Any], data: Mapping[str, Any]) -> PassRecord:
        identity = data["identity"]
        plates = {one["place"]: one["text"] or "" for one in identity.get("plates") or ()}
        driver = identity.get("driver") if self._reporting.cards else None
        card = driver["text"] if driver is not None and driver["medium"] == "ic" else None
        return PassRecord(
            message_id=name,
            sender=self._reporting.sender,
            receiver=self._reporting.receiver,
            sent_at=self._utc(),
            bill=form,
            loaded=bool(identity.get("containers")),
            inward=_INWARD[data["direction"]],
            vehicles=((plates.get("front", ""), card or ""),),
            entered_at=_moment(event["time"]),
        )

    def _tell(self, lane: str, cause: str) -> None:
        _log.warning("pass_not_reported", extra={"lane": lane, "cause": cause})


def _moment(text: str) -> datetime:
    """Return when that was. Raises TypeError or ValueError, also for a time that does not say of which zone it is."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or moment.year < _FIRST_YEAR:
        raise ValueError("a moment of no zone, or of no time of ours")
    return moment
