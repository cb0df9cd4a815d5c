"""`kakou bench`: measurements of the product that print one JSON object."""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edge.text import say
from edge.text.arguments import Parser
from simulators.bench_broker import measured_broker, mosquitto_binary
from simulators.bench_overhead import run
from simulators.bench_process import BenchError
from simulators.broker import BrokerError

EXIT_UNAVAILABLE = 69
DEFAULT_PASSAGES = 40


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
    return top


def main(arguments: Sequence[str]) -> int:
    """Measure and print; 0, or 69 where something that is needed did not start."""
    given = parser().parse_args(arguments)
    if given.passages < 1:
        parser().error("--passages: at least 1")
    binary = None if given.broker == "default" else mosquitto_binary()
    try:
        if given.broker == "mosquitto" and binary is None:
            raise BrokerError("broker_missing: expected Mosquitto; next: install the Debian package mosquitto")
        with tempfile.TemporaryDirectory(prefix="kakou-bench-") as folder, measured_broker(binary) as broker:
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
