r"""`python -m models.training.plate_detector`: trains the finder of plates and writes its card.

    python -m models.training.plate_detector --seed 1 --minutes 60 --fold 0 --data ../shared/real-images \
        --network det.onnx --out FOLDER

It begins with PP-OCRv6 tiny, cut at stride 8, or with a model of an earlier run. Scenes are drawn once into
FOLDER/../scenes. Go on with the same command where a sitting ended. It is judged on scenes painted on the photographs
that were left out (`--fold`), or on all of them where none was.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch.nn import functional

from models.pixels import normalised
from models.plate_finder import CELL_PX, CORNER_UNIT_PX, ROW_KINDS, plates_of_cells
from models.training.network import Network, Tensor
from models.training.photographs import FOLDS, fold_of, photographs
from models.training.plate_batches import PaintedScenes, PlateBatch, PlateBatches, SeenViews
from models.training.plate_heads import halves, load_with_heads, whole
from models.training.plate_scenes import Ground, ScenePainter, grounds
from models.training.rendering import FONTS, Line
from models.training.sitting import Sitting, add_fold, session_of, trainer_parser

JUDGED_SEED = 900_002
CORNERS_WEIGHT = 0.5
# A corner is as far off as this in pixels of what is seen, at least, before it counts as a share of the plate's size.
CORNER_SLACK_PX = 6.0


def place_loss(answers: Tensor, batch: PlateBatch) -> Tensor:
    """Return how far `answers` (n, channels, h, w) are from saying where the plates of `batch` are."""
    kinds = len(ROW_KINDS)
    centres, counted, corners, weight = (
        torch.from_numpy(part) for part in (batch.centres, batch.counted, batch.corners, batch.weight)
    )
    said = answers[:, :kinds]
    share = torch.sigmoid(said)
    middle = (centres == 1.0).float()
    right = functional.logsigmoid(said) * (1 - share) ** 2 * middle
    wrong = functional.logsigmoid(-said) * share**2 * (1 - centres) ** 4 * (1 - middle)
    centre_loss = -((right + wrong) * counted).sum() / middle.sum().clamp(min=1.0)
    # The size of the plate that a cell belongs to, from the corners that are wanted there.
    wide = (corners[:, 2:4] - corners[:, 0:2]).norm(dim=1, keepdim=True)
    high = (corners[:, 6:8] - corners[:, 0:2]).norm(dim=1, keepdim=True)
    size = (wide * high).sqrt() * 0.25 + CORNER_SLACK_PX / CORNER_UNIT_PX * 0.25
    told, wanted = answers[:, kinds:] / size, corners / size
    pairs = ((told, wanted), (_box_around(told), _box_around(wanted)))
    off = [functional.smooth_l1_loss(*pair, beta=0.5, reduction="none").mean(dim=1, keepdim=True) for pair in pairs]
    corner_loss = (torch.cat(off, dim=1) * weight).sum() / weight.sum().clamp(min=1.0)
    return centre_loss + CORNERS_WEIGHT * corner_loss


def _box_around(corners: Tensor) -> Tensor:
    """Return left, top, right, bottom (n, 4, h, w) of `corners` (n, 8, h, w): x and y of each in turn."""
    x, y = corners[:, 0::2], corners[:, 1::2]
    sides = (x.amin(dim=1), y.amin(dim=1), x.amax(dim=1), y.amax(dim=1))
    return torch.stack(sides, dim=1)


def judged(onnx_file: Path, painter: ScenePainter, count: int) -> dict[str, float]:
    """Return for `count` painted scenes how many plates there are, how many were found, and how many are none."""
    session = session_of(onnx_file)
    plates = found = false = 0
    off_px: list[float] = []
    for _ in range(count):
        scene = painter.next()
        answers = plates_of_cells(session.run(normalised(scene.image))[0], 1.0, 1.0)
        hit: set[int] = set()
        for answer in answers:
            far = [float(np.abs(answer.line.corners - corners).mean()) for corners in scene.corners]
            near = int(np.argmin(far)) if far else -1
            width = float(np.ptp(scene.corners[near][:, 0])) if far else 0.0
            if far and far[near] < max(CELL_PX, 0.15 * width):
                hit.add(near)
                off_px.append(far[near])
            else:
                false += 1
        plates += sum(rows > 0 for rows in scene.rows)
        found += sum(scene.rows[place] > 0 for place in hit)
    off = round(float(np.median(off_px)), 2) if off_px else 0.0
    return {"scenes": count, "plates": plates, "found": found, "false": false, "corners_off_px_p50": off}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = trainer_parser("plate_detector", __doc__)
    add_fold(parser)
    parser.add_argument("--scenes", type=int, default=3000, help="painted scenes, drawn once into FOLDER/../scenes")
    parser.add_argument("--views", type=int, default=3000, help="views of them, seen once by the first half")
    parser.add_argument("--scenes-seed", type=int, default=1, help="the seed that they are drawn from")
    parser.add_argument("--judged", type=int, default=300, help="painted scenes to judge with")
    parser.add_argument("--fonts", type=Path, default=FONTS, help="folder laid out as /usr/share/fonts")
    return parser.parse_args(argv)


def _material(arguments: argparse.Namespace) -> tuple[list[Ground], list[Line], Path]:
    """Return what scenes are painted on and with: photographs that may be used, without those of the fold left out."""
    usable = grounds(arguments.data, lambda place: fold_of(place, FOLDS) != arguments.fold)
    crops = [photo.line for photo in photographs(arguments.data, FOLDS) if photo.fold != arguments.fold]
    sys.stderr.write(f"painting on {len(usable)} photographs with {len(crops)} plates\n")
    return usable, crops, arguments.fonts


def main(argv: Sequence[str] | None = None) -> int:
    """Train, export, judge, write `card.json`; returns 0. Raises OSError and KeyError for data that is not there."""
    arguments = _arguments(argv)
    sitting = Sitting("plate_detector", arguments)
    model = load_with_heads(arguments.network, arguments.seed)
    first, second = halves(model)
    front = arguments.out / "front.onnx"
    front.write_bytes(first.SerializeToString())
    folder, seed = arguments.out.parent / "scenes", arguments.scenes_seed
    scenes = PaintedScenes.open(folder, arguments.scenes, seed, lambda: _material(arguments))
    views = SeenViews.open(folder, arguments.views, seed, scenes, session_of(front).run)
    sitting.train(Network(second), PlateBatches(sitting.rng, views).next, place_loss)
    sitting.onnx_file.write_bytes(whole(model, onnx.load(sitting.onnx_file)).SerializeToString())
    unseen = grounds(arguments.data, lambda place: arguments.fold in (fold_of(place, FOLDS), -1))
    painter = ScenePainter(np.random.default_rng(JUDGED_SEED), unseen, [], arguments.fonts)
    sitting.card("pictures", painted=judged(sitting.onnx_file, painter, arguments.judged))
    return 0


if __name__ == "__main__":
    sys.exit(main())
