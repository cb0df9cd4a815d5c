"""`kakou bench`: measurements of the product that print one JSON object."""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge.text import escaped, say
from edge.text.arguments import Parser
from models.registry import ModelError
from models.sessions import ModelOutputError
from simulators.bench_boxes import run as lanes_figures
from simulators.bench_broker import MeasuredBroker, measured_broker, mosquitto_binary
from simulators.bench_overhead import run
from simulators.bench_process import BenchError
from simulators.bench_vision import measured
from simulators.broker import BrokerError

EXIT_UNAVAILABLE = 69
DEFAULT_PASSAGES = 40
VISION_PICTURES = 20
# As many are held in memory at once, three times over.
MOST_PICTURES = 1_000
# A minute, which is as far back as the controller knows its loop's lag: the start is no part of it then.
LANE_PASSAGES, LANE_PERIOD_S = 6, 10.0
MOST_PERIOD_S = 3_600.0


def parser() -> Parser:
    """Return the verb's parser."""
    top = Parser("kakou bench", say("verb_bench"))
    what = top.add_subparsers(dest="what", required=True)
    overhead = what.add_parser("overhead", help=say("bench_overhead"), description=say("bench_overhead"))
    overhead.add_argument("--json", action="store_true", help=say("option_json"))
    overhead.add_argument("--passages", type=int, default=DEFAULT_PASSAGES, metavar="N", help=say("bench_passages"))
    overhead.add_argument(
        "--broker", choices=("auto", "default", "mosquitto"), default="auto", help=say("bench_broker")
    )
    lanes = what.add_parser("lanes", help=say("bench_lanes"), description=say("bench_lanes"))
    lanes.add_argument("--json", action="store_true", help=say("option_json"))
    lanes.add_argument("--lanes", type=_sizes, default=(1, 4, 16, 32), metavar="N,N", help=say("bench_sizes"))
    lanes.add_argument("--passages", type=int, default=LANE_PASSAGES, metavar="N", help=say("bench_passages"))
    lanes.add_argument("--period-s", type=_period_s, default=LANE_PERIOD_S, metavar="S", help=say("bench_period"))
    lanes.add_argument("--flood", action="store_true", help=say("bench_flood"))
    lanes.add_argument("--broker", choices=("auto", "default", "mosquitto"), default="auto", help=say("bench_broker"))
    vision = what.add_parser("vision", help=say("bench_vision"), description=say("bench_vision"))
    vision.add_argument("--json", action="store_true", help=say("option_json"))
    vision.add_argument("--photos", type=Path, metavar="DIR", help=say("bench_photos"))
    vision.add_argument("--pictures", type=int, default=VISION_PICTURES, metavar="N", help=say("bench_pictures"))
    return top


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(int(one) for one in text.split(","))
    if min(sizes) < 1:
        raise ValueError(text)
    return sizes


def _period_s(text: str) -> float:
    period_s = float(text)
    # No number compares as false.
    if not 0.0 < period_s <= MOST_PERIOD_S:
        raise ValueError(text)
    return period_s


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 0, or 69 where something that is needed did not start."""
    given = parser().parse_args(arguments)
    if given.what == "vision":
        return _print_vision(given)
    if given.passages < 1:
        parser().error("--passages: at least 1")
    binary = None if given.broker == "default" else mosquitto_binary()
    try:
        if given.broker == "mosquitto" and binary is None:
            raise BrokerError("broker_missing: expected Mosquitto; next: install the Debian package mosquitto")
        with tempfile.TemporaryDirectory(prefix="kakou-bench-") as folder, measured_broker(binary) as broker:
            if given.what == "lanes":
                return _print_lanes(given, Path(folder), broker)
            found = run(Path(folder), broker, given.passages)
    except (BenchError, BrokerError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_UNAVAILABLE
    for name, value in found.stages:
        sys.stderr.write(f"{name:28s} {value:8.2f} ms\n")
    figures = found.as_json()
    lines = [json.dumps(figures)] if given.json else [f"{name}: {value}" for name, value in figures.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _print_vision(given: argparse.Namespace) -> int:
    if not 1 <= given.pictures <= MOST_PICTURES:
        parser().error(f"--pictures: 1 to {MOST_PICTURES}")
    try:
        found = measured(given.photos, given.pictures)
    except (BenchError, ModelError, ModelOutputError) as error:
        sys.stderr.write(f"{escaped(str(error))}\n")
        return EXIT_UNAVAILABLE
    sys.stdout.write(json.dumps(found, indent=None if given.json else 1) + "\n")
    return 0


def _print_lanes(given: argparse.Namespace, folder: Path, broker: MeasuredBroker) -> int:
    found = lanes_figures(folder, broker, given.lanes, given.passages, given.period_s, flood=given.flood)
    sys.stdout.write(json.dumps(found, indent=None if given.json else 1) + "\n")
    return 0
