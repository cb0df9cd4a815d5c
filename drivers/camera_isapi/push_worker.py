"""The capture process of a camera that pushes: `python -m drivers.camera_isapi.push_worker`.

A push is read whole and judged, lies in the spool, is answered, and is handed on; its row goes once the driver has it.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from drivers.camera_isapi.push_wire import Pushed, read_push
from drivers.camera_isapi.wire import parse_alert
from drivers.kit.camera.address import parse_url
from drivers.kit.camera.asking import monotonic_ms, system_utc_ms
from drivers.kit.camera.dial import SourceError, say
from drivers.kit.camera.events import MOST_GARBLED, Assembler, LaggingError, Pace
from drivers.kit.camera.given import Arrival, Picture
from drivers.kit.camera.pipe import AliveMessage
from drivers.kit.camera.worker import Who, Wishes, WorkerSettings, main
from drivers.kit.push.guard import Guard
from drivers.kit.push.head import PushRefusedError
from drivers.kit.push.keeping import Keeping
from drivers.kit.push.listener import Bounds, Push, PushListener
from drivers.kit.push.refusals import Refusals
from drivers.kit.push.spool import Spool, Spooled, SpoolError, boot_id
from edge.portable.loop import SelectorLoop

# How much longer than it can be of use a push may wait to be taken: frames are judged one after the other.
_PATIENCE_MS = 10_000
_LOOKED_EVERY_S = 1.0
# How fast heartbeats come is kept so often, and where one is so much faster: each commit is a write to the disk.
_PACE_KEPT_EVERY_MS = 60_000
_PACE_CHANGED_MS = 100
# Said of pushes that came and were of no use when they could be handed on, with their number.
STALE = "stale"
_AT_THE_CAMERA = "set at the camera its HTTP listening server to this address, with heartbeats"
_PROVE = "give the camera, beside the address of its HTTP listening server, user and password of the configuration"


class Reception:
    """Takes pushes of one camera in; `given` waits for what they give. Everything raises SourceError."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._assembler = Assembler(parse_alert, settings.late_ms, utc_ms=system_utc_ms)
        self._out: asyncio.Queue[Picture | AliveMessage | SourceError] = asyncio.Queue()
        self._boot = boot_id()
        self._refusals, self._garbled = Refusals(), 0
        self._spool: Spool | None = None
        self._keeping = Keeping()
        self._kept_pace: Pace | None = None
        self._looking: asyncio.Task[None] | None = None
        address = parse_url(settings.url)
        self._address = f"{address.host}:{address.port}"
        self._listener = PushListener(
            address.host,
            address.port,
            peers=settings.peers,
            handle=self._take,
            now_ms=monotonic_ms,
            on_refused=self._refusals.note,
            bounds=Bounds(path=address.target.partition("?")[0], head_s=settings.wait_s),
        )

    async def start(self, wishes: Wishes) -> None:
        """Open the spool, hand on what waits there and is still of use, then listen."""
        loop = asyncio.get_running_loop()
        try:
            spool = self._spool = await asyncio.to_thread(Spool, Path(self._settings.spool))
            stale = await asyncio.to_thread(spool.keep, monotonic_ms() - self._settings.late_ms, self._boot)
            waiting = await asyncio.to_thread(spool.waiting)
            pace = await asyncio.to_thread(spool.pace, self._boot)
        except SpoolError as error:
            raise _spool_failed(self._settings.spool, error) from error
        if pace is not None:
            self._kept_pace = Pace(*pace)
            self._assembler = Assembler(parse_alert, self._settings.late_ms, pace=self._kept_pace)
        wishes.on_taken = lambda name: loop.call_soon_threadsafe(self._taken, name)
        self._give([AliveMessage("spool_damaged")] if spool.damaged else [])
        self._give([AliveMessage(f"{STALE} {stale}")] if stale else [])
        for one in waiting:
            self._give(self._again(one))
        try:
            await self._listener.start(_guard(self._settings))
        except OSError as error:
            next_step = "write into url an address of this machine, and a port that nobody else has"
            raise SourceError(
                "camera_port_unavailable", f"to listen at {self._address}", say(error), next_step
            ) from error
        self._looking = asyncio.create_task(self._look())

    async def given(self) -> Picture | AliveMessage:
        """Return what comes next. Raises SourceError where the camera says nothing for too long, or nonsense."""
        silence_s = self._settings.silence_s
        try:
            async with asyncio.timeout(silence_s):
                found = await self._out.get()
        except TimeoutError as error:
            expected = f"a push each {silence_s:g} s at {self._address}"
            if (refused := self._refusals.said) is not None:
                next_step = _PROVE if self._refusals.unproved else _AT_THE_CAMERA
                raise SourceError("camera_stalled", expected, refused, next_step) from error
            got = f"none of {', '.join(self._settings.peers)}"
            if self._listener.strangers:
                got += f", {self._listener.strangers} connections of others"
            raise SourceError("camera_unreachable", expected, got, _AT_THE_CAMERA) from error
        if isinstance(found, SourceError):
            raise found
        return found

    async def stop(self) -> None:
        """Close the port and the spool."""
        if self._looking is not None:
            self._looking.cancel()
        await self._listener.stop()
        await self._keeping.end()
        if self._spool is not None:
            await asyncio.to_thread(self._spool.close)

    async def _take(self, push: Push) -> None:
        """Keep one push before it is answered. Raises PushRefusedError."""
        pushed = await asyncio.to_thread(read_push, push.media, push.body, parse_alert, self._settings.max_bytes)
        if isinstance(pushed, str):
            self._garbled += 1
            if self._garbled >= MOST_GARBLED:
                next_step = "check that the camera speaks this protocol, and its firmware"
                self._out.put_nowait(SourceError("camera_garbled", "alerts in XML or JSON", pushed, next_step))
            raise PushRefusedError(400, pushed)
        self._refusals.begin_anew()
        self._garbled = 0
        try:
            given = self._judged(pushed, push.begun_at_ms, push.ended_at_ms)
        except LaggingError as lagging:
            await self._lags(lagging)
            raise PushRefusedError(503, "heartbeats are late") from lagging
        await self._keeping.keep(self._keep(push, given))

    async def _keep(self, push: Push, given: list[Picture | AliveMessage]) -> None:
        """Keep it, then hand it on. Raises PushRefusedError."""
        await self._remember_pace()
        picture = next((one for one in given if isinstance(one, Picture)), None)
        if picture is not None and not await self._kept(push, picture):
            given = [AliveMessage("repeated")]
        self._give(given)

    def _judged(self, pushed: Pushed, begun_at_ms: int, ended_at_ms: int) -> list[Picture | AliveMessage]:
        given = [one for part in pushed.parts for one in self._assembler.take(Arrival(part, begun_at_ms, ended_at_ms))]
        return [*given, *self._assembler.end()]

    async def _lags(self, lagging: LaggingError) -> None:
        """End the connection. The next one takes the camera's clock as it is then."""
        assert self._spool is not None
        with contextlib.suppress(SpoolError):
            await asyncio.to_thread(self._spool.forget_pace)
        got = f"several in a row {lagging.args[0] / 1000:.0f} s later than those before"
        next_step = "let the camera take its time from NTP; where its clock was not set, find what delays it"
        self._out.put_nowait(SourceError("camera_lagging", "events as they happen", got, next_step))

    async def _remember_pace(self) -> None:
        """So that a heartbeat that was held up while nobody listened vouches for no event of then."""
        pace, kept = self._assembler.pace, self._kept_pace
        if pace is None or (
            kept is not None
            and pace.beat_at_ms < kept.beat_at_ms + _PACE_KEPT_EVERY_MS
            and pace.ahead_ms > kept.ahead_ms - _PACE_CHANGED_MS
        ):
            return
        assert self._spool is not None
        try:
            await asyncio.to_thread(self._spool.remember_pace, self._boot, pace.ahead_ms, pace.beat_at_ms)
        except SpoolError as error:
            self._out.put_nowait(_spool_failed(self._settings.spool, error))
            raise PushRefusedError(503, f"nothing can be kept: {error}") from error
        self._kept_pace = pace

    async def _kept(self, push: Push, picture: Picture) -> bool:
        spooled = Spooled(
            picture.event,
            self._boot,
            push.begun_at_ms,
            push.ended_at_ms,
            push.media,
            push.body,
            picture.fault == "late",
        )
        assert self._spool is not None
        try:
            return await asyncio.to_thread(self._spool.put, spooled, int(time.time()))
        except SpoolError as error:
            raise PushRefusedError(507 if error.full else 503, f"it cannot be kept: {error}") from error

    def _again(self, one: Spooled) -> list[Picture | AliveMessage]:
        """What a push gives that an earlier process had kept: as it judged it, heartbeats of then are not known now."""
        pushed = read_push(one.media, one.body, parse_alert, self._settings.max_bytes)
        if isinstance(pushed, str):
            return []
        assembler = Assembler(parse_alert, self._settings.late_ms, heartbeats_tell_time=False)
        given = [
            found for part in pushed.parts for found in assembler.take(Arrival(part, one.begun_at_ms, one.ended_at_ms))
        ]
        given += assembler.end()
        late = "late" if one.late else None
        return [
            Picture(it.data, it.begun_at_ms, it.captured_at_ms, it.fault or late, it.event, it.claim)
            for it in given
            if isinstance(it, Picture)
        ]

    def _give(self, given: list[Picture | AliveMessage]) -> None:
        for one in given:
            self._out.put_nowait(one)

    def _taken(self, name: str) -> None:
        spool = self._spool
        assert spool is not None
        asyncio.get_running_loop().run_in_executor(None, _let_go, spool, name)

    async def _look(self) -> None:
        """What nobody took in time is kept for people alone, so that it can never be handed on, nor take up room."""
        while True:
            await asyncio.sleep(_LOOKED_EVERY_S)
            before_ms = monotonic_ms() - self._settings.late_ms - _PATIENCE_MS
            assert self._spool is not None
            try:
                stale = await asyncio.to_thread(self._spool.keep, before_ms, self._boot)
            except SpoolError as error:
                self._out.put_nowait(_spool_failed(self._settings.spool, error))
                return
            self._give([AliveMessage(f"{STALE} {stale}")] if stale else [])


def _guard(settings: WorkerSettings) -> Guard | None:
    if settings.user is None:
        return None
    return Guard(
        settings.user,
        settings.password,
        settings.auth,
        new_nonce=lambda: secrets.token_hex(16),
        now_ms=monotonic_ms,
    )


def _let_go(spool: Spool, name: str) -> None:
    # A row that stays is kept once its time is over.
    with contextlib.suppress(SpoolError):
        spool.taken(name)


def _spool_failed(path: str, error: SpoolError) -> SourceError:
    next_step = "check the disk, and that the controller may write into the folder of spool"
    return SourceError("camera_spool_failed", f"to keep pushes in {path}", str(error), next_step)


def received(settings: WorkerSettings, _: Who, wishes: Wishes) -> Iterator[Picture | AliveMessage]:
    """Give what one camera pushes, until it fails."""
    # The loop stands still while what it gave is handed on, which takes no time.
    with asyncio.Runner(loop_factory=SelectorLoop) as runner:
        reception = Reception(settings)
        try:
            runner.run(reception.start(wishes))
            while True:
                yield runner.run(reception.given())
        finally:
            runner.run(reception.stop())


if __name__ == "__main__":
    main(received)
