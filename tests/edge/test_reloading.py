"""X6, X7: a changed configuration is taken between two vehicles, or not at all."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from config.loader import load
from config.schema import Configuration
from edge import reloading
from edge.bringup.standing import BringupError, standing
from edge.clearance.manifest import ManifestError
from edge.core.events import Started
from edge.core.state import Phase
from edge.reloading import CONFIGURATION_REFUSED, CONFIGURATION_WAITS, Reloading, without_vehicle
from edge.runtime.control import ControlError, ask
from edge.runtime.lane_service import LaneService
from tests.support.bare_lane import bare_lane
from tests.support.controller import LIMIT_S, Controller, kakou, spawn
from tests.support.lane_bench import LaneBench
from tests.support.lane_parts import Running, running

pytestmark = pytest.mark.hazard("X6")
ACME = "{distribution: acme-readers, version: 1.2.0, entry_point: acme}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return bare_lane(tmp_path)[0]


class Bench:
    """One running lane, and what becomes of its configuration."""

    def __init__(self, file: Path, lane: Running, refused: str = "") -> None:
        self.lane, self.taken = lane, asyncio.Event()
        self.refusal: Exception | None = None
        service = type("Service", (), {"runner": lane.runner, "telemetry": lane.others, "journal": lane.journal})
        self.reloading = Reloading(
            file, file.read_text(), cast(list[LaneService], [service]), digest=Path.read_text, admit=self.admit,
            take=self.taken.set, refused=refused,
        )  # fmt: skip
        lane.runner.take(Started(lane.clock.now_ms(), "boot", "seed"))

    def admit(self, configuration: Configuration, digest: str) -> None:
        if self.refusal is not None:
            raise self.refusal

    @property
    def alarms(self) -> dict[str, str | None]:
        """Each alarm that was told, as it stands now."""
        return {one[1]: one[2] for one in self.lane.others.named("alarm")}

    def noted(self) -> list[tuple[str, bool]]:
        """What the journal keeps of it."""
        bodies = [json.loads(one.body) for one in self.lane.journal.records("lane-1") if one.kind == "note"]
        return [(one["data"]["code"], one["data"]["stands"]) for one in bodies]


@asynccontextmanager
async def bench(file: Path, refused: str = "") -> AsyncIterator[Bench]:
    async with running(file.with_name("journal.sqlite")) as lane:
        one = Bench(file, lane, refused)
        yield one
        await one.reloading.close()


def text_of(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def put(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def edit(file: Path, old: str, new: str) -> None:
    assert old in text_of(file)
    put(file, text_of(file).replace(old, new))


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no yaml": (lambda file: edit(file, "site: yard", "site: ["), "kakou.yaml:"),
    "unknown key": (lambda file: edit(file, "site: yard", "site: yard\nsight: x"), "kakou.yaml:2:1: sight:"),
    "named file": (
        lambda file: edit(file, "broker: {", "broker: {username: u, password_file: nowhere, "),
        "kakou.yaml:4:1: broker.password_file:",
    ),
    "another box": (lambda file: edit(file, "site: yard", f"site: yard\nhardware: ['{'0' * 16}']"), ":2:1: hardware:"),
    "no package": (
        lambda file: edit(file, "{id: reader,", "{driver: package, package: " + ACME + ", id: reader,"),
        "lanes[0].tag_reader.package: ",
    ),
    "gone": (lambda file: file.unlink(), "kakou.yaml"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_configuration_that_is_not_valid_leaves_the_old_one_and_says_where(file: Path, case: str) -> None:
    before = text_of(file)
    async with bench(file) as one:
        spoil, where = BROKEN[case]
        spoil(file)
        answer = await one.reloading.look()
        assert (answer["accepted"], one.reloading.due) == (False, False)
        assert where in answer["problems"][0]
        assert where in str(one.alarms[CONFIGURATION_REFUSED])
        await one.reloading.look()
        put(file, before)
        assert await one.reloading.look() == {"accepted": True, "changed": False, "problems": []}
        assert one.alarms == {CONFIGURATION_REFUSED: None}
        await one.lane.journal.append("lane-1", "step", "{}").durable
        assert one.noted() == [(CONFIGURATION_REFUSED, True), (CONFIGURATION_REFUSED, False)]


async def test_a_configuration_that_was_not_signed_is_not_taken(file: Path) -> None:
    async with bench(file) as one:
        edit(file, "must_match: [tag]", "must_match: [tag]  # changed")
        one.refusal = ManifestError("manifest_mismatch", file, "another one", "have it signed")
        assert "manifest_mismatch" in (await one.reloading.look())["problems"][0]
        one.refusal = None
        assert (await one.reloading.look())["changed"]


@pytest.mark.hazard("O8")
async def test_an_untried_device_leaves_the_old_one_in_force(file: Path) -> None:
    async with bench(file) as one:
        edit(file, "must_match: [tag]", "must_match: [tag]  # changed")
        configuration = cast(Any, load(file))
        (lane,) = configuration.lanes
        one.refusal = BringupError([standing(configuration, lane, "barrier", lane.barrier)])
        told = await one.reloading.look()
        assert (told["accepted"], told["changed"]) == (False, False)
        assert "next: kakou bringup barrier CONFIG --move" in told["problems"][0]
        assert "bringup_missing" in (one.alarms[CONFIGURATION_REFUSED] or "")


@pytest.mark.hazard("X7")
async def test_a_changed_configuration_waits_for_the_vehicle_that_is_there(file: Path) -> None:
    async with bench(file) as one:
        one.lane.scan()
        one.lane.scan(arrival_loop=True)
        assert one.lane.runner.state.passage is not None
        edit(file, "must_match: [tag]", "must_match: [tag]  # changed")
        for _ in range(2):
            assert await one.reloading.look() == {"accepted": True, "changed": True, "problems": []}
        await asyncio.wait({asyncio.ensure_future(one.taken.wait())}, timeout=0)
        assert not one.taken.is_set()
        one.lane.scan()
        async with asyncio.timeout(LIMIT_S):
            await one.taken.wait()
        assert one.reloading.due
        assert one.lane.runner.state.phase is Phase.IDLE


@pytest.mark.hazard("X7")
@pytest.mark.parametrize("phase", Phase)
def test_no_phase_with_a_vehicle_is_a_moment_for_another_configuration(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    moment = phase in (Phase.STARTING, Phase.IDLE, Phase.LEAVING, Phase.FAULT)
    assert without_vehicle(lane.state) is moment
    assert (lane.state.passage is None) is moment


def test_a_boom_that_comes_down_after_a_restart_is_let_down_first() -> None:
    lane = LaneBench().go(Phase.STARTING)
    lane.scan(25, boom_up=True, boom_down=False)
    assert (lane.phase, lane.state.passage) == (Phase.CLOSING, None)
    assert not without_vehicle(lane.state)


async def test_a_change_that_is_taken_back_is_not_waited_for_any_more(file: Path) -> None:
    before = text_of(file)
    async with bench(file) as one:
        one.lane.scan()
        one.lane.scan(arrival_loop=True)
        edit(file, "must_match: [tag]", "must_match: [tag]  # changed")
        await one.reloading.look()
        put(file, before)
        await one.reloading.look()
        one.lane.scan()
        await one.reloading.close()
        assert not one.taken.is_set()


async def test_a_lane_that_is_never_without_a_vehicle_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "LONGEST_WAIT_S", 0.0)
    async with bench(file) as one:
        one.lane.scan()
        one.lane.scan(arrival_loop=True)
        edit(file, "must_match: [tag]", "must_match: [tag]  # changed")
        await one.reloading.look()
        waiting = one.reloading._waiting
        assert waiting is not None
        await waiting
        assert "reload again" in str(one.alarms[CONFIGURATION_WAITS])
        one.lane.scan()
        monkeypatch.setattr(reloading, "LONGEST_WAIT_S", 60.0)
        await one.reloading.look()
        async with asyncio.timeout(LIMIT_S):
            await one.taken.wait()
        assert one.alarms[CONFIGURATION_WAITS] is None


async def test_one_that_could_not_begin_is_told_by_the_one_that_goes_on(file: Path) -> None:
    async with bench(file, refused="key_file_missing: lane-2") as one:
        assert "key_file_missing" in str(one.alarms[CONFIGURATION_REFUSED])


async def status(socket: Path) -> dict[str, Any]:
    """What the controller says once it listens."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await ask(socket, {"verb": "status"})
            except ControlError:
                await asyncio.to_thread(os.sched_yield)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not condition():
            await asyncio.to_thread(os.sched_yield)


@pytest.mark.hazard("X7")
async def test_the_real_controller_begins_anew_in_its_process_or_goes_on_with_the_old(file: Path) -> None:
    log, socket = file.with_name("log"), file.with_name("state") / "control.sock"
    with log.open("wb") as output:
        controller = Controller(await spawn("run", str(file), output=output), log)
    try:
        first = await status(socket)
        edit(file, "site: yard", "site: yard\nsight: x")
        controller.process.send_signal(signal.SIGHUP)
        await until(lambda: controller.said("configuration_refused"))
        edit(file, "\nsight: x", "")
        assert await kakou("reload", "--socket", str(socket)) == (0, _said("reload_unchanged"))
        # A second lane whose key nobody made: it is valid, and cannot begin.
        second = "  - {id: lane-2, direction: in, simulated: true, must_match: [tag], "
        second += "barrier: {id: b-2, host: 127.0.0.1, port: 9}, tag_reader: {id: r-2, port: ./r2}}\n"
        good = text_of(file)
        put(file, good + second)
        assert await kakou("reload", "--socket", str(socket)) == (0, _said("reload_changed"))
        await until(lambda: controller.said("start_refused"))
        again = await status(socket)
        assert (again["pid"], len(again["lanes"])) == (first["pid"], 1)
        put(file, good.replace("must_match: [tag]", "must_match: [tag]\n    recaptures: 0"))
        assert (await kakou("reload", "--socket", str(socket)))[0] == 0
        await until(lambda: log.read_text().count("configuration_accepted") == 2)
        assert (await status(socket))["pid"] == first["pid"]
        assert await controller.stop() == 0
    finally:
        await controller.kill()


def _said(key: str) -> str:
    from edge.text import say

    return say(key) + "\n"
