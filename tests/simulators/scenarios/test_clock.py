"""Time of a scenario: hurried while its loop waits, held while the machine is late, real where nobody hurries it."""

import asyncio
import socket
import time
from datetime import UTC, datetime

import pytest

from edge.runtime.clock import LoopClock
from simulators.scenario.clock import HurriedTime, Pace


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
