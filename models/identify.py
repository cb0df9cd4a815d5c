"""`kakou identify FILE...`: what recognition sees in pictures, one line each."""

import asyncio
import errno
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edge.core.masks import MOST_MASKS, Mask, mask_of
from edge.core.readings import Box, Corners, PictureReading
from edge.regular_file import FileRefusedError, read_regular
from edge.text import escaped, say
from edge.text.arguments import Parser
from models.picture import MAX_BYTES
from models.pipeline import LOOK_FOR_ALL
from models.recogniser import WorkerRecogniser, unread
from models.registry import ModelError

DEADLINE_S = 20.0
EXIT_UNAVAILABLE = 69  # EX_UNAVAILABLE of sysexits.h
# Why the system gives no content of a file that is there.
_REASONS = {errno.EACCES: "no_permission", errno.EPERM: "no_permission", errno.ELOOP: "link_loop"}


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
    """Return the content of `path`, or the reason why there is none, without waiting for anybody.

    Reasons: `missing`, `not_a_file`, `too_large`, `no_permission`, `link_loop`, `unreadable`.
    """
    try:
        return read_regular(path, MAX_BYTES), None
    except FileRefusedError as error:
        return b"", error.kind if error.kind != "unreadable" else _why_unreadable(error.__cause__)


def _why_unreadable(cause: BaseException | None) -> str:
    if isinstance(cause, ValueError):
        # A name that holds a zero byte: no file has it.
        return "missing"
    return _REASONS.get(cause.errno or 0, "unreadable") if isinstance(cause, OSError) else "unreadable"


async def identify_each(
    paths: Iterable[str | Path],
    recogniser: WorkerRecogniser,
    deadline_s: float = DEADLINE_S,
    look_for: frozenset[str] = LOOK_FOR_ALL,
    masks: tuple[Mask, ...] = (),
) -> AsyncIterator[dict[str, Any]]:
    """Yield one object a path, in order. A file that cannot be read is `unread`; nothing is raised for it."""
    for path in paths:
        content, reason = file_bytes(Path(path))
        if reason is not None:
            yield identified(str(path), unread(reason))
        else:
            yield identified(str(path), await recogniser.read(content, look_for, deadline_s, masks))


def identify(
    paths: Sequence[str | Path],
    deadline_s: float = DEADLINE_S,
    told: Callable[[ModelError], None] | None = None,
    masks: tuple[Mask, ...] = (),
) -> Iterator[dict[str, Any]]:
    """Yield one object a path, in order, from a worker of its own. For callers without an event loop.

    What `masks` hide is not seen.
    `told` hears of a model that cannot be used: then nothing is read (`model_unavailable`).
    """
    with asyncio.Runner() as runner:
        recogniser = WorkerRecogniser(workers=1, told=told)
        try:
            for path in paths:
                yield runner.run(_first(path, recogniser, deadline_s, masks))
        finally:
            runner.run(recogniser.close())


async def _first(
    path: str | Path, recogniser: WorkerRecogniser, deadline_s: float, masks: tuple[Mask, ...]
) -> dict[str, Any]:
    return await anext(identify_each([path], recogniser, deadline_s, masks=masks))


def mask_from(text: str) -> Mask:
    """Return the area that `--mask` names. Raises ValueError."""
    left, top, right, bottom = (float(side) for side in text.split(","))
    return mask_of(left, top, right, bottom)


def _masks(given: Sequence[str], parser: Parser) -> tuple[Mask, ...]:
    """Return the areas that were given; ends the program where one is none."""
    masks = []
    for text in given:
        try:
            masks.append(mask_from(text))
        except ValueError:
            parser.error(say("identify_bad_mask", value=text))
    if len(masks) > MOST_MASKS:
        parser.error(say("identify_many_masks", most=MOST_MASKS))
    return tuple(masks)


def described(found: dict[str, Any]) -> str:
    """Return one object as a line for people."""
    parts = [f"{p['text']} ({p['colour'] or '-'}, {p['kind']}, {p['confidence']:.2f})" for p in found["plates"]]
    parts += [f"{c['code']} {c['size_type'] or ''} ({c['check']}, {c['confidence']:.2f})" for c in found["containers"]]
    parts += [f"unread {u['what']}: {u['reason']} ({say('unread_' + u['reason'])})" for u in found["unread"]]
    return f"{escaped(found['image'])}: {'; '.join(parts)} [{found['ms']:.0f} ms]"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns 0, also where pictures could not be read (that is a result), 69 without its models."""
    parser = Parser("kakou identify", say("verb_identify"))
    parser.add_argument("files", nargs="*", metavar="FILE", help=say("identify_files"))
    parser.add_argument(
        "--mask", action="append", default=[], metavar="LEFT,TOP,RIGHT,BOTTOM", help=say("identify_mask")
    )
    parser.add_argument("--json", action="store_true", help=say("option_json_lines"))
    given = list(sys.argv[1:] if argv is None else argv)
    # What stands behind is a file whatever it is called; argparse knows no `--` among options and files in any order.
    options = given[: given.index("--")] if "--" in given else given
    arguments = parser.parse_intermixed_args(options)
    files = [*arguments.files, *given[len(options) + 1 :]]
    if not files:
        parser.error(say("identify_no_file"))
    masks = _masks(arguments.mask, parser)
    refused: list[ModelError] = []
    for found in identify(files, told=refused.append, masks=masks):
        line = json.dumps(found, ensure_ascii=False) if arguments.json else described(found)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    for error in refused:
        sys.stderr.write(f"{escaped(str(error))}\n")
    return EXIT_UNAVAILABLE if refused else 0


if __name__ == "__main__":
    sys.exit(main())
