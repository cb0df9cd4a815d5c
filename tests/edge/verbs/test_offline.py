"""`kakou offline`: what it signs is what the lane takes, whatever way a person spelled the vehicles."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.clearance.feeds import OFFLINE_LISTS
from edge.clearance.issued import IssuedContext
from edge.clearance.keys import load_shared_secret
from edge.clearance.offline_list import check_list
from edge.clearance.trust import Trust
from edge.core.offline_list import OfflineList, hash_identifier
from edge.verbs import keys, offline
from tests.support.bare_lane import bare_lane

GOOD = {"id": "v1", "plate": "粤B·12345", "containers": ["TCLU 425426 0"], "tag": "e2003412dc03011a06052a2c"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A site with a lane that takes lists of customs, and its keys."""
    path, _ = bare_lane(tmp_path)
    path.write_text(path.read_text().rstrip() + "\n    limited_offline: {authority: customs}\n")
    assert keys.main([str(path)]) == 0
    return path


def made(file: Path, vehicles: Any, *more: str) -> int:
    book = file.with_name("vehicles.json")
    book.write_text(vehicles if isinstance(vehicles, str) else json.dumps(vehicles), encoding="utf-8")
    out = ["--vehicles", str(book), "--out", str(file.with_name("list.jws"))]
    return offline.main([str(file), "lane-1", *out, *more])


def test_the_lane_takes_what_was_signed(file: Path, capsys: pytest.CaptureFixture[str]):
    second = {"id": "v2", "plate": "粤B12346", "tag": "E2003412DC03011A06052A2D", "max_uses": 2, "risk": "high"}
    assert made(file, {"vehicles": [GOOD, second], "denied": ["v0"]}, "--hours", "2") == 0
    assert "gate/v1/yard/lane-1/clearance/customs/list" in capsys.readouterr().out
    folder, now = file.with_name("keys"), datetime.now(UTC)
    secret = load_shared_secret(OFFLINE_LISTS.secret_file(folder, "lane-1"))
    keyset = Trust(folder, file.parent, environment="simulated", utc=lambda: now).current()
    context = IssuedContext("customs", "yard", "lane-1", secret, keyset, 0, now, 0)
    found = check_list(file.with_name("list.jws").read_bytes(), context)
    assert isinstance(found, OfflineList)
    assert (found.denied, found.until_ms) == (("v0",), pytest.approx(2 * 3_600_000, abs=60_000))
    first, other = found.entries
    assert (first.plate, first.container, first.tag) == (
        hash_identifier(found.hash_key, "plate", "粤B12345"),
        hash_identifier(found.hash_key, "container", "TCLU4254260"),
        hash_identifier(found.hash_key, "tag", "E2003412DC03011A06052A2C"),
    )
    assert (first.max_uses, first.risk, other.container, other.max_uses, other.risk) == (1, "low", None, 2, "high")


WRONG: dict[str, Any] = {
    "no_json": "{",
    "two_words": '{"vehicles": [], "vehicles": []}',
    "no_list": {"vehicles": {}},
    "more": {"vehicles": [], "more": 1},
    "denied_no_list": {"vehicles": [], "denied": "v1"},
    "denied_no_id": {"vehicles": [], "denied": ["#"]},
    "many": {"vehicles": [GOOD | {"id": f"v{number}"} for number in range(25)]},
    "twice": {"vehicles": [GOOD, GOOD]},
    "no_vehicle": {"vehicles": [1]},
    "no_id": {"vehicles": [{"plate": "粤B12345", "tag": "E200"}]},
    "unknown_field": {"vehicles": [GOOD | {"colour": "blue"}]},
    "plate": {"vehicles": [GOOD | {"plate": "hello"}]},
    "plate_number": {"vehicles": [GOOD | {"plate": 1}]},
    "check_digit": {"vehicles": [GOOD | {"containers": ["TCLU4254261"]}]},
    "without_digit": {"vehicles": [GOOD | {"containers": ["TCLU425426"]}]},
    "containers_text": {"vehicles": [GOOD | {"containers": "TCLU4254260"}]},
    "tag": {"vehicles": [GOOD | {"tag": "xyz"}]},
    "uses": {"vehicles": [GOOD | {"max_uses": 10}]},
    "risk": {"vehicles": [GOOD | {"risk": "none"}]},
    "one_identifier": {"vehicles": [{"id": "v1", "plate": "粤B12345"}]},
}


@pytest.mark.parametrize("name", WRONG)
def test_vehicles_that_are_none_are_told_and_nothing_is_signed(
    file: Path, name: str, capsys: pytest.CaptureFixture[str]
):
    assert made(file, WRONG[name]) == offline.EXIT_DATA
    assert "vehicles.json" in capsys.readouterr().err
    assert not file.with_name("list.jws").exists()


def test_what_it_cannot_sign_is_told(file: Path, capsys: pytest.CaptureFixture[str]):
    out = ["--vehicles", "none.json", "--out", str(file.with_name("list.jws"))]
    assert offline.main([str(file), "lane-2", *out]) == 1
    assert "lane-1" in capsys.readouterr().err
    assert offline.main([str(file.with_name("none.yaml")), "lane-1", *out]) == 78
    assert offline.main([str(file), "lane-1", *out]) == 65
    assert made(file, {"vehicles": [GOOD]}, "--keys", str(file.parent)) == 66
