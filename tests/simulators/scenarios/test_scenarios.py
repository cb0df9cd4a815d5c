"""Every scenario that comes along is a test: the real controller with devices on real wires.

Most of their time is waiting, so a few processes of `kakou sim` run them side by side and share a broker: each scenario
has a site of its own there, and whoever kills a broker brings his own.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from simulators.broker import DefaultBroker
from simulators.scenario.loading import FOLDER, Loaded, load
from tests.support.sources import ROOT

SPEED = 10
EACH = 2
LIMIT_S = 400.0
FOR_WANT_OF_A_CORE = ("not_proved_before_raise", "no_answer:")
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


def shares(names: Sequence[str]) -> list[list[str]]:
    """Who runs what. Those that keep to the machine's time would lose it where too many of them played side by side.

    Bridges of one authority have one name at the broker and would end each other's connections: they take turns.
    """
    slow = [name for name in names if bound(name)]
    quick = [name for name in names if name not in slow]
    turns = [name for name in slow if bridged(name)]
    others = [name for name in slow if name not in turns]
    ahead = max(0, (len(slow) + 1) // EACH - len(turns))
    split = [[*turns, *others[:ahead]], others[ahead:], *(quick[first::EACH] for first in range(EACH))]
    return [share for share in split if share]


def bound(name: str) -> bool:
    """Whether something of it cannot be hurried, or reads pictures: that is work."""
    loaded = load(FOLDER / f"{name}.yaml")
    return isinstance(loaded, Loaded) and (loaded.speed_bound or loaded.works_apart)


def bridged(name: str) -> bool:
    """Whether its authority is the customs bridge, which asks a platform; such a one keeps to the machine's time."""
    loaded = load(FOLDER / f"{name}.yaml")
    return isinstance(loaded, Loaded) and loaded.scenario.platform is not None


def held_for_want_of_a_core(result: dict[str, Any]) -> bool:
    """Whether the controller got no core for as long as its inputs may be old, and did not raise, as it must not.

    Or for as long as an authority has to answer: half a second, where time runs ten times as fast. On a machine that
    runs many tests at once that says nothing of the scenario, which is made again, by itself.
    """
    return result["failure"] is not None and any(one in json.dumps(result["failure"]) for one in FOR_WANT_OF_A_CORE)


class Runs:
    """The scenarios of this session, each with what will have come of it."""

    def __init__(self, names: Sequence[str], broker: str) -> None:
        self.results: dict[str, Future[dict[str, Any]]] = {name: Future() for name in names}
        self._processes: list[subprocess.Popen[str]] = []
        self._threads: list[threading.Thread] = []
        self._broker = broker
        for share in shares(names):
            process = self._start(share)
            thread = threading.Thread(target=self._read, args=(process, share), daemon=True)
            thread.start()
            self._processes.append(process)
            self._threads.append(thread)

    def _start(self, share: Sequence[str]) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "edge.cli", "sim", *share, "--json", "--speed", str(SPEED)]
        return subprocess.Popen(
            [*command, "--broker", self._broker], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "KAKOU_LANG": "en"},
        )  # fmt: skip

    def again(self, name: str) -> dict[str, Any]:
        """Play one more time, while the others go on."""
        said, told = self._start([name]).communicate(timeout=LIMIT_S)
        assert said, told
        result: dict[str, Any] = json.loads(said)
        return result

    def _read(self, process: "subprocess.Popen[str]", share: Sequence[str]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            result = json.loads(line)
            self.results[result["name"]].set_result(result)
        said = process.stderr.read()
        for name in share:
            if not self.results[name].done():
                self.results[name].set_exception(AssertionError(f"{name} never ended: {said}"))

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
            process.wait()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                stream.close()


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    mine = [item for item in request.session.items if item.path == request.path]
    names = [item.callspec.params["name"] for item in mine if isinstance(item, pytest.Function) and item.callspec]
    with DefaultBroker() as broker:
        started = Runs(names, f"{broker.host}:{broker.port_v5}")
        yield started
        started.close()


@pytest.mark.parametrize("name", NAMES)
def test_it_comes_out_as_it_says(name: str, runs: Runs) -> None:
    result = runs.results[name].result(LIMIT_S)
    if held_for_want_of_a_core(result):
        result = runs.again(name)
    assert result["failure"] is None, result["told"]
