"""What the demo shows: a line per stage while a truck is in the lane, then a table, counts, and what to try next."""

import os
import shlex
import sys
import time
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.core.effects import Guide
from edge.portable import POSIX
from edge.runtime.signs import words_of
from edge.text import say
from simulators.demo_score import STAGES
from simulators.vehicle import Truck

if TYPE_CHECKING:
    from simulators.demo_box import DemoBox

# Event of the lane: the stage that it completes.
_STAGE_OF = {
    "identified": "stage_identified",
    "requested": "stage_requested",
    "decided": "stage_granted",
    "boom_raised": "stage_opened",
    "passage_ended": "stage_ended",
}
_STAGE_CELLS = 12
_NAMED = ("front_plate", "rear_plate", "containers", "container", "tag")
_ROOT = Path(__file__).resolve().parents[1]


def padded(text: str, cells: int) -> str:
    """`text` filled up to a width in terminal cells: a Chinese character takes two."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return text + " " * (cells - len(text) - wide)


def reason_in_words(reason: str) -> str:
    """Why a vehicle was held, for a person; a code that is not known stays as it is."""
    code, _, authority = reason.partition(":")
    if code == "no_answer":
        words = say("demo_reason_no_answer", authority=authority)
        return f"{words} ({reason})"
    for kind in ("unread", "conflict", "mismatch"):
        what = code.removeprefix(f"{kind}_")
        if what != code and what.removesuffix("_colour") in _NAMED:
            words = say(f"demo_reason_{kind}", what=say(f"demo_what_{what.removesuffix('_colour')}"))
            return f"{words} ({reason})"
    try:
        words = say(f"demo_reason_{code}")
    except KeyError:
        return reason
    return f"{words} ({reason})"


def program() -> str:
    """How this program is called from here."""
    here = Path.cwd() == _ROOT
    if not POSIX:
        # `-3`, or the launcher would look for the `python3` of the first line, and find Windows' advertisement for one.
        return "py -3 kakou" if here else f"py -3 {quoted(_ROOT / 'kakou')}"
    return "./kakou" if here else quoted(_ROOT / "kakou")


def quoted(path: Path) -> str:
    """A path as the shell of this system reads it."""
    return shlex.quote(str(path)) if POSIX else f'"{path}"'


class View:
    """Writes lines to stderr as things happen; `live` False keeps it silent."""

    def __init__(self, *, live: bool, started_s: float | None = None) -> None:
        """`started_s`: when the demo was started, on the monotonic clock."""
        self._live = live
        self._since_s = time.monotonic() if started_s is None else started_s
        self._sign: tuple[str, ...] = ()
        self._bold = sys.stderr.isatty() and "NO_COLOR" not in os.environ

    def say(self, text: str) -> None:
        """Print a line or a paragraph."""
        if self._live:
            print(text, file=sys.stderr, flush=True)

    def started(self, part: str) -> None:
        """A part of the demo is up."""
        self._line(say(f"demo_part_{part}"), "")

    def ready(self, box: "DemoBox") -> None:
        """The lane waits for trucks."""
        self._line(say("demo_ready"), "")
        self.say(f"\n{hints(box)}")

    def arrived(self, truck: Truck) -> None:
        """A truck drives in."""
        plates = " ".join(text for _, text, _, _, _ in truck.plates)
        codes = " ".join(code for code, _ in truck.containers)
        title = f"{truck.id}  {plates}  {codes}"
        self.say(f"\n\033[1m{title}\033[0m" if self._bold else f"\n{title}")
        self._since_s = time.monotonic()
        self._line(say("stage_arrived"), "")

    def event(self, kind: str, data: dict[str, Any]) -> None:
        """The lane told of something."""
        if kind not in _STAGE_OF:
            return
        detail = ""
        if kind == "identified":
            detail = ", ".join(
                f"{say(f'demo_what_{name}')} {say(f'demo_status_{data[name]}')}" for name in _NAMED if name in data
            )
        elif kind == "decided":
            reasons = [reason_in_words(one) for one in (data.get("reasons") or "").split(",") if one]
            detail = "; ".join((say(f"demo_decision_{data['decision']}"), *reasons))
        elif kind == "passage_ended":
            detail = data["terminal"]
        self._line(say(_STAGE_OF[kind]), detail)

    def sign(self, state: dict[str, Any]) -> None:
        """The lane's retained state says what drivers are told; shown where it is another word than the last."""
        if state.get("guidance") is None:
            return
        lines = words_of(Guide(state["guidance"], state["guidance_target"], state["drill"])).lines
        if lines != self._sign:
            self._sign = lines
            self._line(say("demo_sign"), f"[ {' | '.join(lines)} ]")

    def _line(self, stage: str, detail: str) -> None:
        elapsed_s = time.monotonic() - self._since_s
        self.say(f"{elapsed_s:7.2f} s  {padded(stage, _STAGE_CELLS)}  {detail}".rstrip())


def summary(result: dict[str, Any], first_released_s: float | None) -> None:
    """Print the table of stage times and the counts, on stdout."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(title=say("demo_summary"))
    for name in ("demo_truck", "demo_outcome"):
        table.add_column(say(name), no_wrap=True)
    for name in STAGES:
        table.add_column(say(f"stage_{name}"), justify="right", no_wrap=True)
    for number, passage in enumerate(result["passages"], start=1):
        times = [passage["stages_ms"][name] for name in STAGES]
        terminal = passage["terminal"]
        outcome = terminal if isinstance(terminal, str) else " ".join(terminal or ("-",))
        table.add_row(str(number), outcome, *("-" if one is None else str(one) for one in times))
    console.print(table)
    print(say("demo_counts", **{name: result[name] for name in ("wrongly_opened", "held_unread", "held_wrong")}))
    if first_released_s is not None:
        print(say("demo_first_release", seconds=f"{first_released_s:.1f}"))


def hints(box: "DemoBox") -> str:
    """What to try while it runs: lines to paste into another terminal."""
    return say(
        "demo_hints",
        program=program(),
        host=box.broker_host,
        port=box.broker_port,
        version="mqttv5" if box.version == "5" else "mqttv311",
        site=box.site,
        barrier_port=box.lane.barrier.port,
        socket=quoted(box.control_socket),
    )
