"""The test command itself: floors, what it says of skips, and its exit status."""

import re
import subprocess
import sys

import pytest

from tests import run
from tests.support import needs


def entry(covered: int, total: int, branches: int = 0, covered_branches: int = 0) -> dict[str, dict[str, int]]:
    lines = {"covered_lines": covered, "num_statements": total}
    return {"summary": {**lines, "covered_branches": covered_branches, "num_branches": branches}}


def test_a_file_counts_for_the_first_group_that_names_it():
    files = {
        "edge/core/plate.py": entry(10, 10, 4, 3),
        "edge/clearance/grant.py": entry(5, 5),
        "edge/clearance/door.py": entry(9, 10),
        "drivers/x/driver.py": entry(10, 10),
    }
    assert run.shares(files) == {
        "edge.core": 100 * 13 / 14,
        "edge.clearance (grants)": 100.0,
        "*": 95.0,
    }


def test_every_file_that_checks_a_signature_has_the_floor_of_grants():
    floor = next(one for one in run.FLOORS if one.name == "edge.clearance (grants)")
    files = {
        path.relative_to(run.ROOT).as_posix(): path.read_text() for path in run.ROOT.glob("edge/clearance/**/*.py")
    }
    checking = {name for name, text in files.items() if re.search(r"\b(open_signed|verify|compare_digest)\(", text)}
    assert {"edge/clearance/acknowledgement.py", "edge/clearance/picture_access.py"} <= checking
    assert [name for name in sorted(checking) if not floor.files.match(name)] == []


def test_what_runs_beside_the_rest_is_there():
    assert [one for one in run.BESIDE if not any((run.ROOT / one).glob("**/test_*.py"))] == []


def test_one_missing_branch_of_the_core_misses_its_floor_and_is_never_rounded_away(capsys):
    found = run.shares({"edge/core/state.py": entry(99_999, 100_000), "ops/cli.py": entry(95, 100)})
    assert run.floors_missed(found) == ["edge.core"]
    said = capsys.readouterr().out
    assert "99.99 %" in said
    assert "95.00 %" in said


def test_skips_are_summed_by_what_would_mend_them(monkeypatch):
    monkeypatch.setenv("KAKOU_LANG", "en")
    package, folder = "needs the Debian package socat", "needs the folder ../shared/real-images"
    assert run.skip_lines([package, package, folder, "only on Windows"]) == [
        "  1 tests: the folder ../shared/real-images beside this checkout",
        "  1 tests: only on Windows",
        "  2 tests: apt-get install socat",
    ]
    assert run.skip_lines([needs.NO_LIBMODBUS]) == ["  1 tests: apt-get install gcc libc6-dev libmodbus-dev"]


@pytest.mark.parametrize(
    "marker", ["mosquitto", "mbpoll", "socat", "redis", "libmodbus", "gstreamer", "systemd", "photos"]
)
def test_a_marked_test_says_what_it_lacks(monkeypatch, tmp_path, marker):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(needs, "SYSTEM_PATH", "")
    monkeypatch.setattr(needs, "PHOTOS", tmp_path / "absent")
    monkeypatch.setattr(needs, "LIBRARIES", tmp_path)
    reason = needs.missing(marker)
    assert reason is not None
    assert "test_skipped_other" not in run.skip_lines([reason])[0]
    assert any(pattern.search(reason) for _, _, pattern in run.SKIP_REASONS)


def test_a_marker_that_asks_for_nothing_is_never_missing():
    assert needs.missing("parametrize") is None


TESTS = """
import pytest

def test_fails(): assert False

@pytest.mark.skip(reason="needs the Debian package nonesuch")
def test_skips(): pass
"""


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["-k", "fails"], 1, "1 failed"),
        (["-k", "skips"], 0, "apt-get install nonesuch"),
        (["--no-skip", "-k", "skips"], 1, "counts as failed"),
    ],
)
def test_the_exit_status_is_honest(tmp_path, arguments, status, said):
    (tmp_path / "test_few.py").write_text(TESTS, encoding="utf-8")
    code = f"import sys; from tests.run import main; sys.exit(main({[*arguments, str(tmp_path)]!r}))"
    environment = {"PATH": "", "KAKOU_LANG": "en", "PYTHONPATH": str(run.ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8")
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout
