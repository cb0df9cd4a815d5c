"""`kakou identify FILE...`: what recognition sees in pictures, one line each."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edge.core.readings import Box, Corners, PictureReading
from edge.text import say
from edge.text.arguments import Parser
from models.picture import MAX_BYTES
from models.pipeline import LOOK_FOR_ALL
from models.recogniser import WorkerRecogniser, unread

DEADLINE_S = 20.0


def identified(image: str, reading: PictureReading) -> dict[str, Any]:
    """Return the published object for one picture; `ms` is the worker's own time.

    `characters`, `corners` and `layout` are those of `edge.core.readings`; what is not told is empty or null.
    """
    return {
        "image": image,
        "plates": [
            {
                "text": s.plate.text,
                "colour": s.plate.colour,
                "kind": s.plate.kind,
                "rows": s.plate.rows,
                "confidence": s.confidence,
                "characters": list(s.characters),
                "box": list(s.box),
                "corners": _corners(s.corners),
            }
            for s in reading.plates
        ],
        "containers": [
            {
                "code": s.container.code,
                "size_type": s.container.size_type,
                "check": s.container.check,
                "repaired": s.container.repaired,
                "confidence": s.confidence,
                "characters": list(s.characters),
                "box": list(s.box),
                "corners": _corners(s.corners),
                "layout": s.layout,
            }
            for s in reading.containers
        ],
        "vehicles": [
            {"class": s.vehicle_class, "confidence": s.confidence, "box": list(s.box)} for s in reading.vehicles
        ],
        "unread": [{"what": u.what, "reason": u.reason, "box": _box(u.box)} for u in reading.unread],
        "ms": reading.elapsed_ms,
    }


def _box(box: Box | None) -> list[int] | None:
    return None if box is None else list(box)


def _corners(corners: Corners | None) -> list[list[int]] | None:
    return None if corners is None else [list(one) for one in corners]


def file_bytes(path: Path) -> tuple[bytes, str | None]:
    """Return the content of `path`, or the reason why there is none: `missing`, `not_a_file`, `too_large`..."""
    try:
        if not path.exists():
            return b"", "missing"
        if not path.is_file():
            return b"", "not_a_file"
        if path.stat().st_size > MAX_BYTES:
            return b"", "too_large"
        return path.read_bytes(), None
    except OSError:
        return b"", "unreadable"


async def identify_each(
    paths: Iterable[str | Path],
    recogniser: WorkerRecogniser,
    deadline_s: float = DEADLINE_S,
    look_for: frozenset[str] = LOOK_FOR_ALL,
) -> AsyncIterator[dict[str, Any]]:
    """Yield one object a path, in order. A file that cannot be read is `unread`; nothing is raised for it."""
    for path in paths:
        content, reason = file_bytes(Path(path))
        if reason is not None:
            yield identified(str(path), unread(reason))
        else:
            yield identified(str(path), await recogniser.read(content, look_for, deadline_s))


def identify(paths: Sequence[str | Path], deadline_s: float = DEADLINE_S) -> Iterator[dict[str, Any]]:
    """Yield one object a path, in order, from a worker of its own. For callers without an event loop."""
    with asyncio.Runner() as runner:
        recogniser = WorkerRecogniser(workers=1)
        try:
            for path in paths:
                yield runner.run(_first(path, recogniser, deadline_s))
        finally:
            runner.run(recogniser.close())


async def _first(path: str | Path, recogniser: WorkerRecogniser, deadline_s: float) -> dict[str, Any]:
    return await anext(identify_each([path], recogniser, deadline_s))


def described(found: dict[str, Any]) -> str:
    """Return one object as a line for people."""
    parts = [f"{p['text']} ({p['colour'] or '-'}, {p['kind']}, {p['confidence']:.2f})" for p in found["plates"]]
    parts += [f"{c['code']} {c['size_type'] or ''} ({c['check']}, {c['confidence']:.2f})" for c in found["containers"]]
    parts += [f"unread {u['what']}: {u['reason']} ({say('unread_' + u['reason'])})" for u in found["unread"]]
    return f"{found['image']}: {'; '.join(parts)} [{found['ms']:.0f} ms]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, also where pictures could not be read (that is a result)."""
    parser = Parser("kakou identify", say("verb_identify"))
    parser.add_argument("files", nargs="+", metavar="FILE", help=say("identify_files"))
    parser.add_argument("--json", action="store_true", help=say("option_json_lines"))
    arguments = parser.parse_intermixed_args(argv)
    for found in identify(arguments.files):
        line = json.dumps(found, ensure_ascii=False) if arguments.json else described(found)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
