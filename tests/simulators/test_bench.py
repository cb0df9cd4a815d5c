"""The overhead bench: a real short measurement, its figures, and what it says when something is missing."""

import json
from pathlib import Path

import pytest

from simulators import bench, bench_authority, bench_broker
from simulators.bench_broker import measured_broker
from simulators.bench_overhead import Overhead
from simulators.bench_process import BenchError, BenchProcess
from simulators.broker import BrokerError

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
