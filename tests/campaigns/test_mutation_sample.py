"""What a sample of mutants says of them all."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.campaigns import mutation_sample


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"), [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (85, 100, 0.7672, 0.9069)]
)
def test_the_interval_is_that_of_wilson(hits: int, of: int, low: float, high: float) -> None:
    assert mutation_sample.interval(hits, of) == pytest.approx((low, high), abs=1e-4)


@pytest.fixture
def mutants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty mutants of which none was run; the first one that runs survives, all others die."""
    path = tmp_path / "edge" / "one.py.meta"
    path.parent.mkdir()
    path.write_text(json.dumps({"exit_code_by_key": {f"m{number:02}": None for number in range(20)}}))

    def run(names: Sequence[str]) -> None:
        found = json.loads(path.read_text())["exit_code_by_key"]
        for name in names:
            found[name] = 0 if not any(status is not None for status in found.values()) else 1
        path.write_text(json.dumps({"exit_code_by_key": found}))

    monkeypatch.setattr(mutation_sample, "MUTANTS", tmp_path)
    monkeypatch.setattr(mutation_sample, "run", run)
    return path


def test_a_sample_goes_on_and_says_what_is_left(mutants: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--sample", "10", "--seed", "3", "--json"]
    assert mutation_sample.main([*arguments, "--limit", "4"]) == 1
    first = json.loads(capsys.readouterr().out)
    assert (first["left"], first["killed"], first["survived"], first["score"]) == (6, 3, 1, 0.75)
    assert mutation_sample.main(arguments) == 0
    second = json.loads(capsys.readouterr().out)
    assert (second["left"], second["killed"], second["survivors"]) == (0, 9, first["survivors"])
    assert second["low"] < second["score"] < second["high"]
    assert mutation_sample.main([*arguments, "--again"]) == 0
    assert json.loads(capsys.readouterr().out)["survivors"] == []
