"""docs/proof.md: drawn from the figures of the campaigns, which say themselves what was not reached."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns.fuzzed.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]


def draw(house: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(house / "docs" / "draw_proof.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_is_up_to_date() -> None:
    found = draw(ROOT, "--check")
    assert found.returncode == 0, found.stderr


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "draw_proof.py", tmp_path / "docs")
    return tmp_path


def row(house: Path, begin: str) -> list[str]:
    lines = (house / "docs" / "proof.md").read_text(encoding="utf-8").splitlines()
    return [cell.strip() for cell in next(line for line in lines if line.startswith(f"| {begin}")).split("|")[1:-1]]


def test_without_figures_nothing_was_reached(house: Path) -> None:
    assert draw(house).returncode == 0
    assert row(house, "Spoilt grants")[1] == "not run; goal 10,000,000 mutations"
    assert len({len(row(house, begin)) for begin in ("figure", "Spoilt grants", "kill -9")}) == 1


def test_a_campaign_says_what_it_exercised_where_its_ledger_does(house: Path) -> None:
    ledgers = house / "ledgers"
    ledgers.mkdir()
    line = {"seed": 1, "passages": 5_000, "violations": 0, "machine_s": 36.0, "commit": "abc"}
    counts = {"rows": ["P1", "D4"], "entitled": 1_000, "passed": 999}
    path = ledgers / "prove.ledger"
    path.write_text(json.dumps(line))
    assert draw(house, "--take", str(ledgers)).returncode == 0
    assert row(house, "Passages without")[2] == "0 violations"
    path.write_text("\n".join(json.dumps(one) for one in (line, line | {"counts": counts}, line | {"counts": counts})))
    assert draw(house, "--take", str(ledgers)).returncode == 0
    told = row(house, "Passages without")[2]
    assert told == "0 violations; 2 rows exercised, 99.9 % of 2,000 who may pass did where nothing was wrong"


def test_another_seed_adds_to_what_is_known(house: Path) -> None:
    ledgers = house / "ledgers"
    ledgers.mkdir()

    def take_kills(seed: int, *proved_s: float) -> list[str]:
        run = {"violations": [], "wall_s": 1800.0, "seed": seed, "commit": f"c{seed}"}
        runs = [run | {"run": f"point/raise_after/{n}", "proved_s": one} for n, one in enumerate(proved_s)]
        (ledgers / "kills.ledger").write_text("\n".join(json.dumps(one) for one in runs))
        assert draw(house, "--take", str(ledgers)).returncode == 0
        return row(house, "kill -9")

    assert take_kills(1, 1.0, 1.0)[1] == "**not reached:** 2 of 1,740 kills"
    added = take_kills(2, 2.0, 2.0, 9.04)
    assert (added[1], added[4], added[5]) == ("**not reached:** 5 of 1,740 kills", "1, 2", "c1, c2")
    assert "(5 measured): p50 2.0 s, p99 9.0 s" in added[2]
    # The same seed again is the same campaign, further on: it counts once.
    assert take_kills(2, 2.0, 2.0, 2.0, 2.0)[1] == "**not reached:** 6 of 1,740 kills"


def test_what_was_measured_once_is_shown_as_a_person_wrote_it(house: Path) -> None:
    once = {
        "goal": "60 s", "shown": "**58 s**", "command": "`./kakou prove`", "seed": 1, "commit": "abc", "hours": 0.02,
        "not_proved": "another machine",
    }  # fmt: skip
    (house / "docs" / "proof.json").write_text(json.dumps({"measured": {"20,000 passages": once}}))
    assert draw(house).returncode == 0
    assert row(house, "20,000 passages")[1:] == [str(one) for one in once.values()]


def test_a_parser_that_was_fed_more_does_not_stand_for_one_that_was_fed_less(house: Path) -> None:
    ledgers = house / "ledgers"
    ledgers.mkdir()

    def take_fuzz(seed: int, **fed_s: float) -> list[str]:
        run = {"violations": [], "wall_s": 1.0, "executions": 5, "seed": seed, "commit": "abc"}
        runs = [run | {"run": f"{name}/{n}", "cpu_s": one / 2} for name, one in fed_s.items() for n in range(2)]
        (ledgers / "fuzz.ledger").write_text("\n".join(json.dumps(one) for one in runs))
        assert draw(house, "--take", str(ledgers)).returncode == 0
        return row(house, "Every parser")

    count = len(TARGETS)
    goal = f"{count * 600:,} processor seconds"
    assert take_fuzz(2, grant=900.0, keyset=90.5)[1] == f"**not reached:** 690 of {goal}"
    found = take_fuzz(3, keyset=500.0, request=600.0)
    assert found[1] == f"**not reached:** 1,790 of {goal}"
    assert found[2] == f"2 of {count} parsers done; 0 violations left; 40 inputs"


def test_figures_are_taken_from_ledgers_and_older_ones_stay(house: Path) -> None:
    ledgers = house / "ledgers"
    ledgers.mkdir()
    run = {"violations": [], "wall_s": 1800.0, "seed": 1, "commit": "abc"}
    runs = [run | {"run": f"1/{number}", "mutations": 6_000_000, "accepted": 0} for number in range(2)]
    # A run that was cut and made again counts once.
    (ledgers / "grants.ledger").write_text("\n".join(json.dumps(one) for one in [runs[0], *runs]))
    cuts = {"cuts": 500, "lost": 0, "corrupt": 0, "wrong": 0, "records_promised": 9, "seed": 7, "wall_s": 36.0}
    (ledgers / "power_cuts.ledger").write_text(json.dumps(cuts | {"commit": "abd"}))
    assert draw(house, "--take", str(ledgers)).returncode == 0
    reached, shown, _, seed, commit, hours = row(house, "Spoilt grants")[1:7]
    assert (reached, shown, seed, commit) == ("12,000,000 of 10,000,000 mutations", "0 accepted", "1", "abc")
    assert hours == "1.00"
    (ledgers / "grants.ledger").unlink()
    (ledgers / "power_cuts.ledger").write_text(json.dumps(cuts | {"cuts": 600, "commit": "abe"}))
    figures = house / "docs" / "proof.json"
    known = json.loads(figures.read_text())
    known["power_cuts.ledger"]["note"] = "Slow"
    figures.write_text(json.dumps(known))
    assert draw(house, "--take", str(ledgers)).returncode == 0
    assert row(house, "Spoilt grants")[5] == "abc"
    assert row(house, "Power cuts")[1] == "**not reached:** 600 of 20,000 cuts"
    assert row(house, "Power cuts")[2].endswith("0 wrong. Slow")
    assert row(house, "Power cuts")[4:6] == ["7", "abe"]
    assert draw(house, "--check").returncode == 0
    (house / "docs" / "proof.md").write_text("old")
    assert "proof_page_old" in draw(house, "--check").stderr
