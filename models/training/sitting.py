"""What every trainer's command does: its arguments, a sitting from a checkpoint where one lies, the model, its card."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.pixels import use_one_thread
from models.registry import ModelEntry
from models.sessions import Session
from models.training.fit import LEARNING_RATE, Fit, spelling_loss
from models.training.network import Network, Tensor


def trainer_parser(model: str, doc: str | None, *, begins_with_one: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the arguments that all trainers have; `model` is what is trained and the module's name.

    One that does not have to begin with a network may draw its own.
    """
    parser = argparse.ArgumentParser(prog=f"python -m models.training.{model}", description=doc)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, all sittings together")
    parser.add_argument("--data", type=Path, required=True, help="folder laid out as ../shared/real-images")
    parser.add_argument("--network", type=Path, required=begins_with_one, help="network to begin with, ONNX")
    parser.add_argument("--out", type=Path, required=True, help="where checkpoint, model and card go")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bfloat16", action="store_true", help="run the network in 16 bits, where the processor can")
    return parser


def add_fold(parser: argparse.ArgumentParser) -> None:
    """Add the argument of trainers that see photographs."""
    parser.add_argument("--fold", type=int, default=-1, help="quarter of the photographs to leave out (default: none)")


def digest_of(file: Path) -> str:
    """Return the SHA-256 of `file`. Raises OSError."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def session_of(file: Path) -> Session:
    """Return a session with the network in `file`, whatever it is. Raises OSError and ModelError."""
    return Session(ModelEntry(file.stem, "", "", "", str(file.resolve()), digest_of(file), "", ""))


class Sitting:
    """One sitting of a trainer: threads, seed and draws as its `arguments` say, then `train`, then `card`."""

    def __init__(self, model: str, arguments: argparse.Namespace) -> None:
        """Begin; `model` names the file that is written. Raises OSError where the folder cannot be made."""
        use_one_thread()
        torch.set_num_threads(arguments.threads)
        torch.manual_seed(arguments.seed)
        self.rng = np.random.default_rng(arguments.seed)
        self._model = model
        self._arguments = arguments
        arguments.out.mkdir(parents=True, exist_ok=True)
        self.onnx_file: Path = arguments.out / f"{model}.onnx"
        self._fit: Fit | None = None

    def train(
        self,
        network: Network,
        next_batch: Callable[[], Any],
        loss_of: Callable[[Tensor, Any], Tensor] = spelling_loss,
        learning_rate: float = LEARNING_RATE,
    ) -> None:
        """Train until the minutes of all sittings are spent and write the averaged model."""
        rng, arguments = self.rng, self._arguments
        checkpoint = arguments.out / "checkpoint.pt"
        fit = Fit(
            network,
            arguments.minutes,
            checkpoint,
            lambda: rng.bit_generator.state,
            loss_of,
            learning_rate,
            bfloat16=arguments.bfloat16,
        )
        draws = fit.resume()
        if draws is not None:
            rng.bit_generator.state = draws
        fit.run(next_batch)
        self.onnx_file.write_bytes(network.exported(fit.averaged))
        self._fit = fit

    def card(self, seen: str = "lines", **more: Any) -> dict[str, Any]:
        """Write `card.json` with what was trained how, and `more`; `seen` names what batches are made of. Return it."""
        if self._fit is None:
            raise ValueError("expected a sitting that has trained")
        arguments, progress = self._arguments, self._fit.progress
        left_out = {"fold_left_out": arguments.fold} if "fold" in arguments else {}
        card = {
            "model": self._model,
            "sha256": digest_of(self.onnx_file),
            "begun_with": digest_of(arguments.network),
            "seed": arguments.seed,
            **left_out,
            "minutes": round(progress.spent_s / 60, 1),
            "steps": progress.steps,
            seen: progress.lines,
            "loss": round(progress.loss, 4),
            **more,
        }
        text = json.dumps(card, ensure_ascii=False, indent=1) + "\n"
        (arguments.out / "card.json").write_text(text, encoding="utf-8")
        sys.stdout.write(json.dumps(card, ensure_ascii=False) + "\n")
        return card
