"""The graph of the finder of covers, with weights drawn by a seed: a few convolutions, one answer for each column."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.cover_finder import COLUMNS, LOOK_HEIGHT_PX, LOOK_WIDTH_PX

# Of each convolution: channels, height and width of its kernel, steps down and along. Those of one row look along.
_LAYERS = (
    (16, 3, 3, 2, 2),
    (20, 3, 3, 1, 1),
    (32, 3, 3, 2, 2),
    (32, 3, 3, 1, 1),
    (48, 3, 3, 2, 1),
    (48, 4, 3, 4, 1),
    (48, 1, 5, 1, 1),
    (48, 1, 5, 1, 1),
    (48, 1, 5, 1, 1),
)
_OPSET = 17


def drawn_graph(seed: int) -> onnx.ModelProto:
    """Return the graph with weights that were drawn with `seed`: (1, 3, h, w) to (1, 1, 1, COLUMNS)."""
    rng = np.random.default_rng(seed)
    nodes: list[onnx.NodeProto] = []
    weights: list[onnx.TensorProto] = []
    channels, name = 3, "pictures"
    for place, (wide, high, along, down, step) in enumerate((*_LAYERS, (1, 1, 1, 1, 1))):
        last = place == len(_LAYERS)
        fan = channels * high * along
        weight = rng.normal(0.0, np.sqrt(2.0 / fan), (wide, channels, high, along)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"weight{place}"))
        weights.append(numpy_helper.from_array(np.full(wide, -2.0 if last else 0.0, np.float32), f"bias{place}"))
        up = 0 if high == 4 else high // 2
        made = "said" if last else f"made{place}"
        nodes.append(
            helper.make_node(
                "Conv",
                [name, f"weight{place}", f"bias{place}"],
                [made],
                kernel_shape=[high, along],
                pads=[up, along // 2, up, along // 2],
                strides=[down, step],
                dilations=[1, 1],
                group=1,
            )
        )
        if not last:
            nodes.append(helper.make_node("Relu", [made], [f"kept{place}"]))
        channels, name = wide, f"kept{place}"
    nodes.append(helper.make_node("Sigmoid", ["said"], ["hidden"]))
    graph = helper.make_graph(
        nodes,
        "cover_finder",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, LOOK_HEIGHT_PX, LOOK_WIDTH_PX])],
        [helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["n", 1, 1, COLUMNS])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    return model
