"""Each driver claims what its points show, each point is shown by a test that exists, and the page says the same."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from drivers.kit.quality import BRONZE, GOLD, NO_LEVEL, POINTS, SILVER, level_of
from simulators.devices.camera import CAMERA_FAULTS
from simulators.devices.camera_onvif import ONVIF_FAULTS
from simulators.devices.camera_rtsp import RTSP_FAULTS
from tests.support.sources import ROOT

QUALITIES: dict[str, dict[str, Any]] = {
    path.parent.name: YAML(typ="safe").load(path) for path in sorted((ROOT / "drivers").glob("*/quality.yaml"))
}
SHARED = {"kit"}


def is_test(named: str) -> bool:
    """Whether `tests/...py::test_name` is there."""
    file, _, name = named.partition("::")
    path = ROOT / file
    if not (name.startswith("test_") and path.is_file()):
        return False
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def folders() -> set[str]:
    return {path.parent.name for path in (ROOT / "drivers").glob("*/__init__.py")} - SHARED


def test_every_driver_has_the_same_rooms() -> None:
    for folder in folders():
        for room in ("wire.py", "driver.py", "quality.yaml", "README.md"):
            assert (ROOT / "drivers" / folder / room).is_file(), f"drivers/{folder}/{room}"


@pytest.mark.parametrize("folder", QUALITIES)
def test_the_claimed_level_is_what_the_points_show(folder: str) -> None:
    quality = QUALITIES[folder]
    known = {point for points in POINTS.values() for point in points}
    assert ("third_party" in quality["points"]) == ("verified_against" in quality)
    # A protocol may show them in other places than its neighbours in the folder.
    for shown in (quality["points"], *quality.get("points_of", {}).values()):
        assert quality["level"] == level_of(shown)
        assert set(shown) <= known
        assert {point: test for point, test in shown.items() if test != "suite" and not is_test(test)} == {}
    assert {*quality.get("points_of", {}), *quality.get("faults_of", {})} <= set(quality["protocols"])


def test_levels_build_on_each_other() -> None:
    bronze, silver, gold = (set(POINTS[level]) for level in (BRONZE, SILVER, GOLD))
    assert level_of(set()) == NO_LEVEL
    assert level_of(silver | gold) == NO_LEVEL
    assert level_of(bronze | gold) == BRONZE
    assert level_of(bronze | silver) == SILVER
    assert level_of(bronze | silver | gold) == GOLD


def test_what_is_no_test_is_told() -> None:
    here = Path(__file__).relative_to(ROOT).as_posix()
    assert is_test(f"{here}::test_what_is_no_test_is_told")
    assert not is_test(f"{here}::test_that_was_renamed")
    assert not is_test(f"{here}::folders")
    assert not is_test("tests/drivers/nowhere.py::test_x")


def test_faults_of_the_cameras_are_their_simulators_switches() -> None:
    assert ("none", *QUALITIES["camera_http"]["faults"]) == CAMERA_FAULTS
    assert ("none", *QUALITIES["camera_rtsp"]["faults"]) == RTSP_FAULTS
    assert ("none", *QUALITIES["camera_onvif"]["faults"]) == ONVIF_FAULTS


def test_the_page_has_every_fault_of_every_driver() -> None:
    page = (ROOT / "docs" / "drivers.md").read_text(encoding="utf-8")
    tables = [one.splitlines() for one in page.partition("## Faults\n")[2].partition("\n## ")[0].split("\n\n")]
    cells = {
        (driver.strip(), row.split(" | ")[0].strip("| "))
        for lines in tables
        if lines[0].startswith("|")
        for row in lines[2:]
        for driver, cell in zip(lines[0].strip("|").split("|")[1:], row.strip("|").split("|")[1:], strict=True)
        if cell.strip()
    }
    for folder, quality in QUALITIES.items():
        for name, faults in {folder: quality["faults"], **quality.get("faults_of", {})}.items():
            nested = isinstance(faults, dict) and any(isinstance(one, list) for one in faults.values())
            for fault in [one for group in faults.values() for one in group] if nested else faults:
                assert (name, fault) in cells


def test_the_page_is_up_to_date() -> None:
    command = [sys.executable, "docs/draw_drivers.py", "--check"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0, "run `python docs/draw_drivers.py`"
