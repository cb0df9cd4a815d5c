"""`kakou sim SCENARIO...`: run scenarios against the real controller and say what was not as it should be."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from edge.device_lock import DevicesHeldError, devices_held
from edge.text import default_language, plain, say
from edge.text.arguments import Parser
from edge.verbs.configured import configured
from edge.verbs.person import DEFAULT_CONFIG
from simulators.broker import BrokerError, DefaultBroker, reach
from simulators.scenario.bench import BrokerAt
from simulators.scenario.junit import junit
from simulators.scenario.loading import FOLDER, Loaded, load
from simulators.scenario.running import Result, run

EXIT_FAILED = 1
EXIT_CANNOT_START = 75
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 128 + signal.SIGINT
_MOST_SPEED = 10.0
_MOST_SEED = 2**31 - 1


def main(arguments: Sequence[str]) -> int:
    """Run; 0 where all came out as they say, 1 where one did not, 78 for a bad file, 75 where it cannot start.

    Scenarios with a real device are alone with the devices of the box while they run (`edge.device_lock`).
    """
    given = _parser().parse_args(arguments)
    if not given.scenarios:
        return _list()
    scenarios: list[Loaded] = []
    problems = []
    for one in given.scenarios:
        loaded = load(_path(one))
        if isinstance(loaded, Loaded):
            scenarios.append(loaded)
        else:
            problems += loaded
    for problem in problems:
        print(problem.render(default_language()), file=sys.stderr)
    if problems:
        return EXIT_CONFIG
    try:
        with contextlib.ExitStack() as stack:
            if any(one.real for one in scenarios) and not _alone(given.config, stack):
                return EXIT_CONFIG
            results = _run_all(given, scenarios)
    except (BrokerError, DevicesHeldError, OSError) as error:
        print(say("sim_cannot_start", cause=error), file=sys.stderr)
        return EXIT_CANNOT_START
    except (KeyboardInterrupt, asyncio.CancelledError):
        return EXIT_INTERRUPTED
    if given.junit is not None:
        given.junit.write_bytes(junit(results, told))
    failed = [one for one in results if one.failure is not None]
    if not given.json:
        print(say("sim_summary", count=len(results), failed=len(failed)))
    return EXIT_FAILED if failed else 0


def _alone(config: Path | None, stack: contextlib.ExitStack) -> bool:
    """Hold the devices of this box, as its controller does; False where the configuration that names it is none.

    Raises DevicesHeldError. Where no configuration lies here, it is not known which box this is.
    """
    if config is None and not DEFAULT_CONFIG.exists():
        print(say("sim_box_unknown"), file=sys.stderr)
        return True
    box = configured(config or DEFAULT_CONFIG)
    if box is not None:
        stack.enter_context(devices_held(box.state_dir))
    return box is not None


def told(result: Result) -> str:
    """Why a scenario failed, in words: which expectation, when, and what was seen instead."""
    failure = result.failure
    assert failure is not None
    lines = [
        say(f"sim_failed_{failure.kind}", at_s=f"{failure.at_s:.2f}", line=failure.line, what=failure.what),
        *(say("sim_instead", name=name, seen=_text(seen)) for name, seen in failure.instead.items()),
        say("sim_seen", seen=_text(failure.seen)),
        say("sim_again", name=result.name, seed=result.seed, speed=f"{result.speed:g}"),
    ]
    if failure.last_words:
        lines.append(say("sim_last_words", words=failure.last_words))
    # A stranger's words are in it, from his scenario or of his device.
    return "\n".join(plain(line) for line in "\n".join(lines).split("\n"))


def _text(seen: object) -> str:
    return json.dumps(seen, ensure_ascii=False, default=str)


def _run_all(given: argparse.Namespace, scenarios: Sequence[Loaded]) -> list[Result]:
    results = []
    with _broker(given.broker) as broker:
        for loaded in scenarios:
            result = run(loaded, broker, speed=given.speed, seed=given.seed)
            results.append(result)
            if given.json:
                print(json.dumps(as_json(result), ensure_ascii=False), flush=True)
            else:
                _tell(result)
    return results


def as_json(result: Result) -> dict[str, object]:
    """A result as one JSON object; `told` is why it failed, in words."""
    return {**asdict(result), "told": None if result.failure is None else told(result)}


def _tell(result: Result) -> None:
    key = "sim_passed" if result.failure is None else "sim_failed"
    line = say(key, name=result.name, title=result.title, took_s=result.took_s, wall_s=result.wall_s)
    print(plain(line), flush=True)
    if result.failure is not None:
        print(told(result), flush=True)


@contextlib.contextmanager
def _broker(given: tuple[str, int] | None) -> Iterator[BrokerAt]:
    if given is not None:
        reach(*given)
        yield BrokerAt(*given)
        return
    with DefaultBroker() as own:
        yield BrokerAt(own.host, own.port_v5)


def _path(given: str) -> Path:
    """A file, or the name of one of those that come along."""
    path = Path(given)
    shipped = FOLDER / f"{given}.yaml"
    return shipped if not path.exists() and shipped.exists() else path


def _list() -> int:
    for path in sorted(FOLDER.glob("*.yaml")):
        loaded = load(path)
        if isinstance(loaded, Loaded):
            print(
                say("sim_listed", name=loaded.name, title=loaded.scenario.title, shows=" ".join(loaded.scenario.shows))
            )
    return 0


def _parser() -> Parser:
    parser = Parser("kakou sim", say("verb_sim"))
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=say("sim_option_scenario"))
    parser.add_argument("--junit", type=Path, metavar="FILE", help=say("sim_option_junit"))
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="N", help=say("sim_option_speed"))
    parser.add_argument("--seed", type=_seed, metavar="S", help=say("sim_option_seed"))
    parser.add_argument("--broker", type=_address, metavar="HOST:PORT", help=say("demo_option_broker"))
    parser.add_argument("--config", type=Path, metavar="FILE", help=say("sim_option_config"))
    parser.add_argument("--json", action="store_true", help=say("option_json"))
    return parser


def _speed(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 1 <= (speed := float(text)) <= _MOST_SPEED:
            return speed
    raise argparse.ArgumentTypeError(say("sim_speed_bad", text=text))


def _seed(text: str) -> int:
    with contextlib.suppress(ValueError):
        if 0 <= (seed := int(text)) <= _MOST_SEED:
            return seed
    raise argparse.ArgumentTypeError(say("demo_seed_bad", text=text))


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(say("demo_address_bad", text=text))
    return host, int(port)
