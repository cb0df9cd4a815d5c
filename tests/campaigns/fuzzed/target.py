"""One parser as it is fuzzed: what it is fed, and what it may do with it."""

import contextlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivers.kit.wire import StreamDecoder

Take = Callable[[bytes], object]
MOST_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Fed:
    """`take` gets the bytes and raises where the parser broke its contract; `seeds` are good bytes."""

    seeds: Sequence[bytes]
    take: Take


@dataclass(frozen=True, slots=True)
class Target:
    """A parser. `modules` are those that read what it is fed, `prepare` gets an empty folder of its own.

    `trials` is how many bent inputs the small test takes.
    """

    name: str
    modules: tuple[str, ...]
    prepare: Callable[[Path], Fed]
    most_bytes: int = MOST_BYTES
    trials: int = 300


def target(name: str, modules: str, seeds: Iterable[bytes], take: Take, most_bytes: int = MOST_BYTES) -> Target:
    """Return a target that needs no folder; `modules` are separated by spaces."""
    known = tuple(seeds)
    return Target(name, tuple(modules.split()), lambda _: Fed(known, take), most_bytes)


def refusing(parse: Take, *errors: type[Exception]) -> Take:
    """Return what lets pass the errors that the parser may raise."""

    def take(data: bytes) -> None:
        with contextlib.suppress(*errors):
            parse(data)

    return take


def of_file(name: str, parse: Callable[[Path], object], *errors: type[Exception]) -> Callable[[Path], Take]:
    """Return what writes the bytes to a file of this name and lets the parser read it."""

    def prepare(folder: Path) -> Take:
        path = folder / name

        def take(data: bytes) -> None:
            path.write_bytes(data)
            with contextlib.suppress(*errors):
                parse(path)

        return take

    return prepare


def pieces(data: bytes) -> Iterator[bytes]:
    """Cut the bytes into pieces of 1 to 64, drawn from the bytes themselves: the same bytes are cut the same way."""
    draw, at = zlib.crc32(data), 0
    while at < len(data):
        draw = (draw * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        size = 1 + (draw >> 16) % (1, 4, 64)[(draw >> 8) % 3]
        yield data[at : at + size]
        at += size


def streamed(new: Callable[[], StreamDecoder[Any]], most_pending: int, data: bytes) -> list[Any]:
    """Feed a decoder in pieces and at once: the same frames, never more held than may be, an end when it is silent."""
    whole, decoder = new(), new()
    frames: list[Any] = []
    for piece in pieces(data):
        frames += decoder.feed(piece)
        assert decoder.pending < most_pending, f"{decoder.pending} bytes held, fewer than {most_pending} allowed"
    assert frames == whole.feed(data), "other frames from other pieces"
    for _ in range(decoder.pending):
        if not decoder.pending:
            break
        frames += decoder.give_up()
    assert not decoder.pending, "bytes held behind the end"
    return frames
