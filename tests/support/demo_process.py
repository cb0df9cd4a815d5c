"""A demo as a process of its own, its output line by line, and the processes that it started."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.needs import REPOSITORY

_ENDED_TIMEOUT_MS = 30_000


class DemoProcess:
    """A running `kakou demo`."""

    def __init__(self, arguments: list[str], **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge.cli", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "KAKOU_LANG": "en", **environment},
        )
        self.said: list[str] = []

    def wait_for(self, text: str) -> str:
        """Read standard error until a line holds `text`."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} was never said:\n{''.join(self.said)}")

    def descendants(self) -> dict[int, int]:
        """Every process below it: pid and a descriptor that tells of its end."""
        return {pid: os.pidfd_open(pid) for pid in _below(self.process.pid)}

    def end(self, number: signal.Signals) -> int:
        """Send it a signal and return its exit status."""
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode


@contextmanager
def demo(arguments: list[str], **environment: str) -> Iterator[DemoProcess]:
    running = DemoProcess(arguments, **environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGTERM)


def all_ended(descriptors: dict[int, int]) -> bool:
    """Whether every process ends within some seconds."""
    try:
        return all(_ended(descriptor) for descriptor in descriptors.values())
    finally:
        for descriptor in descriptors.values():
            os.close(descriptor)


def _ended(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(_ENDED_TIMEOUT_MS))


def _below(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *_below(child)]
    return found
