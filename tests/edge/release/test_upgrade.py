"""Upgrades of a box that runs: real processes, small releases, an upgrader that is killed at every step."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.release import upgrade
from edge.release.upgrade import unwell
from edge.runtime.journal_file import SCHEMA_VERSION
from edge.verbs import upgrade as verbs
from tests.support.fake_release import FakeBox, open_box

OLD, NEW = "1.0", "2.0"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[FakeBox]:
    """A box that runs release 1.0."""
    with open_box(tmp_path) as opened:
        opened.install(OLD)
        opened.manager.start()
        opened.runs(OLD)
        yield opened


def current(box: FakeBox) -> str:
    return str(box.releases.named("current")).partition("-")[0]


@pytest.mark.hazard("O1", "O2")
def test_an_upgrade_and_back(box: FakeBox):
    bundle = box.bundle(NEW)
    status, said = box.run("upgrade", str(bundle))
    assert status == 0, said
    box.runs(NEW)
    assert (box.releases.named("previous") or "").startswith(OLD)
    assert not box.releases.state_file.exists()
    assert "current already" in box.run("upgrade", str(bundle))[1]
    assert "no upgrade" in box.run("upgrade", "--resume")[1]

    status, said = box.run("rollback")
    assert status == 0, said
    box.runs(OLD)
    assert (box.releases.named("previous") or "").startswith(NEW)


@pytest.mark.hazard("O2")
@pytest.mark.parametrize("variant", ["broken", "mute"])
def test_a_release_that_is_not_healthy_is_taken_back(box: FakeBox, variant: str):
    box.health_s = 1.0
    status, said = box.run("upgrade", str(box.bundle(NEW, variant)))
    assert status == 1
    assert "upgrade_rolled_back" in said
    assert current(box) == OLD
    box.runs(OLD)
    assert not box.releases.state_file.exists()


def test_a_release_that_names_why_it_is_degraded_stays(box: FakeBox):
    status, said = box.run("upgrade", str(box.bundle(NEW, "degraded")))
    assert status == 0, said
    box.runs(NEW)


def test_what_is_refused_before_anything_changed(box: FakeBox):
    refused = [
        (box.bundle("2.1", "strict"), "upgrade_refused_configuration"),
        (box.bundle("2.2", schema=SCHEMA_VERSION + 2), "upgrade_journal_too_far"),
        (box.folder / "nothing.zip", "bundle_unreadable"),
    ]
    for bundle, code in refused:
        status, said = box.run("upgrade", str(bundle))
        assert (status, code in said) == (1, True), said
    assert current(box) == OLD
    assert box.releases.named("previous") is None
    status, said = box.run("rollback")
    assert (status, "upgrade_not_installed" in said) == (1, True)
    box.config.write_text("site: [", encoding="utf-8")
    assert box.run("upgrade", str(box.bundle(NEW)))[0] == 78
    box.runs(OLD)


@pytest.mark.hazard("O2", "O8")
def test_a_lost_report_is_asked_for_before_a_running_lane_is_touched(box: FakeBox):
    """Behind the same gate the old release would not come back either."""
    bundle = box.bundle(NEW, "unproved")
    text = box.config.read_text(encoding="utf-8")
    asking = text.replace("    direction: ", "    require_bringup: true\n    direction: ", 1)
    assert asking != text
    box.config.write_text(asking, encoding="utf-8")
    service = box.releases.prefix / "service.pid"
    before = service.read_text()
    status, said = box.run("upgrade", str(bundle))
    assert (status, "upgrade_not_brought_up" in said, "bringup_missing" in said) == (1, True, True), said
    assert (current(box), service.read_text(), box.releases.named("previous")) == (OLD, before, None)
    box.runs(OLD)
    # A box whose lanes ask for none, or a release that finds them, goes on.
    box.config.write_text(text, encoding="utf-8")
    assert box.run("upgrade", str(bundle))[0] == 0
    box.runs(NEW)
    box.config.write_text(asking, encoding="utf-8")
    assert box.run("rollback")[0] == 0
    box.runs(OLD)


@pytest.mark.hazard("O1")
def test_a_boom_in_motion_is_not_left_alone(tmp_path: Path):
    with open_box(tmp_path) as box:
        box.install(OLD, "moving")
        box.manager.start()
        box.runs(OLD)
        status, said = box.run("upgrade", str(box.bundle(NEW)))
        assert (status, "upgrade_not_drained" in said) == (1, True), said
        assert "lane-1" in said
        assert current(box) == OLD
        box.runs(OLD)


def test_a_box_without_releases_is_told_to_install(tmp_path: Path):
    with open_box(tmp_path) as box:
        status, said = box.run("upgrade", str(box.bundle(NEW)))
        assert (status, "python3 BUNDLE" in said) == (1, True), said


def test_a_box_whose_service_does_not_start_is_left_with_the_old_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(upgrade, "BACK_AT_LEAST_S", 0.2)
    with open_box(tmp_path) as box:
        box.install(OLD)
        options = ["--config", str(box.config), "--prefix", str(box.releases.prefix), "--health-s", "0.2"]
        options += ["--restart-command", "no-such-command"]
        assert verbs.main([str(box.bundle(NEW)), *options]) == 1
        said = capsys.readouterr().err
        assert "upgrade_unhealthy" in said
        assert "no-such-command" in said
        assert current(box) == OLD
        assert verbs.main(["--resume", *options]) == 0


# Step, the variant of the new release, what must run when the killed upgrade was finished.
KILLED = [
    ("checked", "good", NEW),
    ("drained", "good", NEW),
    ("planned", "good", NEW),
    ("switched", "good", NEW),
    ("restarted_new", "good", NEW),
    ("healthy", "good", NEW),
    ("restarted_new", "broken", OLD),
    ("rolling_back", "broken", OLD),
    ("switched_back", "broken", OLD),
    ("restarted_old", "broken", OLD),
]


@pytest.mark.hazard("O2")
@pytest.mark.parametrize(("step", "variant", "final"), KILLED)
def test_an_upgrader_that_is_killed_leaves_a_box_that_is_finished_later(
    box: FakeBox, step: str, variant: str, final: str
):
    box.health_s = 1.0 if variant == "broken" else 60.0
    bundle = box.bundle(NEW, variant)
    status, said = box.run("upgrade", str(bundle), kill_at=step)
    assert status == -9, said
    # Either release is current, whole, and the service manager has something to start.
    assert current(box) in (OLD, NEW)
    if variant == "good":
        box.runs(OLD, NEW)
    if step in ("checked", "drained"):
        assert current(box) == OLD
        assert box.run("upgrade", "--resume")[0] == 0
        box.runs(OLD)
    status, said = box.run("upgrade", str(bundle))
    if variant == "good":
        assert status == 0, said
    else:
        assert (status, "upgrade_rolled_back" in said) == (1, True), said
    assert current(box) == final
    box.runs(final)
    assert not box.releases.state_file.exists()


@pytest.mark.hazard("O2")
@pytest.mark.parametrize("step", ["switched", "rolling_back"])
def test_resume_finishes_without_the_bundle(box: FakeBox, step: str):
    variant = "good" if step == "switched" else "broken"
    box.health_s = 1.0 if variant == "broken" else 60.0
    bundle = box.bundle(NEW, variant)
    assert box.run("upgrade", str(bundle), kill_at=step)[0] == -9
    bundle.unlink()
    status, said = box.run("upgrade", "--resume")
    assert status == (0 if variant == "good" else 1), said
    box.runs(NEW if variant == "good" else OLD)
    assert not box.releases.state_file.exists()


def test_an_installation_that_is_killed_is_made_again(box: FakeBox):
    assert box.run("upgrade", str(box.bundle(NEW, "killer")))[0] == -9
    assert current(box) == OLD
    box.runs(OLD)
    assert any(path.name.endswith(".partial") for path in box.releases.folder.iterdir())
    assert box.run("upgrade", str(box.bundle(NEW)))[0] == 0
    # What no link names is given back, the part included.
    assert sorted(path.name[:3] for path in box.releases.folder.iterdir()) == [OLD, NEW]


def test_what_a_killed_installation_left_running_is_waited_for(box: FakeBox):
    os.mkfifo(box.releases.prefix / "go")
    assert box.run("upgrade", str(box.bundle(NEW, "orphan")))[0] == -9
    status, said = box.run("upgrade", str(box.bundle(NEW)))
    assert (status, "upgrade_busy" in said) == (1, True)
    (box.releases.prefix / "go").write_bytes(b"")
    with (box.releases.prefix / ".upgrade.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    assert box.run("upgrade", str(box.bundle(NEW)))[0] == 0
    box.runs(NEW)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"restart": 5}', '{"restart": [], "other": 1}'])
def test_a_damaged_plan_is_named_with_what_to_do(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "upgrade.json").write_text(content, encoding="utf-8")
    assert verbs.main(["--resume", "--prefix", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("upgrade_state_damaged")
    assert str(tmp_path / "upgrade.json") in told


def test_two_upgrades_do_not_meet(box: FakeBox):
    with box.releases.locked():
        status, said = box.run("upgrade", str(box.bundle(NEW)))
    assert (status, "upgrade_busy" in said) == (1, True)


LANE: dict[str, Any] = {"lane": "a", "phase": "idle", "alarms": [], "lost_devices": [], "devices": {}}


@pytest.mark.parametrize(
    ("lane", "trouble"),
    [
        ({}, None),
        ({"phase": "held"}, None),
        ({"phase": "starting"}, "a: starting, and no cause named"),
        ({"phase": "starting", "alarms": ["not_ready"]}, None),
        ({"phase": "starting", "devices": {"camera": {"state": "lost"}}}, None),
        ({"phase": "fault", "alarms": ["journal_lost"]}, "a: journal_lost"),
    ],
)
def test_what_counts_as_well(lane: dict[str, Any], trouble: str | None):
    assert unwell({"release": "r", "pid": 1, "lanes": [{**LANE, **lane}]}, "r") == trouble


def test_another_release_that_answers_is_not_well():
    assert unwell({"release": "old", "lanes": []}, "new") == "release old answers"
    assert unwell({"error": "control_socket_unreachable"}, "new") == "control_socket_unreachable"
