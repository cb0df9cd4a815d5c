import dataclasses
import hashlib
import json
import os
import pathlib

import pytest

from models.registry import (
    MAX_MODEL_BYTES,
    REGISTRY_PATH,
    REGISTRY_VARIABLE,
    ModelError,
    load_registry,
    locate,
    look_at_registry,
    registry_hash,
    registry_path,
    verified_bytes,
)
from models.roles import REQUIRED
from models.sessions import Session
from tests.support.graphs import GOOD


@pytest.fixture
def entry(tmp_path):
    path = tmp_path / "model.onnx"
    return put(path, GOOD)


def put(path, content):
    """Write a model of these bytes and return its entry."""
    path.write_bytes(content)
    known = load_registry()["text_reader"]
    return dataclasses.replace(known, file=str(path), sha256=hashlib.sha256(content).hexdigest())


def test_the_shipped_registry_names_every_model_with_its_licence():
    for entry in load_registry().values():
        assert entry.licence == "Apache-2.0"
        assert locate(entry).stat().st_size < MAX_MODEL_BYTES
        assert hashlib.sha256(verified_bytes(entry)).hexdigest() == entry.sha256
        assert entry.labels
        assert entry.measured


def test_what_this_project_trained_says_how_and_what_it_reads():
    own = [entry for entry in load_registry().values() if entry.package == "models"]
    assert [entry.name for entry in own] == [
        "plate_reader",
        "code_detector",
        "column_reader",
        "plate_detector",
        "vehicle_detector",
        "cover_detector",
    ]
    for entry in own:
        assert len(entry.training_commit) >= 7
        assert locate(entry).stat().st_size < 8 * 1024 * 1024
    assert sum(locate(entry).stat().st_size for entry in own) < 25_000_000


def test_right_bytes_are_returned(entry):
    assert verified_bytes(entry) == GOOD


@pytest.mark.hazard("S11", "X13")
def test_one_changed_byte_is_tampering(entry, tmp_path):
    (tmp_path / "model.onnx").write_bytes(GOOD[:-1] + b"\x0e")
    with pytest.raises(ModelError, match=r"model_tampered.*text_reader") as caught:
        verified_bytes(entry)
    assert caught.value.code == "model_tampered"


@pytest.mark.hazard("X13")
def test_a_missing_file_is_named(entry, tmp_path):
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"model_missing.*text_reader"):
        verified_bytes(entry)


def test_a_missing_package_is_named():
    entry = dataclasses.replace(load_registry()["text_reader"], package="no_such_package_at_all")
    with pytest.raises(ModelError, match="install no_such_package_at_all"):
        locate(entry)


@pytest.mark.parametrize("content", [b"weights", b"", GOOD[:-1]])
def test_bytes_that_are_no_graph_are_unloadable(tmp_path, content):
    with pytest.raises(ModelError, match=r"model_unloadable"):
        Session(put(tmp_path / "model.onnx", content))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "model_missing"),
        ("{", "model_registry_malformed"),
        ("[]", "model_registry_malformed"),
        ('{"models": [{"name": "x"}]}', "model_registry_malformed"),
        ('{"models": []}', "model_missing"),
    ],
)
def test_an_unusable_registry(tmp_path, content, code):
    path = tmp_path / "registry.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ModelError, match=code) as caught:
        load_registry(path, required=("text_reader",))
    assert caught.value.code == code
    assert str(path) in str(caught.value)


def test_a_registry_says_all_that_is_wrong_with_it(tmp_path):
    path = tmp_path / "registry.json"
    path.write_text('{"models": [[], {"nmae": 1}]}')
    entries, errors = look_at_registry(path)
    assert entries == {}
    assert {error.code for error in errors} == {"model_registry_malformed", "model_missing"}
    assert {error.name for error in errors} == {"registry", *REQUIRED}
    # The shipped one is mended otherwise.
    assert "models/README.md" in str(errors[0])
    assert look_at_registry(REGISTRY_PATH) == (load_registry(), [])


@pytest.mark.parametrize("package", ["sys", "os", "json.decoder", "", "__main__", "\0", ".", "no_such_package_at_all"])
def test_what_is_no_installed_package_is_named(package):
    entry = dataclasses.replace(load_registry()["text_reader"], package=package)
    with pytest.raises(ModelError, match="model_missing"):
        locate(entry)


def test_a_digest_in_capitals_is_the_same_digest(entry):
    assert verified_bytes(dataclasses.replace(entry, sha256=entry.sha256.upper())) == GOOD


def pipe(path):
    os.mkfifo(path)


def loop(path):
    path.symlink_to(path)


def dangling(path):
    path.symlink_to(path.with_name("none"))


def device(path):
    path.symlink_to("/dev/zero")


def huge(path):
    with path.open("wb") as file:
        file.truncate(MAX_MODEL_BYTES + 1)


# Nothing is waited for: each of these held whoever opened it, or filled its memory.
@pytest.mark.parametrize(
    ("lay", "code", "got"),
    [
        (pipe, "model_not_a_file", "a named pipe"),
        (pathlib.Path.mkdir, "model_not_a_file", "a directory"),
        (device, "model_not_a_file", "a device"),
        (loop, "model_unreadable", "leads back to itself"),
        (dangling, "model_missing", "a symbolic link to nothing"),
        (huge, "model_too_large", f"{MAX_MODEL_BYTES + 1} bytes"),
    ],
    ids=["pipe", "directory", "device", "loop", "dangling", "huge"],
)
def test_what_is_no_file_is_told_and_not_opened(entry, tmp_path, monkeypatch, lay, code, got):
    path = tmp_path / "laid"
    lay(path)
    with pytest.raises(ModelError, match=rf"{code}: model text_reader at .*laid.*{got}.*next: put"):
        verified_bytes(dataclasses.replace(entry, file=str(path)))
    with pytest.raises(ModelError, match=rf"{code}: model registry at .*laid.*{got}.*{REGISTRY_VARIABLE}"):
        load_registry(path)
    monkeypatch.setenv(REGISTRY_VARIABLE, str(path))
    assert registry_hash() == hashlib.sha256(b"").hexdigest()


def test_a_path_that_no_file_can_have(entry):
    for file in ("/a\0b", "/\udc80\ud800", "/" + "x" * 5_000):
        with pytest.raises(ModelError, match="model_unreadable") as caught:
            verified_bytes(dataclasses.replace(entry, file=file))
        str(caught.value).encode()


def test_an_entry_of_one_s_own(tmp_path, entry):
    path = tmp_path / "registry.json"
    path.write_text(json.dumps({"models": [dataclasses.asdict(entry)]}))
    assert load_registry(path) == {"text_reader": entry}


def test_the_registry_of_a_site_is_in_force_where_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(REGISTRY_VARIABLE, "")
    assert registry_path() == REGISTRY_PATH
    shipped = registry_hash()
    assert shipped == hashlib.sha256(REGISTRY_PATH.read_bytes()).hexdigest()
    own = tmp_path / "own.json"
    monkeypatch.setenv(REGISTRY_VARIABLE, str(own))
    # What is not there allows no model, and is what no manifest names.
    assert registry_hash() == hashlib.sha256(b"").hexdigest()
    own.write_text('{"models": []}')
    assert registry_path() == own
    assert registry_hash() == hashlib.sha256(b'{"models": []}').hexdigest()
