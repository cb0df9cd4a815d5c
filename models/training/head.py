"""Cuts the head of a text recogniser to the characters of plates and codes. Names onnx and no other library."""

from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from models.reader import ALPHABET, OTHER, TEMPORARY

# What stands in the place of every character that no plate and no code has; `reader.column_map` folds it away.
OTHER_CHARACTER = "\ufffd"
CHARACTERS = [*ALPHABET[1:OTHER], OTHER_CHARACTER, TEMPORARY]
# The classes of the cut head: blank, CHARACTERS, the space.
CLASSES = len(CHARACTERS) + 2
# A character that the network has never told apart begins below every known one.
UNKNOWN_BIAS = -2.0


def cut_head(model: onnx.ModelProto, known: list[str]) -> None:
    """Keep of the last matrix only our columns; `known` are the characters of the network after its blank.

    The model is changed in place and carries our characters. Raises ValueError where its end is not a matrix, a
    bias and a softmax.
    """
    matrix, bias = last_matrix(model)
    weights, offsets = numpy_helper.to_array(matrix), numpy_helper.to_array(bias)
    place = {character: index for index, character in enumerate(known, start=1)}
    columns = [0, *(place.get(character, -1) for character in CHARACTERS), len(known) + 1]
    if weights.shape[1] != len(known) + 2:
        raise ValueError(f"expected {len(known) + 2} columns, got {weights.shape[1]}")
    new_weights = np.stack([weights[:, c] if c >= 0 else np.zeros(len(weights), np.float32) for c in columns], axis=1)
    new_bias = np.array([offsets[c] if c >= 0 else offsets.min() + UNKNOWN_BIAS for c in columns], np.float32)
    matrix.CopyFrom(numpy_helper.from_array(new_weights.astype(np.float32), matrix.name))
    bias.CopyFrom(numpy_helper.from_array(new_bias, bias.name))
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = CLASSES
    # Shapes in between are those of the uncut head.
    del model.graph.value_info[:]
    del model.metadata_props[:]
    model.metadata_props.add(key="character", value="\n".join(CHARACTERS))


def last_matrix(model: onnx.ModelProto) -> tuple[onnx.TensorProto, onnx.TensorProto]:
    """Return the matrix and the bias that a recogniser ends in. Raises ValueError where it ends otherwise."""
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    matrix = [node for node in model.graph.node if node.op_type == "MatMul"][-1].input[1]
    after = [node for node in model.graph.node if node.op_type == "Add"][-1]
    bias = [name for name in after.input if name in initializers]
    if model.graph.node[-1].op_type != "Softmax" or not bias or matrix not in initializers:
        raise ValueError("expected a network that ends in a matrix, a bias and a softmax")
    return initializers[matrix], initializers[bias[0]]


def load_cut(network: Path, characters: Path | None) -> onnx.ModelProto:
    """Return the recogniser in file `network` with its head cut; file `characters` names its own, one a line.

    Without such a file its head is cut already, perhaps to fewer of our characters than we have now. Raises
    ValueError where it names none.
    """
    model = onnx.load(network)
    if characters is not None:
        known = characters.read_text("utf-8").rstrip("\n").split("\n")
    else:
        known = named_characters(model)
    cut_head(model, known)
    return model


def named_characters(model: onnx.ModelProto) -> list[str]:
    """Return the characters that a model names as its own, in their order. Raises ValueError where it names none."""
    named = [prop.value for prop in model.metadata_props if prop.key == "character"]
    if not named:
        raise ValueError("expected a model that names its characters")
    return str(named[0]).removesuffix("\n").split("\n")
