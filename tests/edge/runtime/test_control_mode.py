"""Modes and second persons over the control socket: the core judges, the socket and the verbs show."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.events import Started
from edge.core.state import Phase
from edge.runtime.control import ControlServer, ask
from edge.verbs import person
from tests.support.lane_parts import PROFILE, Running, running

TWO = replace(PROFILE, two_persons=("mode", "open"))
MODE = {"verb": "mode", "lane": "lane-1", "mode": "MAINTENANCE", "operator": "chen", "reason": "belt"}


@pytest.fixture(params=[PROFILE, TWO], ids=["one", "two"])
async def lane(path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    async with running(path, profile=request.param) as opened:
        opened.runner.take(Started(opened.clock.now_ms(), "boot-1", "seed-1"))
        opened.scan()
        yield opened


@pytest.fixture
async def socket(lane: Running, tmp_path: Path) -> AsyncIterator[Path]:
    path = tmp_path / "control.sock"
    server = ControlServer(path, {"lane-1": lane.runner})
    await server.start()
    yield path
    await server.close()


async def test_a_mode_is_in_force_once_enough_persons_ordered_it(lane: Running, socket: Path):
    first = await ask(socket, MODE)
    alone = not lane.runner.state.profile.two_persons
    assert first["accepted"] is alone
    if not alone:
        waiting = first["lane"]["awaits_second"]
        assert (waiting["action"], waiting["mode"], waiting["operator"]) == ("mode", "MAINTENANCE", "chen")
        assert 0 < waiting["for_s"] <= 120
        assert not (await ask(socket, MODE))["accepted"]
    second = await ask(socket, MODE | {"operator": "wang"})
    assert second["accepted"]
    assert second["lane"]["mode"] == "MAINTENANCE"
    assert second["lane"]["awaits_second"] is None


async def test_an_order_that_waited_too_long_is_no_longer_shown(lane: Running, socket: Path):
    lane.runner.state = replace(
        lane.runner.state, profile=replace(lane.runner.state.profile, two_persons=("mode",), second_person_ms=0)
    )
    await ask(socket, MODE)
    while lane.clock.now_ms() <= lane.runner.state.first_order.at_ms:  # type: ignore[union-attr]
        await ask(socket, {"verb": "status"})
    assert (await ask(socket, {"verb": "status"}))["lanes"][0]["awaits_second"] is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"lane": "lane-9"}, "unknown_lane"),
        ({"mode": "SIESTA"}, "unknown_mode"),
        ({"mode": 3}, "unknown_request"),
        ({"operator": " "}, "operator_and_reason_needed"),
        ({"reason": "x" * 501}, "too_long"),
    ],
)
async def test_orders_of_modes_that_are_none(lane: Running, socket: Path, changes: dict[str, object], error: str):
    assert (await ask(socket, MODE | changes))["error"] == error
    assert lane.runner.state.mode == "NORMAL"
    assert lane.runner.state.phase is Phase.IDLE


class Answers:
    """Stands in for the socket: the verbs run loops of their own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]) -> None:
        self.asked: list[dict[str, object]] = []
        self.answer = answer

        async def answered(path: Path, request: dict[str, object]) -> dict[str, object]:
            self.asked.append(request)
            return self.answer

        monkeypatch.setattr(person, "ask", answered)


LANE = {
    "lane": "in-1", "phase": "idle", "since_s": 1.0, "boom": "down", "light": "red", "reasons": [], "alarms": [],
    "simulated": False, "mode": "DRILL", "hours": "closed", "awaits_second": None,
}  # fmt: skip
ARGUMENTS = ["in-1", "--socket", "control.sock"]
ORDER = [*ARGUMENTS[:1], "DRILL", *ARGUMENTS[1:], "--operator", "chen", "--reason", "exercise"]


def test_the_verb_shows_the_mode(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    Answers(monkeypatch, {"lanes": [LANE]})
    assert person.mode(ARGUMENTS) == 0
    assert "DRILL hours closed" in capsys.readouterr().out
    assert person.mode([*ARGUMENTS, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"lane": "in-1", "mode": "DRILL", "hours": "closed", "awaits_second": None}
    assert person.mode(["in-2", *ARGUMENTS[1:]]) == 1
    assert "in-1" in capsys.readouterr().err


def test_the_verb_orders_a_mode(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    answers = Answers(monkeypatch, {"accepted": True, "lane": LANE})
    assert person.mode(ORDER) == 0
    expected = {"verb": "mode", "lane": "in-1", "mode": "DRILL", "operator": "chen", "reason": "exercise"}
    assert answers.asked == [expected]
    assert "accepted" in capsys.readouterr().out


def test_the_verb_says_that_a_second_person_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    waiting = {"action": "mode", "mode": "DRILL", "operator": "chen", "for_s": 119.5}
    Answers(monkeypatch, {"accepted": False, "lane": LANE | {"awaits_second": waiting}})
    assert person.mode(ORDER) == 1
    printed = capsys.readouterr().out
    assert "chen" in printed
    assert "119.5" in printed


def test_the_verb_says_why_it_was_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    Answers(monkeypatch, {"error": "operator_and_reason_needed"})
    assert person.mode(ORDER[:-2]) == 1
    assert "--reason" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [ARGUMENTS, ORDER])
def test_a_controller_that_does_not_run(arguments: list[str], tmp_path: Path):
    there = [str(tmp_path / "control.sock") if one == "control.sock" else one for one in arguments]
    assert person.mode(there) == 69
