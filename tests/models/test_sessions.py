import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from models import sessions
from models.memory import MOST_MIB
from models.plate_finder import CHANNELS as OF_PLATES
from models.reader import LINE_HEIGHT_PX
from models.registry import ModelEntry, ModelError, load_registry
from models.roles import ANY, ONE, ROLES, fits, spelt
from models.sessions import LaterSession, ModelOutputError, Session
from models.vehicle_finder import CHANNELS as OF_VEHICLES
from tests.support.graphs import GOOD, INTEGER, declaring, field, graph, hungry, kept, model, named, node, value

LINES = value(b"x", ("n", 3, 48, "w"))
CHARACTERS = "\n".join("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ").encode()


class Answering:
    def __init__(self, output):
        self._output = output

    def run(self, _names, _inputs):
        return [self._output]


@pytest.fixture(scope="module")
def session():
    return Session(load_registry()["text_reader"])


def test_probabilities_come_back(session):
    output = session.run(np.zeros((1, 3, 48, 64), np.float32))
    assert output.shape[2] == len(session.metadata["character"].removesuffix("\n").split("\n")) + 2
    assert output.sum(axis=2) == pytest.approx(1.0, abs=1e-3)


def test_an_input_that_the_graph_refuses(session):
    with pytest.raises(ModelOutputError):
        session.run(np.zeros((1, 1, 7, 7), np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.hazard("D33")
def test_what_is_not_finite_is_no_answer(session, monkeypatch, value):
    monkeypatch.setattr(session, "_session", Answering(np.full((1, 2, 3), value, np.float32)))
    with pytest.raises(ModelOutputError, match="not finite"):
        session.run(np.zeros((1, 3, 48, 64), np.float32))


def test_a_model_that_few_ask_for_is_verified_at_once_and_loaded_when_it_is_asked(monkeypatch):
    entry = load_registry()["vehicle_detector"]
    later = LaterSession(entry)
    loaded = []
    monkeypatch.setattr(sessions, "Session", lambda given: loaded.append(given) or Session(given))
    batch = np.zeros((1, 3, 64, 64), np.float32)
    assert later.run(batch).shape == later.run(batch).shape == (1, 48, 84)
    assert loaded == [entry]
    # At rest it holds nothing, and what is asked then is answered all the same.
    later.rest()
    assert later.run(batch).shape == (1, 48, 84)
    assert loaded == [entry, entry]
    with pytest.raises(ModelError, match="model_tampered"):
        LaterSession(replace(entry, sha256="0" * 64))


@pytest.fixture
def put(tmp_path):
    """Return a maker of entries: a model of these bytes under this name, digest and all."""

    def at(name, content):
        path = tmp_path / "own.onnx"
        path.write_bytes(content)
        return ModelEntry(name, "1", "own", "models", str(path), hashlib.sha256(content).hexdigest(), "", "")

    return at


def unfit(entry):
    with pytest.raises(ModelError, match="model_unfit: model ") as caught:
        Session(entry)
    assert "models/README.md" in str(caught.value)
    return str(caught.value)


def test_roles_are_what_the_finders_and_readers_take_and_give():
    assert ROLES["plate_detector"].gives[1] == OF_PLATES
    assert ROLES["vehicle_detector"].gives[1] == OF_VEHICLES
    assert {role.takes[2] for role in ROLES.values() if role.characters} == {LINE_HEIGHT_PX}
    for entry in load_registry().values():
        assert Session(entry).name == entry.name


@pytest.mark.hazard("X13")
@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("plate_reader", "text_detector"),
        ("text_reader", "plate_detector"),
        ("text_detector", "plate_reader"),
        ("code_detector", "vehicle_detector"),
        ("plate_detector", "code_detector"),
        ("vehicle_detector", "plate_detector"),
        ("column_reader", "vehicle_detector"),
    ],
)
def test_a_model_in_the_place_of_another_is_no_model(name, other):
    known = load_registry()
    assert f"model {name}" in unfit(replace(known[other], name=name))


@pytest.mark.parametrize(
    ("takes", "gives", "said"),
    [
        (value(b"x", ("n", 3, 32, "w")), value(b"y", ("n", "t", 38)), "[any, 3, 32, any]"),
        (value(b"x", ("n", 1, 48, "w")), value(b"y", ("n", "t", 38)), "[any, 1, 48, any]"),
        (value(b"x", ("n", 3, 48, 320)), value(b"y", ("n", "t", 38)), "[any, 3, 48, 320]"),
        (value(b"x", (8, 3, 48, "w")), value(b"y", ("n", "t", 38)), "[8, 3, 48, any]"),
        (value(b"x", (3, 48, "w")), value(b"y", ("n", "t", 38)), "[3, 48, any]"),
        (value(b"x", ("n", 3, 48, "w"), INTEGER), value(b"y", ("n", "t", 38), INTEGER), "tensor(int64)"),
    ],
)
def test_a_reader_that_takes_something_else(put, takes, gives, said):
    told = unfit(put("text_reader", declaring(takes, gives, named(character=CHARACTERS))))
    assert "expected an input tensor(float) [one, 3, 48, any], got" in told
    assert said in told


@pytest.mark.parametrize("said", [b"", b"A\nB", "\n".join("0123456789ABCDEF京").encode()])
def test_a_reader_whose_file_names_no_characters_or_too_few(put, said):
    anything = declaring(LINES, value(b"y", ("n", 3, "t", "c")), named(character=said) if said else b"")
    assert "an output tensor(float) [one, any, any]" in unfit(put("text_reader", anything))
    known = load_registry()["text_reader"]
    with pytest.raises(ModelError, match=r"model_unfit.*metadata") as caught:
        sessions._check_characters(known, ROLES["text_reader"], said.decode().split("\n"), [])
    assert ("none" in str(caught.value)) is (not said)


def test_a_reader_of_plates_knows_the_provinces_and_has_a_column_for_each_character():
    known = load_registry()["plate_reader"]
    letters = list("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")
    sessions._check_characters(known, ROLES["text_reader"], letters, ["n", "t", len(letters) + 2])
    sessions._check_characters(known, ROLES["text_reader"], [one.lower() for one in letters], ["n", "t", "c"])
    with pytest.raises(ModelError, match="without 京"):
        sessions._check_characters(known, ROLES["plate_reader"], letters, [])
    with pytest.raises(ModelError, match=r"36 columns for 34 characters.*got 35"):
        sessions._check_characters(known, ROLES["text_reader"], letters, ["n", "t", 35])


def test_what_a_model_leaves_open_is_judged_by_its_answers(put):
    assert fits([], (ONE, 3), fixed=False)
    assert fits([None, "any"], (ONE, ANY), fixed=False)
    assert fits([1, 9], (ONE, ANY), fixed=True)
    assert not fits([1, 9], (ONE, ANY), fixed=False)
    assert not fits([2, 9], (ONE, ANY), fixed=True)
    assert spelt([None, "\x1b", 3]) == "[any, any, 3]"


NO_INPUT = model(
    field(1, field(1, b"w") + field(2, b"y") + field(4, b"Identity"))
    + field(2, b"g") + field(5, kept()) + field(12, value(b"y"))
)  # fmt: skip
NO_OUTPUT = model(field(1, node()) + field(2, b"g") + field(5, kept()) + field(11, value(b"x")))
TWO_INPUTS = model(graph(kept(), more=field(11, value(b"z"))))
STRANGE_NAME = model(
    field(1, field(1, b"\xff") + field(2, b"y") + field(4, b"Identity"))
    + field(2, b"g") + field(11, value(b"\xff")) + field(12, value(b"y"))
)  # fmt: skip


@pytest.mark.parametrize("content", [NO_INPUT, NO_OUTPUT, TWO_INPUTS], ids=["no input", "no output", "two inputs"])
def test_a_model_with_nothing_to_take_or_give(put, content):
    assert "one input and an output" in unfit(put("own", content))


@pytest.mark.parametrize(
    "content",
    [
        STRANGE_NAME,
        GOOD + named(character=b"\xff\xfe"),
        GOOD + field(14, field(1, b"\xff") + field(2, b"a")),
        GOOD + field(14, b"\xff"),
        b"",
    ],
)
def test_a_model_whose_words_are_no_text_is_unloadable(put, content):
    with pytest.raises(ModelError, match="model_unloadable: model own"):
        Session(put("own", content))


def test_an_answer_that_is_no_array_of_numbers(put, monkeypatch):
    session = Session(put("own", GOOD))
    for output in (["text"], [{"a": 1}], [[1], [1, 2]], object()):
        monkeypatch.setattr(session, "_session", Answering(output))
        with pytest.raises(ModelOutputError, match="model_output: own gave none") as caught:
            session.run(np.zeros((2, 2), np.float32))
        assert (caught.value.name, caught.value.code) == ("own", "model_output")


def test_memory_that_is_not_there_while_a_model_is_loaded_is_named(put, monkeypatch):
    def none(*_args, **_options):
        raise MemoryError

    monkeypatch.setattr(sessions.onnxruntime, "InferenceSession", none)
    with pytest.raises(ModelError, match=f"model_memory: model own at .*at most {MOST_MIB} MiB") as caught:
        Session(put("own", GOOD))
    assert caught.value.code == "model_memory"


@pytest.mark.hazard("X8")
def test_a_model_that_makes_memory_of_nothing_is_named_and_the_process_goes_on(put):
    """In a process of its own, which is held to what a worker may take."""
    entry = put("own", hungry(500_000_000))
    script = f"""
import numpy as np
from models.memory import limit
from models.sessions import ModelOutputError, Session
from models.registry import ModelEntry, load_registry
limit()
session = Session(ModelEntry("own", "1", "own", "models", {entry.file!r}, {entry.sha256!r}, "", ""))
for _ in range(2):
    try:
        session.run(np.eye(2, dtype=np.float32))
    except ModelOutputError as error:
        print(error)
print(Session(load_registry()["plate_reader"]).run(np.zeros((1, 3, 48, 96), np.float32)).shape)
"""
    said = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ).stdout.splitlines()
    assert len(said) == 3
    assert said[0].startswith(f"model_output: own wanted more than the {MOST_MIB} MiB that a worker may take")
    assert said[1] == said[0]
    assert said[2].startswith("(1, ")
