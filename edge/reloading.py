"""A changed configuration is taken while no lane has a vehicle; one that cannot be taken leaves the old in force (X6).

No passage is decided by two configurations: the lanes are closed and opened anew, as at a restart of the service (X7).
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from config.loader import load
from config.named_files import missing_files
from config.schema import Configuration
from edge.box_problems import box_problems
from edge.bringup.standing import BringupError
from edge.clearance.manifest import ManifestError
from edge.core.state import LaneState, Phase
from edge.log import logger
from edge.runtime.lane_service import LaneService
from edge.runtime.notes import security_note

# How long it waits for a moment without vehicles before it tells that there was none.
LONGEST_WAIT_S = 600.0
CONFIGURATION_REFUSED = "configuration_refused"
CONFIGURATION_WAITS = "configuration_waits"


def without_vehicle(state: LaneState) -> bool:
    """No passage is open, and no boom is on its way."""
    return state.passage is None and state.phase is not Phase.CLOSING


class Reloading:
    """Looks at the configuration file at each `look` and SIGHUP; once a changed one can begin it is `due`, and told.

    `admit` raises BringupError, ManifestError or OSError for a configuration that may not run here. `refused` is why
    the one that the service should have begun with was not taken. In a terminal SIGHUP means that the terminal is
    gone, and ends it.
    """

    def __init__(
        self,
        path: Path,
        in_force: str,
        lanes: Sequence[LaneService],
        *,
        digest: Callable[[Path], str],
        admit: Callable[[Configuration, str], None],
        take: Callable[[], None],
        refused: str = "",
    ) -> None:
        self.due = False
        self._path = path
        self._in_force = in_force
        self._lanes = tuple(lanes)
        self._digest, self._admit, self._take = digest, admit, take
        self._standing: dict[str, str] = {}
        self._looking: set[asyncio.Task[dict[str, Any]]] = set()
        self._waiting: asyncio.Task[None] | None = None
        # Windows has no such signal.
        if hasattr(signal, "SIGHUP") and not sys.stdin.isatty():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hear)
        if refused:
            self._refuse([refused])

    def _hear(self) -> None:
        task = asyncio.get_running_loop().create_task(self.look())
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def look(self) -> dict[str, Any]:
        """Judge the file now. Returns whether it is `accepted`, whether it is `changed`, and its `problems`."""
        digest, problems = await asyncio.to_thread(self._judge)
        if self._waiting is not None and (problems or digest == self._in_force):
            self._waiting.cancel()
        if problems:
            self._refuse(problems)
            return {"accepted": False, "changed": False, "problems": problems}
        self._tell(CONFIGURATION_REFUSED, None)
        changed = digest != self._in_force
        if changed and (self._waiting is None or self._waiting.done()):
            self._waiting = asyncio.get_running_loop().create_task(self._wait())
        return {"accepted": True, "changed": changed, "problems": []}

    def _refuse(self, problems: list[str]) -> None:
        """Tell that a configuration was not taken, and which one is in force."""
        logger().error("configuration_refused", file=str(self._path), problems=problems)
        self._tell(CONFIGURATION_REFUSED, f"the old one stays in force: {problems[0]}")

    async def close(self) -> None:
        """Wait for no moment any more."""
        waiting = [] if self._waiting is None else [self._waiting]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, *self._looking, return_exceptions=True)

    def _judge(self) -> tuple[str, list[str]]:
        loaded = load(self._path)
        problems = loaded if isinstance(loaded, list) else [*missing_files(loaded, bridge=False), *box_problems(loaded)]
        if isinstance(loaded, list) or problems:
            return "", [one.render("en") for one in problems]
        try:
            digest = self._digest(self._path)
            self._admit(loaded, digest)
        except (BringupError, ManifestError, OSError) as error:
            return "", [str(error)]
        return digest, []

    async def _wait(self) -> None:
        logger().info("configuration_accepted", file=str(self._path))
        runners = [lane.runner for lane in self._lanes]
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                while busy := [one for one in runners if not without_vehicle(one.state)]:
                    await busy[0].reached(without_vehicle)
        except TimeoutError:
            self._tell(CONFIGURATION_WAITS, f"no moment without a vehicle in {LONGEST_WAIT_S:.0f} s: reload again")
            return
        self._tell(CONFIGURATION_WAITS, None)
        self.due = True
        self._take()

    def _tell(self, code: str, detail: str | None) -> None:
        if self._standing.get(code) == detail:
            return
        for lane in self._lanes:
            lane.telemetry.publish_alarm(code, detail)
            name = lane.runner.state.profile.lane
            security_note(lane.journal, name, code, detail is not None, detail or "over")
        if detail is None:
            del self._standing[code]
        else:
            self._standing[code] = detail
