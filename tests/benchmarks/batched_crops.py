"""Time crops read one by one and several in one run of the network: `python -m tests.benchmarks.batched_crops`.

Each reader gets crops of one width, as noise: what it takes does not depend on what is painted. Sizes take turns, round
by round, so that what else the machine does meets all alike. One JSON object a line: milliseconds a crop, medians of
the rounds, of the processor and by the clock, and the ratio of each to one by one. Compare lines of one run alone.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence

import numpy as np
import onnxruntime

from models.memory import keep
from models.pixels import Array
from models.reader import LINE_HEIGHT_PX
from models.registry import load_registry, verified_bytes

# Widths that crops come to: plates, rows of codes, columns drawn together.
READERS = (("plate_reader", 160), ("plate_reader", 192), ("text_reader", 320), ("column_reader", 304))
BATCHES = (1, 2, 4, 8)
THREADS = (1, 2)
CROPS = max(BATCHES)
ROUNDS = 40


def session_of(name: str, threads: int, *, arena: bool) -> onnxruntime.InferenceSession:
    """Return a session as `models.sessions` makes it, but for its threads and, where asked for, its arena."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = arena
    options.enable_mem_pattern = arena
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(verified_bytes(load_registry()[name]), options, ["CPUExecutionProvider"])


def timed(session: onnxruntime.InferenceSession, crops: Array, batch: int) -> tuple[float, float]:
    """Return what a crop takes in batches of `batch`: milliseconds of the processor, and by the clock."""
    source = session.get_inputs()[0].name
    spent_s, began_s = time.process_time(), time.perf_counter()
    for first in range(0, len(crops), batch):
        session.run(None, {source: crops[first : first + batch]})
    spent_s, elapsed_s = time.process_time() - spent_s, time.perf_counter() - began_s
    return spent_s * 1000 / len(crops), elapsed_s * 1000 / len(crops)


def measure(name: str, width: int, threads: int, rounds: int, *, arena: bool) -> list[dict[str, float | str | bool]]:
    """Return one line for each size of batch."""
    session = session_of(name, threads, arena=arena)
    crops = np.random.default_rng(1).uniform(-1, 1, (CROPS, 3, LINE_HEIGHT_PX, width)).astype(np.float32)
    spent: dict[int, list[tuple[float, float]]] = {batch: [] for batch in BATCHES}
    for batch in BATCHES:
        timed(session, crops, batch)
    for number in range(rounds):
        for place in range(len(BATCHES)):
            batch = BATCHES[(number + place) % len(BATCHES)]
            spent[batch].append(timed(session, crops, batch))
    middle = {batch: [statistics.median(times) for times in zip(*rows, strict=True)] for batch, rows in spent.items()}
    return [
        {
            "reader": name, "width_px": width, "threads": threads, "arena": arena, "batch": batch,
            "cpu_ms": round(cpu_ms, 2), "cpu_ratio": round(cpu_ms / middle[1][0], 3),
            "wall_ms": round(wall_ms, 2), "wall_ratio": round(wall_ms / middle[1][1], 3),
        }
        for batch, (cpu_ms, wall_ms) in middle.items()
    ]  # fmt: skip


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.batched_crops", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--arena", action="store_true", help="let a session keep its memory, as the product does not")
    options = parser.parse_args(given)
    keep()
    for name, width in READERS:
        for threads in THREADS:
            for line in measure(name, width, threads, options.rounds, arena=options.arena):
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
