"""Models tried in a process of their own: one that hangs, dies or answers nonsense is named, the others are tried."""

import dataclasses
import hashlib
import json
import os
import sys

import pytest

from models.registry import REGISTRY_VARIABLE, load_registry, verified_bytes
from models.roles import REQUIRED
from models.trials import try_models
from tests.support.graphs import declaring, field, hungry, integers, model, value

PICTURE = value(b"x", ("n", 3, "h", "w"))
TEXTS = value(b"y", ("n", 1, "h", "w"))


@pytest.fixture
def register(tmp_path, monkeypatch):
    """Put a registry in force whose entries are the shipped ones but for those that are given as (name, bytes)."""

    def put(*others, only=None):
        known = load_registry()
        for name, content in others:
            file = tmp_path / f"{name}.onnx"
            file.write_bytes(content)
            known[name] = dataclasses.replace(
                known[name], file=str(file), sha256=hashlib.sha256(content).hexdigest().upper()
            )
        entries = [entry for entry in known.values() if only is None or entry.name in only]
        path = tmp_path / "own.json"
        path.write_text(json.dumps({"models": [dataclasses.asdict(entry) for entry in entries]}))
        monkeypatch.setenv(REGISTRY_VARIABLE, str(path))

    return put


def codes(**options):
    return {tried.entry.name: tried.code for tried in try_models(**options) if tried.entry is not None}


def test_the_shipped_models_are_good_within_what_a_worker_may_take():
    assert list(codes().values()) == [""] * len(load_registry())


def test_an_empty_registry_has_a_model_for_no_role(register):
    register(only=())
    tried = list(try_models())
    assert [(one.entry, one.code) for one in tried] == [(None, "model_missing")] * len(REQUIRED)
    assert all("own.json" in one.cause for one in tried)


def test_an_entry_that_is_malformed_leaves_the_others_to_be_tried(register, tmp_path):
    register(only=("plate_reader", "plate_detector"))
    told = json.loads((tmp_path / "own.json").read_text())
    told["models"][0]["version"] = None
    (tmp_path / "own.json").write_text(json.dumps(told))
    tried = list(try_models())
    # The other roles have no model at all.
    assert sorted(one.code for one in tried) == [
        "",
        *["model_missing"] * (len(REQUIRED) - 2),
        "model_registry_malformed",
    ]
    assert codes() == {"plate_detector": ""}


@pytest.mark.hazard("X13")
def test_each_model_that_cannot_be_used_is_told_and_the_others_are_good(register):
    """Empty bytes with their right digest, models in each other's places, a hungry one, numbers that are no shares."""
    known = load_registry()
    register(
        ("text_detector", declaring(PICTURE, value(b"y", ("n", "c", "h", "w")))),
        ("plate_detector", verified_bytes(known["code_detector"])),
        ("plate_reader", b""),
        ("column_reader", verified_bytes(known["vehicle_detector"])),
        ("vehicle_detector", hungry(500_000_000, PICTURE, value(b"y", ("n", 48, "c")))),
        ("code_detector", logits()),
    )
    tried = {one.entry.name: one for one in try_models() if one.entry is not None}
    assert {name: one.code for name, one in tried.items()} == {
        "text_detector": "model_unfit",
        "text_reader": "",
        "plate_reader": "model_unloadable",
        "code_detector": "model_output",
        "column_reader": "model_unfit",
        "plate_detector": "model_unfit",
        "cover_detector": "",
        "vehicle_detector": "model_output",
    }
    # onnxruntime knows better than what the file says of itself.
    assert "got tensor(float) [any, 3, any, any]" in tried["text_detector"].cause
    assert "more than the 1024 MiB" in tried["vehicle_detector"].cause
    assert "no shares" in tried["code_detector"].cause


def logits():
    """A detector of text whose one number for each pixel is its first colour, between -1 and 1."""
    operators = (
        field(1, b"x") + field(1, b"0") + field(1, b"1") + field(1, b"1") + field(2, b"y") + field(4, b"Slice"),
    )
    kept = field(5, integers(b"0", 0)) + field(5, integers(b"1", 1))
    given = b"".join(field(1, one) for one in operators) + field(2, b"g") + kept
    return model(given + field(11, PICTURE) + field(12, TEXTS))


def test_a_file_that_is_a_pipe_is_told_and_not_waited_for(register, tmp_path):
    register(("plate_reader", b""), only=("plate_reader",))
    (tmp_path / "plate_reader.onnx").unlink()
    os.mkfifo(tmp_path / "plate_reader.onnx")
    (tried,) = (one for one in try_models() if one.entry is not None)
    assert (tried.code, "a named pipe" in tried.cause) == ("model_not_a_file", True)


def acting(code):
    """A trial that says of each model what `code` lets it, `say(name)` at hand."""
    script = (
        "import json, os, signal, sys\n"
        "def say(name): print(json.dumps({'name': name, 'fault': None}), flush=True)\n"
        f"for name in sys.argv[1:]:\n    {code}\n    say(name)\n"
    )
    return (sys.executable, "-c", script)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("name == 'plate_reader' and signal.pause()", "nothing within 3 s"),
        ("name == 'plate_reader' and os.kill(os.getpid(), 11)", "ended by SIGSEGV"),
        ("name == 'plate_reader' and os.kill(os.getpid(), 40)", "ended by signal 40"),
        ("name == 'plate_reader' and sys.exit(7)", "ended with 7"),
        ("name == 'plate_reader' and (print('{', end='', flush=True), os._exit(0))", "ended with 0"),
        ("name == 'plate_reader' and (print('[]'), sys.exit(1))", "ended with 1"),
    ],
)
def test_a_model_that_ends_or_holds_its_process_is_named_and_the_next_are_tried(act, said):
    tried = [one for one in try_models(acting(act), limit_s=3.0) if one.entry is not None]
    assert len(tried) == len(load_registry())
    (bad,) = [one for one in tried if one.code]
    assert bad.entry is not None
    assert (bad.entry.name, bad.code) == ("plate_reader", "model_unloadable")
    assert said in bad.cause


def test_each_model_has_its_own_time():
    """Each of them takes most of it."""
    slow = acting("import select; select.select([], [], [], 0.8 if name != 'vehicle_detector' else 0)")
    assert set(codes(command=slow, limit_s=3.0).values()) == {""}


def test_where_no_process_can_be_started_each_is_told(tmp_path):
    assert set(codes(command=(str(tmp_path / "none"),)).values()) == {"model_unloadable"}
