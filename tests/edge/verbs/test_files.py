"""`kakou init`, `check`, `keys`, `run`, `replay`: what they write, print and answer."""

import json
import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.keys import load_private_key, load_root, write_private_key, write_public_key
from edge.clearance.root_rotation import open_rotation
from edge.clearance.trust import Trust
from edge.core.events import PersonDecided, Started
from edge.extras import Extra
from edge.runtime.journal import Journal
from edge.verbs import init, keys, replay, run
from tests.support.bare_lane import bare_lane
from tests.support.lane_parts import running

EXAMPLE = init.EXAMPLE
DEMO = EXAMPLE.with_name("demo.yaml")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped example of a simulated lane, in a folder of its own."""
    path = tmp_path / "kakou.yaml"
    path.write_text(DEMO.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_init_writes_a_good_configuration_and_never_over_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert init.main([str(tmp_path / "new")]) == 0
    written = tmp_path / "new" / "kakou.yaml"
    assert written.read_bytes() == EXAMPLE.read_bytes()
    written.write_text("mine", encoding="utf-8")
    assert init.main([str(tmp_path / "new")]) == 0
    assert written.read_text(encoding="utf-8") == "mine"
    assert [path.name for path in written.parent.iterdir()] == ["kakou.yaml"]
    assert str(written) in capsys.readouterr().out


def test_init_says_where_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").touch()
    assert init.main([str(tmp_path / "file")]) == 73
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_check_of_a_good_configuration(config: Path, capsys: pytest.CaptureFixture[str]):
    assert run.check([str(config)]) == 0
    assert str(config) in capsys.readouterr().out
    assert run.check([str(config), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "problems": []}


def test_check_of_a_configuration_for_another_box_does_not_look_for_its_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert init.main([str(tmp_path)]) == 0
    written = str(tmp_path / "kakou.yaml")
    assert run.check([written]) == 78
    assert "/etc/kakou/ca.pem" in capsys.readouterr().out
    assert run.check([written, "--elsewhere"]) == 0


def test_check_says_what_of_this_box_the_start_would_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    config, _ = bare_lane(tmp_path)
    package = "driver: package, package: {distribution: pytest, version: 0.0.1, entry_point: acme}"
    text = config.read_text().replace("tag_reader: {", f"tag_reader: {{{package}, ")
    camera = f"{{{package}, id: eye, url: 'http://127.0.0.1:1/', place: front, reads: [plate]}}"
    text = text.replace("    must_match", f"    cameras: [{camera}]\n    must_match")
    config.write_text(f"hardware: ['{'0' * 16}']\n{text}")
    assert run.check([str(config), "--json"]) == 78
    found = json.loads(capsys.readouterr().out)["problems"]
    refused = "driver_package_version"
    assert [(one["line"], one["code"]) for one in found] == [(13, refused), (12, refused), (1, "hardware_foreign")]
    assert "acme: pytest 0.0.1" in found[0]["message"]
    assert "kakou hardware" in found[2]["message"]
    assert run.check([str(config), "--elsewhere"]) == 0


def test_check_names_the_library_that_a_driver_wants_and_the_command_that_installs_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    config, _ = bare_lane(tmp_path)
    text = config.read_text().replace("port: ./reader", "driver: uhf_llrp, port: 'socket://10.0.0.9:5084'")
    config.write_text(text)
    assert run.check([str(config)]) == 0
    capsys.readouterr()
    monkeypatch.setattr("edge.extras.EXTRAS", {"uhf_llrp": Extra("pytest", "0.0")})
    assert run.check([str(config), "--json"]) == 78
    (found,) = json.loads(capsys.readouterr().out)["problems"]
    assert (found["line"], found["code"]) == (11, "driver_extra_missing")
    assert f"{sys.executable} -m pip install --no-deps 'pytest==0.0.*'" in found["message"]
    assert run.check([str(config), "--elsewhere"]) == 0


def test_init_without_a_folder_writes_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert init.main([]) == 0
    assert (tmp_path / "kakou.yaml").read_bytes() == EXAMPLE.read_bytes()
    assert "keys kakou.yaml" in capsys.readouterr().out


def test_check_shows_the_values_in_force_and_their_origin(config: Path, capsys: pytest.CaptureFixture[str]):
    assert run.check([str(config), "--effective"]) == 0
    shown = capsys.readouterr().out
    assert f'site = "demo"  ({config}:' in shown
    assert "(default)" in shown
    assert run.check([str(config), "--effective", "--json"]) == 0
    values = {one["path"]: one for one in json.loads(capsys.readouterr().out)["effective"]}
    assert values["site"]["value"] == "demo"
    config.write_text("site: 1 2", encoding="utf-8")
    assert run.check([str(config), "--effective", "--json"]) == 78
    assert json.loads(capsys.readouterr().out)["effective"] == []


def test_check_reports_every_error_at_its_place(config: Path, capsys: pytest.CaptureFixture[str]):
    text = config.read_text(encoding="utf-8").replace("direction: in", "direction: sideways")
    config.write_text(text + "\nwrong: 1\n", encoding="utf-8")
    assert run.check([str(config)]) == 78
    assert f"{config}:" in capsys.readouterr().out
    assert run.check([str(config), "--json"]) == 78
    shown = json.loads(capsys.readouterr().out)
    assert shown["ok"] is False
    assert len(shown["problems"]) == 2
    assert all(problem["line"] > 0 and problem["code"] and problem["message"] for problem in shown["problems"])


def test_run_of_a_bad_configuration_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "kakou.yaml").write_text("site: [", encoding="utf-8")
    assert run.main([str(tmp_path / "kakou.yaml")]) == 78
    assert "kakou.yaml:" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["kakou.yaml"]


def test_run_without_keys_is_refused(config: Path, capsys: pytest.CaptureFixture[str]):
    assert run.main([str(config)]) == 75
    assert "start_refused" in capsys.readouterr().err


def test_run_with_a_failpoint_that_does_not_exist_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KAKOU_FAILPOINT", "nowhere")
    assert run.main([str(config)]) == 78
    assert "failpoint_refused" in capsys.readouterr().err


def test_keys_makes_what_is_missing_once(config: Path, capsys: pytest.CaptureFixture[str]):
    assert keys.main([str(config)]) == 0
    first = capsys.readouterr().out
    made = [Path(line) for line in first.splitlines() if line.endswith((".pem", ".jws"))]
    assert made
    before = {path: path.read_bytes() for path in made}
    assert keys.main([str(config)]) == 0
    assert {path: path.read_bytes() for path in made} == before


def test_keys_of_an_officer_s_terminal(config: Path, capsys: pytest.CaptureFixture[str]):
    assert keys.main([str(config), "--officer", "chen"]) == 0
    assert "officer-chen.key.pem" in capsys.readouterr().out
    assert keys.main([str(config), "--officer", "chen wang"]) == 73
    assert "not an id" in capsys.readouterr().err


def test_keys_says_what_stands_in_the_way(config: Path, capsys: pytest.CaptureFixture[str]):
    assert keys.main([str(config)]) == 0
    key = next(path for path in config.parent.rglob("*.key.pem"))
    key.write_text("rubbish", encoding="utf-8")
    assert keys.main([str(config)]) == 73
    assert str(key) in capsys.readouterr().err


def test_keys_of_a_bad_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "kakou.yaml").write_text("site: yard\n", encoding="utf-8")
    assert keys.main([str(tmp_path / "kakou.yaml")]) == 78
    assert "lanes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nothing", "journal_missing"),
        ("folder", "journal_missing"),
        ("fifo", "journal_missing"),
        ("rubbish", "journal_corrupt"),
        ("empty", "journal_failed"),
        ("cut", "journal_corrupt"),
    ],
)
async def test_replay_of_what_is_no_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, code: str
):
    monkeypatch.setenv("KAKOU_LANG", "en")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "rubbish").write_bytes(b"rubbish" * 1000)
    (tmp_path / "empty").touch()
    await recorded(tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    capsys.readouterr()
    assert replay.main([str(tmp_path / name)]) == 66
    told = capsys.readouterr().err
    assert told.startswith(code)
    assert str(tmp_path / name) in told
    # What is wrong with a copy on a laptop is not mended by a restart of the service.
    assert "restart" not in told
    assert "next: name " in told


async def recorded(path: Path) -> None:
    """Let a lane start and refuse an order."""
    async with running(path) as lane:
        lane.runner.take(Started(lane.clock.now_ms(), "boot-1", "seed-1"))
        lane.scan()
        lane.runner.take(PersonDecided(lane.clock.now_ms(), "陈", "retry", "checked"))


async def test_replay_reproduces_what_a_lane_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "journal.sqlite"
    await recorded(path)
    assert replay.main([str(path)]) == 0
    assert capsys.readouterr().out.endswith("lane-1: 3 records, 0 differences, hash chain holds\n")
    assert replay.main([str(path), "--lane", "lane-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["same"] is True


async def test_replay_finds_what_was_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "journal.sqlite"
    await recorded(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE record SET body = replace(body, 'order_refused', 'order_accepted')")
    connection.commit()
    connection.close()
    assert replay.main([str(path)]) == 1
    printed = capsys.readouterr().out
    assert "1 differences" in printed
    assert "HASH CHAIN BROKEN at record 3" in printed
    assert "record 3 (PersonDecided)" in printed
    assert replay.main([str(path), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["lanes"][0]["differences"][0]["seq"] == 3


async def test_replay_of_a_lane_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    journal = await Journal.open(tmp_path / "journal.sqlite", utc=lambda: datetime.now(UTC))
    await journal.close()
    assert replay.main([str(tmp_path / "journal.sqlite"), "--lane", "lane-9"]) == 66
    assert "lane-9" in capsys.readouterr().err


@pytest.mark.hazard("S14")
def test_keys_sign_which_root_follows(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    successor = Ed25519PrivateKey.generate()
    write_public_key(tmp_path / "next.pub.pem", successor.public_key())
    command = [str(config), "--new-root", str(tmp_path / "next.pub.pem")]
    assert keys.main(command) == 73
    assert "key_file_missing" in capsys.readouterr().err
    assert keys.main([str(config)]) == 0
    assert keys.main(command) == 0
    (rotation,) = tmp_path.rglob("root-rotation.jws")
    root = load_root(rotation.with_name("root.pub.pem"))
    assert open_rotation(rotation.read_bytes(), root=root, environment="simulated") == (successor.public_key(),)


@pytest.mark.hazard("S14")
def test_a_shared_root_signs_what_two_of_its_keys_have_read_and_signed(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert keys.main([str(config)]) == 0
    (folder,) = {path.parent for path in tmp_path.rglob("root.pub.pem")}
    ours = load_private_key(folder / "root.key.pem")
    others = [Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()]
    write_public_key(folder / "root.pub.pem", *(key.public_key() for key in (ours, *others)))
    (folder / "keyset.jws").unlink()
    assert keys.main([str(config)]) == 0
    capsys.readouterr()
    second = tmp_path / "second.key.pem"
    write_private_key(second, others[0])
    command = [str(config), "--countersign", str(folder / "keyset.jws")]
    assert keys.main(command) == 0
    shown = capsys.readouterr().out
    assert '"typ":"gate-keyset+jws"' in shown
    assert "signed by 1 keys of the root, 2 needed" in shown
    assert keys.main([*command, "--root-key", str(second)]) == 0
    assert "signed by 2 keys of the root, 2 needed" in capsys.readouterr().out
    assert keys.main([*command, "--root-key", str(second)]) == 73
    assert "root_twice" in capsys.readouterr().err
    write_private_key(second, Ed25519PrivateKey.generate())
    assert keys.main([*command, "--root-key", str(second)]) == 73
    assert "is no key of this root" in capsys.readouterr().err
    assert Trust(folder, tmp_path, environment="simulated", utc=lambda: datetime.now(UTC)).current().version == 1
    write_public_key(tmp_path / "next.pub.pem", others[1].public_key())
    assert keys.main([str(config), "--new-root", str(tmp_path / "next.pub.pem")]) == 0
    capsys.readouterr()
    assert keys.main([str(config), "--countersign", str(folder / "root-rotation.jws")]) == 0
    assert '"typ":"gate-root-rotation+jws"' in capsys.readouterr().out
    (folder / "root-rotation.jws").write_bytes(b"no word of a root")
    assert keys.main([str(config), "--countersign", str(folder / "root-rotation.jws")]) == 73
