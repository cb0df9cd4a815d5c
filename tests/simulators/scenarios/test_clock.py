"""Time of a scenario: hurried while its loop waits, held while the machine is late, real where nobody hurries it."""

import asyncio
import os
import runpy
import socket
import subprocess
import sys
import time
from asyncio.subprocess import PIPE
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.runtime.clock import LoopClock
from simulators.scenario import shared_clock
from simulators.scenario.clock import HurriedLoop, HurriedTime, Pace, Worker
from simulators.scenario.shared_clock import SharedClock
from tests.support.sources import ROOT

# Says a word for each line that it reads, the first one unasked.
ECHO = "import sys\nprint('here', flush=True)\nfor line in sys.stdin: print('heard', flush=True)"


class Machine:
    """The machine's clock, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now_s)


def test_a_wait_passes_faster_and_never_takes_longer_than_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    hurried = HurriedTime(10.0, 1000.0, 1000.0)
    hurried.waits(5.0)
    machine.now_s += 0.2
    assert hurried.now_s() == pytest.approx(1002.0)
    machine.now_s += 60.0
    assert hurried.now_s() == pytest.approx(1005.0), "who was not given a core did not sleep a minute"


def test_a_turn_of_work_costs_little_however_long_the_machine_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    hurried = HurriedTime(10.0, 1000.0, 1000.0)
    hurried.waits(0.01)
    machine.now_s += 3.0
    assert hurried.now_s() == pytest.approx(1000.01)
    hurried.waits(float("inf"))
    machine.now_s += 3.0
    assert hurried.now_s() == pytest.approx(1030.01)


def test_a_loop_sleeps_a_tenth_as_long_and_its_date_goes_with_it() -> None:
    pace = Pace(10.0)

    async def sleeps() -> tuple[float, float]:
        loop, clock = asyncio.get_running_loop(), pace.clock()
        at_s, date = loop.time(), clock.utc()
        await clock.sleep(3.0)
        return loop.time() - at_s, (clock.utc() - date).total_seconds()

    began_s = time.monotonic()
    with asyncio.Runner(loop_factory=pace.loop) as runner:
        slept_s, went_s = runner.run(sleeps())
    assert slept_s == pytest.approx(3.0, abs=0.2)
    assert went_s == pytest.approx(slept_s, abs=0.2)
    assert time.monotonic() - began_s >= 0.29


def test_sockets_are_real_on_a_hurried_loop() -> None:
    async def talks() -> bytes:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            reader, writer = await asyncio.open_connection(sock=ours)
            theirs.send(b"hello")
            async with asyncio.timeout(60):
                heard = await reader.read(5)
            writer.close()
            await writer.wait_closed()
        return heard

    with asyncio.Runner(loop_factory=Pace(10.0).loop) as runner:
        assert runner.run(talks()) == b"hello"


def test_at_speed_one_it_is_the_machines_own() -> None:
    async def clocks() -> tuple[float, LoopClock]:
        return asyncio.get_running_loop().time() - time.monotonic(), Pace().clock()

    with asyncio.Runner(loop_factory=Pace().loop) as runner:
        behind_s, clock = runner.run(clocks())
    assert behind_s == pytest.approx(0.0, abs=0.5)
    assert type(clock) is LoopClock
    assert abs((clock.utc() - datetime.now(UTC)).total_seconds()) < 5


def test_while_another_process_owes_an_answer_time_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    hurried = HurriedTime(10.0, 1000.0, 1000.0)
    hurried.waits(5.0)
    machine.now_s += 0.1
    hurried.owes("reader", True)
    hurried.owes("reader", True)
    assert hurried.now_s() == pytest.approx(1001.0), "what has passed stays as it was"
    machine.now_s += 1.0
    assert hurried.now_s() == pytest.approx(1002.0)
    hurried.owes("other", True)
    hurried.owes("reader", False)
    machine.now_s += 1.0
    assert hurried.now_s() == pytest.approx(1003.0), "the other still works"
    hurried.owes("other", False)
    machine.now_s += 0.1
    assert hurried.now_s() == pytest.approx(1004.0)
    machine.now_s += 60.0
    assert hurried.now_s() == pytest.approx(1005.0), "and no wait takes longer than it was asked for"


def test_a_process_owes_an_answer_from_its_start_and_from_each_question_on() -> None:
    loop: HurriedLoop

    async def asks() -> list[float]:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", ECHO, stdin=PIPE, stdout=PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        paces = [loop.hurried.pace]
        for question in (b"first\n", b"second\n"):
            await process.stdout.readline()
            paces.append(loop.hurried.pace)
            process.stdin.write(question)
            paces.append(loop.hurried.pace)
        await process.stdout.readline()
        process.stdin.write(b"last\n")
        process.kill()
        await process.wait()
        assert loop.hurried.workers == []
        return [*paces, loop.hurried.pace]

    loop = HurriedLoop(10.0)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        assert runner.run(asks()) == [1.0, 10.0, 1.0, 10.0, 1.0, 10.0]


class Pipes:
    """What asyncio hands a loop for a process without an input."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def get_pipe_transport(self, _: int) -> Any:
        return None

    def pipe_data_received(self, _: int, data: bytes) -> None:
        self.heard.append(data)

    def process_exited(self) -> None:
        self.heard.append(b"gone")


def test_a_process_that_talks_unasked_owes_a_sign_of_life_and_one_that_only_answers_does_not() -> None:
    hurried = HurriedTime(10.0)
    pipes = Pipes()
    worker = Worker(hurried, pipes, pipes)
    assert hurried.pace == 1.0
    pipes.pipe_data_received(1, b"ready")
    worker.look(hurried.now_s() + 60)
    assert hurried.pace == 10.0, "it was asked nothing"
    for _ in range(5):
        pipes.pipe_data_received(1, b"picture")
    worker.look(hurried.now_s() + 1)
    assert hurried.pace == 10.0
    worker.look(hurried.now_s() + 2)
    assert hurried.pace == 1.0
    pipes.process_exited()
    assert (hurried.pace, hurried.workers) == (10.0, [])
    assert pipes.heard == [b"ready", *[b"picture"] * 5, b"gone"]


def test_a_clock_in_a_file_says_what_the_loop_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch)
    written = SharedClock(tmp_path / "clock", writes=True)
    hurried = HurriedTime(10.0, 5000.0, 1000.0, shared=written)
    read = SharedClock(tmp_path / "clock")
    for step in (lambda: hurried.waits(2.0), lambda: hurried.owes("one", True), lambda: hurried.waits(9.0)):
        step()
        for _ in range(3):
            machine.now_s += 0.3
            assert read.now_s(machine.now_s) == pytest.approx(hurried.now_s())
    assert hurried.now_s() > 5002.0
    read.close()
    written.close()


@pytest.mark.parametrize("before", [None, "elsewhere"])
def test_processes_that_are_started_meanwhile_stamp_by_it(
    before: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if before is not None:
        monkeypatch.setenv("PYTHONPATH", before)
    environment = dict(os.environ)
    command = [sys.executable, "-c", "import time; print(time.monotonic_ns(), time.monotonic())"]
    with shared_clock.told(tmp_path / "clock") as clock:
        clock.write(5e6, time.monotonic(), 1.0, 3600.0)
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    stamp_ns, machine_s = said.split()
    assert 5e6 <= int(stamp_ns) / 1e9 < 5e6 + 60
    assert float(machine_s) == pytest.approx(time.monotonic(), abs=60), "what it waits for is the machine's"
    assert dict(os.environ) == environment


def test_what_starts_elsewhere_keeps_its_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(shared_clock.VARIABLE, raising=False)
    kept = time.monotonic_ns
    runpy.run_path(str(shared_clock.STARTS_WITH / "sitecustomize.py"))
    assert time.monotonic_ns is kept


def test_a_stamp_is_of_the_clock_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic_ns", time.monotonic_ns)
    with shared_clock.told(tmp_path / "clock") as clock:
        clock.write(5e6, time.monotonic(), 10.0, 3600.0)
        shared_clock.install()
        assert 5e6 <= time.monotonic_ns() / 1e9 < 5e6 + 600
