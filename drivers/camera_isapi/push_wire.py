"""Pure: what a camera pushes for one event, put together from whatever form its firmware gives it (domain.md 6.3).

Mostly `multipart/form-data` with an alert (`anpr.xml`, or JSON) and pictures (`detectionPicture.jpg`,
`licensePlatePicture.jpg`), in any order and under any names; a heartbeat, or an event without pictures, is often the
alert alone. What a part is, its bytes say rather than its head.
"""

from collections.abc import Callable
from dataclasses import dataclass

from drivers.kit.camera.events import Notice, is_words
from drivers.kit.camera.multipart import MultipartParser, Part, boundary_of

# An alert and four pictures are the most that a camera is known to send of one event.
MOST_PARTS = 64
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Pushed:
    """One push: what its alert says, and its parts, the alert first."""

    notice: Notice
    parts: tuple[Part, ...]


def read_push(media: str, body: bytes, parse: Callable[[bytes], Notice | str], most_bytes: int) -> Pushed | str:
    """Return what a body of this content type holds, or in words what is wrong with it. Never raises.

    Of several alerts the one of a plate counts; each part has at most `most_bytes`.
    """
    parts = parts_of(media, body, most_bytes)
    if isinstance(parts, str):
        return parts
    wrong = "no alert among its parts"
    found: Pushed | None = None
    pictures = [one for one in parts if not is_words(one)]
    for part in parts:
        if not is_words(part):
            continue
        notice = "too large" if part.oversized else parse(part.data)
        if isinstance(notice, str):
            wrong = notice
        elif found is None or (notice.kind == "plate" and found.notice.kind != "plate"):
            found = Pushed(notice, (part, *pictures))
    return wrong if found is None else found


def parts_of(media: str, body: bytes, most_bytes: int) -> list[Part] | str:
    """Take a body apart; one that is not multipart is its only part."""
    if not media.strip().lower().startswith("multipart/"):
        return [Part(body, media=media.partition(";")[0].strip().lower())] if body else "an empty body"
    boundary = boundary_of(media)
    if boundary is None:
        return "a multipart body without a boundary"
    parser = MultipartParser(boundary, most_bytes)
    # The last part ends with the body, also where no delimiter follows it.
    ending = b"\r\n--" + boundary.lstrip("-").encode("latin-1", "replace") + b"--\r\n"
    parts: list[Part] = []
    whole = memoryview(body + ending)
    for at in range(0, len(whole), _PIECE_BYTES):
        parts += parser.feed(bytes(whole[at : at + _PIECE_BYTES]))
        if len(parts) > MOST_PARTS:
            return f"more than {MOST_PARTS} parts"
    return parts or "no part between its boundaries"
