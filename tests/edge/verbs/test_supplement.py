"""`kakou supplement`, against a lane that serves its control socket, with its journal beside it."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.core.events import Event, GrantReceived, InputsSampled, Started, Supplemented
from edge.core.grant import Grant, NotedPlate, ReleaseNote
from edge.core.profile import CameraProfile
from edge.core.state import Phase
from edge.core.supplementing import supplement_refusal
from edge.runtime import codec
from edge.runtime.control import ControlServer, ask
from edge.text import catalogue
from edge.verbs.person import supplement
from tests.support.lane_bench import CLOSED, UP
from tests.support.lane_parts import PROFILE, Running, running

PLATE = "苏A88888"
WATCHED = replace(
    PROFILE, cameras=(CameraProfile("front", "front", ("plate",)),), must_match=("front_plate",),
    tag_reader=None, supplement_opens=True, timing=replace(PROFILE.timing, identify_ms=10),
)  # fmt: skip
NOTE = ReleaseNote("N1", (NotedPlate("front", PLATE, None),))
WHO = ["lane-1", "--operator", "chen", "--reason", "mud on the plate"]


class Scanned:
    """Scans the lane's inputs while a verb waits for an answer."""

    def __init__(self, lane: Running) -> None:
        self.lane, self.signals = lane, {"arrival_loop": True}

    async def until(self, *phases: Phase) -> None:
        async with asyncio.timeout(30):
            while self.lane.runner.state.phase not in phases:
                self.lane.runner.take(InputsSampled(self.lane.clock.now_ms(), replace(CLOSED, **self.signals)))
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await self.lane.runner.reached(lambda state: state.phase in phases)

    def answer(self, verdict: str, note: ReleaseNote | None = None) -> None:
        passage = self.lane.runner.state.passage
        assert passage is not None
        asked, number = passage.requests[0], len(self.lane.others.named("prepare"))
        assert asked.request_hash is not None
        grant = Grant(
            "customs", "k", "site", "lane-1", "boot-1", passage.id, asked.nonce, asked.request_hash, verdict,
            10_000, "", number, note=note,
        )  # type: ignore[arg-type]  # fmt: skip
        self.lane.runner.take(GrantReceived(self.lane.clock.now_ms(), grant))


@pytest.fixture
async def lane(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path / "journal.sqlite", WATCHED) as opened:
        server = ControlServer(tmp_path / "control.sock", {"lane-1": opened.runner})
        await server.start()
        opened.runner.take(Started(opened.clock.now_ms(), "boot-1", "seed-1"))
        opened.scan()
        yield opened
        await server.close()


@pytest.fixture
async def held(lane: Running) -> Scanned:
    scanned = Scanned(lane)
    await scanned.until(Phase.WAITING)
    scanned.answer("hold")
    assert lane.runner.state.phase is Phase.HELD
    return scanned


@pytest.fixture
def at(tmp_path: Path) -> list[str]:
    return ["--socket", str(tmp_path / "control.sock")]


def journaled(path: Path) -> list[Event]:
    with closing(sqlite3.connect(path)) as reading:
        rows = reading.execute("SELECT body FROM record ORDER BY rowid").fetchall()
    events = [json.loads(body)["event"] for (body,) in rows if '"event"' in body]
    return [codec.decode(Supplemented, one) for one in events if one["type"] == "Supplemented"]


async def test_what_a_person_says_is_asked_and_journaled_under_their_name(
    held: Scanned, at: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = asyncio.create_task(asyncio.to_thread(supplement, [*WHO, "--plate", "苏a 88888", *at]))
    await held.until(Phase.WAITING)
    held.answer("release", NOTE)
    await held.until(Phase.OPENING)
    held.signals |= UP
    await held.until(Phase.OPEN)
    assert await said == 0
    assert "\naccepted: lane-1: open" in f"\n{capsys.readouterr().out}"
    (event,) = journaled(tmp_path / "journal.sqlite")
    assert isinstance(event, Supplemented)
    assert (event.operator, event.reason, event.plates) == ("chen", "mud on the plate", (("front", PLATE),))


async def test_words_that_do_not_count_are_refused_with_the_reason(
    held: Scanned, at: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(supplement, [*WHO, "--container", "CSQU3054384", *at]) == 1
    shown = capsys.readouterr()
    assert "nothing in this lane looks for that" in shown.err
    assert "\nrefused: lane-1: held" in f"\n{shown.out}"
    assert await asyncio.to_thread(supplement, [*WHO, *at]) == 1
    assert "nothing was said" in capsys.readouterr().err
    assert await asyncio.to_thread(supplement, [*WHO, "--rear-plate", "x", "--json", *at]) == 1
    answers = [line for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert json.loads(answers[-1])["reason"] == "not_looked_for"


async def test_words_that_are_no_words_never_reach_the_lane(
    held: Scanned, at: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(supplement, [*WHO, "--plate", "x" * 99, *at]) == 1
    assert "short texts" in capsys.readouterr().err
    assert await asyncio.to_thread(supplement, ["lane-9", *WHO[1:], "--plate", PLATE, *at]) == 1
    assert "lane-1" in capsys.readouterr().err


async def test_there_has_to_be_a_controller(tmp_path: Path) -> None:
    given = [*WHO, "--plate", PLATE, "--socket", str(tmp_path / "none.sock")]
    assert await asyncio.to_thread(supplement, given) == 69


@pytest.mark.parametrize(
    "asked", [{"passage": 7}, {"plates": []}, {"containers": {}}, {"operator": ""}, {"plates": {"front": 7}}]
)
async def test_a_request_of_another_form_is_refused(held: Scanned, tmp_path: Path, asked: dict[str, Any]) -> None:
    whole = {
        "verb": "supplement", "lane": "lane-1", "operator": "chen", "reason": "why", "plates": {"front": PLATE},
        "containers": [],
    }  # fmt: skip
    answer = await ask(tmp_path / "control.sock", whole | asked)
    assert answer.keys() == {"error"}
    assert held.lane.runner.state.phase is Phase.HELD


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_reason_is_said_in_words(language: Any) -> None:
    doc = supplement_refusal.__doc__ or ""
    reasons = doc.split("Reasons:")[1].replace("of what is said:", "").replace(";", ",").strip().rstrip(".").split(",")
    assert len(reasons) > 10
    assert {f"supplement_{one.strip()}" for one in reasons} <= catalogue(language).keys()
