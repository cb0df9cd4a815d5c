"""A recording never holds a lane up, is bounded, and ends by itself."""

import asyncio
import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.core.events import Tick
from edge.core.profile import LaneProfile
from edge.core.state import LaneState
from edge.core.step import initial
from edge.ports import Device
from edge.recording import Recording, before_of
from edge.runtime.codec import CodecError, decode
from edge.runtime.lane_runner import LaneRunner
from edge.runtime.recorder import LaneRecorder, RecorderError
from tests.support.clocks import StoodClock


class Runner:
    """What a recorder asks of a lane."""

    def __init__(self) -> None:
        self.state = initial(LaneProfile("yard", "lane-1", "in", ()))
        self.on_step: Any = None


class Tapped:
    name = "barrier"
    tap: Any = None


class Bench:
    def __init__(self, folder: Path) -> None:
        self.runner, self.device, self.notes = Runner(), Tapped(), [("", {})][:0]
        self.recorder = LaneRecorder(
            cast(LaneRunner, self.runner),
            [cast(Device, self.device), cast(Device, object())],
            folder / "recordings",
            StoodClock(),
            lambda name, data: self.notes.append((name, dict(data))),
            "c0ffee",
        )

    def wait_written(self) -> None:
        """Until nothing waits for the disk any more."""
        pile = self.recorder._pile
        assert pile is not None
        pile._lines.join()

    def begin(self, *, seconds: int = 60, most_mib: int = 1) -> Path:
        return self.recorder.begin("chen", "why", seconds=seconds, most_mib=most_mib)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(one) for one in path.read_text().splitlines()]


async def test_only_while_somebody_asked_for_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.device.tap.crossed(True, b"before")
    bench.runner.on_step(bench.runner.state, Tick(1), ())
    path = bench.begin()
    with pytest.raises(RecorderError, match="already_recording"):
        bench.begin()
    bench.device.tap.crossed(True, b"\x01\x02")
    assert not bench.device.tap.wants_words
    bench.device.tap.understood(True, "not kept")
    bench.runner.on_step(bench.runner.state, Tick(1), ())
    bench.recorder.close()
    bench.recorder.close()
    bench.device.tap.crossed(True, b"after")
    about, crossed, step = lines(path)
    assert (about["configuration"], about["lane"], about["personal_data"]) == ("c0ffee", "lane-1", True)
    assert decode(LaneState, about["state"]) == bench.runner.state
    assert (crossed["device"], crossed["hex"]) == ("barrier", "0102")
    assert step == {"event": {"type": "Tick", "at_ms": 1}, "effects": []}
    assert bench.notes == [
        ("recording_begun", {"operator": "chen", "reason": "why", "seconds": 60, "file": path.name}),
        ("recording_ended", {"file": path.name, "lost": 0}),
    ]


async def test_it_is_bounded_and_each_file_can_be_played_alone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    path = bench.begin()
    for _ in range(30):
        bench.device.tap.crossed(False, b"\xff\xd8\xff" + bytes(60_000))
    bench.recorder.close()
    for one in (path, before_of(path)):
        assert "state" in lines(one)[0]
        assert 0 < one.stat().st_size < 1 << 20
        assert one.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("limit", "most"), [("_MOST_WAITING", 1), ("_MOST_WAITING_BYTES", 100_000)])
async def test_a_disk_that_stands_still_costs_lines_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(f"edge.runtime.recorder.{limit}", most)
    bench = Bench(tmp_path)
    moves = threading.Event()
    keep = Recording.keep

    def stands(recording: Recording, entry: dict[str, Any]) -> None:
        moves.wait(30)
        keep(recording, entry)

    monkeypatch.setattr(Recording, "keep", stands)
    path = bench.begin()
    for _ in range(3):
        # What is being written still takes its room.
        bench.device.tap.crossed(True, bytes(40_000))
    bench.recorder.end()
    moves.set()
    bench.recorder.close()
    assert bench.notes[-1][1]["lost"] == 2
    assert len(lines(path)) == 2


async def test_a_disk_that_takes_no_more_costs_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)
    path = bench.begin()
    ended = threading.Event()
    close = Recording.close

    def fails(recording: Recording, entry: object) -> None:
        raise OSError(28, "no space")

    def fails_again(recording: Recording) -> None:
        close(recording)
        ended.set()
        raise OSError(28, "no space")

    monkeypatch.setattr(Recording, "keep", fails)
    monkeypatch.setattr(Recording, "close", fails_again)
    for _ in range(2):
        bench.device.tap.crossed(True, b"1")
    await asyncio.to_thread(bench.wait_written)
    bench.recorder.close()
    assert ended.is_set()
    assert bench.notes[-1][1]["lost"] == 2
    assert len(lines(path)) == 1


async def test_a_disk_that_fills_while_it_records_is_left_to_the_lanes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.runtime.recorder._LOOK_EVERY_BYTES", 100)
    bench = Bench(tmp_path)
    path = bench.begin()
    bench.device.tap.crossed(True, b"room")
    await asyncio.to_thread(bench.wait_written)
    monkeypatch.setattr("edge.runtime.recorder.shutil.disk_usage", lambda folder: SimpleNamespace(free=1 << 20))
    for _ in range(3):
        bench.device.tap.crossed(True, b"none")
    await asyncio.to_thread(bench.wait_written)
    bench.recorder.close()
    assert bench.notes[-1][1]["lost"] == 3
    assert [one["hex"] for one in lines(path)[1:]] == [b"room".hex()]


async def test_it_does_not_begin_where_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(RecorderError, match="disk_too_full"):
        bench.begin(most_mib=1 << 30)
    (tmp_path / "recordings").rmdir()
    (tmp_path / "recordings").write_text("no folder")
    with pytest.raises(RecorderError, match="cannot_write"):
        bench.begin()
    assert bench.notes == []


async def test_it_ends_by_itself(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    bench.begin(seconds=0)
    loop.call_later(0.05, ended.set)
    await ended.wait()
    assert bench.recorder.path is None
    bench.recorder.close()


@pytest.mark.parametrize("what", ["step", "bytes"])
async def test_a_defect_in_it_costs_the_recording_and_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    bench = Bench(tmp_path)
    bench.begin()

    def broken(*given: object) -> object:
        raise CodecError("outside its declared type")

    monkeypatch.setattr("edge.runtime.recorder.encode", broken)
    bench.recorder._most_bytes = 0
    if what == "step":
        bench.runner.on_step(bench.runner.state, Tick(1), ())
    else:
        bench.device.tap.crossed(True, b"1")
    ended = asyncio.Event()
    asyncio.get_running_loop().call_soon(ended.set)
    await ended.wait()
    assert bench.notes[-1][0] == "recording_ended"
    bench.recorder.close()


async def test_a_box_without_a_thread_does_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)

    def none_left(thread: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("edge.runtime.recorder._Pile.start", none_left)
    with pytest.raises(RecorderError, match="cannot_write"):
        bench.begin()
    bench.device.tap.crossed(True, b"1")
    bench.recorder.close()
    assert bench.notes == []
