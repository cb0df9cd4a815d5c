"""Files of the box that somebody cut, opened up or rolled back: the start is refused by name, nothing is opened."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.system_lane import LANE, SystemLane

TEMPORARY = 75


def cut_secret(folder: Path) -> None:
    (folder / "state" / "site.secret").write_bytes(b"short")


def open_secret(folder: Path) -> None:
    (folder / "state" / "site.secret").chmod(0o644)


def open_key(folder: Path) -> None:
    (folder / "keys" / f"lane-{LANE}.key.pem").chmod(0o640)


def other_secret_kind(folder: Path) -> None:
    secret = folder / "state" / "site.secret"
    secret.unlink()
    secret.mkdir()


def spoil_versions(text: str) -> Callable[[Path], None]:
    return lambda folder: void((folder / "state" / "keyset-seen-simulated.json").write_text(text, encoding="utf-8"))


def void(_: object) -> None:
    return None


def future_versions(folder: Path) -> None:
    path = folder / "state" / "keyset-seen-simulated.json"
    path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text(encoding="utf-8")), 99)), encoding="utf-8")


def spoil_keyset(folder: Path) -> None:
    (folder / "keys" / "keyset.jws").write_bytes(b"\xff" * 100)


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "secret_cut": (cut_secret, "site_secret_damaged"),
    "secret_open": (open_secret, "site_secret_readable_by_others"),
    "secret_no_file": (other_secret_kind, "IsADirectoryError"),
    "key_open": (open_key, "key_file_readable_by_others"),
    "versions_cut": (spoil_versions("{"), "seen_versions_damaged"),
    "versions_list": (spoil_versions("[1]"), "seen_versions_damaged"),
    "versions_text": (spoil_versions('{"a": "1"}'), "seen_versions_damaged"),
    "versions_deep": (spoil_versions("[" * 100_000), "seen_versions_damaged"),
    "keyset_rolled_back": (future_versions, "rolled_back"),
    "keyset_replaced": (spoil_keyset, "not_compact"),
}


@pytest.mark.hazard("X6")
async def test_damaged_files_refuse_the_start_by_name(lane: SystemLane):
    # Others may read the state directory, as a service manager may have made it: what lies in it stays private.
    state = lane.folder / "state"
    state.mkdir(mode=0o755)
    await lane.start_controller()
    assert await lane.controller.stop() == 0
    shared = [path.name for path in state.rglob("*") if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert shared == []

    kept = {path: path.read_bytes() for path in (*state.glob("*.*"), *(lane.folder / "keys").iterdir())}
    served = lane.barrier.server.connections
    for name, (damage, code) in DAMAGE.items():
        damage(lane.folder)
        controller = await lane.start_controller(ready=False)
        assert (name, await controller.ended()) == (name, TEMPORARY)
        assert controller.said("start_refused"), name
        assert controller.said(code), name
        assert not controller.said("Traceback"), name
        for path, content in kept.items():
            if path.is_dir():
                path.rmdir()
            path.write_bytes(content)
            path.chmod(0o600)
    assert lane.barrier.server.connections == served
    # All as it was: the lane starts.
    await lane.start_controller()


@pytest.mark.parametrize("damage", [spoil_keyset, lambda folder: (folder / "keys" / "keyset.jws").unlink()])
async def test_a_keyset_spoilt_while_it_runs_leaves_the_old_in_force(lane: SystemLane, damage: Callable[[Path], None]):
    await lane.start_controller()
    damage(lane.folder)
    await lane.pass_one()
    assert lane.ended[-1]["terminal"] == "PASSED"
    assert lane.controller.said("keyset_refused")
