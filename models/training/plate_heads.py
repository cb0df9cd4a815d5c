"""Cuts a text detector at stride 8 and gives it heads for plates. Names onnx and no other library."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.plate_finder import CHANNELS, ROW_KINDS

INPUT, OUTPUT = "x", "plates"
HIDDEN = 48
# A cell is a plate once in a thousand before anything is learnt.
FIRST_BIAS = -4.5


def with_plate_heads(detector: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """Return `detector` up to what it joins at stride 8, with new heads drawn from `seed`.

    `detector` ends as PP-OCRv6 tiny does: four scales brought to the finest and joined. The finest is left out, the
    others are brought to stride 8. Raises ValueError where it does not.
    """
    scales, wide = _joined_scales(detector)
    heads, weights = _heads(wide * len(scales), np.random.default_rng(seed))
    nodes = [node for node in detector.graph.node if node.op_type != "Resize" or node.output[0] not in scales]
    brought, constants = _brought_to_one(scales, detector)
    kept = _needed([*nodes, *brought, *heads], OUTPUT)
    grown = onnx.ModelProto()
    grown.CopyFrom(detector)
    grown.graph.name = "plate_detector"
    del grown.graph.node[:]
    grown.graph.node.extend(kept)
    grown.graph.initializer.extend([*constants, *weights])
    model = _part(grown, INPUT, ["n", 3, "h", "w"], OUTPUT, ["n", CHANNELS, "h8", "w8"])
    onnx.checker.check_model(model)
    return model


def load_with_heads(network: Path, seed: int) -> onnx.ModelProto:
    """Return the network in `network`: as it is where it has our heads already, else with new ones from `seed`."""
    model = onnx.load(network)
    return model if model.graph.output[0].name == OUTPUT else with_plate_heads(model, seed)


def _joined_scales(detector: onnx.ModelProto) -> tuple[dict[str, str], int]:
    """Return the coarser scales (what they become, what they were before it) and the channels of each."""
    nodes = {node.output[0]: node for node in detector.graph.node}
    joints = [node for node in detector.graph.node if node.op_type == "Concat"]
    inputs = joints[-1].input if joints else []
    scales = {name: nodes[name].input[0] for name in inputs[:-1] if nodes[name].op_type == "Resize"}
    users = [node for node in detector.graph.node if joints and joints[-1].output[0] in node.input]
    sizes = {tensor.name: list(tensor.dims) for tensor in detector.graph.initializer}
    if len(inputs) != 4 or len(scales) != 3 or len(users) != 1 or detector.graph.input[0].name != INPUT:
        raise ValueError(f"expected a detector that joins four scales, got {len(inputs)} with {len(scales)} enlarged")
    return scales, sizes[users[0].input[1]][1] // 4


def _brought_to_one(
    scales: dict[str, str], detector: onnx.ModelProto
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return nodes that join `scales` at stride 8, half as much enlarged as at stride 4, and their constants."""
    nodes = {node.output[0]: node for node in detector.graph.node}
    values = {tensor.name: tensor for tensor in detector.graph.initializer}
    brought: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []
    joined: list[str] = []
    for name, before in scales.items():
        enlarged = onnx.NodeProto()
        enlarged.CopyFrom(nodes[name])
        by = numpy_helper.to_array(values[enlarged.input[2]]).copy()
        by[2:] /= 2
        if (by[2:] == 1).all():
            joined.append(before)
            continue
        constant = f"{name}.half"
        constants.append(numpy_helper.from_array(by.astype(np.float32), constant))
        enlarged.input[2], enlarged.output[0] = constant, f"{name}.eighth"
        brought.append(enlarged)
        joined.append(enlarged.output[0])
    return [*brought, helper.make_node("Concat", joined, ["scales"], axis=1)], constants


def _heads(channels: int, rng: np.random.Generator) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Return two layers that see around a cell, one that answers, and their weights."""
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    source = "scales"
    layers = (
        ("near", channels, HIDDEN, 3, 1, "Relu"),
        ("around", HIDDEN, HIDDEN, 5, HIDDEN, ""),
        ("mixed", HIDDEN, HIDDEN, 1, 1, "Relu"),
        ("answer", HIDDEN, CHANNELS, 1, 1, "Identity"),
    )
    for name, wide_in, wide_out, side, group, after in layers:
        inputs = wide_in // group * side * side
        # The joined maps are large numbers; what is answered begins small.
        spread = np.sqrt(2.0 / inputs) * (0.01 if name == "answer" else 1.0)
        matrix = rng.normal(0.0, spread, (wide_out, wide_in // group, side, side)).astype(np.float32)
        bias = np.zeros(wide_out, np.float32)
        if name == "answer":
            bias[: len(ROW_KINDS)] = FIRST_BIAS
        weights += [numpy_helper.from_array(matrix, f"{name}.w"), numpy_helper.from_array(bias, f"{name}.b")]
        shape = {"kernel_shape": [side] * 2, "pads": [side // 2] * 4, "strides": [1, 1], "dilations": [1, 1]}
        made = f"{name}.0"
        nodes.append(helper.make_node("Conv", [source, f"{name}.w", f"{name}.b"], [made], group=group, **shape))
        source = made
        if after:
            source = OUTPUT if name == "answer" else f"{name}.1"
            nodes.append(helper.make_node(after, [made], [source]))
    return nodes, weights


def halves(model: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return what `model` does up to its waist, at stride 8, and what it does from there: two networks in a row."""
    name = _waist(model)
    channels = ["n", "c", "h8", "w8"]
    first = _part(model, INPUT, ["n", 3, "h", "w"], name, channels)
    return first, _part(model, name, channels, OUTPUT, ["n", CHANNELS, "h8", "w8"])


def whole(model: onnx.ModelProto, second: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with the weights of its `second` half."""
    learnt = {tensor.name: tensor for tensor in second.graph.initializer}
    written = onnx.ModelProto()
    written.CopyFrom(model)
    for tensor in written.graph.initializer:
        if tensor.name in learnt:
            tensor.CopyFrom(learnt[tensor.name])
    onnx.checker.check_model(written)
    return written


def _waist(model: onnx.ModelProto) -> str:
    """Return the last tensor through which everything passes before maps of different scales are joined."""
    nodes = list(model.graph.node)
    last_use = {name: place for place, node in enumerate(nodes) for name in node.input}
    first_joint = next(place for place, node in enumerate(nodes) if node.op_type == "Resize")
    waist = INPUT
    alive: set[str] = {INPUT}
    for place, node in enumerate(nodes[:first_joint]):
        alive |= set(node.output)
        alive = {name for name in alive if last_use.get(name, -1) > place}
        if len(alive) == 1:
            (waist,) = alive
    return waist


def _part(model: onnx.ModelProto, start: str, shape_in: list[Any], end: str, shape_out: list[Any]) -> onnx.ModelProto:
    """Return what `model` makes of `start` until it is `end`."""
    made_before = {name for node in _needed(list(model.graph.node), start) for name in node.output}
    kept = [node for node in _needed(list(model.graph.node), end) if not made_before & set(node.output)]
    used = {name for node in kept for name in node.input}
    graph = helper.make_graph(
        kept,
        model.graph.name,
        [helper.make_tensor_value_info(start, TensorProto.FLOAT, shape_in)],
        [helper.make_tensor_value_info(end, TensorProto.FLOAT, shape_out)],
        [tensor for tensor in model.graph.initializer if tensor.name in used],
    )
    return helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)


def _needed(nodes: list[onnx.NodeProto], output: str) -> list[onnx.NodeProto]:
    """Return those of `nodes`, in their order, that `output` is made from."""
    wanted = {output}
    kept: list[onnx.NodeProto] = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]
