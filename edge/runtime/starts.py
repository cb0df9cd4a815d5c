"""How many starts of the controller in a row ended before they were healthy: a crash loop is no restart (X16)."""

import asyncio
import json
from pathlib import Path

from edge.files import write_whole
from edge.log import logger
from edge.ports import Clock

# A controller that served this long, or that was told to stop, was well.
HEALTHY_S = 60.0
# One that was killed, or crashed a few times, begins at once: a lane shall be known again within seconds.
AT_ONCE = 4
_FIRST_WAIT_S, _LONGEST_WAIT_S = 2.0, 30.0


def back_off_s(failed: int) -> float:
    """Return how long a start waits after `failed` ones in a row that ended early: twice as long each time."""
    if failed < AT_ONCE:
        return 0.0
    # The exponent is bounded: the count comes from a file.
    return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(failed - AT_ONCE, 8))


class Starts:
    """The count, in one small file. A count that cannot be read or written is told and taken for none.

    It is no authority: all that it does is to leave a lane that keeps crashing to a person.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self) -> int:
        """Count this start; returns how many before it, in a row, did not become healthy."""
        failed = self._read()
        self._write(failed + 1)
        return failed

    def well(self) -> None:
        """This start was healthy, or ended because it was told to."""
        self._write(0)

    async def begin_in_turn(self, clock: Clock, stop: asyncio.Event) -> int:
        """Count this start and wait as long as it has to: no device is spoken to meanwhile. Returns as `begin`.

        One that is told to `stop` while it waits waits no longer, and did not fail.
        """
        failed = self.begin()
        if wait_s := back_off_s(failed):
            logger().warning("start_waits", failed_starts=failed, wait_s=wait_s)
            waits = [asyncio.ensure_future(one) for one in (clock.sleep(wait_s), stop.wait())]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waits:
                    one.cancel()
            if stop.is_set():
                self.well()
        return failed

    async def run(self, clock: Clock) -> None:
        """Wait until this start is healthy and say so."""
        await clock.sleep(HEALTHY_S)
        await asyncio.to_thread(self.well)

    def _read(self) -> int:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, RecursionError) as error:
            logger().error("starts_unreadable", file=str(self._path), cause=str(error))
            return 0
        count = found.get("failed") if isinstance(found, dict) else None
        return count if type(count) is int and count >= 0 else 0

    def _write(self, failed: int) -> None:
        try:
            write_whole(self._path, json.dumps({"failed": failed}).encode())
        except OSError as error:
            logger().error("starts_not_written", file=str(self._path), cause=str(error))
