"""X16: starts that ended early are counted over the process that they end."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.runtime.starts import HEALTHY_S, Starts
from tests.support.clocks import StoodClock

pytestmark = pytest.mark.hazard("X16")


def test_starts_that_end_early_are_counted(tmp_path: Path):
    file = tmp_path / "starts.json"
    assert [Starts(file).begin() for _ in range(4)] == [0, 1, 2, 3]


def test_a_start_that_was_told_to_end_begins_the_count_anew(tmp_path: Path):
    starts = Starts(tmp_path / "starts.json")
    starts.begin()
    starts.begin()
    starts.well()
    assert starts.begin() == 0


async def test_a_start_that_serves_for_a_minute_was_healthy(tmp_path: Path):
    file, clock = tmp_path / "starts.json", StoodClock()
    starts = Starts(file)
    starts.begin()
    early = asyncio.create_task(starts.run(_Waiting()))
    await asyncio.wait({early}, timeout=0)
    early.cancel()
    assert Starts(file).begin() == 1
    before_ms = clock.ms
    await starts.run(clock)
    assert clock.ms - before_ms == HEALTHY_S * 1000
    assert Starts(file).begin() == 0


async def test_starts_wait_longer_the_more_of_them_ended_early(tmp_path: Path):
    file, clock, waited_s = tmp_path / "starts.json", StoodClock(), []
    with capture_logs() as logged:
        for failed in (0, 3, 4, 5, 6, 7, 8, 10**9):
            file.write_text(f'{{"failed": {failed}}}')
            before_ms = clock.ms
            assert await Starts(file).begin_in_turn(clock, asyncio.Event()) == failed
            waited_s.append((clock.ms - before_ms) / 1000)
    assert waited_s == [0, 0, 2, 4, 8, 16, 30, 30]
    assert [one["event"] for one in logged] == ["start_waits"] * 6


async def test_a_start_that_is_told_to_stop_while_it_waits_did_not_fail(tmp_path: Path):
    file, stop = tmp_path / "starts.json", asyncio.Event()
    file.write_text('{"failed": 6}')
    waiting = asyncio.create_task(Starts(file).begin_in_turn(_Waiting(), stop))
    await asyncio.wait({waiting}, timeout=0)
    stop.set()
    assert await waiting == 6
    assert Starts(file).begin() == 0


class _Waiting(StoodClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"[3]", b'{"failed": "3"}', b'{"failed": -1}', b"[" * 100_000])
def test_a_count_that_cannot_be_read_is_none(tmp_path: Path, content: bytes):
    file = tmp_path / "starts.json"
    file.write_bytes(content)
    with capture_logs():
        assert Starts(file).begin() == 0
    assert Starts(file).begin() == 1


def test_a_count_that_cannot_be_written_is_told_and_stops_nothing(tmp_path: Path):
    with capture_logs() as logged:
        assert Starts(tmp_path / "missing" / "starts.json").begin() == 0
    assert [one["event"] for one in logged] == ["starts_not_written"]
