"""Runs an ONNX graph in torch so that it can be trained, and writes what was learnt back into the same graph.

Floating-point initialisers with more than one dimension, biases and scales are parameters; statistics of
batch-normalisation, sizes and constants of formulas stay as they are.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

Tensor = Any
Values = dict[str, Tensor]
# What is no weight, though it is a row of numbers: running statistics, and by how much a map is enlarged.
_FIXED_INPUTS = {"BatchNormalization": slice(3, 5), "Resize": slice(1, 4)}
_NONE = slice(0)
_ENDS = frozenset({"Softmax", "Sigmoid", "Identity"})


class Network:
    """One graph with one input and one output; answers what goes into the softmax, sigmoid or identity at its end."""

    def __init__(self, model: onnx.ModelProto) -> None:
        """Take over the weights of `model`. Raises ValueError for an operator that is not known here."""
        self._model = model
        weights = {tensor.name for tensor in model.graph.initializer}
        self._nodes = biased(fused(list(model.graph.node)), weights)
        unknown = {node.op_type for node in self._nodes} - set(_OPERATORS) - {"Gelu", *_ENDS}
        last = self._nodes[-1].op_type
        if unknown or last not in _ENDS:
            raise ValueError(f"expected known operators and one of {sorted(_ENDS)} last, got {sorted(unknown)}, {last}")
        frozen = {name for node in self._nodes for name in node.input[_FIXED_INPUTS.get(node.op_type, _NONE)]}
        self.parameters: Values = {}
        self._constants: Values = {}
        for tensor in model.graph.initializer:
            value = torch.from_numpy(numpy_helper.to_array(tensor).copy())
            if value.is_floating_point() and value.numel() > 1 and tensor.name not in frozen:
                self.parameters[tensor.name] = value.requires_grad_()
            else:
                self._constants[tensor.name] = value

    @classmethod
    def load(cls, file: Path) -> "Network":
        """Return the network in `file`. Raises OSError, and ValueError as the class does."""
        return cls(onnx.load(file))

    def logits(self, batch: Tensor, parameters: Values | None = None) -> Tensor:
        """Return (n, steps, classes) or (n, 1, h, w) for a batch (n, 3, h, w), `parameters` in place of its own."""
        values = {**self._constants, **(parameters or self.parameters)}
        values[self._model.graph.input[0].name] = batch.contiguous(memory_format=torch.channels_last)
        for node in self._nodes[:-1]:
            inputs = [values[name] if name else None for name in node.input]
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            values[node.output[0]] = (
                functional.gelu(inputs[0]) if node.op_type == "Gelu" else _OPERATORS[node.op_type](inputs, attributes)
            )
        return values[self._nodes[-1].input[0]]

    def depth_of(self) -> dict[str, float]:
        """Return for each parameter where its first use stands in the graph, 0.0 at the input, 1.0 at the output."""
        depth: dict[str, float] = {}
        for place, node in enumerate(self._nodes):
            for name in node.input:
                if name in self.parameters:
                    depth.setdefault(name, place / len(self._nodes))
        return depth

    def exported(self, parameters: Values | None = None) -> bytes:
        """Return the graph, serialised, with the values of `parameters` (the own ones unless given)."""
        known = parameters or self.parameters
        written = onnx.ModelProto()
        written.CopyFrom(self._model)
        for tensor in written.graph.initializer:
            if tensor.name in known:
                value = known[tensor.name].detach().contiguous().numpy().astype(np.float32)
                tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        onnx.checker.check_model(written)
        return bytes(written.SerializeToString())


def fused(nodes: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Return `nodes` with each x * (1 + erf(x / sqrt 2)) * 0.5 as one `Gelu`: a fifth of the memory to pass through."""
    made_by = {node.output[0]: node for node in nodes}
    replaced: dict[str, onnx.NodeProto] = {}
    dropped: set[str] = set()
    for last in nodes:
        chain = _gelu_chain(last, made_by)
        if chain:
            source = chain[-1].input[0]
            replaced[last.output[0]] = onnx.helper.make_node("Gelu", [source], list(last.output))
            dropped.update(node.output[0] for node in chain[1:])
    return [replaced.get(node.output[0], node) for node in nodes if node.output[0] not in dropped]


def biased(nodes: list[onnx.NodeProto], weights: set[str]) -> list[onnx.NodeProto]:
    """Return `nodes` with each convolution and the addition of a weight right after it as one convolution."""
    users = [name for node in nodes for name in node.input]
    kept: list[onnx.NodeProto] = []
    for node in nodes:
        before = kept[-1] if kept else None
        if before is not None and before.op_type == "Conv" and node.op_type == "Add" and len(before.input) == 2:
            (made,) = before.output
            other = [name for name in node.input if name != made]
            if made in node.input and users.count(made) == 1 and other[0] in weights:
                joined = onnx.NodeProto()
                joined.CopyFrom(before)
                joined.input.append(other[0])
                joined.output[0] = node.output[0]
                kept[-1] = joined
                continue
        kept.append(node)
    return kept


def _gelu_chain(last: onnx.NodeProto, made_by: dict[str, onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Return the nodes from `last` back to the division that together are one Gelu, or nothing."""
    chain = [last]
    for wanted in ("Mul", "Add", "Erf", "Div"):
        before = [made_by[name] for name in chain[-1].input if name in made_by and made_by[name].op_type == wanted]
        if not before:
            return []
        chain.append(before[0])
    product, source = chain[1], chain[-1].input[0]
    return chain if last.op_type == "Mul" and source in product.input else []


def _padding(attributes: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return top, left, bottom, right; what a size that is to stay needs, the odd one at the end."""
    if attributes.get("auto_pad", b"NOTSET") != b"SAME_UPPER":
        top, left, bottom, right = attributes.get("pads", (0, 0, 0, 0))
        return top, left, bottom, right
    if set(attributes["strides"]) != {1}:
        raise ValueError("expected steps of one where the size stays")
    high, wide = (side - 1 for side in attributes["kernel_shape"])
    return high // 2, wide // 2, high - high // 2, wide - wide // 2


def _convolution(inputs: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    source, (top, left, bottom, right) = inputs[0], _padding(attributes)
    if (top, left) != (bottom, right):
        source, top, left = functional.pad(source, (left, right, top, bottom)), 0, 0
    bias = inputs[2].reshape(-1) if len(inputs) > 2 else None
    return functional.conv2d(
        source, inputs[1], bias, attributes["strides"], (top, left), attributes["dilations"], attributes["group"]
    )


def _batch_normalisation(inputs: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    values, scale, bias, mean, variance = inputs
    return functional.batch_norm(values, mean, variance, scale, bias, False, 0.0, attributes["epsilon"])


def _average_pool(inputs: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    return functional.avg_pool2d(inputs[0], attributes["kernel_shape"], attributes["strides"])


def _largest_pool(inputs: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    top, left, bottom, right = _padding(attributes)
    padded = functional.pad(inputs[0], (left, right, top, bottom), value=float("-inf"))
    return functional.max_pool2d(padded, attributes["kernel_shape"], attributes["strides"])


def _transposed(inputs: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    bias = inputs[2] if len(inputs) > 2 else None
    return functional.conv_transpose2d(inputs[0], inputs[1], bias, attributes["strides"], groups=attributes["group"])


def _enlarged(inputs: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    if (attributes["mode"], attributes["coordinate_transformation_mode"]) == (b"linear", b"half_pixel"):
        factor = [float(value) for value in inputs[2][2:]]
        return functional.interpolate(inputs[0], scale_factor=factor, mode="bilinear", align_corners=False)
    if attributes["mode"] != b"nearest" or attributes["coordinate_transformation_mode"] != b"asymmetric":
        raise ValueError("expected the nearest pixel of an unshifted grid")
    return functional.interpolate(inputs[0], scale_factor=[float(v) for v in inputs[2][2:]], mode="nearest")


def _squeeze(inputs: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    return torch.squeeze(inputs[0], tuple(attributes["axes"]))


def _unsqueeze(inputs: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    (axis,) = attributes["axes"]
    return torch.unsqueeze(inputs[0], axis)


def _reshaped(inputs: list[Tensor], _: dict[str, Any]) -> Tensor:
    sizes = [int(size) or inputs[0].shape[place] for place, size in enumerate(inputs[1])]
    return inputs[0].reshape(sizes)


def _hard_sigmoid(inputs: list[Tensor], attributes: dict[str, Any]) -> Tensor:
    return torch.clamp(inputs[0] * attributes["alpha"] + attributes["beta"], 0.0, 1.0)


_OPERATORS: dict[str, Callable[[list[Tensor], dict[str, Any]], Tensor]] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_normalisation,
    "Concat": lambda inputs, a: torch.cat(inputs, a["axis"]),
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "Div": lambda inputs, _: inputs[0] / inputs[1],
    "Erf": lambda inputs, _: torch.erf(inputs[0]),
    "GlobalAveragePool": lambda inputs, _: torch.mean(inputs[0], (2, 3), keepdim=True),
    "HardSigmoid": _hard_sigmoid,
    "Identity": lambda inputs, _: inputs[0],
    "LeakyRelu": lambda inputs, a: functional.leaky_relu(inputs[0], a["alpha"]),
    "MatMul": lambda inputs, _: inputs[0] @ inputs[1],
    "MaxPool": _largest_pool,
    "Mul": lambda inputs, _: inputs[0] * inputs[1],
    "ReduceMean": lambda inputs, a: torch.mean(inputs[0], tuple(a["axes"]), keepdim=bool(a["keepdims"])),
    "Relu": lambda inputs, _: torch.relu(inputs[0]),
    "Reshape": _reshaped,
    "Resize": _enlarged,
    "Squeeze": _squeeze,
    "Transpose": lambda inputs, a: inputs[0].permute(*a["perm"]),
    "Unsqueeze": _unsqueeze,
}
