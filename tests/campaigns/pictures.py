"""Spoilt pictures through the real processes: the worker that reads them, and the one that fetches a camera's stream.

    python -m tests.campaigns.pictures --mutations 10000 --seed 1 --json

Five hundred mutations a run, of a JPEG, of a PNG, or of the parts of an MJPEG stream. Each picture has to end in a
reading or a reason within its deadline, by the same process, whose memory does not grow; after each spoilt part of a
stream the next good picture has to come. Exit status: 0 all done and held, 1 something was violated, 75 runs left.
"""

import asyncio
import hashlib
import random
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers.camera_http.driver import HttpCamera, HttpCameraSettings
from edge.core.readings import PictureReading
from edge.ports import DeviceError
from models.recogniser import WorkerRecogniser
from tests.campaigns.ledger import Ledger, arguments, tell
from tests.campaigns.picture_mutations import MUTATIONS, OF_BYTES
from tests.support.camera_http import MonotonicClock, serving
from tests.support.drawn import BLUE, door, ground, jpeg, plate, png, text

MUTATIONS_A_RUN = 500
KINDS = ("jpeg", "png", "mjpeg")
# What never ends is found; what only waits for a core that others have is not.
DEADLINE_S = 300.0
# The second half of a run is the first once more: what a process needs for those pictures it holds by then, and much
# more is a leak. A few pictures say nothing about memory.
MAY_GROW_KIB = 64 * 1024
PLATE, CODE = "粤B6R678", "CSQU3054383"
_ENDED = frozenset({"worker_died", "deadline", "model_unavailable"})
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"


def _pictures() -> list[tuple[Any, frozenset[str]]]:
    """The crop of a plate, and a small door: what takes all ways through recognition, most of them the short one."""
    crop = ground(188, 60)
    plate(crop, PLATE, (0, 0), 60, BLUE)
    small = door([])[:240, :320].copy()
    text(small, CODE, (40, 120), 20, (245, 245, 245))
    return [(crop, frozenset({"plate"}))] * 9 + [(small, frozenset({"container"}))]


@dataclass(slots=True)
class _Run:
    """What one run found; a process is judged by its id and its memory."""

    violations: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"mutations": 0, "read": 0, "unread": 0, "otherwise": 0})
    grown_kib: int = 0

    def judge(self, name: str, reading: PictureReading) -> None:
        """Count one reading. Every picture is answered, or unread for a reason of its own."""
        said = {s.plate.text for s in reading.plates} | {
            s.container.code for s in reading.containers if s.container.check == "verified"
        }
        reasons = {one.reason for one in reading.unread}
        if reasons & _ENDED:
            self.violations.append(f"{name}: {sorted(reasons)}")
        if not said and not reasons:
            self.violations.append(f"{name}: neither read nor unread")
        # Bytes that were bent may show other characters: no violation, counted.
        self.counts["otherwise"] += bool(said - {PLATE, CODE})
        self.counts["read" if said else "unread"] += 1


def resident_kib(pid: int) -> int:
    """What a process holds in memory; nothing once it is gone."""
    try:
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except FileNotFoundError:
        return 0
    return int(found[1]) if found else 0


@asynccontextmanager
async def _reading() -> AsyncIterator[WorkerRecogniser]:
    recogniser = WorkerRecogniser(workers=1)
    try:
        await recogniser.start()
        await recogniser.ready()
        yield recogniser
    finally:
        await recogniser.close()


async def _spoil(kind: str, draw: random.Random, count: int, run: _Run) -> None:
    """Give spoilt pictures straight to the worker that reads."""
    encode, other = (png, jpeg) if kind == "png" else (jpeg, png)
    originals = [(encode(image), other(image), wanted) for image, wanted in _pictures()]
    async with _reading() as recogniser:
        (pid,), warm_kib = recogniser.worker_pids, 0
        again = draw.getstate()
        for number in range(count):
            if number == count // 2:
                draw.setstate(again)
                warm_kib = resident_kib(pid)
            whole, alien, wanted = draw.choice(originals)
            mutation = draw.choice(MUTATIONS)
            spoilt = mutation(draw, whole, alien)
            run.counts["mutations"] += 1
            reading = await recogniser.read(spoilt, wanted, DEADLINE_S)
            run.judge(f"{kind} {mutation.__name__} {number}", reading)
            if recogniser.worker_pids != (pid,):
                run.violations.append(f"{kind} {mutation.__name__} {number}: another process")
                return
        run.grown_kib = resident_kib(pid) - warm_kib


def _part(picture: bytes, length: int | None = None) -> bytes:
    size = len(picture) if length is None else length
    return b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (size, picture)


def _numbered(picture: bytes, number: int) -> bytes:
    """The same picture with a comment of its own, so that no two are one (ITU-T T.81, B.2.4.5)."""
    return picture[:2] + b"\xff\xfe\x00\x06%04d" % number + picture[2:]


async def _stream(draw: random.Random, count: int, run: _Run) -> None:
    """Let a camera spoil its stream; the next good picture has to come, and what did come is read."""
    crop, wanted = _pictures()[0]
    good, alien = jpeg(crop), png(crop)
    parts: asyncio.Queue[bytes] = asyncio.Queue()

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(_HEAD + _part(_numbered(good, 9999)))
        while True:
            writer.write(await parts.get())
            await writer.drain()

    async with _reading() as recogniser, serving(answer) as (url, _):
        camera = HttpCamera(HttpCameraSettings("spoilt", url, "mjpeg", frame_stale_s=DEADLINE_S), MonotonicClock())
        try:
            await camera.connect()
            pid, warm_kib, again = camera.worker_pid, 0, draw.getstate()
            assert pid is not None
            for number in range(count):
                if number == count // 2:
                    draw.setstate(again)
                    warm_kib = resident_kib(pid)
                mutation, spoilt = _spoilt_part(draw, good, alien)
                run.counts["mutations"] += 1
                name = f"mjpeg {mutation} {number}"
                parts.put_nowait(spoilt)
                for picture in await _until_good(camera, parts, _numbered(good, number), name, run):
                    run.judge(name, await recogniser.read(picture, wanted, DEADLINE_S))
            run.grown_kib = resident_kib(pid) - warm_kib
        except DeviceError as error:
            run.violations.append(f"mjpeg: {error.code}")
        finally:
            await camera.close()


def _spoilt_part(draw: random.Random, good: bytes, alien: bytes) -> tuple[str, bytes]:
    """A spoilt picture in a good part, a good one in a part of a wrong length, or a part spoilt as a whole."""
    mutation = draw.choice(MUTATIONS)
    way = draw.randrange(3)
    if way == 0 and mutation in OF_BYTES:
        whole = _part(good)
        return mutation.__name__, mutation(draw, whole, whole)
    if way == 1:
        return "wrong_length", _part(good, draw.choice((0, 1, len(good) - 1, len(good) + 1, 1 << 30)))
    return mutation.__name__, _part(mutation(draw, good, alien))


async def _until_good(
    camera: HttpCamera, parts: asyncio.Queue[bytes], good: bytes, name: str, run: _Run
) -> list[bytes]:
    """Wait a moment for what was spoilt, then send `good` until it is seen.

    Returns what else came that the camera's process found no fault with.
    """
    digest, seen = hashlib.sha256(good).hexdigest(), []
    end_s, after_ms = time.monotonic() + DEADLINE_S, time.monotonic_ns() // 1_000_000
    while time.monotonic() < end_s:
        try:
            frame = await camera.capture(after_ms, 0.2)
        except DeviceError as error:
            if error.code != "camera_no_frame":
                raise
        else:
            after_ms = frame.captured_at_ms + 1
            if frame.sha256 == digest:
                return seen
            run.counts["unread"] += frame.defect is not None
            seen += [frame.jpeg] if frame.defect is None else []
        parts.put_nowait(_part(good))
    run.violations.append(f"{name}: no good picture after it")
    return []


async def one_run(run: str, seed: int, count: int = MUTATIONS_A_RUN) -> dict[str, Any]:
    """Spoil so many pictures of one kind, and say what became of them."""
    kind, _ = run.split("/")
    found, draw, began = _Run(), random.Random(f"{seed}/{run}"), time.monotonic()
    await (_stream(draw, count, found) if kind == "mjpeg" else _spoil(kind, draw, count, found))
    if count >= MUTATIONS_A_RUN and found.grown_kib > MAY_GROW_KIB:
        found.violations.append(f"{kind}: memory grew by {found.grown_kib} KiB")
    return {
        "run": run, "violations": found.violations, **found.counts, "grown_kib": found.grown_kib,
        "wall_s": round(time.monotonic() - began, 3),
    }  # fmt: skip


def main(given: Sequence[str] | None = None) -> int:
    """Run what is left of the campaign and print its figures."""
    parser = arguments("pictures", str(__doc__))
    parser.add_argument("--mutations", type=int, default=10_000, help="how many pictures are spoilt, in five hundreds")
    options = parser.parse_args(given)
    plan = [f"{KINDS[n % len(KINDS)]}/{n}" for n in range(-(-options.mutations // MUTATIONS_A_RUN))]
    ledger = Ledger(options.ledger, options.seed)
    for run in ledger.left(plan)[: options.limit]:
        ledger.add(asyncio.run(one_run(run, options.seed)))
    figures = {
        **{name: ledger.sum(name) for name in ("mutations", "read", "unread", "otherwise")},
        "grown_kib_p99": ledger.p99("grown_kib"), "left": len(ledger.left(plan)), "seed": options.seed,
        "violations": {name: run["violations"] for name, run in ledger.runs.items() if run["violations"]},
        "machine_minutes": round(ledger.sum("wall_s") / 60, 1),
    }  # fmt: skip
    return tell(figures, as_json=options.json)


if __name__ == "__main__":
    raise SystemExit(main())
