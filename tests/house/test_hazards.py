"""The page of the hazards is what the tests say, and its catalogue is honest about what they do not show."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
THREATS = ("repetition", "deletion", "insertion", "resequencing", "corruption", "delay", "masquerade")
CHANNELS = ("request", "grant", "handheld", "list", "telemetry", "ack", "modbus")
CELLS = "".join(f'"{channel}/{threat}" = "none"\n' for channel in CHANNELS for threat in THREATS)
CATALOGUE = (
    '[P1]\nwhat = "a truck under the boom"\n[X1]\nwhat = "a kill"\n[I1]\nwhat = "no authority"\ngap = "no test"\n'
)
CHANNEL_GAPS = f"[channels]\n{CELLS}"
TESTS = """
import pytest
pytestmark = [pytest.mark.photos, pytest.mark.hazard("X1")]
@pytest.mark.hazard("P1")
class TestBoom:
    def test_waits(self): ...
def test_p1_x1_kills(): ...
def helper(): ...
"""


def draw(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "docs" / "draw_hazards.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "simulators" / "scenarios").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "draw_hazards.py", tmp_path / "docs")
    (tmp_path / "docs" / "hazards.toml").write_text(CATALOGUE + CHANNEL_GAPS)
    (tmp_path / "tests" / "test_boom.py").write_text(TESTS)
    return tmp_path


def test_the_page_is_up_to_date() -> None:
    found = draw(ROOT, "--check")
    assert found.returncode == 0, found.stderr


def test_marks_and_names_show_rows(house: Path) -> None:
    assert draw(house).returncode == 0
    page = (house / "docs" / "hazards.md").read_text()
    assert "| P1 | a truck under the boom | `test_boom.py::TestBoom::test_waits`<br>`test_boom.py::test_p1_x1" in page
    assert "| X1 | a kill | `test_boom.py::TestBoom::test_waits`<br>" in page
    assert "| I1 | no authority |  | no test |" in page
    assert draw(house, "--check").returncode == 0
    (house / "tests" / "test_boom.py").write_text(TESTS + "def test_i1_more(): ...\n")
    assert "hazards_page_old" in draw(house, "--check").stderr


def scenario(house: Path, shows: str, name: str = "tailgating") -> None:
    (house / "simulators" / "scenarios" / f"{name}.yaml").write_text(f"title: a truck\n{shows}\nsteps: []\n")


def test_a_scenario_shows_the_rows_that_it_names_behind_the_tests(house: Path) -> None:
    (house / "docs" / "hazards.toml").write_text(CATALOGUE + '[C1]\nwhat = "silence"\n' + CHANNEL_GAPS)
    scenario(house, "shows: [C1, '4.3: X1, a case of the field, and no row', \"4.3: two 20'\", I1]")
    assert draw(house).returncode == 0
    page = (house / "docs" / "hazards.md").read_text()
    assert "| C1 | silence | `simulators/scenarios/tailgating.yaml` |  |" in page
    assert "| I1 | no authority | `simulators/scenarios/tailgating.yaml` | no test |" in page
    assert page.count("tailgating") == 2
    assert "3 faults: 3 shown by tests and scenarios, 3 of them without a known gap." in page
    assert "1 invariants: 1 shown by tests and scenarios, 0 of them without a known gap." in page
    scenario(house, "shows: [P1]")
    assert "hazard_silent: C1" in draw(house).stderr
    (house / "docs" / "hazards.toml").write_text(CATALOGUE + CHANNEL_GAPS)
    assert draw(house).returncode == 0
    row = "test_boom.py::test_p1_x1_kills`<br>`simulators/scenarios/tailgating.yaml` |"
    assert row in (house / "docs" / "hazards.md").read_text()


@pytest.mark.parametrize("shows", ["shows:\n  - C1", "shows: []", "", "shows: [P1] [X1]", "shows: [boom]"])
def test_a_scenario_whose_rows_cannot_be_read_is_refused(house: Path, shows: str) -> None:
    scenario(house, shows)
    assert "scenario_unreadable: simulators/scenarios/tailgating.yaml" in draw(house).stderr


def test_a_scenario_that_names_no_row_of_the_catalogue_is_refused(house: Path) -> None:
    scenario(house, "shows: [P99]")
    assert "hazard_unknown: P99 of simulators/scenarios/tailgating.yaml" in draw(house).stderr


def test_a_row_that_does_not_exist_is_refused(house: Path) -> None:
    (house / "tests" / "test_more.py").write_text("def test_p99_nothing(): ...\n")
    found = draw(house)
    assert found.returncode == 1
    assert "hazard_unknown: P99 of tests/test_more.py::test_p99_nothing" in found.stderr


def test_a_row_without_test_or_gap_is_refused(house: Path) -> None:
    (house / "docs" / "hazards.toml").write_text(CATALOGUE + '[C1]\nwhat = "silence"\n' + CHANNEL_GAPS)
    assert "hazard_silent: C1" in draw(house).stderr


def test_threats_are_drawn_against_their_channels(house: Path) -> None:
    more = '@pytest.mark.threat("delay", "deletion", "grant")\ndef test_late(): ...\n'
    (house / "tests" / "test_more.py").write_text(more)
    assert draw(house).returncode == 0
    page = (house / "docs" / "hazards.md").read_text()
    assert "2 of 49 shown by tests." in page
    assert "| delay | gap: none | `test_late`; gap: none | gap: none |" in page


@pytest.mark.parametrize("named", ['"delay"', '"grant"', '"delay", "grant", "post"', ""])
def test_a_mark_that_is_no_threat_to_a_channel_is_refused(house: Path, named: str) -> None:
    (house / "tests" / "test_more.py").write_text(f"@pytest.mark.threat({named})\ndef test_late(): ...\n")
    assert "threat_unknown" in draw(house).stderr
