"""What central says about who was shown what, and about inspections that several authorities share."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.cli import main
from ops.envelope import Lane, LaneEvent
from ops.store import EventStore


def event(seq: int, kind: str, **data: Any) -> LaneEvent:
    return LaneEvent(Lane("S1", "L1"), 5, seq, 1, kind, "2026-03-01T12:00:00.000Z", f"{seq:064x}", data)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "ops.sqlite"
    store = EventStore(path)
    masked = {"plates": "mask", "containers": "allow", "tag": "nothing"}
    store.store(
        [
            event(1, "requested", authority="customs", plates="allow", containers="allow", tag="allow"),
            event(2, "requested", authority="port", **masked),
            event(3, "requested", authority="port", **masked | {"tag": "hash"}),
            event(4, "requested", authority="port", drill=True, **masked),
            event(5, "requested", authority="port"),
            event(6, "referral_issued", inspections="customs:nii,quarantine:nii"),
            event(7, "referral_issued", inspections="customs:bay"),
            event(8, "referral_issued", inspections=None),
        ],
        "now",
    )
    store.close()
    return path


def test_the_report_says_who_was_shown_what_and_who_looked_together(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--database", str(database), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["shares"] == {
        "customs": {"plates": {"allow": 1}, "containers": {"allow": 1}, "tag": {"allow": 1}},
        "port": {"plates": {"mask": 2}, "containers": {"allow": 2}, "tag": {"hash": 1, "nothing": 1}},
    }
    assert data["inspections"] == {"tasks": 3, "merged": 1, "targets": {"bay": 1, "nii": 1}}
    assert main(["report", "--database", str(database)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "shown to port: plates mask 2; containers allow 2; tag hash 1 nothing 1" in shown
    assert "inspections: 3, 1 for several authorities together" in shown
