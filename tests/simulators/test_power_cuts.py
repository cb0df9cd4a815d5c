"""Power cuts under the journal (hazards.md X2): nothing promised is lost, and the control run loses."""

import json
import random
from pathlib import Path

import pytest

from simulators.power_cuts import CUTS_A_LIFE, campaign, main
from simulators.power_disk import Platter, Step


@pytest.mark.hazard("X2")
def test_no_cut_loses_what_was_promised():
    counts = campaign(CUTS_A_LIFE, seed=7).counts
    assert (counts["lost"], counts["corrupt"], counts["wrong"]) == (0, 0, 0)
    assert counts["cuts"] == CUTS_A_LIFE
    assert counts["records_promised"] > 500


@pytest.mark.hazard("X2")
def test_the_control_with_weaker_syncs_loses_records():
    assert campaign(1, seed=7, weaken=True).counts["lost"] > 0


def test_a_campaign_that_was_stopped_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    ledger = tmp_path / "cuts.ledger"
    done = {"cuts": 20_000, "lost": 0, "corrupt": 0, "wrong": 0, "records_promised": 9, "sessions": 400}
    done |= {"reopened_after_cut": 400, "seed": 1, "control": False, "lives": 100, "wall_s": 300.0}
    ledger.write_text(json.dumps(done))
    assert main(["--cuts", "20000", "--ledger", str(ledger), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cuts"] == 20_000
    ledger.write_text(json.dumps(done | {"lost": 1}))
    assert main(["--cuts", "20000", "--ledger", str(ledger)]) == 1
    assert "lost: 1" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--seed", "2", "--ledger", str(ledger)])


def images(*steps: Step, before: dict[str, bytes] | None = None) -> list[dict[str, bytes]]:
    platter = Platter(before or {})
    for step in steps:
        platter.apply(step)
    return [platter.image(random.Random(number)) for number in range(200)]


def test_what_was_synced_is_there_after_every_cut():
    content = b"a" * 1000
    left = images(Step("write", "f", 0, content), Step("sync", "f"), Step("write", "f", 1000, b"b" * 600))
    assert all(one["f"][:1000] == content for one in left)
    assert {len(one["f"]) for one in left} > {1000, 1600}


def test_a_write_may_be_torn_reordered_or_never_have_been():
    left = images(Step("write", "f", 0, b"1" * 1024), Step("write", "f", 0, b"2" * 1024), before={"f": b"0" * 1024})
    sectors = {(one["f"][:1], one["f"][512:513]) for one in left}
    assert {(b"0", b"0"), (b"1", b"2"), (b"2", b"1"), (b"2", b"0"), (b"2", b"2")} <= sectors
    assert any(len(set(one["f"][:512])) > 1 for one in left), "torn within a sector"


def test_a_deletion_is_durable_with_the_next_new_name():
    gone = (Step("delete", "old"), Step("write", "new-wal", 0, b"x"))
    assert {"old" in one for one in images(*gone, before={"old": b"o"})} == {True, False}
    assert {"old" in one for one in images(*gone, Step("sync", "new-wal"), before={"old": b"o"})} == {False}


def test_a_truncation_may_not_have_reached_the_disk():
    left = images(Step("truncate", "f", 3), before={"f": b"abcdef"})
    assert {one["f"] for one in left} == {b"abc", b"abcdef"}
