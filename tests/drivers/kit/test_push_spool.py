"""The spool of pushes: durable, bounded, known by name, and never a reason to hand on what is old."""

import sqlite3
import stat
from pathlib import Path

import pytest

from drivers.kit.push import spool as module
from drivers.kit.push.spool import KEPT_S, Spool, Spooled, SpoolError, boot_id

BOOT = "b-1"
NOW_S = 1_800_000_000


def push(name: str, *, at_ms: int = 1_000, boot: str = BOOT, body: bytes = b"body", late: bool = False) -> Spooled:
    return Spooled(name, boot, at_ms, at_ms + 5, "text/plain", body, late)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "camera.spool"


def names(spool: Spool) -> list[str]:
    return [one.name for one in spool.waiting()]


def test_what_was_put_waits_through_a_restart_until_it_was_taken(path: Path) -> None:
    first = Spool(path)
    assert first.put(push("b", at_ms=2_000, late=True), NOW_S)
    assert first.put(push("a"), NOW_S)
    # As a kill leaves it: nothing was closed.
    second = Spool(path)
    assert second.waiting() == [push("a"), push("b", at_ms=2_000, late=True)]
    second.taken("a")
    second.taken("a")
    assert names(second) == ["b"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for one in (first, second):
        one.close()
        one.close()
    with pytest.raises(SpoolError):
        second.waiting()


def test_the_pace_of_a_device_is_known_again_in_this_start_of_the_machine_alone(path: Path) -> None:
    spool = Spool(path)
    assert spool.pace(BOOT) is None
    spool.remember_pace(BOOT, -1.5, 7)
    spool.remember_pace(BOOT, -2.5, 9)
    assert (spool.pace(BOOT), spool.pace("b-2")) == ((-2.5, 9), None)
    spool.forget_pace()
    assert spool.pace(BOOT) is None
    # Where the system does not say which start this is, nothing is of it.
    spool.remember_pace("", -1.5, 7)
    assert spool.pace("") is None
    spool.close()


@pytest.mark.hazard("X3")
def test_nothing_is_kept_in_a_file_that_is_not_there_any_more(path: Path) -> None:
    spool = Spool(path)
    assert spool.put(push("a"), NOW_S)
    path.rename(path.with_name("moved"))
    with pytest.raises(SpoolError, match="removed"):
        spool.put(push("b"), NOW_S)
    path.write_bytes(b"")
    with pytest.raises(SpoolError, match="replaced"):
        spool.keep(0, BOOT)
    spool.close()
    again = Spool(path)
    assert again.put(push("b"), NOW_S)
    again.close()


def test_every_commit_is_synced(path: Path) -> None:
    spool = Spool(path)
    assert spool._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert spool._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    spool.close()


def test_the_same_name_is_kept_once_also_when_it_was_taken(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KNOWN", 2)
    spool = Spool(path)
    assert [spool.put(push(name), NOW_S) for name in ("a", "a", "b")] == [True, False, True]
    spool.taken("a")
    assert not spool.put(push("a"), NOW_S)
    assert spool.put(push("c"), NOW_S)
    # Two names are known: the oldest was let go.
    spool.taken("a")
    assert spool.put(push("a"), NOW_S)
    spool.close()


@pytest.mark.hazard("D3")
def test_what_is_old_or_of_another_start_is_never_handed_on(path: Path) -> None:
    spool = Spool(path)
    for one in (push("old", at_ms=999), push("fresh"), push("other", boot="b-2"), push("unknown", boot="")):
        spool.put(one, NOW_S)
    assert spool.keep(1_000, BOOT) == 3
    assert spool.keep(1_000, BOOT) == 0
    assert names(spool) == ["fresh"]
    assert spool._connection.execute("SELECT count(*) FROM push").fetchone() == (4,)
    # Where the system does not say which start this is, nothing is of it.
    assert spool.keep(0, "") == 1
    spool.close()


def test_what_waits_has_bounds_and_what_is_kept_makes_room(path: Path) -> None:
    spool = Spool(path, most_rows=3, most_bytes=100)
    spool.put(push("a", at_ms=1), NOW_S)
    spool.put(push("b", at_ms=2), NOW_S + 1)
    spool.keep(1_000, BOOT)
    spool.put(push("c", body=bytes(90)), NOW_S + 2)
    # 98 bytes lie there: one of those that are kept has to go, then the other.
    spool.put(push("d", body=bytes(5)), NOW_S + 3)
    assert (names(spool), spool._connection.execute("SELECT count(*) FROM push").fetchone()) == (["c", "d"], (3,))
    spool.put(push("e", body=bytes(5)), NOW_S + 4)
    for full in (push("f", body=b""), push("g", body=bytes(200))):
        with pytest.raises(SpoolError, match="wait already") as told:
            spool.put(full, NOW_S + 5)
        assert told.value.full
    assert names(spool) == ["c", "d", "e"]
    spool.taken("c")
    # What was refused is not known: it may come again.
    assert spool.put(push("f"), NOW_S + 6)
    spool.close()


def test_what_is_kept_goes_after_its_time_or_where_the_clock_went_back(path: Path) -> None:
    spool = Spool(path)
    spool.put(push("a"), NOW_S)
    spool.put(push("b"), NOW_S + 10 * KEPT_S)
    spool.keep(9_000, BOOT)
    spool.put(push("c"), NOW_S + KEPT_S + 1)
    assert spool._connection.execute("SELECT name FROM push").fetchall() == [("c",)]
    spool.close()


@pytest.mark.hazard("X3")
def test_a_full_disk_is_told_and_nothing_is_half_kept(path: Path) -> None:
    spool = Spool(path)
    spool.put(push("a"), NOW_S)
    # SQLite's own bound: the same error as a disk without room.
    (pages,) = spool._connection.execute("PRAGMA page_count").fetchone()
    spool._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(SpoolError, match="full") as told:
        spool.put(push("b", body=bytes(100_000)), NOW_S)
    assert told.value.full
    assert names(spool) == ["a"]
    spool._connection.execute("PRAGMA max_page_count=100000")
    assert spool.put(push("b", body=bytes(100_000)), NOW_S)
    spool.close()


def test_what_is_no_spool_is_put_aside_and_a_new_one_begun(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    spool = Spool(path)
    assert (spool.damaged, names(spool)) == (True, [])
    assert path.with_name("camera.spool.damaged").read_bytes().startswith(b"no database")
    spool.put(push("a", body=bytes(9_000)), NOW_S)
    spool.close()
    torn = path.read_bytes()
    path.write_bytes(torn[: len(torn) - 4_096] + b"\xff" * 4_096)
    again = Spool(path)
    assert again.damaged or names(again) == ["a"]
    again.close()


def test_a_place_where_nothing_can_be_written_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.write_bytes(b"a file where a folder should be")
    with pytest.raises(SpoolError) as told:
        Spool(path)
    assert not told.value.full
    path.parent.unlink()
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)

    def fails(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(SpoolError, match="Input/output"):
        Spool(path)


def test_another_who_writes_for_too_long_is_told(path: Path) -> None:
    spool = Spool(path)
    spool._connection.execute("PRAGMA busy_timeout=0")
    with sqlite3.connect(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SpoolError, match="locked"):
            spool.put(push("a"), NOW_S)
    other.close()
    spool.close()


def test_the_start_of_the_machine_has_a_name_where_the_system_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert boot_id() == boot_id()
    monkeypatch.setattr(module, "_BOOT", Path("/nowhere"))
    assert boot_id() == ""
