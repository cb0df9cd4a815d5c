"""What `kakou doctor` says of disk, file system and clock."""

import sys
from pathlib import Path

import pytest

from config.loader import load
from config.schema import Configuration
from edge.doctor.box import clock_finding, clock_state, disk_findings, filesystem_of, group_of, look_at_box, user_name
from edge.doctor.finding import Finding

MOUNTS = r"""
rootfs / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
server:/yard /mnt/the\040yard nfs4 rw 0 0
/dev/sdb1 /mnt/the\040yard/state ext4 rw 0 0
short line
overlay / overlay rw 0 0
"""
GIB = 1 << 30


def codes(found: list[Finding]) -> list[tuple[str, str]]:
    return [(one.status, one.code) for one in found]


def one_lane(folder: Path, state_dir: str = "state", quota_mib: int = 64) -> Configuration:
    config = folder / "kakou.yaml"
    config.write_text(
        f"site: yard\nstate_dir: {state_dir}\nkeys_dir: keys\nevidence: {{quota_mib: {quota_mib}}}\n"
        "authorities: [{id: customs}]\nlanes:\n  - {id: lane-1, direction: in, must_match: [tag], "
        "barrier: {id: barrier, host: 127.0.0.1}, tag_reader: {id: reader, port: /dev/ttyUSB0}}\n"
    )
    loaded = load(config)
    assert isinstance(loaded, Configuration), loaded
    return loaded


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/kakou", "overlay"),
        ("/run/kakou", "tmpfs"),
        ("/running", "overlay"),
        ("/mnt/the yard/lane", "nfs4"),
        ("/mnt/the yard/state/lane", "ext4"),
    ],
)
def test_the_innermost_mount_holds_a_folder_and_a_later_one_hides_an_earlier(folder: str, kind: str) -> None:
    assert filesystem_of(Path(folder), MOUNTS) == kind


def test_without_a_list_of_mounts_the_file_system_is_unknown() -> None:
    assert filesystem_of(Path("/var"), "") == ""


@pytest.mark.parametrize(
    ("kind", "code"), [("tmpfs", "state_dir_in_memory"), ("nfs4", "state_dir_over_network"), ("ext4", None)]
)
def test_records_need_a_disk_of_the_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, code: str | None
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"x / {kind} rw 0 0\n")
    monkeypatch.setattr("edge.doctor.box.MOUNTS", mounts)
    found = codes(list(look_at_box(one_lane(tmp_path))))
    assert found[0] == ("OK", "state_dir_to_be_made")
    assert (("FAIL", code) in found) is (code is not None)
    (tmp_path / "state").mkdir()
    assert codes(list(look_at_box(one_lane(tmp_path))))[0] == ("OK", "state_dir_writable")


def test_a_folder_that_others_own_is_told_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tests may run as root, whom no permission stops.
    monkeypatch.setattr("os.access", lambda path, mode: False)
    denied = next(iter(look_at_box(one_lane(tmp_path))))
    assert (denied.status, denied.code) == ("FAIL", "state_dir_denied")
    assert denied.next_step("en").startswith("sudo install -d -o ")
    assert str(tmp_path / "state") in denied.next_step("zh")


@pytest.mark.parametrize(
    ("used_percent", "expected"),
    [
        (69, [("OK", "disk_free")]),
        (70, [("WARN", "disk_filling")]),
        (90, [("FAIL", "disk_nearly_full")]),
    ],
)
def test_c21_doctor_tells_a_disk_that_fills(used_percent: int, expected: list[tuple[str, str]]) -> None:
    found = list(disk_findings("/state", 100 * GIB, (100 - used_percent) * GIB, 90 * GIB))
    assert codes(found) == expected
    assert f"{used_percent} %" in found[0].message("en")


def test_a_quota_that_no_disk_can_hold_is_told() -> None:
    found = list(disk_findings("/state", 100 * GIB, 99 * GIB, 91 * GIB))
    assert codes(found) == [("OK", "disk_free"), ("WARN", "quota_beyond_disk")]
    assert "93184" in found[1].message("zh")
    assert codes(list(disk_findings("/state", 0, 0, 0))) == [("FAIL", "disk_nearly_full")]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (0, ("OK", "clock_synchronised")),
        (5, ("WARN", "clock_not_synchronised")),
        (-1, ("WARN", "clock_unknown")),
        (None, ("WARN", "clock_unknown")),
    ],
)
def test_a_clock_that_nobody_sets_is_told(state: int | None, expected: tuple[str, str]) -> None:
    assert codes(list(clock_finding(state))) == [expected]


def test_the_kernel_answers_without_being_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert clock_state() in range(-1, 6)
    # Elsewhere than on Linux nobody can be asked.
    monkeypatch.setattr("ctypes.CDLL", lambda name, use_errno: object())
    assert clock_state() is None


def test_without_users_and_groups_of_posix_a_user_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "technician")
    for module in ("pwd", "grp"):
        monkeypatch.setitem(sys.modules, module, None)
    assert user_name() == "technician"
    assert group_of(tmp_path) == str(tmp_path.stat().st_gid)
