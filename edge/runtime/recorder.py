"""What crosses the wires of one lane, and what the lane makes of it, on demand and for a time, into a bounded file.

Nothing of it can hold the lane up: lines are written by a thread of their own, and what that cannot take is counted as
lost. Each file begins with the state that the lane was in, so that it can be played back (`edge.playback`).
"""

import asyncio
import queue
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.core.effects import Effect
from edge.core.events import Event
from edge.core.state import LaneState
from edge.log import logger
from edge.ports import Clock, Device
from edge.recording import Recording, entry_of
from edge.runtime.codec import encode
from edge.runtime.lane_runner import LaneRunner

MOST_SECONDS = 24 * 3600
MOST_MIB = 4096
# A disk that a recording fills would hold every lane of the box.
_FREE_FACTOR = 4
_MOST_WAITING = 2_000
Note = Callable[[str, Mapping[str, Any]], object]


class RecorderError(Exception):
    """A recording cannot begin. `args[0]` is the code: already_recording, disk_too_full, cannot_write."""


class LaneRecorder:
    """One lane's. Off until `begin`; `note` keeps who began it and why in the lane's chain."""

    def __init__(
        self, runner: LaneRunner, devices: Sequence[Device], folder: Path, clock: Clock, note: Note, config_hash: str
    ) -> None:
        self.path: Path | None = None
        self._runner = runner
        self._folder = folder
        self._clock = clock
        self._note = note
        self._config_hash = config_hash
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue(_MOST_WAITING)
        self._writer: threading.Thread | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._bytes = self._most_bytes = self._lost = 0
        for device in devices:
            if hasattr(device, "tap"):
                device.tap = _Switch(self, device.name)
        runner.on_step = self._stepped

    def begin(self, operator: str, reason: str, *, seconds: int, most_mib: int) -> Path:
        """Record for so long, into a new file of at most so much, and one before it. Raises RecorderError."""
        if self.path is not None:
            raise RecorderError("already_recording")
        state = self._runner.state
        stamp = self._clock.utc().strftime("%Y%m%dT%H%M%SZ")
        path = self._folder / f"{state.profile.lane}-{stamp}.jsonl"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if shutil.disk_usage(self._folder).free < _FREE_FACTOR * (most_mib << 20):
                raise RecorderError("disk_too_full")
            recording = Recording(path, self._about(), most_bytes=None)
        except OSError as error:
            raise RecorderError("cannot_write") from error
        self._bytes, self._lost, self._most_bytes = 0, 0, (most_mib << 20) // 2
        self._lines = queue.Queue(_MOST_WAITING)
        self.path = path
        self._writer = threading.Thread(target=_write, args=(self._lines, recording), name="recorder", daemon=True)
        self._writer.start()
        self._ending = asyncio.get_running_loop().call_later(seconds, self.end)
        told = {"operator": operator, "reason": reason, "seconds": seconds, "file": path.name}
        self._note("recording_begun", told)
        logger(lane=state.profile.lane).warning("recording_begun", **told)
        return path

    def end(self) -> None:
        """End the recording, where there is one. What waits is still written."""
        if self.path is None:
            return
        path, self.path = self.path, None
        if self._ending is not None:
            self._ending.cancel()
        with_room = threading.Thread(target=self._lines.put, args=(None,), daemon=True)
        with_room.start()
        told = {"file": path.name, "lost": self._lost}
        self._note("recording_ended", told)
        logger(lane=self._runner.state.profile.lane).warning("recording_ended", **told)

    def close(self, timeout_s: float = 5.0) -> None:
        """End the recording, and wait until it is on its file."""
        self.end()
        if self._writer is not None:
            self._writer.join(timeout_s)

    def keep(self, entry: dict[str, Any], size: int) -> None:
        """Hand a line of about this size to the writer; after half of what the file may hold a new one begins."""
        self._bytes += size
        try:
            if self._bytes > self._most_bytes:
                self._lines.put_nowait({"turn": self._about()})
                self._bytes = size
            self._lines.put_nowait(entry)
        except queue.Full:
            self._lost += 1

    def _about(self) -> dict[str, Any]:
        state = self._runner.state
        return {
            "site": state.profile.site,
            "lane": state.profile.lane,
            "configuration": self._config_hash,
            "begun": self._clock.utc().isoformat(),
            "at_ms": self._clock.now_ms(),
            "state": encode(state),
        }

    def _stepped(self, before: LaneState, event: Event, effects: tuple[Effect, ...]) -> None:  # noqa: ARG002
        if self.path is None:
            return
        line = {"event": encode(event), "effects": [encode(effect) for effect in effects]}
        self.keep(line, 400 + 400 * len(effects))

    def crossed(self, device: str, sent: bool, data: bytes) -> None:
        """Bytes of one device."""
        if self.path is not None:
            self.keep({"at_ms": self._clock.now_ms(), "device": device, "sent": sent, "data": data}, 2 * len(data) + 80)


class _Switch:
    """An `edge.ports.Tap` that is always there and hears only while somebody records."""

    wants_words = False

    def __init__(self, recorder: LaneRecorder, device: str) -> None:
        self._recorder = recorder
        self._device = device

    def crossed(self, sent: bool, data: bytes) -> None:
        self._recorder.crossed(self._device, sent, data)

    def understood(self, sent: bool, words: str) -> None:
        """Never called."""


def _write(lines: "queue.Queue[dict[str, Any] | None]", recording: Recording) -> None:
    """Write until None comes. A disk that takes no more costs the rest of the recording and nothing else."""
    failed = False
    while (line := lines.get()) is not None:
        if failed:
            continue
        try:
            if "turn" in line:
                recording.turn(line["turn"])
            else:
                recording.keep(entry_of(line))
        except OSError as error:
            failed = True
            logger().error("recording_failed", file=str(recording.path), cause=str(error))
    recording.close()
