"""`kakou demo`: a whole lane on real ports. Trucks arrive, are read, cleared, let through, and counted."""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

from edge.text import say
from edge.text.arguments import Parser
from simulators.broker import BrokerError
from simulators.demo_box import BrokerChoice, DemoBox, open_box
from simulators.demo_journey import Journey, Pictures, StuckError
from simulators.demo_score import score
from simulators.demo_view import View, program, quoted, summary
from simulators.trucks import load_photos, photo_trucks, rendered_trucks
from simulators.vehicle import Truck

EXIT_FAILED = 1
EXIT_CANNOT_START = 75
EXIT_SIGNAL = 128
_MOST_SEED = 2**31 - 1


def main(arguments: Sequence[str]) -> int:
    """Run the demo; 0 where every passage has one terminal record and nothing was wrongly opened.

    Else 1; 64 for bad arguments, 75 where something cannot start, 128 and the signal's number where one ended it.
    """
    given = _Parser.of().parse_args(arguments)
    started_s = _started_s()
    try:
        trucks = _trucks(given)
        with _folder(given.folder) as folder:
            return asyncio.run(_until_signal(_run(given, trucks, folder, started_s)))
    except (BrokerError, OSError, ValueError) as error:
        print(say("demo_cannot_start", cause=error), file=sys.stderr)
        return EXIT_CANNOT_START
    except KeyboardInterrupt:
        return EXIT_SIGNAL + signal.SIGINT


class _Parser(Parser):
    """The arguments of `kakou demo`."""

    @classmethod
    def of(cls) -> "_Parser":
        """The parser of `kakou demo`."""
        parser = cls("kakou demo", say("verb_demo"))
        parser.add_argument("--passages", type=_passages, default=3, metavar="N", help=say("demo_option_passages"))
        parser.add_argument("--seed", type=_seed, default=1, metavar="S", help=say("demo_option_seed"))
        parser.add_argument("--headless", action="store_true", help=say("demo_option_headless"))
        parser.add_argument("--json", action="store_true", help=say("option_json"))
        parser.add_argument("--photos", type=_photos, metavar="DIR", help=say("demo_option_photos"))
        parser.add_argument("--folder", type=Path, metavar="DIR", help=say("demo_option_folder"))
        parser.add_argument("--broker", type=_address, metavar="HOST:PORT", help=say("demo_option_broker"))
        parser.add_argument("--mqtt-version", choices=("3.1.1", "5"), default="5", help=say("option_mqtt_version"))
        parser.add_argument("--stay", action="store_true", help=say("demo_option_stay"))
        return parser


def _whole(text: str, least: int, most: int, message: str) -> int:
    with contextlib.suppress(ValueError):
        if least <= (number := int(text)) <= most:
            return number
    raise argparse.ArgumentTypeError(say(message, text=text))


def _passages(text: str) -> int:
    return _whole(text, 1, _MOST_SEED, "demo_passages_bad")


def _seed(text: str) -> int:
    return _whole(text, 0, _MOST_SEED, "demo_seed_bad")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(say("demo_address_bad", text=text))
    return host, int(port)


def _photos(text: str) -> Path:
    folder = Path(text)
    if not all((folder / one / "labels.csv").is_file() for one in ("plates", "containers")):
        raise argparse.ArgumentTypeError(say("demo_photos_bad", folder=folder))
    return folder.resolve()


def _started_s() -> float:
    """When this process was started, on the monotonic clock; now, where the system does not tell."""
    now_s = time.monotonic()
    try:
        fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return now_s - (time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, AttributeError):
        return now_s


def _trucks(given: argparse.Namespace) -> list[Truck]:
    if given.photos is not None:
        return list(photo_trucks(given.passages, given.seed, load_photos(given.photos)))
    return list(rendered_trucks(given.passages, given.seed))


@contextlib.contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="kakou-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made).resolve()


async def _until_signal(work: Coroutine[Any, Any, int]) -> int:
    """Await `work`; the first signal to end cancels it, and it is waited for while it stops everything."""
    loop, task = asyncio.get_running_loop(), asyncio.create_task(work)
    told: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        told.append(number)
        if len(told) == 1:
            task.cancel()

    # SIGHUP: the terminal is gone; SIGBREAK is Windows' word for it. No system has both.
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        with contextlib.suppress(AttributeError):
            loop.add_signal_handler(getattr(signal, name), stop, getattr(signal, name))
    try:
        return await task
    except asyncio.CancelledError:
        if not told:
            raise
        return EXIT_SIGNAL + told[0]


async def _run(given: argparse.Namespace, trucks: list[Truck], folder: Path, started_s: float) -> int:
    view = View(live=not (given.headless or given.json), started_s=started_s)
    view.say(say("demo_starting"))
    host, port = given.broker or (None, 0)
    choice = BrokerChoice(host, port, given.mqtt_version)
    pictures = Pictures()

    def progress(part: str) -> None:
        view.started(part)
        if part == "controller":
            pictures.prepare(trucks[0])

    async with open_box(folder, choice, seed=given.seed, progress=progress) as box:
        journey = Journey(box, view, pictures, lambda: time.monotonic() - started_s)
        status = 0
        try:
            await journey.drive_all(trucks)
        except StuckError as error:
            # The finding is where it stands: the counts so far follow all the same.
            print(say("demo_stuck", cause=error), file=sys.stderr)
            status = EXIT_FAILED
        status = max(status, await _tell(given, box, journey))
        if given.stay and not status:
            await _stay(given, box, journey)
    return status


async def _tell(given: argparse.Namespace, box: DemoBox, journey: Journey) -> int:
    """Print what came of it and return the exit status."""
    result = score(journey.passages, box.lane.plant.raise_count)
    if journey.strays:
        print(say("demo_strays", passages=" ".join(journey.strays)), file=sys.stderr)
    if strange := box.strange + len(box.service.refused):
        print(say("demo_strange", count=strange, site=box.site), file=sys.stderr)
    stored = await _stored(box, journey)
    if given.json:
        print(json.dumps(result, ensure_ascii=False), flush=True)
        if journey.first_released_s is not None:
            print(say("demo_first_release", seconds=f"{journey.first_released_s:.1f}"), file=sys.stderr)
        print(stored, file=sys.stderr)
    else:
        # Loading the table's library would hold up the barrier's simulator.
        await asyncio.to_thread(summary, result, journey.first_released_s)
        print(stored)
        if given.folder is not None:
            print(say("demo_ops_report", program=program(), database=box.ops_database))
        if not given.stay:
            print(say("demo_next", program=program()), flush=True)
    sound = not journey.strays and all(len(one.terminals) == 1 for one in journey.passages)
    return 0 if sound and result["wrongly_opened"] == 0 else EXIT_FAILED


async def _stored(box: DemoBox, journey: Journey) -> str:
    """What central operations stored, in words."""
    complete = await journey.stored()

    def count() -> tuple[int, int]:
        from ops.store import EventStore

        store = EventStore(box.ops_database, read_only=True)
        try:
            return store.count(), len(list(store.gaps()))
        finally:
            store.close()

    events, gaps = await asyncio.to_thread(count)
    return say("demo_ops_stored" if complete and not gaps else "demo_ops_gap", events=events, gaps=gaps)


async def _stay(given: argparse.Namespace, box: DemoBox, journey: Journey) -> None:
    """Keep the lane running; trucks without a release note wait for orders of whoever watches."""
    number = given.passages
    while True:
        truck = list(rendered_trucks(number + 1, given.seed))[number]
        print(say("demo_stay", program=program(), socket=quoted(box.control_socket)), file=sys.stderr, flush=True)
        await journey.wait_for_a_person(truck)
        number += 1
