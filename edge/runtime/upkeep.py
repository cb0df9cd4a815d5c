"""What a box does every hour for its disk: old pictures, recordings and records go, a disk that fills is told early."""

import asyncio
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from edge.log import logger
from edge.ports import Clock
from edge.runtime.clock_memory import ClockMemory
from edge.runtime.evidence import EvidenceError, EvidenceStore
from edge.runtime.journal import Journal, JournalError
from edge.runtime.notes import Alarms
from edge.runtime.recorder import RECORDINGS, forget_recordings

EVERY_S = 3600.0
# Longer than the year that an audit looks back. Records of older boots go then, once nothing needs them.
KEEP_RECORDS = timedelta(days=400)
# From these shares of the disk on a person is told (hazards.md C21); the worse alarm replaces the milder one.
FILLING, NEARLY_FULL = 0.70, 0.90
_ALARMS = ((NEARLY_FULL, "state_disk_nearly_full"), (FILLING, "state_disk_filling"))
# A wall clock that stepped further than any correction of a running box could have every picture and record look old.
# A person gets this long to set it right before anything is deleted by it (O3).
MOST_STEP_S, DISTRUST_MS = 300.0, 24 * 3_600_000
CLOCK_STEPPED = "clock_stepped"


def disk_alarms(used_bytes: int, total_bytes: int) -> dict[str, str | None]:
    """Return each alarm of the disk with its detail, None where it is not raised."""
    share = used_bytes / total_bytes if total_bytes else 1.0
    raised = next((code for limit, code in _ALARMS if share >= limit), None)
    detail = f"{share:.0%} of the state directory's disk is used; free space before records cannot be written"
    return {code: detail if code == raised else None for _, code in _ALARMS}


@dataclass(slots=True)
class Upkeep:
    """The upkeep of one state directory. Events that central has not confirmed are never touched.

    Against the monotonic time of `clock` its wall clock, which tells what is old, is looked at for steps; at the first
    look `memory` says how far it is from what it showed before the start.
    """

    state_dir: Path
    journal: Journal
    evidence: EvidenceStore
    clock: Clock
    memory: ClockMemory
    lanes: Iterable[Alarms]
    # Pictures and plates are in recordings, too.
    keep_recordings: timedelta = timedelta(days=180)
    _offset_s: float | None = field(default=None, init=False)
    _trusted_at_ms: int | None = field(default=None, init=False)

    async def run(self) -> None:
        """Look after the disk now and every hour, until cancelled."""
        while True:
            await self.once()
            await self.clock.sleep(EVERY_S)

    async def once(self) -> None:
        """Let old pictures, recordings and records go, and say how full the disk is."""
        if self._clock_is_trusted():
            await self._delete()
            await self._remember()
        usage = shutil.disk_usage(self.state_dir)
        for code, detail in disk_alarms(usage.total - usage.free, usage.total).items():
            if detail is not None:
                logger().warning("alarm_raised", code=code, detail=detail)
            self._tell(code, detail)

    def _clock_is_trusted(self) -> bool:
        now_ms = self.clock.now_ms()
        offset_s = self.clock.utc().timestamp() - now_ms / 1000
        before_s, self._offset_s = self._offset_s, offset_s
        if before_s is None:
            if (ahead := self.memory.ahead()) is not None:
                self._distrust(
                    f"the wall clock is {ahead.days} days after it was last looked at", ahead.total_seconds()
                )
        elif abs(offset_s - before_s) > MOST_STEP_S:
            self._distrust(f"the wall clock stepped by {offset_s - before_s:+.0f} s", offset_s - before_s)
        if self._trusted_at_ms is None:
            return True
        if now_ms < self._trusted_at_ms:
            return False
        self._trusted_at_ms = None
        self._tell(CLOCK_STEPPED, None)
        return True

    def _distrust(self, what: str, step_s: float) -> None:
        self._trusted_at_ms = self.clock.now_ms() + DISTRUST_MS
        logger().error(CLOCK_STEPPED, step_s=round(step_s))
        self._tell(CLOCK_STEPPED, f"{what}: set it right; nothing old is deleted for a day")

    async def _remember(self) -> None:
        try:
            await asyncio.to_thread(self.memory.remember)
        except OSError as error:
            logger().error("clock_not_remembered", path=str(self.memory.path), cause=str(error))

    def _tell(self, code: str, detail: str | None) -> None:
        for alarms in self.lanes:
            alarms.publish_alarm(code, detail)

    async def _delete(self) -> None:
        try:
            removed = await self.evidence.sweep()
        except EvidenceError as error:
            logger().error("evidence_not_swept", code=error.code, cause=str(error))
        else:
            logger().info("evidence_swept", removed=removed)
        await self._forget()
        for lane in self.journal.lanes():
            await self._prune(lane)

    async def _forget(self) -> None:
        before = self.clock.utc() - self.keep_recordings
        try:
            removed = await asyncio.to_thread(forget_recordings, self.state_dir / RECORDINGS, before)
        except OSError as error:
            logger().error("recordings_not_swept", cause=str(error))
        else:
            logger().info("recordings_swept", removed=removed)

    async def _prune(self, lane: str) -> None:
        try:
            while (ticket := self.journal.prune(lane, self.clock.utc() - KEEP_RECORDS)) is not None:
                await ticket.durable
                logger(lane=lane).info("journal_pruned", through_seq=ticket.seq)
        except JournalError as error:
            logger(lane=lane).error("journal_not_pruned", code=error.code, cause=str(error))
