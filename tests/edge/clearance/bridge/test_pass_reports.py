"""A passage that ended under a document of customs is told once; whatever else ends one is not."""

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.clearance.bridge import pass_reports
from edge.clearance.bridge.book import BridgeBook
from edge.clearance.bridge.pass_record import DxpWords, PassRecord, read_record
from edge.clearance.bridge.pass_reports import PassReports, Reporting
from edge.mqtt import Message
from tests.support.customs import PLATE, passage_event

NOW = datetime(2026, 3, 1, 0, 0, 12, tzinfo=UTC)
TOPIC = "gate/v1/yard/lane1/passage/customs"


class Desk:
    def __init__(self, folder: Path, **changes: Any) -> None:
        self.now = NOW
        self.book = BridgeBook(folder / "bridge.sqlite", utc=lambda: self.now)
        self.folder = folder / "dxp"
        values: dict[str, Any] = {"simulated": False, "cards": True}
        reporting = Reporting("yard", "customs", frozenset({"lane1"}), "SITE1", "CUST1", **(values | changes))
        self.reports = PassReports(reporting, self.folder, book=self.book, utc=lambda: self.now)
        self.count = 0

    def release(self, form: str = "HF1", verdict: str = "release", passage: str = "passage1") -> None:
        self.count += 1
        question = self.book.ask(f"hash{self.count}", lane="lane1", boot="b", passage=passage, nonce="n")
        self.book.answer(question, verdict, "", number=self.count, grant=b"g", form=form, raw=b"r")

    def end(self, payload: bytes | None = None, *, topic: str = TOPIC, retain: bool = False, **changes: Any) -> None:
        body = passage_event(**changes) if payload is None else payload
        self.reports.receive(Message(topic, body, retain))

    @property
    def records(self) -> list[PassRecord]:
        return [read_record(path.read_bytes(), DxpWords()) for path in sorted(self.folder.glob("*.xml"))]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.book.close()


def test_a_released_passage_is_told_with_its_document(desk: Desk) -> None:
    desk.release()
    desk.end()
    (record,) = desk.records
    assert (record.sender, record.receiver, record.bill, record.loaded, record.inward) == (
        "SITE1", "CUST1", "HF1", True, True,
    )  # fmt: skip
    assert record.vehicles == ((PLATE, "6217000123"),)
    assert (record.sent_at, record.entered_at) == (NOW, NOW.replace(second=5))


def test_it_is_told_once_also_when_the_exchange_took_it_and_after_a_restart(desk: Desk, tmp_path: Path) -> None:
    desk.release()
    desk.end()
    (path,) = desk.folder.iterdir()
    path.unlink()
    desk.end()
    desk.book.close()
    again = Desk(tmp_path)
    again.end()
    assert again.records == []
    again.book.close()


def test_one_that_was_written_and_not_entered_is_written_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    desk.release()
    with monkeypatch.context() as patched:
        patched.setattr(desk.book, "tell_pass", full)
        desk.end()
    desk.end()
    assert len(desk.records) == 1
    assert desk.reports.written == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"terminal": "MANUAL_PASSED"},
        {"terminal": "TURNED_BACK"},
        {"drill": True},
        {"simulated": True},
        {"passage": "passage2"},
    ],
)
def test_what_did_not_pass_under_a_document_is_not_told(desk: Desk, changes: dict[str, Any]) -> None:
    desk.release()
    desk.end(**changes)
    assert desk.records == []


@pytest.mark.parametrize(("form", "verdict"), [("", "release"), ("HF1", "hold")])
def test_neither_a_release_without_a_number_nor_a_hold_is_told(desk: Desk, form: str, verdict: str) -> None:
    desk.release(form, verdict)
    desk.end()
    assert desk.records == []


def test_neither_a_retained_message_nor_another_lane_nor_another_event_is_told(desk: Desk) -> None:
    desk.release()
    desk.end(retain=True)
    desk.end(topic="gate/v1/yard/lane2/passage/customs")
    other = json.loads(passage_event())
    desk.end(json.dumps(other | {"type": "identified"}).encode())
    assert desk.records == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"{}", passage_event(identity=None), passage_event(passage="a/b"), passage_event(passage=7)],
)
def test_what_is_no_event_is_left_with_a_word(desk: Desk, payload: bytes, caplog: pytest.LogCaptureFixture) -> None:
    desk.release()
    desk.end(payload)
    assert desk.records == []
    assert caplog.messages == ["pass_not_reported"]


def at(time: object) -> bytes:
    return json.dumps(json.loads(passage_event()) | {"time": time}).encode()


@pytest.mark.parametrize(
    "payload",
    [
        *map(at, ["9999-12-31T23:59:59Z", "0999-01-01T00:00:05Z", "2026-03-01T00:00:05", "2026-03-01", "now", 7, None]),
        passage_event(direction="sideways"),
        passage_event(direction=None),
    ],
)
def test_what_says_no_moment_or_direction_is_not_told_with_one_of_ours(
    desk: Desk, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A time without its zone would be that of this machine, and whatever is not in would be out."""
    desk.release()
    desk.end(payload)
    assert desk.records == []
    assert caplog.messages == ["pass_not_reported"]


def test_a_vehicle_without_plate_or_card_is_told_without(desk: Desk) -> None:
    desk.release()
    desk.end(identity={"plates": [{"place": "front", "text": None}], "containers": []}, direction="out")
    (record,) = desk.records
    assert (record.vehicles, record.loaded, record.inward) == ((("", ""),), False, False)


def test_a_card_that_the_authority_may_not_see_as_it_is_is_left_out(tmp_path: Path) -> None:
    desk = Desk(tmp_path, cards=False)
    desk.release()
    desk.end()
    assert desk.records[0].vehicles == ((PLATE, ""),)
    desk.book.close()


def test_a_printed_code_is_no_card(desk: Desk) -> None:
    desk.release()
    desk.end(identity={"driver": {"text": "guid", "medium": "qr"}})
    assert desk.records[0].vehicles == (("", ""),)


def test_where_nobody_takes_records_away_no_more_are_written(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pass_reports, "MOST_WAITING", 1)
    desk.release()
    desk.end()
    desk.release("HF2", passage="passage2")
    desk.end(passage="passage2")
    assert [one.bill for one in desk.records] == ["HF1"]
    next(desk.folder.iterdir()).unlink()
    desk.end(passage="passage2")
    assert [one.bill for one in desk.records] == ["HF2"]


def test_the_book_forgets_what_was_told_with_what_was_asked(desk: Desk, tmp_path: Path) -> None:
    desk.release()
    desk.end()
    desk.book.close()
    later = BridgeBook(tmp_path / "bridge.sqlite", utc=lambda: NOW, keep=timedelta(0))
    assert later.pass_told("hash1"), "the newest row stays, and what was told of it"
    later.close()
