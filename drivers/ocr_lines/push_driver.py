"""An engine of somebody else that pushes its results over HTTP, as a `ContainerEngine`: each kept, then told once."""

import asyncio
import contextlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from drivers.kit.camera.digest import Auth
from drivers.kit.camera.events import event_name
from drivers.kit.push.guard import Guard
from drivers.kit.push.head import PushRefusedError
from drivers.kit.push.keeping import Keeping
from drivers.kit.push.listener import Bounds, Push, PushListener
from drivers.kit.push.refusals import Refusals
from drivers.kit.push.spool import Spool, Spooled, SpoolError, boot_id
from drivers.ocr_lines.results import MOST_PER_S, Results
from drivers.ocr_lines.wire import Told, decode_result
from edge.log import logger
from edge.ports import Clock, DeliverBoxes, DeviceError, Tap
from edge.secret import Secret

NEXT_STEPS = {
    "silent": "let the engine push to this address, a sign of life at least each heartbeat_s",
    "garbled": "let the engine push what the driver's README has; each answer says what is wrong",
    "port_unavailable": "write into url an address of this machine, and a port that nobody else has",
    "unproved": "give the engine user and password of the configuration, and digest, or basic where auth says so",
    "password_unreadable": "check that password_file is there and that the controller may read it",
    "spool_failed": "check the disk, and that the controller may write into the folder of spool",
    "closed": "nothing: the device was closed on purpose",
}
# A result takes less than one.
MOST_BYTES = 16 * 1024
# What was not told by then tells nothing of who stands there now.
STALE_MS = 10_000
# So many in a row are no result.
MOST_GARBLED = 8
_DEFAULT_PORT = 80


@dataclass(frozen=True, slots=True)
class _Kept:
    """A result that lies in the spool under `name`."""

    told: Told
    heard_at_ms: int
    name: str


class PushedEngine:
    """Implements `edge.ports.ContainerEngine`. `results` counts what is not told.

    `url` is where we listen, `peers` may push, `spool` is the file that a result lies in until it was told. It has to
    push something each `silence_s` seconds: a first push proves it, a pause that long is a loss. Errors are
    `engine_<code>` with the codes of `NEXT_STEPS`.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        peers: tuple[str, ...],
        spool: Path,
        clock: Clock,
        on_boxes: DeliverBoxes,
        silence_s: float = 6.0,
        most_per_s: int = MOST_PER_S,
        user: str | None = None,
        password_file: Path | None = None,
        auth: Auth = "auto",
    ) -> None:
        """Raises ValueError where a peer is no address."""
        self.name = name
        self.address = url.partition("?")[0]
        self.tap: Tap | None = None
        self.results = Results(clock, on_boxes, most_per_s)
        self._clock, self._spool_path, self._silence_s = clock, spool, silence_s
        self._boot = boot_id()
        self._user, self._password_file, self._auth = user, password_file, auth
        self._spool: Spool | None = None
        self._keeping = Keeping()
        self._came: asyncio.Queue[_Kept | DeviceError | None] = asyncio.Queue()
        self._refusals, self._garbled = Refusals(), 0
        parts = urlsplit(url)
        self._listener = PushListener(
            parts.hostname or "",
            parts.port or _DEFAULT_PORT,
            peers=peers,
            handle=self._take,
            now_ms=clock.now_ms,
            on_refused=self._refusals.note,
            bounds=Bounds(path=parts.path or "/", most_bytes=MOST_BYTES, push_s=5.0),
        )

    async def connect(self) -> None:
        """Open the spool, listen, and wait for a first push. Raises DeviceError."""
        await self.close()
        self._came = asyncio.Queue()
        self._refusals.begin_anew()
        self._garbled = 0
        try:
            waiting = await self._open_spool()
            await self._listen()
            first = await self._next()
        except BaseException:
            await self.close()
            raise
        for kept in (*waiting, first):
            self._came.put_nowait(kept)

    async def run(self) -> None:
        """Tell results until the engine is lost. Ends by DeviceError or cancellation."""
        while True:
            kept = await self._next()
            if kept is None:
                continue
            if self._clock.now_ms() - kept.heard_at_ms <= STALE_MS:
                self.results.take(kept.told, kept.heard_at_ms)
            assert self._spool is not None
            # A row that stays is stale where it is found again.
            with contextlib.suppress(SpoolError):
                await asyncio.to_thread(self._spool.taken, kept.name)

    async def close(self) -> None:
        """Close the port and the spool. Idempotent, never raises."""
        await self._listener.stop()
        await self._keeping.end()
        spool, self._spool = self._spool, None
        if spool is not None:
            await asyncio.to_thread(spool.close)
            self._came.put_nowait(self._error("closed", "an open port", "closed by the controller"))

    def hear_again(self, sent: bool, data: bytes, *, wanted: bool) -> None:  # noqa: ARG002 - it speaks unasked
        """Take a recorded body as it came once."""
        told = None if sent else decode_result(data)
        if told is not None and told.id:
            self.results.take(told, self._clock.now_ms())

    async def _open_spool(self) -> list[_Kept]:
        try:
            spool = self._spool = await asyncio.to_thread(Spool, self._spool_path)
            stale = await asyncio.to_thread(spool.keep, self._clock.now_ms() - STALE_MS, self._boot)
            waiting = await asyncio.to_thread(spool.waiting)
        except SpoolError as error:
            raise self._spool_failed(error) from error
        if stale or spool.damaged:
            logger().warning(
                "engine_results_stale",
                device=self.name,
                count=stale,
                damaged=spool.damaged,
                next_step="nothing: they are too old to tell who stands there now; the spool keeps them for a day",
            )
        found = [(decode_result(one.body), one) for one in waiting]
        return [_Kept(told, one.ended_at_ms, one.name) for told, one in found if told is not None]

    async def _listen(self) -> None:
        guard = await asyncio.to_thread(self._guard)
        try:
            await self._listener.start(guard)
        except OSError as error:
            raise self._error(
                "port_unavailable", "to listen there", f"{type(error).__name__}: {error}"[:200]
            ) from error

    def _guard(self) -> Guard | None:
        if self._user is None or self._password_file is None:
            return None
        try:
            password = Secret.read(self._password_file)
        except OSError as error:
            raise self._error(
                "password_unreadable", f"a password in {self._password_file}", type(error).__name__
            ) from error
        return Guard(
            self._user,
            password.reveal(),
            self._auth,
            new_nonce=lambda: secrets.token_hex(16),
            now_ms=self._clock.now_ms,
        )

    async def _next(self) -> _Kept | None:
        """The next result, None for a sign of life. Raises DeviceError."""
        try:
            async with asyncio.timeout(self._silence_s):
                found = await self._came.get()
        except TimeoutError as error:
            expected = f"a push each {self._silence_s:g} s"
            if (got := self._refusals.said) is not None:
                raise self._error("unproved" if self._refusals.unproved else "garbled", expected, got) from error
            raise self._error("silent", expected, "none") from error
        if isinstance(found, DeviceError):
            raise found
        return found

    async def _take(self, push: Push) -> None:
        """Keep one push before it is answered. Raises PushRefusedError."""
        told = decode_result(push.body)
        if self.tap is not None:
            self.tap.crossed(False, push.body)
            if self.tap.wants_words:
                self.tap.understood(False, "no result" if told is None else str(told))
        if told is None:
            self._garbled += 1
            if self._garbled >= MOST_GARBLED:
                got = f"{self._garbled} pushes in a row that are none"
                self._came.put_nowait(self._error("garbled", "results as the README has them", got))
            raise PushRefusedError(400, "no result of this form, nor a sign of life")
        self._refusals.begin_anew()
        self._garbled = 0
        if not told.id:
            self._came.put_nowait(None)
            return
        await self._keeping.keep(self._keep(push, told))

    async def _keep(self, push: Push, told: Told) -> None:
        """Keep a result, then tell it. Raises PushRefusedError."""
        # An engine that begins to count anew says something else under the same number.
        name = event_name("engine", told.id, repr(told.boxes), told.picture)
        spooled = Spooled(name, self._boot, push.begun_at_ms, push.ended_at_ms, push.media, push.body)
        spool = self._spool
        try:
            if spool is None:
                raise SpoolError("the spool is closed")
            fresh = await asyncio.to_thread(spool.put, spooled, int(self._clock.utc().timestamp()))
        except SpoolError as error:
            if not error.full:
                # Signs of life go on: without a word of it the lane would wait for codes that are all refused.
                self._came.put_nowait(self._spool_failed(error))
            raise PushRefusedError(507 if error.full else 503, f"it cannot be kept: {error}") from error
        if not fresh:
            self.results.repeated += 1
        self._came.put_nowait(_Kept(told, push.ended_at_ms, name) if fresh else None)

    def _spool_failed(self, error: SpoolError) -> DeviceError:
        return self._error("spool_failed", f"to keep results in {self._spool_path}", str(error))

    def _error(self, code: str, expected: str, got: str) -> DeviceError:
        return DeviceError(
            f"engine_{code}",
            device=self.name,
            address=self.address,
            expected=expected,
            got=got,
            next_step=NEXT_STEPS[code],
        )
