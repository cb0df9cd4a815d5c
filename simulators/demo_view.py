"""What the demo shows in the terminal: one line per stage while a truck is in the lane, a table at the end."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from edge.text import say
from simulators.world import Truck

if TYPE_CHECKING:
    from simulators.demo_box import DemoBox

# Event of the lane: the stage that it completes.
_STAGES = {
    "identified": "stage_identified",
    "requested": "stage_requested",
    "decided": "stage_granted",
    "boom_raised": "stage_opened",
    "passage_ended": "stage_ended",
}
_COLUMNS = ("identified", "requested", "granted", "opened", "cleared")


class View:
    """Prints to stderr; `live` False keeps it silent."""

    def __init__(self, *, live: bool) -> None:
        self._console = Console(stderr=True, quiet=not live, highlight=False)

    def say(self, text: str) -> None:
        """Print a paragraph."""
        self._console.print(text, markup=False, soft_wrap=True)

    def arrived(self, truck: Truck) -> None:
        """A truck drives in."""
        plates = " ".join(text for _, text, _, _, _ in truck.plates)
        codes = " ".join(code for code, _ in truck.containers)
        self._console.print(f"\n{truck.id}  {plates}  {codes}", style="bold", markup=False)
        self._line(say("stage_arrived"), "")

    def event(self, kind: str, data: dict[str, Any]) -> None:
        """The lane told of something."""
        if kind not in _STAGES:
            return
        detail = ""
        if kind == "identified":
            detail = ", ".join(f"{name} {value}" for name, value in data.items() if name != "passage")
        elif kind == "decided":
            detail = " ".join(filter(None, (data["decision"], data.get("reasons"))))
        elif kind == "passage_ended":
            detail = f"{data['terminal']}  {' '.join(data['reasons'])}"
        self._line(say(_STAGES[kind]), detail)

    def _line(self, stage: str, detail: str) -> None:
        self._console.print(f"  {stage:<12} {detail}", markup=False)


def summary(result: dict[str, Any], first_released_s: float | None) -> None:
    """Print the table of stage times and the counts, on stdout."""
    console = Console(highlight=False)
    table = Table(title=say("demo_summary"))
    for name in (say("demo_truck"), say("demo_outcome"), *(say(f"stage_{one}") for one in _COLUMNS)):
        table.add_column(name, justify="left" if name in (say("demo_truck"), say("demo_outcome")) else "right")
    for number, passage in enumerate(result["passages"], start=1):
        times = [passage["stages_ms"][name] for name in _COLUMNS]
        outcome = f"{passage['terminal']} {' '.join(passage['reasons'])}"
        table.add_row(str(number), outcome, *("" if one is None else f"{one} ms" for one in times))
    console.print(table)
    counts = {name: result[name] for name in ("wrongly_opened", "held_unread", "held_wrong")}
    console.print(", ".join(f"{name} {count}" for name, count in counts.items()))
    if first_released_s is not None:
        console.print(say("demo_first_release", seconds=f"{first_released_s:.1f}"))


def hints(box: "DemoBox") -> str:
    """What to try while it runs: lines to paste into another terminal."""
    return say(
        "demo_hints",
        host=box.broker_host,
        port=box.broker_port,
        version="mqttv5" if box.uses_v5 else "mqttv311",
        barrier_port=box.lane.barrier.port,
        socket=box.control_socket,
    )
