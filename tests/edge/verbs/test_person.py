"""`kakou status` and `kakou open`, against a lane that serves its control socket."""

import asyncio
import getpass
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.core.events import Started
from edge.core.state import Phase
from edge.runtime.control import ControlServer
from edge.verbs.person import order, status
from tests.support.lane_bench import UP
from tests.support.lane_parts import Running, broken, running


class Ends:
    """What the lane trusts for a time only."""

    def shown(self) -> list[dict[str, object]]:
        at = {"ends": "2026-03-31T11:00:00.000Z"}
        return [
            {"code": "keyset_expires", "name": "keyset version 1", **at, "alarm": True},
            {"code": "key_expires", "name": "the grant key of customs", **at, "alarm": False},
            {"code": "offline_list_expires", "name": "offline list", "ends": None, "alarm": True},
        ]


def answered(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The answer alone: the lane of this process may log beside it."""
    (answer,) = (json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{"))
    return dict(answer)


ALARMS = {
    "device_lost_reader": "the core's own",
    "grants_refused": "10 answers of customs refused within a minute",
    "keyset_expires": "keyset version 1 ends at 2026-03-31T11:00:00.000Z",
}


@pytest.fixture
async def lane(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path / "journal.sqlite") as opened:
        server = ControlServer(
            tmp_path / "control.sock",
            {"lane-1": opened.runner},
            ends={"lane-1": Ends()},  # type: ignore[dict-item]
            alarms={"lane-1": ALARMS},
        )
        await server.start()
        opened.runner.take(Started(opened.clock.now_ms(), "boot-1", "seed-1"))
        opened.scan()
        yield opened
        await server.close()


@pytest.fixture
def at(tmp_path: Path) -> list[str]:
    return ["--socket", str(tmp_path / "control.sock")]


ORDER = ["--lane", "lane-1", "--reason", "reader is broken"]


async def test_status_is_a_line_a_lane(lane: Running, at: list[str], capsys: pytest.CaptureFixture[str]):
    lane.runner.device_lost("reader", broken("reader_gone", device="reader"))
    lane.runner.siren = ("tailgate",)
    assert await asyncio.to_thread(status, at) == 0
    printed = capsys.readouterr().out
    assert "\nlane-1: idle for " in f"\n{printed}"
    assert "boom down, light red" in printed
    assert "device_lost_reader" in printed
    assert "SIMULATED" in printed
    assert "reader_gone" in printed
    assert "the siren sounds for tailgate" in printed
    assert "keyset version 1 ends at 2026-03-31" in printed
    assert "no offline list is in force" in printed
    assert "the grant key" not in printed
    assert "alarm grants_refused: 10 answers of customs refused within a minute" in printed
    assert printed.count("keyset version 1") == 1
    assert "the core's own" not in printed
    assert await asyncio.to_thread(status, [*at, "--json"]) == 0
    assert answered(capsys)["lanes"][0]["lane"] == "lane-1"


async def test_a_named_person_opens(lane: Running, at: list[str], capsys: pytest.CaptureFixture[str]):
    async def rise() -> None:
        await lane.phase(Phase.OPENING)
        lane.scan(**UP)

    rising = asyncio.create_task(rise())
    assert await asyncio.to_thread(order, [*at, *ORDER, "--operator", "chen"]) == 0
    await rising
    assert capsys.readouterr().out.startswith("accepted: lane-1: open")


async def test_the_login_name_stands_for_the_operator(
    lane: Running, at: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(getpass, "getuser", lambda: "li")
    assert await asyncio.to_thread(order, [*at, *ORDER, "--action", "retry", "--json"]) == 1
    assert answered(capsys)["accepted"] is False


async def test_an_order_for_another_passage_than_the_one_that_is_there_is_refused(lane: Running, at: list[str]):
    asked = [*at, *ORDER, "--operator", "chen", "--passage", "0" * 32]
    assert await asyncio.to_thread(order, asked) == 1
    assert lane.runner.state.passage is None


async def test_who_has_no_name_has_no_order(
    lane: Running, at: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def nameless() -> str:
        raise KeyError("no user 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert await asyncio.to_thread(order, [*at, *ORDER]) == 1
    assert "--operator" in capsys.readouterr().err
    assert lane.runner.state.phase is Phase.IDLE


async def test_a_refused_order_says_where_the_lane_stands(
    lane: Running, at: list[str], capsys: pytest.CaptureFixture[str]
):
    assert await asyncio.to_thread(order, [*at, *ORDER, "--operator", "chen", "--action", "reset"]) == 1
    assert capsys.readouterr().out.startswith("refused: lane-1: idle")


async def test_an_order_for_no_lane_names_those_there_are(
    lane: Running, at: list[str], capsys: pytest.CaptureFixture[str]
):
    assert await asyncio.to_thread(order, [*at, "--lane", "lane-9", "--reason", "why", "--operator", "chen"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("refused")
    assert "lane-1" in said


async def test_too_long_a_name_is_refused(lane: Running, at: list[str], capsys: pytest.CaptureFixture[str]):
    assert await asyncio.to_thread(order, [*at, *ORDER, "--operator", "c" * 999]) == 1
    assert "--operator" in capsys.readouterr().err


def test_without_a_reason_there_is_no_order(at: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        order([*at, "--lane", "lane-1"])
    assert ended.value.code != 0
    assert "--reason" in capsys.readouterr().err


def test_no_controller_runs_here(at: list[str], capsys: pytest.CaptureFixture[str]):
    assert order([*at, *ORDER]) == 69
    assert status(at) == 69
    assert "control_socket_unreachable" in capsys.readouterr().err


def test_a_bad_configuration_names_its_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "kakou.yaml").write_text("site: yard\n", encoding="utf-8")
    assert status(["--config", str(tmp_path / "kakou.yaml")]) == 78
    assert "lanes" in capsys.readouterr().err
