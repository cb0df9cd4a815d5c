"""The graph in torch answers what onnxruntime answers, and what was learnt comes back into the same graph."""

import numpy as np
import pytest

from models.plate_finder import CHANNELS
from models.reader import OTHER
from models.registry import load_registry, verified_bytes

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def shipped():
    import onnx

    return onnx.load_from_string(verified_bytes(load_registry()["plate_reader"]))


def pictures(seed=0, width=160):
    return np.random.default_rng(seed).uniform(-1, 1, (2, 3, 48, width)).astype(np.float32)


def answers(content, batch):
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: batch})[0]


def in_torch(network, batch, parameters=None):
    import torch

    with torch.no_grad():
        return torch.softmax(network.logits(torch.from_numpy(batch), parameters), dim=2).numpy()


@pytest.mark.parametrize("width", [136, 160, 201])
def test_torch_answers_what_onnxruntime_answers(shipped, width):
    from models.training.network import Network

    batch = pictures(width=width)
    assert np.abs(in_torch(Network(shipped), batch) - answers(shipped.SerializeToString(), batch)).max() < 1e-5


def test_what_was_learnt_is_written_back(shipped):
    from models.training.network import Network

    network = Network(shipped)
    changed = {name: value.detach() * 1.01 for name, value in network.parameters.items()}
    written = network.exported(changed)
    batch = pictures(1)
    assert np.abs(answers(written, batch) - in_torch(network, batch, changed)).max() < 1e-5
    assert np.abs(answers(written, batch) - in_torch(network, batch)).max() > 1e-4


def test_statistics_and_constants_are_no_parameters(shipped):
    from models.training.network import Network

    network = Network(shipped)
    frozen = [name for node in shipped.graph.node if node.op_type == "BatchNormalization" for name in node.input[3:]]
    assert frozen
    assert not set(frozen) & set(network.parameters)
    depth = network.depth_of()
    assert set(depth) == set(network.parameters)
    assert min(depth.values()) < 0.05 < 0.9 < max(depth.values()) < 1.0


def test_an_unknown_operator_is_refused(shipped):
    import onnx

    from models.training.network import Network

    strange = onnx.ModelProto()
    strange.CopyFrom(shipped)
    strange.graph.node[0].op_type = "Einsum"
    with pytest.raises(ValueError, match="Einsum"):
        Network(strange)


def test_the_head_is_cut_to_our_characters(shipped):
    import onnx
    from onnx import numpy_helper

    from models.training.head import CHARACTERS, CLASSES, cut_head

    whole = onnx.ModelProto()
    whole.CopyFrom(shipped)
    matrix = [node for node in whole.graph.node if node.op_type == "MatMul"][-1].input[1]
    bias = [node for node in whole.graph.node if node.op_type == "Add"][-1].input[1]
    known = [*reversed(CHARACTERS[1:]), "字"]
    for tensor in whole.graph.initializer:
        if tensor.name == matrix:
            depth = tensor.dims[0]
            values = np.arange(depth * (len(known) + 2), dtype=np.float32).reshape(depth, -1)
            tensor.CopyFrom(numpy_helper.from_array(values, matrix))
        if tensor.name == bias:
            tensor.CopyFrom(numpy_helper.from_array(np.arange(len(known) + 2, dtype=np.float32), bias))
    cut_head(whole, known)
    kept = {t.name: numpy_helper.to_array(t) for t in whole.graph.initializer if t.name in (matrix, bias)}
    assert kept[matrix].shape[1] == CLASSES == OTHER + 3
    # Blank first, space last, ours in between in their own order; one that the network does not know begins lowest.
    assert kept[bias][0] == 0
    assert kept[bias][-1] == len(known) + 1
    assert kept[bias][1] == -2.0
    assert kept[bias][2] == len(known) - 1
    assert whole.metadata_props[0].value.split("\n") == CHARACTERS


def test_a_head_that_was_cut_to_fewer_of_our_characters_gets_the_others(shipped, tmp_path, monkeypatch):
    import onnx

    from models.training import head
    from models.training.head import CHARACTERS, CLASSES, cut_head, load_cut, named_characters

    fewer = onnx.ModelProto()
    fewer.CopyFrom(shipped)
    file = tmp_path / "fewer.onnx"
    with monkeypatch.context() as before:
        before.setattr(head, "CHARACTERS", CHARACTERS[:-1])
        before.setattr(head, "CLASSES", CLASSES - 1)
        cut_head(fewer, named_characters(shipped))
    assert named_characters(fewer) == CHARACTERS[:-1]
    file.write_bytes(fewer.SerializeToString())
    model = load_cut(file, None)
    assert model.metadata_props[0].value.split("\n") == CHARACTERS
    assert model.graph.output[0].type.tensor_type.shape.dim[2].dim_value == CLASSES
    del fewer.metadata_props[:]
    file.write_bytes(fewer.SerializeToString())
    with pytest.raises(ValueError, match="names its characters"):
        load_cut(file, None)


def test_between_two_states_of_a_network(shipped, tmp_path):
    import onnx
    from onnx import numpy_helper

    from models.training.between import between, main

    earlier, later = tmp_path / "earlier.onnx", tmp_path / "later.onnx"
    earlier.write_bytes(shipped.SerializeToString())
    moved = onnx.ModelProto()
    moved.CopyFrom(shipped)
    for tensor in moved.graph.initializer:
        value = numpy_helper.to_array(tensor)
        if value.dtype == np.float32:
            tensor.CopyFrom(numpy_helper.from_array(value + np.float32(1.0), tensor.name))
    later.write_bytes(moved.SerializeToString())
    ours = {tensor.name: numpy_helper.to_array(tensor) for tensor in shipped.graph.initializer}
    assert (
        main(["--earlier", str(earlier), "--later", str(later), "--share", "0.25", "--out", str(tmp_path / "o")]) == 0
    )
    for tensor in onnx.load(tmp_path / "o").graph.initializer:
        value = numpy_helper.to_array(tensor)
        assert np.allclose(value, ours[tensor.name] + (0.25 if value.dtype == np.float32 else 0), atol=1e-4)
    with pytest.raises(ValueError, match="between 0 and 1"):
        between(earlier, later, 1.5)
    del moved.graph.initializer[0]
    later.write_bytes(moved.SerializeToString())
    with pytest.raises(ValueError, match="two states"):
        between(earlier, later, 0.5)


def test_a_network_of_another_end_is_refused(shipped):
    import onnx

    from models.training.head import cut_head

    other = onnx.ModelProto()
    other.CopyFrom(shipped)
    del other.graph.node[-1]
    with pytest.raises(ValueError, match="softmax"):
        cut_head(other, ["A"])
    with pytest.raises(ValueError, match="columns"):
        cut_head(shipped, ["A"])


def test_the_detector_of_codes_answers_in_torch_what_it_answers_in_onnxruntime():
    import onnx
    import torch

    from models.training.network import Network

    content = verified_bytes(load_registry()["code_detector"])
    batch = np.random.default_rng(3).uniform(-1, 1, (1, 3, 96, 160)).astype(np.float32)
    with torch.no_grad():
        seen = torch.sigmoid(Network(onnx.load_from_string(content)).logits(torch.from_numpy(batch))).numpy()
    assert np.abs(seen - answers(content, batch)).max() < 1e-5


@pytest.fixture(scope="module")
def with_heads():
    import onnx

    from models.training.plate_heads import with_plate_heads

    return with_plate_heads(onnx.load_from_string(verified_bytes(load_registry()["code_detector"])), 1)


def test_a_detector_with_heads_for_plates_answers_in_its_halves_what_it_answers_whole(with_heads):
    import torch

    from models.training.network import Network
    from models.training.plate_heads import halves

    first, second = halves(with_heads)
    batch = np.random.default_rng(3).uniform(-1, 1, (2, 3, 96, 160)).astype(np.float32)
    seen = answers(with_heads.SerializeToString(), batch)
    assert seen.shape == (2, CHANNELS, 12, 20)
    between = answers(first.SerializeToString(), batch)
    assert between.shape[2:] == (12, 20)
    with torch.no_grad():
        for network, source in ((Network(with_heads), batch), (Network(second), between)):
            assert np.abs(network.logits(torch.from_numpy(source)).numpy() - seen).max() < 1e-5


def test_what_the_second_half_learnt_comes_back_into_the_whole(with_heads):
    import onnx

    from models.training.network import Network
    from models.training.plate_heads import halves, whole

    first, second = halves(with_heads)
    network = Network(second)
    changed = {name: value.detach() * 1.01 for name, value in network.parameters.items()}
    learnt = onnx.load_from_string(network.exported(changed))
    batch = np.random.default_rng(4).uniform(-1, 1, (1, 3, 64, 96)).astype(np.float32)
    between = answers(first.SerializeToString(), batch)
    joined = answers(whole(with_heads, learnt).SerializeToString(), batch)
    assert np.abs(joined - answers(learnt.SerializeToString(), between)).max() < 1e-5
    assert np.abs(joined - answers(with_heads.SerializeToString(), batch)).max() > 1e-4


def test_a_detector_of_another_shape_gets_no_heads(shipped):
    from models.training.plate_heads import with_plate_heads

    with pytest.raises(ValueError, match="four scales"):
        with_plate_heads(shipped, 1)
