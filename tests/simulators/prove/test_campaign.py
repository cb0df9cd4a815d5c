"""`kakou prove`: what a campaign promises, on small ones."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from simulators.prove import campaign, verb
from simulators.prove.faults import DRAWN
from simulators.prove.unreached import UNREACHED

ROOT = Path(__file__).resolve().parents[3]


def prove(*arguments: str, hash_seed: str = "0") -> dict[str, Any]:
    """Run the verb in a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "edge.cli", "prove", "--json", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout)


def test_the_same_seed_gives_the_same_trace_in_another_process():
    one = prove("--passages", "60", "--seed", "5", hash_seed="1")
    other = prove("--passages", "60", "--seed", "5", hash_seed="77")
    assert one["trace_hash"] == other["trace_hash"]
    assert {**one, "per_s": 0} == {**other, "per_s": 0}


def test_another_seed_gives_another_trace():
    assert (
        prove("--passages", "20", "--seed", "8")["trace_hash"] != prove("--passages", "20", "--seed", "9")["trace_hash"]
    )


def test_without_faults_those_who_may_pass_do():
    found = prove("--passages", "200", "--seed", "3")
    assert found["violations"] == []
    assert found["liveness"] >= 0.99
    assert found["passages"] >= 200


# A line as it was written before lines said what they exercised.
OLD_LINE: dict[str, Any] = {
    "seed": 7, "first": 0, "last": 9, "passages": 200, "violations": 0, "machine_s": 1.5, "commit": "abc",
    "trace_hash": "f" * 64,
}  # fmt: skip


class Campaign:
    """A campaign in this process, small enough to be run for each test; histories are of two trucks."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.path, self.capsys = path, capsys
        monkeypatch.setattr(campaign, "TRUCKS", 2)
        monkeypatch.setattr(verb, "_RANGE", 6)
        monkeypatch.setattr(verb, "prepare_process", lambda: None)
        monkeypatch.setattr(verb, "commit", lambda: "here")

    def run(self, passages: int = 12) -> tuple[int, dict[str, Any]]:
        """Return how it ended and what it said."""
        code = verb.main(["--campaign", str(self.path), "--passages", str(passages), "--seed", "7", "--json"])
        return code, json.loads(self.capsys.readouterr().out.splitlines()[-1])

    def lines(self) -> list[dict[str, Any]]:
        """What its ledger has."""
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines()]

    def write(self, *lines: dict[str, Any]) -> None:
        """Give it a ledger."""
        self.path.write_text("".join(json.dumps(OLD_LINE | one) + "\n" for one in lines), encoding="utf-8")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Campaign:
    return Campaign(tmp_path / "ledger", monkeypatch, capsys)


def test_each_range_of_a_campaign_keeps_what_it_exercised(ledger: Campaign) -> None:
    code, told = ledger.run()
    assert code == 0
    lines = ledger.lines()
    assert len(lines) == 2
    assert sum(sum(one["counts"]["terminals"].values()) for one in lines) == told["passages"] >= 12
    assert {"idle", "waiting"} <= set(lines[0]["counts"]["phases"]) <= set(told["states_exercised"])
    assert told["entitled_without_faults"] == sum(one["counts"]["entitled"] for one in lines)
    assert told["rows_exercised"]
    assert told["liveness"] is None or told["liveness"] >= 0.99


def test_lines_of_an_earlier_version_are_read_and_are_not_judged(ledger: Campaign) -> None:
    ledger.write({})
    code, told = ledger.run()
    assert (code, told["passages"] - told["counted_passages"]) == (0, 200)
    assert ledger.lines()[1]["first"] == 10, "it goes on behind them"


@pytest.mark.parametrize("commit", ["here", "another"])
def test_a_campaign_that_missed_something_fails_over_the_whole_ledger(
    ledger: Campaign, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "REACH_ALL_FROM", 1_000)
    ledger.write({"passages": 999, "commit": commit, "counts": {"rows": ["P3"]}})
    code, told = ledger.run()
    assert code == 1
    assert "P3" not in told["never_reached"]
    assert "OFFLINE_PASSED" in told["never_reached"]
    assert bool(told["at_this_commit"]["never_reached"]) is (commit == "here")


def test_what_an_earlier_commit_reached_says_nothing_of_this_one(
    ledger: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = campaign.Totals(
        7, rows=set(campaign.DRAWN), phases={one.value for one in campaign.Phase},
        weighings=set(campaign.WEIGHINGS), cases=set(campaign.CASES),
    )  # fmt: skip
    everything.terminals.update(vars(campaign)["_ENDS"])
    monkeypatch.setattr(campaign, "REACH_ALL_FROM", 1_000)
    ledger.write({"passages": 1_000, "commit": "another", "counts": everything.counts()})
    code, told = ledger.run()
    assert (code, told["never_reached"], told["at_this_commit"]["never_reached"]) == (0, [], [])
    monkeypatch.setattr(campaign, "REACH_ALL_FROM", 20)
    code, told = ledger.run()
    assert (code, told["never_reached"]) == (1, [])
    assert told["at_this_commit"]["never_reached"] != []


def test_a_campaign_whose_trucks_do_not_pass_fails(ledger: Campaign) -> None:
    ledger.write({"counts": {"entitled": 1_000, "passed": 900}})
    code, told = ledger.run()
    assert code == 1
    assert told["liveness"] < 0.95
    assert told["at_this_commit"]["liveness"] is None or told["at_this_commit"]["liveness"] >= 0.99


def test_every_row_of_the_catalogue_is_drawn_or_says_why_not() -> None:
    catalogue = tomllib.loads((ROOT / "docs" / "hazards.toml").read_text(encoding="utf-8"))
    rows = {row for row in catalogue if row != "channels" and row[0] != "I"}
    assert len(rows) == 137
    drawn = {row for row in DRAWN if row[0].isalpha()}
    assert drawn | UNREACHED.keys() == rows
    assert not drawn & UNREACHED.keys(), "a reason for what is drawn"
    assert all(len(reason) > 40 for reason in UNREACHED.values())


def test_a_campaign_says_which_rows_it_does_not_draw() -> None:
    assert campaign.Totals(1).as_json()["rows_not_drawn"] == UNREACHED
