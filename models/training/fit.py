"""Trains a network in sittings: by the clock, from a checkpoint where one lies, with a bar that says how far it is."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from models.pixels import Array
from models.training.batches import Batch
from models.training.network import Network, Tensor, Values

# The first third of the net sees strokes, which are the same on plates and on paper: it learns slowly.
FIRST_THIRD, FIRST_THIRD_RATE = 1 / 3, 0.3
LEARNING_RATE = 8e-4
WARM_UP = 0.04
AVERAGE_DECAY = 0.995
MAX_GRADIENT = 5.0
CHECKPOINT_EVERY_S = 60.0
SHOW_EVERY_S = 10.0
BAR_CHARACTERS = 30
# Text covers a hundredth of a picture: a pixel of it counts for more.
TEXT_WEIGHT, PIXEL_SHARE = 3.0, 5.0


@dataclass(slots=True)
class Progress:
    """How far a training is: seconds spent in all sittings, steps, lines seen, and the running mean of the loss."""

    spent_s: float = 0.0
    steps: int = 0
    lines: int = 0
    loss: float = 0.0


def spelling_loss(logits: Tensor, batch: Batch) -> Tensor:
    """Return how far `logits` (n, steps, classes) are from spelling the lines of `batch` (CTC)."""
    steps = torch.full((len(batch.lengths),), logits.shape[1], dtype=torch.long)
    return functional.ctc_loss(
        functional.log_softmax(logits, dim=2).transpose(0, 1),
        torch.from_numpy(batch.columns),
        steps,
        torch.from_numpy(batch.lengths),
        zero_infinity=True,
    )


@dataclass(frozen=True, slots=True)
class PictureBatch:
    """Pictures (n, 3, h, w) between -1 and 1, and where text is in them (n, 1, h, w), 0 to 1."""

    pictures: Array
    text: Array


def map_loss(logits: Tensor, batch: PictureBatch) -> Tensor:
    """Return how far maps (n, 1, h, w) are from those of `batch`: pixel by pixel, and in what they share."""
    text = torch.from_numpy(batch.text)
    weight = 1.0 + (TEXT_WEIGHT - 1.0) * text
    pixels = functional.binary_cross_entropy_with_logits(logits, text, weight=weight)
    seen = torch.sigmoid(logits)
    shared = (2.0 * (seen * text).sum() + 1.0) / ((seen**2).sum() + (text**2).sum() + 1.0)
    return pixels * PIXEL_SHARE + 1.0 - shared


class Fit:
    """One training of `network` over `minutes` of work, however many sittings that takes."""

    def __init__(
        self,
        network: Network,
        minutes: float,
        checkpoint: Path,
        draws: Callable[[], Any],
        loss_of: Callable[[Tensor, Any], Tensor] = spelling_loss,
        learning_rate: float = LEARNING_RATE,
        *,
        bfloat16: bool = False,
    ) -> None:
        """`draws` gives the state of the random generator of the batches, which a checkpoint keeps.

        `loss_of` judges what the network answers to a batch, which has `pictures` at least. With `bfloat16` the
        network is run in 16 bits, its weights and their steps stay in 32: two thirds of the time on processors that
        have instructions for it (avx512_bf16), more on those that have not.
        """
        self._bfloat16 = bfloat16
        self._loss_of = loss_of
        self._learning_rate = learning_rate
        self._network = network
        self._wanted_s = minutes * 60
        self._checkpoint = checkpoint
        self._draws = draws
        self.progress = Progress()
        self.averaged: Values = {name: value.detach().clone() for name, value in network.parameters.items()}
        depth = network.depth_of()
        slow = [value for name, value in network.parameters.items() if depth.get(name, 1.0) < FIRST_THIRD]
        fast = [value for name, value in network.parameters.items() if depth.get(name, 1.0) >= FIRST_THIRD]
        self._optimiser = torch.optim.AdamW(
            [{"params": slow, "share": FIRST_THIRD_RATE}, {"params": fast, "share": 1.0}],
            lr=learning_rate,
            weight_decay=1e-4,
        )

    def resume(self) -> Any:
        """Take up the checkpoint where there is one and return the state of the draws in it, else None."""
        if not self._checkpoint.is_file():
            return None
        kept = torch.load(self._checkpoint, weights_only=False)
        self.progress = Progress(**kept["progress"])
        with torch.no_grad():
            for name, value in kept["parameters"].items():
                self._network.parameters[name].copy_(value)
        self.averaged = kept["averaged"]
        self._optimiser.load_state_dict(kept["optimiser"])
        return kept["draws"]

    def run(self, next_batch: Callable[[], Any]) -> None:
        """Train until the minutes are spent; a checkpoint lies there at the end and after every minute."""
        shown_at_s = kept_at_s = time.monotonic()
        while self.progress.spent_s < self._wanted_s:
            start_s = time.monotonic()
            self._step(next_batch())
            now_s = time.monotonic()
            self.progress.spent_s += now_s - start_s
            if now_s - shown_at_s > SHOW_EVERY_S:
                shown_at_s = now_s
                self._show()
            if now_s - kept_at_s > CHECKPOINT_EVERY_S:
                kept_at_s = now_s
                self._keep()
        self._keep()
        self._show()

    def _step(self, batch: Any) -> None:
        share = min(1.0, self.progress.spent_s / self._wanted_s)
        rate = self._learning_rate * min(1.0, (share + 1e-3) / WARM_UP) * 0.5 * (1.0 + math.cos(math.pi * share))
        for group in self._optimiser.param_groups:
            group["lr"] = rate * group["share"]
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            logits = self._network.logits(torch.from_numpy(batch.pictures))
        loss = self._loss_of(logits.float(), batch)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(self._network.parameters.values()), MAX_GRADIENT)
        self._optimiser.step()
        self._average()
        progress = self.progress
        progress.steps += 1
        progress.lines += len(batch.pictures)
        value = float(loss.detach())
        progress.loss = value if progress.steps == 1 else 0.98 * progress.loss + 0.02 * value

    def _average(self) -> None:
        decay = min(AVERAGE_DECAY, (1 + self.progress.steps) / (10 + self.progress.steps))
        with torch.no_grad():
            for name, value in self._network.parameters.items():
                self.averaged[name].lerp_(value, 1.0 - decay)

    def _keep(self) -> None:
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._checkpoint.with_suffix(".unfinished")
        state = {
            "progress": {name: getattr(self.progress, name) for name in Progress.__dataclass_fields__},
            "parameters": {name: value.detach() for name, value in self._network.parameters.items()},
            "averaged": self.averaged,
            "optimiser": self._optimiser.state_dict(),
            "draws": self._draws(),
        }
        torch.save(state, unfinished)
        unfinished.replace(self._checkpoint)

    def _show(self) -> None:
        progress = self.progress
        done = min(1.0, progress.spent_s / self._wanted_s)
        bar = "#" * round(done * BAR_CHARACTERS)
        rate = progress.lines / max(progress.spent_s, 1e-9)
        said = f"{done:4.0%} step {progress.steps} loss {progress.loss:.4f} {rate:.0f} lines/s"
        sys.stderr.write(f"[{bar:-<{BAR_CHARACTERS}}] {said}\n")
        sys.stderr.flush()
