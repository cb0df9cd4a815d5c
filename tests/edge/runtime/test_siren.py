"""The siren sounds for the alarms that a site chose, ends by itself, and comes back to the truth."""

import ast
import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from config.devices import SirenRules
from config.loader import load
from config.schema import Configuration
from edge.clearance.feeds import OFFLINE_LISTS, SAMPLING_PLANS
from edge.mqtt.values import Message
from edge.runtime.journal import Journal
from edge.runtime.siren import _CLASSES, LaneSiren, SirenClass, class_of
from edge.sounding import lane_siren, watches_of
from edge.telemetry.publisher import TelemetryPublisher
from edge.telemetry.session import TelemetrySession
from edge.telemetry.topics import LaneTopics
from tests.support.barrier_lane import RealClock, eventually
from tests.support.lane_parts import LIMIT_S, broken
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
) -> AsyncIterator[LaneSiren]:
    siren = LaneSiren(horn, clock or RealClock(), lane="lane-1", sounds_for=sounds_for, longest_s=30, again_s=0.005)
    running = asyncio.create_task(siren.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            yield siren
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.mark.hazard("P3")
async def test_a_tailgater_sounds_the_siren_until_the_alarm_is_taken_back() -> None:
    horn = Horn()
    async with sounding(horn) as siren:
        await eventually(lambda: horn.told == [False] * len(horn.told) != [])
        siren.hear("tailgate", "something came below the boom")
        await eventually(lambda: horn.told[-1])
        siren.hear("tailgate", None)
        await eventually(lambda: not horn.told[-1])


async def test_alarms_of_another_class_are_heard_in_silence() -> None:
    horn = Horn()
    async with sounding(horn) as siren:
        siren.hear("vehicle_stopped", "")
        siren.hear("boom_stuck_up", "")
        told = len(horn.told)
        await eventually(lambda: len(horn.told) > told + 2)
    assert True not in horn.told


async def test_several_classes_may_be_chosen_and_the_last_alarm_ends_it() -> None:
    horn = Horn()
    async with sounding(horn, ("fault", "attention")) as siren:
        siren.hear("vehicle_stopped", "")
        siren.hear("boom_stuck_up", "")
        await eventually(lambda: horn.told[-1:] == [True])
        siren.hear("vehicle_stopped", None)
        told = len(horn.told)
        await eventually(lambda: len(horn.told) > told + 2)
        assert horn.told[-1]
        siren.hear("boom_stuck_up", None)
        await eventually(lambda: not horn.told[-1])


async def test_it_never_sounds_longer_than_the_site_bears() -> None:
    horn, clock = Horn(), StillClock()
    async with sounding(horn, clock=clock) as siren:
        siren.hear("wrong_way", "")
        await eventually(lambda: horn.told[-1:] == [True])
        clock.at_ms += 29_999
        told = len(horn.told)
        await eventually(lambda: len(horn.told) > told + 2)
        assert horn.told[-1]
        clock.at_ms += 1
        await eventually(lambda: not horn.told[-1])


async def test_an_alarm_that_is_told_again_while_it_stands_sounds_no_second_time() -> None:
    horn, clock = Horn(), StillClock()
    async with sounding(horn, ("attention",), clock=clock) as siren:
        siren.hear("state_disk_filling", "71% of the disk is used")
        await eventually(lambda: horn.told[-1:] == [True])
        clock.at_ms += 30_000
        await eventually(lambda: not horn.told[-1])
        siren.hear("state_disk_filling", "72% of the disk is used")
        told = len(horn.told)
        await eventually(lambda: len(horn.told) > told + 2)
        assert not horn.told[-1]
        siren.hear("state_disk_filling", None)
        siren.hear("state_disk_filling", "73% of the disk is used")
        await eventually(lambda: horn.told[-1])


async def test_a_module_that_refused_is_told_again() -> None:
    horn = Horn(refusals=3)
    async with sounding(horn) as siren:
        siren.hear("tailgate", "")
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
    edge = (path for path in (REPOSITORY / "edge").rglob("*.py") if path.name != "siren.py")
    text = "".join(path.read_text(encoding="utf-8") for path in edge)
    classes = {code for codes in _CLASSES.values() for code in codes}
    assert {code for code in classes if f'"{code}"' not in text} == {"offline_list_expires", "sampling_plan_expires"}
    assert {f"{kind.name}_expires" for kind in (OFFLINE_LISTS, SAMPLING_PLANS)} <= classes
    assert {"tailgate", "wrong_way", "uncommanded_open", "boom_stuck_down"} <= raised_in_core()
    assert {class_of(code) for code in raised_in_core()} == {"intrusion", "fault", "attention"}
    assert class_of("device_lost_camera") == class_of("what nobody knows yet") == "fault"


def example() -> Configuration:
    config = load(Path(REPOSITORY) / "config/examples/lane.yaml")
    assert isinstance(config, Configuration)
    return config


class StillLink:
    """A connection that never comes up."""

    on_up = on_down = None

    def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> asyncio.Future[None]:
        raise AssertionError("nothing is sent before the link is up")

    def subscribe(self, topic_filter: str, handler: Callable[[Message], None]) -> None:
        """Nobody ever says anything."""


@pytest.fixture
async def publisher(tmp_path: Path) -> AsyncIterator[TelemetryPublisher]:
    clock = RealClock()
    journal = await Journal.open(tmp_path / "journal.sqlite", utc=clock.utc)
    topics = LaneTopics("S1", "lane-1")
    yield TelemetryPublisher(StillLink(), journal.outbox, TelemetrySession(topics, clock.utc), topics, utc=clock.utc)
    await journal.close()


def test_a_lane_without_a_siren_tells_its_alarms_as_ever(publisher: TelemetryPublisher) -> None:
    lane = example().lanes[0].model_copy(update={"siren": None})
    assert lane_siren(lane, Horn(), publisher, RealClock()) is None
    assert watches_of(None, Runner()) == []  # type: ignore[arg-type]
    publisher.publish_alarm("tailgate", "")
    assert publisher.alarms == {"tailgate": ""}


async def test_a_lane_with_a_siren_sounds_for_alarms_of_core_and_watches_and_shows_which(
    publisher: TelemetryPublisher,
) -> None:
    lane = example().lanes[0].model_copy(update={"siren": SirenRules(sounds_for=("intrusion", "fault"))})
    siren, runner = lane_siren(lane, Horn(), publisher, RealClock()), Runner()
    ((name, run),) = watches_of(siren, runner)  # type: ignore[arg-type]
    assert name == "siren"
    running = asyncio.ensure_future(run())
    async with asyncio.timeout(LIMIT_S):
        publisher.publish_alarm("tailgate", "")
        publisher.publish_alarm("barrier_faults", "fault bits 0 (0x0001)")
        await eventually(lambda: runner.siren == ("barrier_faults", "tailgate"))
        publisher.publish_alarm("tailgate", None)
        publisher.publish_alarm("barrier_faults", None)
        await eventually(lambda: runner.siren == ())
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
