"""`kakou demo`: a whole lane on real ports. Trucks arrive, are read, cleared, let through, and counted."""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.runtime.control import ControlError, ask
from edge.text import say
from simulators.broker import BrokerError
from simulators.demo_box import LANE, BrokerChoice, DemoBox, open_box
from simulators.demo_lane import prepare_pictures
from simulators.demo_view import View, hints, summary
from simulators.trucks import load_photos, note_of, photo_trucks, rendered_trucks
from simulators.world import Truck

EXIT_FAILED = 1
EXIT_CANNOT_START = 75
# From arrival to an empty lane; a truck that takes longer than this is a defect of the demo, not of its day.
TRUCK_TIMEOUT_S = 90.0
READY_TIMEOUT_S = 60.0
CLERK_S = 2.0


@dataclass(slots=True)
class Passage:
    """What became of one truck."""

    truck: Truck
    id: str | None = None
    identity: dict[str, Any] = field(default_factory=dict)
    decision: str | None = None
    reasons: list[str] = field(default_factory=list)
    terminals: list[str] = field(default_factory=list)
    stages_ms: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints for it."""
        return {
            "id": self.id,
            "truth": truth_of(self.truck),
            "identity": self.identity or {"plates": [], "containers": [], "tag": None},
            "decision": self.decision,
            "terminal": self.terminals[0] if len(self.terminals) == 1 else self.terminals or None,
            "reasons": self.reasons,
            "stages_ms": {
                name: self.stages_ms.get(name) for name in ("identified", "requested", "granted", "opened", "cleared")
            },
        }


def truth_of(truck: Truck) -> dict[str, Any]:
    """Who the truck truly is."""
    return {
        "plates": [text for _, text, _, _, _ in truck.plates],
        "containers": sorted(code for code, _ in truck.containers),
        "tag": truck.tag_epc,
    }


def score(passages: Sequence[Passage], raises: int) -> dict[str, Any]:
    """Count what matters: opened for an identity without a release, held for want of a reading, held for a wrong one.

    More raises of the boom than trucks that passed count as wrongly opened, too.
    """
    passed = [one for one in passages if "PASSED" in one.terminals]
    wrong_identity = sum(one.identity != truth_of(one.truck) for one in passed)
    held = [one for one in passages if one.decision == "hold"]
    wrong = [one for one in held if _read_wrongly(one)]
    return {
        "passages": [one.as_json() for one in passages],
        "wrongly_opened": wrong_identity + max(0, raises - len(passed)),
        "held_unread": len(held) - len(wrong),
        "held_wrong": len(wrong),
    }


def _read_wrongly(passage: Passage) -> bool:
    truth = truth_of(passage.truck)
    seen = passage.identity
    plates = any(text not in truth["plates"] for text in seen.get("plates", []))
    codes = any(code not in truth["containers"] for code in seen.get("containers", []))
    return plates or codes or seen.get("tag") not in (None, truth["tag"])


class Journey:
    """Drives the trucks through, one after the other, and listens to what the lane says."""

    def __init__(self, box: DemoBox, view: View, started_s: float) -> None:
        self._box = box
        self._view = view
        self._started_s = started_s
        self._news = asyncio.Event()
        self._current: Passage | None = None
        self.first_released_s: float | None = None
        box.on_message = self._hear

    async def ready(self) -> None:
        """Wait until the lane is proved closed and every device answers. Raises TimeoutError."""
        async with asyncio.timeout(READY_TIMEOUT_S):
            while self._box.state.get("phase") != "idle" or self._box.state.get("lost_devices"):
                await self._next_news()

    async def drive(self, truck: Truck) -> Passage:
        """Let one truck come, pass or be sent back, and the lane be ready again. Raises TimeoutError."""
        passage = self._current = Passage(truck)
        self._box.service.notes.add(note_of(truck))
        self._view.arrived(truck)
        await asyncio.to_thread(prepare_pictures, truck)
        world = self._box.lane.world
        world.arrive(truck)
        clerk = asyncio.create_task(self._clerk(truck))
        try:
            async with asyncio.timeout(TRUCK_TIMEOUT_S):
                while not (passage.terminals and world.empty and self._box.state.get("phase") == "idle"):
                    await self._next_news()
        finally:
            clerk.cancel()
            await asyncio.gather(clerk, return_exceptions=True)
        return passage

    async def _clerk(self, truck: Truck) -> None:
        """The demo's clerk: looks at a held truck for a moment, refuses it, and it backs out."""
        while True:
            phase = self._box.state.get("phase")
            if phase == "held":
                await asyncio.sleep(CLERK_S)
                order = {"verb": "order", "lane": LANE, "action": "refuse", "operator": "demo-clerk"}
                with contextlib.suppress(ControlError):
                    await ask(self._box.control_socket, {**order, "reason": "held in the demo"})
            if phase in ("turning_back", "leaving") and self._box.lane.world.phase(truck.id) == "waiting":
                self._box.lane.world.turn_back(truck.id)
            await self._next_news()

    async def _next_news(self) -> None:
        """The next message of the lane; the world moves by itself in between."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await self._news.wait()

    def _hear(self, name: str, payload: dict[str, Any]) -> None:
        self._news.set()
        current = self._current
        if current is None or not name.startswith(("event/", "passage/")):
            return
        data = payload["data"]
        kind = payload["type"]
        if kind == "passage_opened" and not current.id:
            current.id = data["passage"]
        if data.get("passage") != current.id:
            return
        if name.startswith("passage/") and kind == "passage_ended":
            current.identity = plain_identity(data["identity"])
        elif name.startswith("event/"):
            self._take_event(current, kind, data)

    def _take_event(self, current: Passage, kind: str, data: dict[str, Any]) -> None:
        if kind == "boom_raised" and self.first_released_s is None:
            self.first_released_s = time.monotonic() - self._started_s
        if kind == "passage_ended":
            current.terminals.append(data["terminal"])
            current.decision, current.reasons = data["decision"], data["reasons"]
            current.stages_ms = data["stages_ms"]
        self._view.event(kind, data)


def plain_identity(identity: dict[str, Any]) -> dict[str, Any]:
    """The identity as the demo's JSON shows it: what was read, nothing that was not."""
    return {
        "plates": [plate["text"] for plate in identity["plates"] if plate["text"]],
        "containers": sorted(one["code"] for one in identity["containers"]),
        "tag": identity["tag"],
    }


def main(arguments: Sequence[str]) -> int:
    """Run the demo; 0 where every passage has one terminal record and nothing was wrongly opened."""
    given = _parser().parse_args(arguments)
    started_s = time.monotonic()
    try:
        with _folder(given.folder) as folder:
            return asyncio.run(_run(given, folder, started_s))
    except (BrokerError, OSError, ValueError) as error:
        print(say("demo_cannot_start", cause=error), file=sys.stderr)
        return EXIT_CANNOT_START
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kakou demo", description=say("verb_demo"))
    parser.add_argument("--passages", type=int, default=3, help="how many trucks come")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--headless", action="store_true", help="no live view")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    parser.add_argument("--photos", type=Path, help="a folder of labelled photographs, as ../shared/real-images")
    parser.add_argument("--folder", type=Path, help="keep configuration, journal, pictures and logs here")
    parser.add_argument("--broker", help="host:port of a running broker instead of the default one")
    parser.add_argument("--mqtt-version", choices=("3.1.1", "5"), default="5")
    parser.add_argument("--stay", action="store_true", help="keep the lane running until Ctrl-C")
    return parser


@contextlib.contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="kakou-demo-", ignore_cleanup_errors=True) as made:
        yield Path(made).resolve()


async def _run(given: argparse.Namespace, folder: Path, started_s: float) -> int:
    choice = BrokerChoice(version=given.mqtt_version)
    if given.broker:
        host, _, port = given.broker.rpartition(":")
        choice = BrokerChoice(host, int(port), given.mqtt_version)
    if given.photos is not None:
        trucks = photo_trucks(given.passages, given.seed, load_photos(given.photos))
    else:
        trucks = rendered_trucks(given.passages, given.seed)
    view = View(live=not (given.headless or given.json))
    view.say(say("demo_starting"))
    passages: list[Passage] = []
    async with open_box(folder, choice, seed=given.seed) as box:
        journey = Journey(box, view, started_s)
        try:
            await journey.ready()
            view.say(hints(box))
            for truck in trucks:
                passages.append(await journey.drive(truck))
        except TimeoutError:
            # A lane that is stuck is the finding: say where it stood and show the controller's last words.
            log = (folder / "controller.log").read_text(encoding="utf-8", errors="replace")
            print(say("demo_stuck", state=json.dumps(box.state, ensure_ascii=False)), log[-3000:], file=sys.stderr)
            return EXIT_FAILED
        result = score(passages, box.lane.plant.raise_count)
        if given.json:
            print(json.dumps(result, ensure_ascii=False))
        else:
            summary(result, journey.first_released_s)
            view.say(hints(box))
        if given.stay:
            await asyncio.Event().wait()
    sound = all(len(one.terminals) == 1 for one in passages) and result["wrongly_opened"] == 0
    return 0 if sound else EXIT_FAILED
