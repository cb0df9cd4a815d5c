"""What crosses the wires of one lane, and what the lane makes of it, on demand and for a time, into a bounded file.

Nothing of it can hold the lane up: lines are written by a thread of their own, and what that cannot take, in number or
in bytes, is counted as lost, as is what a disk did not take. Each file begins with the state that the lane was in, so
that it can be played back (`edge.playback`).
"""

import asyncio
import errno
import queue
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
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
# In the state directory.
RECORDINGS = "recordings"
# A disk that a recording fills would hold every lane of the box.
_FREE_FACTOR = 4
# However it began, and whatever else fills the disk: from here on it ends.
_LEAST_FREE_FACTOR = 2
_LOOK_EVERY_BYTES = 8 << 20
_MOST_WAITING = 2_000
# Pictures are large: a disk that stands still must not cost the box its memory.
_MOST_WAITING_BYTES = 32 << 20
Note = Callable[[str, Mapping[str, Any]], object]


def forget_recordings(folder: Path, before: datetime) -> int:
    """Delete recordings that were last written before then; returns how many files. Raises OSError."""
    removed = 0
    for path in folder.glob("*.jsonl*"):
        if path.lstat().st_mtime < before.timestamp():
            path.unlink()
            removed += 1
    return removed


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
        self._pile: _Pile | None = None
        self._ending: asyncio.TimerHandle | None = None
        self._bytes = self._most_bytes = 0
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
        pile = _Pile(recording, least_free=_LEAST_FREE_FACTOR * (most_mib << 20))
        try:
            pile.start()
        except RuntimeError as error:
            # The box has no thread left.
            recording.close()
            raise RecorderError("cannot_write") from error
        self._pile = pile
        self._bytes, self._most_bytes = 0, (most_mib << 20) // 2
        self.path = path
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
        assert self._pile is not None, "a recording has its writer"
        told = {"file": path.name, "lost": self._pile.end()}
        self._note("recording_ended", told)
        logger(lane=self._runner.state.profile.lane).warning("recording_ended", **told)

    def close(self, timeout_s: float = 5.0) -> None:
        """End the recording, and wait until it is on its file."""
        self.end()
        if self._pile is not None:
            self._pile.join(timeout_s)

    def keep(self, entry: dict[str, Any], size: int) -> None:
        """Hand a line of about this size to the writer; after half of what the file may hold a new one begins."""
        assert self._pile is not None, "a recording has its writer"
        if not self._pile.has_room(size):
            return
        self._bytes += size
        if self._bytes > self._most_bytes:
            self._pile.put({"turn": self._about()}, 0)
            self._bytes = size
        self._pile.put(entry, size)

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
        try:
            line = {"event": encode(event), "effects": [encode(effect) for effect in effects]}
            self.keep(line, 400 + 400 * len(effects))
        except Exception:  # noqa: BLE001 - a defect here must cost the recording, and no step of the lane
            self._crashed()

    def crossed(self, device: str, sent: bool, data: bytes) -> None:
        """Bytes of one device."""
        if self.path is None:
            return
        try:
            self.keep({"at_ms": self._clock.now_ms(), "device": device, "sent": sent, "data": data}, 2 * len(data) + 80)
        except Exception:  # noqa: BLE001 - nor what a device says
            self._crashed()

    def _crashed(self) -> None:
        logger(lane=self._runner.state.profile.lane).exception("recording_crashed")
        # Its note goes to the journal, where this step comes first.
        asyncio.get_running_loop().call_soon(self.end)


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


class _Pile(threading.Thread):
    """What waits for the disk, and the thread that takes it there. `lost`: lines that are in no file."""

    def __init__(self, recording: Recording, *, least_free: int) -> None:
        super().__init__(name="recorder", daemon=True)
        self._recording = recording
        self._least_free = least_free
        self._lines: queue.Queue[tuple[dict[str, Any] | None, int]] = queue.Queue()
        self._lock = threading.Lock()
        self._waiting = self._waiting_bytes = self._lost = 0
        self._unlooked = 0

    def has_room(self, size: int) -> bool:
        """Whether a line of about this size may wait; one that may not is lost."""
        with self._lock:
            found = self._waiting < _MOST_WAITING and self._waiting_bytes + size <= _MOST_WAITING_BYTES
            self._lost += not found
        return found

    def put(self, line: dict[str, Any], size: int) -> None:
        """Let a line wait."""
        with self._lock:
            self._waiting += 1
            self._waiting_bytes += size
        self._lines.put((line, size))

    def end(self) -> int:
        """Nothing more comes; what waits is still written. Returns how many lines were lost until now."""
        self._lines.put((None, 0))
        with self._lock:
            return self._lost

    def run(self) -> None:
        """Write until the end. A disk that takes no more costs the rest of the recording and nothing else."""
        failed = False
        while True:
            line, size = self._lines.get()
            if line is None:
                break
            failed = failed or not self._wrote(line, size)
            with self._lock:
                self._waiting -= 1
                self._waiting_bytes -= size
                self._lost += failed
            self._lines.task_done()
        try:
            self._recording.close()
        except OSError as error:
            self._tell(error)

    def _wrote(self, line: dict[str, Any], size: int) -> bool:
        try:
            self._unlooked += size
            if self._unlooked >= _LOOK_EVERY_BYTES:
                self._unlooked = 0
                if shutil.disk_usage(self._recording.path.parent).free < self._least_free:
                    raise OSError(errno.ENOSPC, "the disk fills: the records of the lanes need the rest")
            if "turn" in line:
                self._recording.turn(line["turn"])
            else:
                self._recording.keep(entry_of(line))
        except OSError as error:
            self._tell(error)
            return False
        return True

    def _tell(self, error: OSError) -> None:
        logger().error("recording_failed", file=str(self._recording.path), cause=str(error))
