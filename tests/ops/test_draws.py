"""Central draws again what a real lane drew: every lie about a draw is found, with the plan and its secret alone."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.sampling_plan import plan_claims, plan_seed, seal_plan
from edge.core.effects import Report
from edge.core.sampling_plan import SampledClass, SamplingPlan
from edge.runtime.records import outbox_event
from ops.cli import main
from ops.draws import Draws, PlanError, plans_in
from ops.envelope import Lane, LaneEvent
from ops.store import EventStore, StoredEvent
from tests.edge.core.test_sampling import SampledLane

LANE, SECRET = Lane("site", "lane-1"), b"s" * 32
CLASSES = (SampledClass("aeo", 0, "weigh"), SampledClass("general", 1_000, "bay"))
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the centre keeps: the plan as it was sent, and the secret that it shares with the lane."""
    claims = plan_claims(
        "customs", LANE.site, LANE.name, 1, CLASSES, secret=SECRET, issued=NOW, not_after=NOW + timedelta(days=7)
    )
    raw = seal_plan(claims, key_id="key", key=Ed25519PrivateKey.generate())
    (tmp_path / "plan-1.jws").write_bytes(raw)
    (tmp_path / "lane-lane-1.sampling.key").write_text(SECRET.hex())
    return tmp_path


def told(credit_class: str | None) -> list[StoredEvent]:
    """The events of a real lane that a vehicle of this class is released on, under the plan."""
    seed = plan_seed(SECRET, LANE.site, LANE.name, 1)
    rows: list[StoredEvent] = []
    lane = SampledLane(SamplingPlan("customs", 1, seed, 10**9, CLASSES))
    lane.come(credit_class)
    for _, _, effects in lane.history:
        for one in (effect for effect in effects if isinstance(effect, Report)):
            event = outbox_event(one)
            rows.append(StoredEvent(LANE, 1, len(rows) + 1, event.type, "t", "h", dict(event.data)))
    return rows


def codes(folder: Path, rows: list[StoredEvent]) -> list[str]:
    draws = Draws(plans_in(folder))
    return [code for row in rows for code in draws.take(row)]


def changed(rows: list[StoredEvent], kind: str, **data: Any) -> list[StoredEvent]:
    assert any(row.type == kind for row in rows)
    return [replace(row, data={**row.data, **data}) if row.type == kind else row for row in rows]


def without(rows: list[StoredEvent], kind: str) -> list[StoredEvent]:
    return [row for row in rows if row.type != kind]


@pytest.mark.parametrize("credit_class", ["aeo", "general", "unheard_of", None])
def test_what_a_lane_drew_is_what_the_plan_draws(folder: Path, credit_class: str | None) -> None:
    assert codes(folder, told(credit_class)) == []


def test_each_lie_about_a_draw_is_found(folder: Path) -> None:
    rows = told("aeo")
    drawn = next(row for row in rows if row.type == "sampling_drawn")
    lies = {
        "draw_wrong_digest": changed(rows, "sampling_drawn", digest="0" * 64),
        "draw_wrong_rate": changed(rows, "sampling_drawn", per_mille=1),
        "draw_wrong_outcome": changed(changed(rows, "sampling_drawn", selected=True), "decided", decision="refer"),
        "draw_not_followed": changed(rows, "decided", decision="refer"),
        "draw_missing": without(rows, "sampling_drawn"),
        "plan_unknown": changed(rows, "sampling_drawn", plan=2),
    }
    assert {lie: codes(folder, told) for lie, told in lies.items()} == {lie: [lie] for lie in lies}
    assert codes(folder, changed(rows, "sampling_drawn", plan="1")) == ["plan_unknown"]
    # Another class than the note's is one that the plan knows: it has that class's rate, not this one.
    assert drawn.data["credit_class"] == "aeo"
    assert codes(folder, changed(rows, "sampling_drawn", credit_class="general"))[0] == "draw_wrong_rate"


def test_who_was_selected_and_let_pass_is_found(folder: Path) -> None:
    rows = told("general")
    assert next(row for row in rows if row.type == "sampling_drawn").data["selected"]
    assert codes(folder, changed(rows, "decided", decision="release")) == ["draw_not_followed"]


def test_before_the_first_plan_and_offline_nothing_is_drawn(folder: Path) -> None:
    rows = without(told("aeo"), "sampling_drawn")
    assert codes(folder, without(rows, "sampling_plan_accepted")) == []
    assert codes(folder, changed(rows, "decided", reasons="no_answer:customs,offline")) == []
    assert codes(folder, changed(rows, "decided", decision="hold")) == []
    skipped = next(row for row in told("aeo") if row.type == "sampling_drawn")
    skipped = replace(skipped, type="sampling_skipped", data={**skipped.data, "reason": "rechecked"})
    place = next(number for number, row in enumerate(rows) if row.type == "decided")
    assert codes(folder, [*rows[:place], skipped, *rows[place:]]) == []


@pytest.mark.parametrize("damage", ["secret", "no_secret", "form", "empty", "version"])
def test_a_plan_that_cannot_be_used_is_named(
    folder: Path, damage: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    key = folder / "lane-lane-1.sampling.key"
    if damage == "secret":
        key.write_text("ab" * 32)
    elif damage == "no_secret":
        key.unlink()
    elif damage == "form":
        (folder / "plan-1.jws").write_bytes(b"no plan")
    elif damage == "version":
        claims = b'{"site": "site", "lane": "lane-1", "version": Infinity}'
        (folder / "plan-1.jws").write_bytes(b"e30." + base64.urlsafe_b64encode(claims) + b".e30")
    else:
        claims = plan_claims("customs", "site", "lane-1", 1, (), secret=SECRET, issued=NOW, not_after=NOW)
        (folder / "plan-1.jws").write_bytes(seal_plan(claims, key_id="k", key=Ed25519PrivateKey.generate()))
    with pytest.raises(PlanError, match="plan-1"):
        plans_in(folder)
    EventStore(tmp_path / "ops.sqlite").close()
    arguments = ["audit", "--database", str(tmp_path / "ops.sqlite"), "--lane-keys", str(folder)]
    assert main([*arguments, "--sampling-plans", str(folder)]) == 75
    assert "plan-1.jws" in capsys.readouterr().err


def test_the_audit_draws_again(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = EventStore(tmp_path / "ops.sqlite")
    rows = changed(told("aeo"), "sampling_drawn", digest="0" * 64)
    store.store([LaneEvent(LANE, 1, row.seq, 1, row.type, "t", f"{row.seq:064x}", row.data) for row in rows], "now")
    store.close()
    arguments = ["audit", "--database", str(tmp_path / "ops.sqlite"), "--lane-keys", str(folder), "--json"]
    assert main([*arguments, "--sampling-plans", str(folder)]) == 65
    data = json.loads(capsys.readouterr().out)
    assert data["draws"] == 1
    assert "draw_wrong_digest" in {one["code"] for one in data["findings"]}
