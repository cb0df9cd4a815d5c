"""The overhead bench: a real short measurement, its figures, and what it says when something is missing."""

import contextlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from edge.runtime.journal import Journal
from edge.runtime.journal_file import lane_numbers, open_for_reading, read_records
from edge.runtime.notes import append_note
from simulators import bench, bench_authority, bench_boxes, bench_broker, bench_flood, bench_lanes
from simulators.bench_broker import measured_broker
from simulators.bench_flood import Flood
from simulators.bench_journal import PassageTimes, held_reasons, passage_times
from simulators.bench_lanes import Measured
from simulators.bench_overhead import Overhead
from simulators.bench_process import BenchError, BenchProcess
from simulators.bench_usage import Usage, usage_of
from simulators.broker import BrokerError
from tests.support.journals import utc

FIGURES = ("floor_ms_p50", "own_ms_p50", "own_ms_p99", "ratio")


@pytest.mark.parametrize("broker", ["default", pytest.param("mosquitto", marks=pytest.mark.mosquitto)])
def test_a_short_measurement(broker: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["overhead", "--json", "--passages", "2", "--broker", broker]) == 0
    printed = capsys.readouterr()
    (line,) = printed.out.splitlines()
    found = json.loads(line)
    assert all(found[name] > 0 for name in FIGURES)
    assert found["own_ms_p50"] <= found["own_ms_p99"]
    assert (found["passages"], found["broker"]) == (2, broker)
    # A stage that took no time was not measured.
    stages = dict(row.removesuffix(" ms").split() for row in printed.err.splitlines())
    assert len(stages) == 7
    assert all(float(spent) > 0 for spent in stages.values())


def test_figures() -> None:
    own = tuple(float(number) for number in range(1, 102))
    assert Overhead((10.0, 20.0, 40.0), own, (), "default").as_json() == {
        "floor_ms_p50": 20.0,
        "own_ms_p50": 51.0,
        "own_ms_p99": 100.0,
        "ratio": 2.55,
        "passages": 101,
        "broker": "default",
    }


def test_without_json_one_figure_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "run", lambda folder, broker, passages: Overhead((1.0,), (1.5,), (), broker.name))
    assert bench.main(["overhead", "--passages", "1", "--broker", "default"]) == 0
    assert "ratio: 1.5\n" in capsys.readouterr().out


def test_mosquitto_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "mosquitto_binary", lambda: None)
    assert bench.main(["overhead", "--broker", "mosquitto"]) == bench.EXIT_UNAVAILABLE
    assert "broker_missing" in capsys.readouterr().err


def test_mosquitto_is_found_where_debian_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def which(name: str, path: str | None = None) -> str | None:
        asked.append(path)
        return f"{path}/{name}" if path else None

    monkeypatch.setattr(bench_broker.shutil, "which", which)
    assert bench_broker.mosquitto_binary() == "/usr/sbin/mosquitto"
    assert asked == [None, "/usr/sbin"]


def test_a_broker_that_ends_at_once_is_named() -> None:
    with pytest.raises(BrokerError, match=r"broker_silent.*status"), measured_broker("/bin/false"):
        pytest.fail("it does not listen")


def test_no_passages_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["overhead", "--passages", "0"])
    assert "at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("period", ["nan", "inf", "0", "-1", "3601", "soon"])
def test_a_period_that_is_none_is_refused(period: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["lanes", "--period-s", period])
    assert period in capsys.readouterr().err


async def test_a_process_that_says_nothing_is_an_error_with_its_last_words(tmp_path: Path) -> None:
    process = await BenchProcess.start(tmp_path / "log", "simulators.bench_floor", "box", "no-such-file")
    with pytest.raises(BenchError, match=r"(?s)process_silent.*FileNotFoundError"):
        await process.line()
    assert await process.end() == ""
    await process.stop()
    await process.stop()


def test_the_bench_authority_holds_what_it_cannot_read() -> None:
    ruling = bench_authority.TagNotes().rule({"tag": {"value": None}}, "p")
    assert (ruling.verdict, ruling.reason) == ("hold", "unread_tag")


async def test_two_lanes_in_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_lanes, "WORKERS", 1)
    with measured_broker(None) as broker:
        found = await bench_lanes.measure(tmp_path, broker, 2, 1, 0.1)
    row = found.as_json()
    assert (row["lanes"], row["passages"] + row["held"]) == (2, 2)
    # The floor released as often as each lane.
    assert len(found.floor_ms) == 1
    for name in (
        "own_ms_p50",
        "own_ms_p99",
        "floor_ms_p50",
        "ratio",
        "cpu_percent_per_lane",
        "rss_mib",
        "recognition_ms_p50",
    ):
        assert row[name] > 0, name
    # A passage that recognition took no part in, or that was nothing else, was not measured.
    assert 0 < row["recognition_share"] < 1
    # What the machine itself was late stands beside it, of as many samples.
    assert found.idle_lag["samples"] > 0
    assert row["idle_process_lag_ms_p99"] == found.idle_lag["p99_ms"]


@pytest.mark.hazard("I17", "S24")
async def test_a_lane_beside_a_flooded_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_lanes, "WORKERS", 1)
    with measured_broker(None) as broker:
        found = await bench_flood.measure_flood(tmp_path, broker, 2, 1, 0.1)
    assert (len(found.calm_ms), len(found.beside_ms), found.held) == (1, 1, 0)
    row = found.as_json()
    for name in ("calm_ms_p50", "beside_flood_ms_p99", "slowdown", "beside_flood_recognition_ms_p50"):
        assert row[name] > 0, name
    # The flood was there.
    assert passage_count(tmp_path / "state" / "journal.sqlite", "lane-1") > 3


def passage_count(journal: Path, lane: str) -> int:
    with contextlib.closing(open_for_reading(journal)) as connection:
        number = lane_numbers(connection)[lane]
        return sum("EndPassage" in record.body for record in read_records(connection, number, None))


async def test_notes_in_the_journal_are_no_part_of_a_passage(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    for kind, at_ms, effects in (
        ("InputsSampled", 10, [{"type": "StartCapture", "passage": "p"}]),
        ("FrameRead", 60, [{"type": "ConsumeAuthority", "passage": "p"}]),
        ("AuthorityDurable", 70, [{"type": "RaiseBoom"}]),
    ):
        append_note(journal, "lane-1", "checkpoint", {"seq": at_ms})
        event = {"type": kind, "at_ms": at_ms, "passage": "p", "captured_at_ms": 20}
        journal.append("lane-1", "step", json.dumps({"event": event, "effects": effects}))
    await journal.close()
    assert passage_times(tmp_path / "journal.sqlite", "lane-1") == [PassageTimes(10, 20, 60)]


async def test_the_journal_says_why_trucks_were_held(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "journal.sqlite", utc=utc)
    append_note(journal, "lane-1", "checkpoint", {})
    for terminal, reasons in (
        ("PASSED", ["release"]),
        ("TURNED_BACK", ["tag_in_two_lanes", "vehicle_left"]),
        ("TURNED_BACK", ["tag_in_two_lanes"]),
        ("TIMEOUT", []),
    ):
        ended = {"type": "EndPassage", "terminal": terminal, "reasons": reasons}
        body = {"event": {"type": "Tick"}, "effects": [ended, {"type": "Report"}]}
        journal.append("lane-1", "step", json.dumps(body))
    await journal.close()
    expected = Counter(tag_in_two_lanes=2, vehicle_left=1, TIMEOUT=1)
    assert held_reasons(tmp_path / "journal.sqlite", "lane-1") == expected


async def test_lanes_have_tags_of_their_own(tmp_path: Path) -> None:
    seen = []
    for number in (1, 2, 17):
        lane = bench_lanes.BenchLane(number, tmp_path, [b"picture"])
        lane.arrive(0)
        seen += [vehicle.truck.tag_epc for vehicle in lane.world._vehicles]
    assert len(set(seen)) == 3
    assert all(epc and len(bytes.fromhex(epc)) == 12 for epc in seen)


def test_sizes_are_measured_one_by_one_and_the_flood_last(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int]] = []

    async def measure(folder: Path, broker: object, count: int, *_: float) -> Measured:
        asked.append(("calm", count))
        times = PassageTimes(0, 10, 60, 100.0)
        lag = {"p99_ms": 1.0}
        used = Usage(1, 1, 10, 100), Usage(2, 3, 40, 400)
        return Measured(count, (5.0, 6.0, 7.0), (2.0, 4.0, 90.0), (times,), 10.0, *used, lag, 1, Counter(late=1))

    async def measure_flood(folder: Path, broker: object, count: int, *_: float) -> Flood:
        asked.append(("flood", count))
        return Flood((2.0, 4.0), (3.0, 6.0, 7.0), (50.0,), (60.0,), 1)

    monkeypatch.setattr(bench_boxes, "measure", measure)
    monkeypatch.setattr(bench_boxes, "measure_flood", measure_flood)
    assert bench.main(["lanes", "--json", "--lanes", "1,4", "--flood", "--broker", "default"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert asked == [("calm", 1), ("calm", 4), ("flood", 4)]
    row = found["sizes"][1]
    assert (row["ratio"], row["cpu_percent_per_lane"], row["workers_cpu_percent_per_lane"]) == (1.5, 2.5, 5.0)
    assert (row["rss_mib_per_lane"], row["recognition_ms_p50"], row["recognition_share"]) == (10.0, 50.0, 0.5)
    assert (row["held"], row["held_reasons"]) == (1, {"late": 1})
    assert row["floor_ms_p50"] == 4.0
    flood = found["flood"]
    assert (flood["calm_ms_p50"], flood["beside_flood_ms_p99"], flood["slowdown"], flood["held"]) == (3.0, 7.0, 2.0, 1)


@pytest.mark.parametrize("sizes", ["0", "1,x", ""])
def test_sizes_that_are_none_are_refused(sizes: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["lanes", "--lanes", sizes])
    assert "--lanes" in capsys.readouterr().err


def test_usage_counts_what_lies_below(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        used = usage_of(process.pid)
        process.communicate(b"\n")
    assert used.rss_mib > 1
    assert used.children_rss_mib > 1
    with pytest.raises(OSError, match=str(process.pid)):
        usage_of(process.pid)
