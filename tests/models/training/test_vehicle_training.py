"""The finder of vehicles from the graph that an npm package carries to one that was trained."""

import csv
import json

import numpy as np
import pytest

from models.vehicle_finder import CHANNELS, LABELS, STEPS, middles_and_cells
from tests.support.drawn import ground, jpeg

pytestmark = pytest.mark.torch

# Channels in and out, and the side, of NanoDet-g's convolutions in the order in which they run.
SHAPES = [
    (3, 32, 3), (32, 32, 3), (32, 16, 3), (16, 16, 3), (32, 32, 3), (64, 64, 3), (64, 32, 3), (32, 32, 3), (64, 32, 3),
    (32, 32, 3), (64, 64, 3), (128, 128, 3), (128, 64, 3), (64, 64, 3), (128, 64, 3), (64, 64, 3), (128, 128, 3),
    (256, 256, 3), (256, 128, 3), (128, 128, 3), (256, 128, 3), (128, 128, 3), (256, 128, 3), (128, 128, 3),
    (256, 256, 3), (128, 128, 1), (256, 128, 1), (512, 128, 1), (128, 128, 3), (128, 124, 1), (128, 128, 3),
    (128, 124, 1), (128, 128, 3), (128, 124, 1),
]  # fmt: skip


def package(folder, shapes=SHAPES, spare=0):
    """Write a graph of TensorFlow.js with convolutions of `shapes`, half-precision weights, and return its file."""
    draws = np.random.default_rng(0)
    nodes, manifest, content = [], [], b""
    for place, (wide_in, wide_out, side) in enumerate(shapes):
        name = f"part/convolution_{place}" if place else "part/convolution"
        nodes.append({"name": name, "op": "Conv2D", "input": ["x", f"w{place}"]})
        nodes.append({"name": f"part/Add_{place}", "op": "Add", "input": [name, f"b{place}"]})
        for weights, shape in ((f"w{place}", [side, side, wide_in, wide_out]), (f"b{place}", [wide_out])):
            values = draws.normal(0.0, np.sqrt(1.0 / (wide_in * side * side)), shape).astype(np.float16)
            manifest.append({"name": weights, "shape": shape, "dtype": "float32", "quantization": {"dtype": "float16"}})
            content += values.tobytes()
    manifest.append({"name": "size", "shape": [2], "dtype": "int32"})
    (folder / "net.bin").write_bytes(content + bytes(8 + spare))
    graph = {"modelTopology": {"node": nodes}, "weightsManifest": [{"paths": ["net.bin"], "weights": manifest}]}
    (folder / "net.json").write_text(json.dumps(graph), encoding="utf-8")
    return folder / "net.json"


def test_torch_answers_what_onnxruntime_answers(tmp_path):
    import onnxruntime
    import torch

    from models.training.network import Network
    from models.training.vehicle_network import convolutions_of, vehicle_network

    model = vehicle_network(convolutions_of(package(tmp_path)))
    batch = np.random.default_rng(1).uniform(-1, 1, (2, 3, 96, 128)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": batch})
    with torch.no_grad():
        answered = Network(model).logits(torch.from_numpy(batch)).numpy()
    assert expected.shape == (2, CHANNELS, 12 * 16 + 6 * 8 + 3 * 4)
    assert np.abs(answered - expected).max() < 1e-3 * np.abs(expected).max()


def test_other_graphs_are_refused(tmp_path):
    from models.training.vehicle_network import convolutions_of, vehicle_network

    with pytest.raises(ValueError, match="34 convolutions"):
        vehicle_network(convolutions_of(package(tmp_path, SHAPES[:5])))
    with pytest.raises(ValueError, match="bytes of weights"):
        convolutions_of(package(tmp_path, SHAPES[:5], spare=4))


def test_weights_in_halves_are_half_as_large_and_say_nearly_the_same(tmp_path):
    import onnxruntime

    from models.training.vehicle_network import convolutions_of, in_halves, in_whole, vehicle_network

    model = vehicle_network(convolutions_of(package(tmp_path)))
    small = in_halves(model)
    assert small.ByteSize() < 0.52 * model.ByteSize()
    batch = np.random.default_rng(1).uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32)
    answers = [
        onnxruntime.InferenceSession(one.SerializeToString(), providers=["CPUExecutionProvider"]).run(
            None, {"x": batch}
        )
        for one in (model, small, in_whole(small), in_whole(model))
    ]
    spread = float(np.abs(answers[0][0]).max())
    assert all(np.abs(one[0] - answers[0][0]).max() < 0.01 * spread for one in answers)


def wanted(size=(64, 64)):
    from models.training.container_scenes import Marked
    from models.training.vehicle_batches import VehicleBatch, wanted_of

    asked = wanted_of(
        [Marked("container", (8.0, 8.0, 56.0, 40.0)), Marked("car", (0.0, 50.0, 20.0, 64.0), False)], size
    )
    pictures = np.zeros((1, 3, size[1], size[0]), np.float32)
    return VehicleBatch(pictures, asked.labels[None], asked.boxes[None], asked.free[None])


def test_who_answers_right_loses_least():
    import torch

    from models.training.vehicle_detector import vehicle_loss

    batch = wanted()
    middles, sides = middles_and_cells(64, 64)
    right = np.full((1, CHANNELS, len(middles)), -9.0, np.float32)
    for cell in np.flatnonzero(batch.labels[0] >= 0):
        right[0, LABELS.index("container"), cell] = 9.0
        left, top, low_right, bottom = batch.boxes[0, cell]
        x, y = middles[cell]
        for side, away in enumerate((x - left, y - top, low_right - x, bottom - y)):
            step = min(STEPS - 1.01, max(0.0, away / sides[cell, 0]))
            for place, share in ((int(step), 1 - step % 1), (int(step) + 1, step % 1)):
                right[0, len(LABELS) + side * STEPS + place, cell] = np.log(max(share, 1e-4))
    best = float(vehicle_loss(torch.from_numpy(right), batch))
    free = right.copy()
    free[0, LABELS.index("car"), np.flatnonzero(batch.free[0, LABELS.index("car")])] = 9.0
    wrong = right.copy()
    wrong[0, LABELS.index("truck")] = 2.0
    nothing = np.zeros_like(right)
    assert best < 0.6
    assert float(vehicle_loss(torch.from_numpy(free), batch)) == pytest.approx(best)
    assert float(vehicle_loss(torch.from_numpy(wrong), batch)) > best + 1
    assert float(vehicle_loss(torch.from_numpy(nothing), batch)) > best + 1


def test_a_sitting_draws_trains_judges_and_writes_its_card(tmp_path, capsys):
    from models.training.vehicle_detector import main

    data = tmp_path / "data"
    for name, head, row in (
        ("plates", ["image", "licence"], ["a.jpg", "MIT"]),
        ("containers", ["image", "licence"], ["b.jpg", "none"]),
    ):
        (data / name / "images").mkdir(parents=True)
        (data / name / "images" / row[0]).write_bytes(jpeg(ground(640, 480)))
        with (data / name / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, row])
    network = package(tmp_path)
    where = ["--data", str(data), "--network", str(network), "--out", str(tmp_path / "run")]
    assert main([*where, "--scenes", "4", "--draw-only"]) == 0
    assert main([*where, "--scenes", "4", "--minutes", "0.01", "--judged", "4"]) == 0
    card = json.loads((tmp_path / "run" / "card.json").read_text("utf-8"))
    assert card["steps"] >= 1
    assert set(card["containers_in_drawn_scenes"]) == {"from", "answers"}
    again = ["--network", str(tmp_path / "run" / "vehicle_detector.onnx"), "--knows", str(network)]
    assert (
        main(
            [*where[:2], *again, "--out", str(tmp_path / "more"), "--scenes", "4", "--minutes", "0.01", "--judged", "1"]
        )
        == 0
    )
    assert "8 with them" not in capsys.readouterr().err
