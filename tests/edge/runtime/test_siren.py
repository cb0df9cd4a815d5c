"""The siren sounds for the alarms that a site chose, ends by itself, and comes back to the truth."""

import ast
import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.devices import SirenRules
from config.loader import load
from config.schema import Configuration
from edge.runtime.siren import LaneSiren, SirenClass, class_of
from edge.sounding import lane_siren, watches_of
from tests.support.barrier_lane import RealClock, eventually
from tests.support.lane_parts import LIMIT_S, Others, broken
from tests.support.needs import REPOSITORY


class Horn:
    """Notes what it was told; refuses the first `refusals` times."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.told: list[bool] = []

    async def set_siren(self, on: bool) -> None:
        self.told.append(on)
        if len(self.told) <= self.refusals:
            raise broken()


class Runner:
    """What a lane's status reads."""

    siren: tuple[str, ...] = ()


class StillClock(RealClock):
    """Time that a test moves on."""

    at_ms = 1_000

    def now_ms(self) -> int:
        return self.at_ms


@asynccontextmanager
async def sounding(
    horn: Horn, sounds_for: Collection[SirenClass] = ("intrusion",), *, clock: RealClock | None = None
) -> AsyncIterator[tuple[LaneSiren, Others]]:
    others = Others()
    siren = LaneSiren(
        others, horn, clock or RealClock(), lane="lane-1", sounds_for=sounds_for, longest_s=30, again_s=0.005
    )
    running = asyncio.create_task(siren.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            yield siren, others
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.mark.hazard("P3")
async def test_a_tailgater_sounds_the_siren_until_the_alarm_is_taken_back() -> None:
    horn = Horn()
    async with sounding(horn) as (siren, others):
        await eventually(lambda: horn.told == [False] * len(horn.told) != [])
        siren.publish_alarm("tailgate", "something came below the boom")
        await eventually(lambda: horn.told[-1])
        siren.publish_alarm("tailgate", None)
        await eventually(lambda: not horn.told[-1])
    assert others.named("alarm") == [
        ("alarm", "tailgate", "something came below the boom"),
        ("alarm", "tailgate", None),
    ]


async def test_alarms_of_another_class_are_passed_on_in_silence() -> None:
    horn = Horn()
    async with sounding(horn) as (siren, others):
        siren.publish_alarm("vehicle_stopped", "")
        siren.publish_alarm("boom_stuck_up", "")
        siren.publish_state({"phase": "idle"})
        told = len(horn.told)
        await eventually(lambda: len(horn.told) > told + 2)
    assert True not in horn.told
    assert len(others.named("alarm")) == 2
    assert others.states == [{"phase": "idle"}]


async def test_several_classes_may_be_chosen_and_the_last_alarm_ends_it() -> None:
    horn = Horn()
    async with sounding(horn, ("fault", "attention")) as (siren, _):
        siren.publish_alarm("vehicle_stopped", "")
        siren.publish_alarm("boom_stuck_up", "")
        await eventually(lambda: horn.told[-1:] == [True])
        siren.publish_alarm("vehicle_stopped", None)
        told = len(horn.told)
        await eventually(lambda: len(horn.told) > told + 2)
        assert horn.told[-1]
        siren.publish_alarm("boom_stuck_up", None)
        await eventually(lambda: not horn.told[-1])


async def test_it_never_sounds_longer_than_the_site_bears() -> None:
    horn, clock = Horn(), StillClock()
    async with sounding(horn, clock=clock) as (siren, _):
        siren.publish_alarm("wrong_way", "")
        await eventually(lambda: horn.told[-1:] == [True])
        clock.at_ms += 29_999
        told = len(horn.told)
        await eventually(lambda: len(horn.told) > told + 2)
        assert horn.told[-1]
        clock.at_ms += 1
        await eventually(lambda: not horn.told[-1])


async def test_a_module_that_refused_is_told_again() -> None:
    horn = Horn(refusals=3)
    async with sounding(horn) as (siren, _):
        siren.publish_alarm("tailgate", "")
        await eventually(lambda: len(horn.told) > 4)
        assert horn.told[-1]


CORE = REPOSITORY / "edge" / "core"


def raised_in_core() -> set[str]:
    """Every code that the core can raise as an alarm, as far as it stands there as a text."""
    codes = set()
    for path in CORE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("draft.alarm", "fail")) and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    codes.add(str(code.value))
    return codes


def test_every_alarm_has_a_class_and_no_class_names_what_is_never_raised() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in CORE.glob("*.py"))
    assert {"tailgate", "wrong_way", "uncommanded_open", "boom_stuck_down"} <= raised_in_core()
    named = {code for code in raised_in_core() if class_of(code) != "fault"}
    assert {class_of(code) for code in raised_in_core()} == {"intrusion", "fault", "attention"}
    assert all(f'"{code}"' in text for code in named)
    assert class_of("device_lost_camera") == class_of("what nobody knows yet") == "fault"


def example() -> Configuration:
    config = load(Path(REPOSITORY) / "config/examples/lane.yaml")
    assert isinstance(config, Configuration)
    return config


def test_a_lane_without_a_siren_tells_its_alarms_as_ever() -> None:
    others = Others()
    lane = example().lanes[0].model_copy(update={"siren": None})
    assert lane_siren(lane, Horn(), others, RealClock()) is None
    assert watches_of(None, Runner()) == []  # type: ignore[arg-type]


async def test_a_lane_with_a_siren_runs_it_and_shows_for_what_it_sounds() -> None:
    lane = example().lanes[0].model_copy(update={"siren": SirenRules()})
    siren, runner = lane_siren(lane, Horn(), Others(), RealClock()), Runner()
    assert siren is not None
    ((name, run),) = watches_of(siren, runner)  # type: ignore[arg-type]
    assert name == "siren"
    running = asyncio.ensure_future(run())
    async with asyncio.timeout(LIMIT_S):
        siren.publish_alarm("tailgate", "")
        await eventually(lambda: runner.siren == ("tailgate",))
        siren.publish_alarm("tailgate", None)
        await eventually(lambda: runner.siren == ())
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
