"""A camera on the network, captured and judged in a process of its own (`worker`)."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drivers.kit.camera.address import parse_url
from drivers.kit.camera.dial import Trust
from drivers.kit.camera.digest import Auth
from drivers.kit.camera.pipe import (
    LISTENING,
    AliveMessage,
    FrameMessage,
    HeadMessage,
    MessageReader,
    PipeError,
    ProblemMessage,
)
from drivers.kit.camera.worker import TAKEN, WorkerSettings
from edge.ports import Clock, DeviceError, Frame, Tap
from edge.secret import Secret

# A real sensor never repeats itself to the bit; a few repeats are a camera asked faster than it renews.
FROZEN_AFTER_FRAMES = 3
# Interpreter and decoder of the worker take a third of a second on a gate box's core, a loaded one more.
WORKER_START_S = 10.0
# Two processes round the same clock differently; more than this is another clock.
_CLOCK_SLACK_MS = 100
# As many events as a camera holds back while it is cut off, and more.
MOST_EVENTS = 1000
_READ_BYTES = 256 * 1024
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[3])


@dataclass(frozen=True, slots=True)
class HostSettings:
    """One camera, whatever it speaks. `worker` is the module of its process, `environment` what that has beside ours.

    `password_file` may end in a newline. `auth`: `auto` waits for what the camera asks for and takes Digest, `basic`
    sends the password as it is. An address over HTTPS needs one of `ca_file` and `certificate_sha256` (`dial.Trust`).
    `wait_s` bounds connecting, an answer's head and a picture's body; a camera of which nothing comes for `silent_s`
    is lost, and its worker gives up a stream that says nothing for `stream_silence_s` (`silent_s` where left out).
    `kept` frames wait to be captured, the oldest first; of more the oldest goes. Connecting waits for a first sign for
    `first_sign_s` at most; a stream that had none yet will do then. `mode`, `poll_interval_s` and `late_ms` are words
    to the worker. A picture that came `frozen_after` times more is `frozen`, where it is the same for
    `frozen_after_ms` as well. None that begun more than `oldest_ms` ago is given. With a `spool`, `peers` push to it.
    """

    name: str
    url: str
    worker: str
    mode: str = ""
    user: str | None = None
    password_file: Path | None = None
    auth: Auth = "auto"
    ca_file: Path | None = None
    certificate_sha256: str | None = None
    max_bytes: int = 8 * 1024 * 1024
    max_pixels: int = 40_000_000
    wait_s: float = 3.0
    silent_s: float = 3.0
    poll_interval_s: float = 0.0
    late_ms: int = 0
    kept: int = 1
    stream_silence_s: float | None = None
    first_sign_s: float | None = None
    frozen_after: int = FROZEN_AFTER_FRAMES
    frozen_after_ms: int = 0
    oldest_ms: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    peers: tuple[str, ...] = ()
    spool: Path | None = None


@dataclass(frozen=True, slots=True)
class _Newest:
    begun_at_ms: int
    frame: Frame


class HostedCamera:
    """Implements `edge.ports.Camera`: a worker process, digest or basic authentication, newest frame only.

    Each `connect` starts a fresh worker, and any failure kills it. `clock` must read CLOCK_MONOTONIC, the clock
    that the worker stamps with. Codes raised: `camera_unreachable`, `camera_refused`, `camera_bad_answer`,
    `camera_no_frame`, `camera_stalled`, `camera_worker_died`, `camera_password_unreadable`, `camera_tls_failed`,
    `camera_not_trusted`, `camera_trust_unreadable`.
    """

    def __init__(self, settings: HostSettings, clock: Clock, *, asks: bool = False) -> None:
        """`asks`: it gives a picture where it is asked for one, not by itself.

        Raises ValueError where the address is not one of a camera over HTTP, or HTTPS lacks what it trusts.
        """
        self._trust = Trust(None if settings.ca_file is None else str(settings.ca_file), settings.certificate_sha256)
        self._check_address(settings.url)
        self.name = settings.name
        # Every log line and error shows it, and a query may hold a password.
        self.address = settings.url.partition("?")[0]
        self.tap: Tap | None = None
        self._settings = settings
        self._clock = clock
        self._asks = asks
        self.command: tuple[str, ...] = (sys.executable, "-m", settings.worker)
        # What came that is no picture, by what it was.
        self.said: dict[str, int] = {}
        self._process: Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._stderr: asyncio.Task[bytes] | None = None
        self._frames: deque[_Newest] = deque(maxlen=settings.kept)
        self._signs = 0
        self._listening = False
        self._failure: DeviceError | None = None
        self._changed = asyncio.Event()
        self._events: deque[str] = deque(maxlen=MOST_EVENTS)
        # Kept across connections: a frozen camera is not thawed by reconnecting to it.
        self._last_sha256 = ""
        self._repeats = 0
        self._same_since_ms = 0

    def _check_address(self, url: str) -> None:
        """Raises ValueError."""
        self._trust.check(parse_url(url))

    @property
    def worker_pid(self) -> int | None:
        """Process id of the running worker, for diagnostics; None where none runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def connect(self) -> None:
        """Start a worker and wait for its first frame, good or not, or another sign of life. Raises DeviceError."""
        await self.close()
        settings = self._worker_settings()
        self._frames.clear()
        self._failure = None
        try:
            self._process = await _start_worker(self.command, self._settings.max_pixels, self._settings.environment)
        except OSError as error:
            raise self._error("camera_worker_died", "a capture process to start", str(error)) from error
        self._stderr = asyncio.create_task(_tail(self._process))
        self._reader = asyncio.create_task(self._read(self._process, self._stderr))
        await self._tell(settings.to_line())
        limit_s = WORKER_START_S + self._settings.wait_s + self._settings.silent_s
        limit_s = limit_s if self._settings.first_sign_s is None else min(limit_s, self._settings.first_sign_s)
        self._signs, self._listening = 0, False
        try:
            await self._wait_for_sign(0, limit_s)
        except TimeoutError as error:
            if self._listening:
                # What it gave is what was asked for: nothing happened before it yet.
                return
            await self.close()
            raise self._error("camera_no_frame", f"a first frame within {limit_s:g} s", "none") from error
        except BaseException:
            await self.close()
            raise

    async def run(self) -> None:
        """Serve until the camera is lost: its worker reports or dies, or nothing comes for `silent_s`."""
        # A camera that is asked is idle between polls, and one poll may then take all of its limit.
        limit_s = self._settings.silent_s + (self._settings.poll_interval_s if self._asks else 0.0)
        try:
            while True:
                await self._wait_for_sign(self._signs, limit_s)
        except TimeoutError as error:
            stalled = self._error("camera_stalled", f"something new within {limit_s:g} s", "none")
            self._fail(stalled)
            await self.close()
            raise stalled from error
        except DeviceError:
            await self.close()
            raise

    async def capture(self, after_ms: int, timeout_s: float) -> Frame:
        """Return the newest frame of which even the first byte came (a snapshot: was asked for) after `after_ms`.

        Raises DeviceError: `camera_no_frame` where none came in time, or what ended the connection.
        """
        try:
            return await self._wait_for_frame(lambda newest: self._serves(newest, after_ms), timeout_s)
        except TimeoutError as error:
            raise self._error("camera_no_frame", f"a frame within {timeout_s:g} s", "none") from error

    async def close(self) -> None:
        """Kill the worker and wait until it is gone."""
        process, reader, stderr = self._process, self._reader, self._stderr
        self._process = self._reader = self._stderr = None
        if process is None or reader is None or stderr is None:
            return
        self._fail(self._error("camera_unreachable", "an open connection", "closed"))
        _kill(process)
        # Not cancelled: both end with the worker's pipes, and reading to the end is what closes those.
        await asyncio.gather(reader, stderr, return_exceptions=True)

    def _serves(self, newest: _Newest, after_ms: int) -> bool:
        oldest_ms = self._settings.oldest_ms
        age_ms = self._clock.now_ms() - newest.begun_at_ms
        return newest.begun_at_ms >= after_ms and (oldest_ms is None or age_ms <= oldest_ms)

    async def _wait_for_sign(self, seen: int, timeout_s: float) -> None:
        """One more frame, or another sign of life. Raises TimeoutError, or what ended the connection."""
        async with asyncio.timeout(timeout_s):
            while True:
                changed = self._changed
                self._check()
                if self._signs > seen:
                    return
                await changed.wait()

    async def _wait_for_frame(self, accept: Callable[[_Newest], bool], timeout_s: float) -> Frame:
        """The oldest kept frame that is accepted. Raises TimeoutError, or what ended the connection."""
        async with asyncio.timeout(timeout_s):
            while True:
                changed = self._changed
                self._check()
                for kept in self._frames:
                    if accept(kept):
                        return kept.frame
                if self._asks:
                    await self._tell(b"s")
                await changed.wait()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._process is None:
            raise self._error("camera_unreachable", "an open connection", "not connected")

    async def _tell(self, data: bytes) -> None:
        process = self._process
        if process is None or process.stdin is None or process.stdin.is_closing():
            return
        # A worker that is gone is reported by its output's end.
        with contextlib.suppress(ConnectionError):
            process.stdin.write(data)
            await process.stdin.drain()

    async def _read(self, process: Process, stderr: asyncio.Task[bytes]) -> None:
        """Take the worker's messages until it ends, and leave the reason behind."""
        messages = MessageReader(self._settings.max_bytes)
        failure: DeviceError | None = None
        assert process.stdout is not None
        while data := await process.stdout.read(_READ_BYTES):
            try:
                for message in messages.feed(data) if failure is None else []:
                    if isinstance(message, ProblemMessage):
                        failure = self._problem(message)
                    elif isinstance(message, AliveMessage):
                        self._alive(message.said)
                    elif isinstance(message, HeadMessage):
                        self._tell_heads(message)
                    else:
                        self._take(message)
                        if self._settings.spool is not None:
                            await self._tell(TAKEN + message.event.encode("ascii", "replace"))
            except PipeError as error:
                failure = self._error("camera_worker_died", "messages of the capture process", str(error))
                _kill(process)
        status = await process.wait()
        said = (await stderr).decode("utf-8", "replace").strip().rpartition("\n")[2]
        self._fail(
            failure
            or self._error("camera_worker_died", "the capture process to run", f"exit status {status} {said}".strip())
        )

    def _tell_heads(self, message: HeadMessage) -> None:
        if self.tap is not None:
            self.tap.crossed(True, message.asked)
            self.tap.crossed(False, message.answered)

    def _take(self, message: FrameMessage) -> None:
        if message.captured_at_ms > self._clock.now_ms() + _CLOCK_SLACK_MS:
            raise PipeError("expected a frame of the past, got one of the future")
        if message.event:
            # A camera that was cut off may send again what it had sent; another connection is no other event.
            if message.event in self._events:
                self._alive("repeated")
                return
            self._events.append(message.event)
        defect = message.defect
        if message.sha256 != self._last_sha256:
            self._last_sha256, self._repeats = message.sha256, 0
            self._same_since_ms = message.captured_at_ms
        elif message.picture:
            self._repeats += 1
        same_ms = message.captured_at_ms - self._same_since_ms
        repeated = self._repeats >= self._settings.frozen_after and same_ms >= self._settings.frozen_after_ms
        if defect is None and repeated:
            defect = "frozen"
        frame = Frame(
            camera=self.name,
            jpeg=message.picture,
            sha256=message.sha256,
            captured_at_ms=message.captured_at_ms,
            width=message.width,
            height=message.height,
            defect=defect,
            claim=message.claim,
        )
        if self.tap is not None:
            self.tap.crossed(False, frame.jpeg)
            if self.tap.wants_words:
                self.tap.understood(False, f"picture {frame.width} x {frame.height}, {defect or 'good'}")
        self._frames.append(_Newest(message.begun_at_ms, frame))
        self._signs += 1
        self._notify()

    def _alive(self, said: str) -> None:
        if said == LISTENING:
            self._listening = True
            return
        self.said[said] = self.said.get(said, 0) + 1
        self._signs += 1
        self._notify()

    def _fail(self, failure: DeviceError) -> None:
        if self._failure is None:
            self._failure = failure
        self._frames.clear()
        self._notify()

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _problem(self, message: ProblemMessage) -> DeviceError:
        return self._error(message.code, message.expected, message.got, message.next_step)

    def _error(
        self, code: str, expected: str, got: str, next_step: str = "check the camera and its cable; retried by itself"
    ) -> DeviceError:
        return DeviceError(
            code, device=self.name, address=self.address, expected=expected, got=got, next_step=next_step
        )

    def _worker_settings(self) -> WorkerSettings:
        settings, trust = self._settings, self._trust
        password = ""
        if settings.password_file is not None:
            try:
                password = Secret.read(settings.password_file).reveal()
            except OSError as error:
                raise self._error(
                    "camera_password_unreadable",
                    f"a password in {settings.password_file}",
                    str(error),
                    "check that the file exists and that the service may read it",
                ) from error
        return WorkerSettings(
            url=settings.url,
            mode=settings.mode,
            user=settings.user,
            password=password,
            auth=settings.auth,
            ca_file=trust.ca_file,
            certificate_sha256=trust.certificate_sha256,
            max_bytes=settings.max_bytes,
            max_pixels=settings.max_pixels,
            wait_s=settings.wait_s,
            poll_interval_s=settings.poll_interval_s,
            silence_s=settings.silent_s if settings.stream_silence_s is None else settings.stream_silence_s,
            late_ms=settings.late_ms,
            tell_heads=self.tap is not None and self.tap.wants_words,
            kept=settings.kept,
            peers=settings.peers,
            spool="" if settings.spool is None else str(settings.spool),
        )


async def _start_worker(command: Sequence[str], max_pixels: int, added: Mapping[str, str]) -> Process:
    # The worker finds our packages where we were loaded from, whatever its working directory.
    search_path = os.pathsep.join(filter(None, (_PACKAGE_ROOT, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": search_path, "PYTHONUNBUFFERED": "1", **added}
    # The decoder's own cap, behind ours: it reads this when it is imported.
    environment["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(max_pixels)
    # A session of its own: an interrupt at the terminal is the driver's to handle.
    return await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
    )


async def _tail(process: Process) -> bytes:
    """The end of what the worker said on standard error, read until that closes so that it never blocks."""
    assert process.stderr is not None
    last = b""
    while data := await process.stderr.read(4096):
        last = (last + data)[-2048:]
    return last


def _kill(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
