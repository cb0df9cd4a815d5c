"""The process in which one parser is fuzzed: `python -m tests.campaigns.fuzzed.child NAME CPU_S SEED CORPUS SCRATCH`.

It ends when its processor time is over or something was found, and leaves `result.json` in SCRATCH.
"""

import importlib
import inspect
import json
import math
import mmap
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NoReturn

from tests.campaigns.fuzzed.mutation import HOSTILE, WORDS

# The processor time that a few kilobytes may take; the longest of ours take some milliseconds.
SLOW_S = 3.0
# What never comes back is ended by the system after so much more; a clock on the wall would blame other work.
HUNG_S = 60
_NEVER_S = 1_000_000
_LENGTH_BYTES = 4
MAY_GROW_KIB = 256 * 1024
RSS_LIMIT_MIB = 1_536


@dataclass(frozen=True, slots=True)
class Found:
    """What one run came to; `what` is empty where nothing was violated, `given` the bytes that did it."""

    cpu_s: float = 0.0
    executions: int = 0
    grown_kib: int = 0
    what: str = ""
    given: bytes = b""


class Desk:
    """Where the input lies that is being taken: the parent finds it there if this process is ended in the middle."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        path.write_bytes(bytes(_LENGTH_BYTES + most_bytes))
        with path.open("r+b") as file:
            self._held = mmap.mmap(file.fileno(), 0)

    def lay(self, data: bytes) -> None:
        """Put it there."""
        self._held[: _LENGTH_BYTES + len(data)] = len(data).to_bytes(_LENGTH_BYTES) + data

    @staticmethod
    def left(path: Path) -> bytes:
        """Return what lies there; nothing where nothing was begun."""
        raw = path.read_bytes() if path.exists() else bytes(_LENGTH_BYTES)
        return raw[_LENGTH_BYTES : _LENGTH_BYTES + int.from_bytes(raw[:_LENGTH_BYTES])]


class Watch:
    """Feeds a parser and looks on; ends the process by itself, since libFuzzer never comes back."""

    def __init__(self, take: Callable[[bytes], object], cpu_s: float, end: Callable[[Found], object]) -> None:
        self._take, self._cpu_s, self._end = take, cpu_s, end
        self._began_s = time.process_time()
        self._executions = 0
        self._warm_kib: int | None = None

    def feed(self, data: bytes) -> None:
        """Take one input."""
        before_s = time.process_time()
        self._executions += 1
        try:
            self._take(data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what was looked for
            self._over(_told(error), data)
            return
        now_s = time.process_time()
        if now_s - before_s > SLOW_S:
            self._over(f"slow: {now_s - before_s:.1f} s", data)
            return
        if self._warm_kib is None and now_s - self._began_s > self._cpu_s / 3:
            self._warm_kib = _peak_kib()
        if now_s - self._began_s >= self._cpu_s:
            grown_kib = self._grown_kib()
            self._over(f"memory grew by {grown_kib} KiB" if grown_kib > MAY_GROW_KIB else "", b"")

    def _grown_kib(self) -> int:
        return 0 if self._warm_kib is None else _peak_kib() - self._warm_kib

    def _over(self, what: str, data: bytes) -> None:
        self._end(Found(time.process_time() - self._began_s, self._executions, self._grown_kib(), what, data))


def _told(error: Exception) -> str:
    """The error and the last places in the product: two inputs of one fault say the same."""
    places = [one for one in traceback.extract_tb(error.__traceback__) if "/site-packages/" not in one.filename][-3:]
    where = " < ".join(f"{Path(one.filename).name}:{one.lineno} {one.name}" for one in reversed(places))
    return f"{type(error).__name__}: {str(error)[:200]} ({where})"


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def functions(module: ModuleType) -> Iterator[FunctionType]:
    """Yield the functions of a module and of its classes, those alone that it defines itself."""
    for held in vars(module).values():
        members = vars(held).values() if inspect.isclass(held) and held.__module__ == module.__name__ else (held,)
        for one in members:
            plain = getattr(one, "__func__", getattr(one, "fget", None) or one)
            if isinstance(plain, FunctionType) and plain.__module__ == module.__name__:
                yield plain


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def main(name: str, cpu_s: float, seed: int, corpus: Path, scratch: Path) -> NoReturn:
    """Fuzz until the time is over."""
    atheris: Any = importlib.import_module("atheris")
    from tests.campaigns.fuzzed.targets import TARGETS

    target = TARGETS[name]
    for module in target.modules:
        for one in functions(importlib.import_module(module)):
            # A checksum goes the same ways whatever it is of, bit by bit: to watch it would cost most of the time.
            if not one.__name__.startswith(("crc", "checksum")):
                atheris.instrument_func(one)
    folder = scratch / "files"
    folder.mkdir()
    fed = target.prepare(folder)
    (scratch / "words").write_text("".join(f'"{_escaped(one)}"\n' for one in WORDS), encoding="ascii")
    for number, good in enumerate((*fed.seeds, *HOSTILE)):
        (corpus / f"seed-{number:03}").write_bytes(good[: target.most_bytes])

    desk = Desk(scratch / "desk", target.most_bytes)

    def take(data: bytes) -> None:
        desk.lay(data)
        fed.take(data)

    def end(found: Found) -> NoReturn:
        told = json.dumps(asdict(found) | {"given": found.given.hex()})
        (scratch / "result.json").write_text(told, encoding="utf-8")
        os._exit(0)

    atheris.Setup(
        [
            "fuzz", f"-seed={seed}", f"-max_len={target.most_bytes}", f"-timeout={_NEVER_S}",
            f"-rss_limit_mb={RSS_LIMIT_MIB}", f"-artifact_prefix={scratch}/", "-verbosity=0",
            # Decoders of pictures say at length what is wrong with each.
            "-close_fd_mask=3",
            f"-dict={scratch}/words", str(corpus),
        ],
        Watch(take, cpu_s, end).feed,
    )  # fmt: skip
    end_s = math.ceil(time.process_time() + cpu_s + HUNG_S)
    resource.setrlimit(resource.RLIMIT_CPU, (end_s, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    atheris.Fuzz()
    sys.exit("libFuzzer came back")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
