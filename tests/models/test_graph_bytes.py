"""What a model may not take from elsewhere, found in its bytes before onnxruntime sees them."""

import dataclasses
import hashlib

import numpy as np
import onnxruntime
import pytest

from models import graph_bytes
from models.graph_bytes import GraphError, refuse_foreign
from models.registry import ModelError, load_registry, verified_bytes
from models.sessions import LaterSession, Session
from tests.support.graphs import GOOD, elsewhere, field, graph, kept, model, node, number

TENSOR = elsewhere(b"t")
SPARSE = field(1, TENSOR) + field(2, kept(b"places"))
IN_CONSTANT = node(b"Constant", attribute=field(1, b"value") + field(5, TENSOR))


def in_branch(depth: int) -> bytes:
    """A graph within an attribute within a graph, and so on; the innermost keeps its weights elsewhere."""
    inner = graph(TENSOR)
    for _ in range(depth):
        inner = graph(kept(), node(b"If", attribute=field(1, b"then_branch") + field(6, inner)))
    return inner


EXTERNAL = {
    "initialiser": graph(TENSOR),
    "location alone": graph(kept() + field(14, 1)),
    "entry alone": graph(kept() + field(13, field(1, b"location"))),
    "another location": graph(kept() + field(14, 1 << 32 | 1)),
    "sparse values": graph(kept(), more=field(15, SPARSE)),
    "sparse indices": graph(kept(), more=field(15, field(1, kept()) + field(2, TENSOR))),
    "constant": graph(kept(), IN_CONSTANT),
    "constants": graph(kept(), node(attribute=field(10, TENSOR))),
    "sparse constant": graph(kept(), node(attribute=field(22, SPARSE))),
    "sparse constants": graph(kept(), node(attribute=field(23, SPARSE))),
    "branch": in_branch(1),
    "branches": graph(kept(), node(attribute=field(11, graph(TENSOR)))),
    "deep branch": in_branch(20),
}


def put(folder, content):
    """Return the entry of a model of these bytes, digest and all."""
    path = folder / "own.onnx"
    path.write_bytes(content)
    known = load_registry()["vehicle_detector"]
    return dataclasses.replace(known, name="own", file=str(path), sha256=hashlib.sha256(content).hexdigest())


def refused(content):
    with pytest.raises(GraphError) as caught:
        refuse_foreign(content)
    return caught.value.code


def test_a_model_that_keeps_its_weights_is_loaded(tmp_path):
    weights = np.array([[1, 2], [3, 4]], np.float32)
    session = Session(put(tmp_path, model(graph(kept(raw=weights.tobytes())))))
    assert session.run(np.eye(2, dtype=np.float32)).tolist() == weights.tolist()


@pytest.mark.hazard("S11", "X13")
def test_weights_beside_the_process_are_never_taken(tmp_path, monkeypatch):
    """The file lies where onnxruntime would look for it; no digest of ours covers it."""
    content = model(graph(elsewhere()))
    (tmp_path / "w.bin").write_bytes(np.ones(4, np.float32).tobytes())
    monkeypatch.chdir(tmp_path)
    # What onnxruntime makes of these bytes by itself is why they are looked through.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    taken = onnxruntime.InferenceSession(content, sess_options=options, providers=["CPUExecutionProvider"])
    assert taken.run(None, {"x": np.eye(2, dtype=np.float32)})[0].tolist() == [[1, 1], [1, 1]]
    for load in (verified_bytes, Session, LaterSession):
        with pytest.raises(ModelError, match=r"model_external_data: model own at .*own\.onnx.*another file") as caught:
            load(put(tmp_path, content))
        assert caught.value.code == "model_external_data"


@pytest.mark.hazard("S11")
@pytest.mark.parametrize("where", EXTERNAL)
def test_a_tensor_elsewhere_is_found_wherever_it_stands(where):
    assert refused(model(EXTERNAL[where])) == "model_external_data"
    # Protobuf joins what is given twice.
    assert refused(GOOD + field(7, EXTERNAL[where])) == "model_external_data"


@pytest.mark.parametrize("wraps", [lambda g: field(20, field(1, g)), lambda g: field(20, field(2, g))])
def test_graphs_of_training_are_looked_through(wraps):
    assert refused(GOOD + wraps(graph(TENSOR))) == "model_external_data"


@pytest.mark.parametrize("inside", [field(7, IN_CONSTANT), field(11, field(5, TENSOR))])
def test_functions_are_looked_through(inside):
    assert refused(GOOD + field(25, field(1, b"f") + inside)) == "model_external_data"


@pytest.mark.hazard("S11")
@pytest.mark.parametrize("domain", [b"com.microsoft", b"ai.onnx.ml", b"own", b"\xff\xfe", b"x" * 500])
def test_operators_of_others_are_refused_by_name(tmp_path, domain):
    content = model(graph(kept(), node(b"Gelu", domain=domain)))
    with pytest.raises(ModelError, match="model_foreign_operator: model own") as caught:
        Session(put(tmp_path, content))
    assert len(str(caught.value)) < 400 + len(str(tmp_path))
    assert refused(GOOD + field(25, field(10, domain))) == "model_foreign_operator"
    assert refused(GOOD + field(25, field(7, node(domain=domain)))) == "model_foreign_operator"


@pytest.mark.parametrize("domain", [None, b"", b"ai.onnx"])
def test_operators_of_onnx_are_let_through(domain):
    refuse_foreign(model(graph(kept(), node(domain=domain))))


def test_every_registered_model_is_let_through():
    for entry in load_registry().values():
        refuse_foreign(verified_bytes(entry))


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 11,
        b"\x80",
        number(0),
        number(7 << 3 | 3),
        number(7 << 3 | 7),
        number(1 << 35),
        number(7 << 3 | 2) + number(1 << 60),
        field(7, b"abc")[:-1],
        field(7, field(5, b"1234"))[:2] + b"\x7f",
        number(9 << 3 | 5) + b"123",
        number(9 << 3 | 1) + b"1234567",
        field(7, number(5 << 3 | 2) + number(9) + b"1234"),
    ],
    ids=str,
)
def test_bytes_that_no_protobuf_has_are_unloadable(content):
    assert refused(content) == "model_unloadable"


def test_numbers_of_every_size_are_passed_over():
    refuse_foreign(GOOD + number(900 << 3 | 5) + b"1234" + number(901 << 3 | 1) + b"12345678" + field(902, 1 << 63))


@pytest.mark.hazard("S11")
def test_how_deep_and_how_many_is_bounded(monkeypatch):
    assert refused(model(in_branch(40))) == "model_unloadable"
    monkeypatch.setattr(graph_bytes, "MOST_FIELDS", 10)
    refuse_foreign(10 * field(1, 1))
    assert refused(11 * field(1, 1)) == "model_unloadable"


def test_bytes_are_taken_for_the_format_that_was_looked_through(tmp_path):
    """onnxruntime takes a second format by four letters at the fifth byte; here they are a part of a name."""
    content = field(2, b"\0\0ORTM") + GOOD
    assert content[4:8] == b"ORTM"
    assert Session(put(tmp_path, content)).run(np.eye(2, dtype=np.float32)).shape == (2, 2)
