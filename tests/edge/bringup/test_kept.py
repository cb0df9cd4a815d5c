"""What a box keeps of a bring-up: whole or not at all, and nothing else is taken for it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from config.devices import Barrier, Camera, ContainerEngine, DriverIdentity, SealReader, Sign, TagReader, Voice
from config.devices import Weighbridge as Scale
from edge.bringup.kept import MOST_BYTES, KeptError, KeptReport, keep, kept_file, read_kept
from edge.bringup.standing import NOT_PROVED, digest_of
from tests.support.sources import ROOT

GOOD = KeptReport(
    "yard", "in-1", "eye", "camera", "http://10.0.0.2/", "0" * 64, "2026-03-01T08:00:00.000Z",
    (("connected", "", "PASS"), ("tag", "0", "FAIL"), ("clock", "", "SKIP"), ("kept", "", "PASS")),
)  # fmt: skip
OVERWRITE = """
import sys
from dataclasses import replace
from pathlib import Path
from edge.bringup.kept import keep, read_kept
state = Path(sys.argv[1])
one, number = read_kept(state, "eye"), 0
print("ready", flush=True)
while True:
    number += 1
    keep(state, replace(one, digest=f"{number:064x}", address="x" * 3000))
"""


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    path = keep(tmp_path / "state", GOOD)
    found = read_kept(tmp_path / "state", "eye")
    assert replace(found, sha256="") == GOOD
    assert (path.stat().st_mode & 0o777, len(found.sha256)) == (0o600, 64)
    assert found.failed == ("tag 0",)
    assert found.passed("connected", "kept")
    assert not found.passed("connected", "clock")


def test_roots_report_belongs_to_whom_the_folder_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its open file, before it has its name: by name, a link in that folder would give any file away."""
    given: list[tuple[int, int, int]] = []

    def told(descriptor: int, user: int, group: int) -> None:
        assert not kept_file(tmp_path, "eye").exists()
        given.append((os.fstat(descriptor).st_ino, user, group))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("given by name")

    monkeypatch.setattr("edge.bringup.kept.os.geteuid", lambda: 0)
    monkeypatch.setattr("edge.files.os.fchown", told)
    for name in ("chown", "lchown"):
        monkeypatch.setattr(f"edge.bringup.kept.os.{name}", never)
    path = keep(tmp_path, GOOD)
    assert given == [(path.stat().st_ino, tmp_path.stat().st_uid, tmp_path.stat().st_gid)]


def _written(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def write(path: Path) -> object:
        found = json.loads(path.read_text())
        change(found)
        return path.write_text(json.dumps(found))

    return write


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere.json"))
    path.symlink_to("elsewhere.json")


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.hazard("O8")
@pytest.mark.parametrize(
    ("spoil", "code", "got"),
    [
        (Path.unlink, "missing", "none"),
        (_link, "unreadable", "a link"),
        (_pipe, "unreadable", "no regular file"),
        (_folder, "unreadable", "no regular file"),
        (lambda path: path.write_bytes(b" " * (MOST_BYTES + 1)), "unreadable", f"more than {MOST_BYTES} bytes"),
        (lambda path: os.truncate(path, 1 << 40), "unreadable", f"more than {MOST_BYTES} bytes"),
        (lambda path: path.write_bytes(b""), "damaged", "syntax"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "damaged", "syntax"),
        (lambda path: path.write_bytes(b"[" * 60_000), "damaged", "too_deep"),
        (lambda path: path.write_bytes(b"[1]"), "damaged", "not_an_object"),
        (lambda path: path.write_bytes(b"\xff{}"), "damaged", "not_utf8"),
        (lambda path: path.write_bytes(b"{}"), "damaged", "version"),
        (_written(lambda found: found.update(v=2)), "damaged", "version"),
        (_written(lambda found: found.update(typ="other")), "damaged", "type"),
        (_written(lambda found: found.update(more=1)), "damaged", "field_unknown"),
        (_written(lambda found: found.pop("steps")), "damaged", "field_missing: steps"),
        (_written(lambda found: found.update(steps=[])), "damaged", "field_value: steps"),
        (_written(lambda found: found.update(steps="PASS")), "damaged", "field_value: steps"),
        (_written(lambda found: found.update(steps=[["kept", "PASS"]])), "damaged", "field_value: steps"),
        (_written(lambda found: found.update(steps=["abc"])), "damaged", "field_value: steps"),
        (_written(lambda found: found.update(steps=[["", "", "PASS"]])), "damaged", "field_value: steps"),
        (_written(lambda found: found.update(steps=[["kept", None, "PASS"]])), "damaged", "field_value: steps"),
        (_written(lambda found: found.update(steps=[["kept", "", ["PASS"]]])), "damaged", "field_value: steps"),
        (_written(lambda found: found.update(steps=[["kept", "", "PASS"]] * 257)), "damaged", "field_value: steps"),
        (_written(lambda found: found.update(digest="0")), "damaged", "field_value: digest"),
        (_written(lambda found: found.update(begun=0)), "damaged", "field_value: begun"),
        (_written(lambda found: found.update(address="a\x1b[2J")), "damaged", "field_value: address"),
        (_written(lambda found: found.update(lane="../in-1")), "damaged", "field_value: lane"),
    ],
)
def test_any_other_file_is_refused_by_name(
    tmp_path: Path, spoil: Callable[[Path], object], code: str, got: str
) -> None:
    spoil(keep(tmp_path, GOOD))
    with pytest.raises(KeptError) as refused:
        read_kept(tmp_path, "eye")
    assert refused.value.code == code
    assert got in refused.value.got


def test_a_kill_in_the_middle_leaves_the_old_one_or_the_new(tmp_path: Path) -> None:
    keep(tmp_path, GOOD)
    seen = set()
    for _ in range(12):
        command = [sys.executable, "-c", OVERWRITE, str(tmp_path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writing:
            assert writing.stdout is not None
            assert writing.stdout.readline() == "ready\n"
            before = read_kept(tmp_path, "eye").digest
            while read_kept(tmp_path, "eye").digest == before:
                assert writing.poll() is None
            writing.send_signal(signal.SIGKILL)
        seen.add(read_kept(tmp_path, "eye").digest)
    assert len(seen) > 1
    assert kept_file(tmp_path, "eye").stat().st_mode & 0o777 == 0o600


MODELS = (Barrier, Camera, TagReader, Scale, DriverIdentity, SealReader, ContainerEngine, Sign, Voice)


def test_what_proves_nothing_of_a_device_is_a_key_of_one() -> None:
    assert {name for model in MODELS for name in model.model_fields} >= NOT_PROVED


def test_digests_of_devices_that_run_at_sites_stay_as_they_are() -> None:
    """Whoever makes this fail takes the reports of every site away: they would have to be tried anew (O8)."""
    devices = (
        Barrier.model_validate({"id": "b", "host": "10.0.0.1", "module": "moxa_iologik_e1214"}),
        Barrier.model_validate({"id": "b", "host": "10.0.0.1"}),
        Camera.model_validate({"id": "c", "url": "http://10.0.0.2/", "place": "front", "reads": ("plate",)}),
        TagReader.model_validate({"id": "r", "port": "socket://10.0.0.3:4001"}),
        Scale.model_validate({"id": "s", "port": "/dev/ttyUSB0", "unit": "t"}),
    )
    known = ["63ec658a2b1d", "817a1c52309c", "f3693a6e0bc7", "92e1041776ae", "c6f9c50c2e12"]
    assert [digest_of(one)[:12] for one in devices] == known
