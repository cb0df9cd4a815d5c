"""Sign and voice of a running lane, read from the panel and heard from the loudspeaker as a driver does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from edge.core.effects import Guide, Phrase
from edge.runtime.signs import AGAIN_S, words_of
from simulators.devices.led_sign import DARK, LedSign
from simulators.devices.serial_wire import PtyWire, TcpWire
from simulators.devices.voice import VoiceModule
from tests.support.brokers import BrokerCase
from tests.support.system_lane import SystemLane, open_system

DEVICES = """\
    sign: {{id: sign-1, port: ./sign}}
    voice: {{id: voice-1, port: "{voice}"}}
"""
NAMED_WITHIN_S = 10.0


def lines(phrase: Phrase) -> tuple[str, ...]:
    return words_of(Guide(phrase), "zh").lines


class ToldLane:
    """A lane with a sign and a voice. `lit` is each screen with whether the answer was given and the boom was up."""

    def __init__(self, lane: SystemLane) -> None:
        self.lane = lane
        loop = asyncio.get_running_loop()
        self.sign = PtyWire(LedSign(lambda: int(loop.time() * 1000)), symlink=lane.folder / "sign")
        self.voice = TcpWire(VoiceModule(lambda: int(loop.time() * 1000)))
        self.answers = 0
        self.lit: list[tuple[tuple[str, ...], int, bool]] = []
        lane.service._on_answered = self._answered  # the service's own callback, set late
        obey = self.sign.device.obey

        def lit(command: int, data: bytes) -> bytes | None:
            done = obey(command, data)
            self.lit.append((self.sign.device.screen.lines, self.answers, self.lane.plant.boom_is_up))
            return done

        self.sign.device.obey = lit  # type: ignore[method-assign]

    def _answered(self, _: object) -> None:
        self.answers += 1

    @property
    def read(self) -> list[tuple[str, ...]]:
        """What stood on the panel, in order."""
        return [screen.lines for _, screen in self.sign.device.screens]

    @property
    def heard(self) -> list[str]:
        return [key for _, key in self.voice.device.heard]

    async def shows(self, phrase: Phrase) -> None:
        await self.lane.until(lambda: self.sign.device.screen.lines == lines(phrase))


@pytest.fixture
async def told(tmp_path: Path, any_broker: BrokerCase) -> AsyncIterator[ToldLane]:
    async with open_system(tmp_path, any_broker) as lane:
        told = ToldLane(lane)
        await told.sign.start()
        await told.voice.start()
        settings: dict[str, Any] = {"recogniser": "language: zh\n", "more": DEVICES.format(voice=told.voice.path)}
        lane.write_config(**settings)
        try:
            yield told
        finally:
            await told.voice.stop()
            await told.sign.stop()


@pytest.mark.hazard("I7")
async def test_released_is_shown_and_said_after_the_decision_and_never_before(told: ToldLane):
    await told.lane.start_controller()
    await told.shows("ready")
    await told.lane.pass_one()
    await told.shows("ready")
    order = [lines(one) for one in ("stop", "wait", "released", "one_at_a_time")]
    places = [told.read.index(one) for one in order]
    assert places == sorted(places)
    released = [(answers, boom_up) for shown, answers, boom_up in told.lit if shown == lines("released")]
    assert released[0] == (1, True), "after the answer, and with the boom measured up"
    assert all(answers for answers, _ in released)
    assert told.heard.count("released") == 1
    assert told.heard.index("wait") < told.heard.index("released")
    assert "已放行" not in told.sign.device.render()


async def test_who_is_held_reads_that_a_person_decides_and_never_that_he_may_go(told: ToldLane):
    await told.lane.start_controller()
    told.lane.arrive(noted=False)
    await told.lane.phase("held")
    await told.shows("wait_for_person")
    await told.lane.settle()
    assert lines("released") not in told.read
    assert "released" not in told.heard


@pytest.mark.hazard("D18")
async def test_a_lost_sign_and_a_lost_voice_are_named_and_stop_no_vehicle(told: ToldLane):
    lane = told.lane
    await lane.start_controller()
    told.sign.unplug()
    await told.voice.stop()
    await lane.until(lambda: {"sign-1", "voice-1"} <= set(lane.state["lost_devices"]), NAMED_WITHIN_S)
    await lane.until(lambda: {"device_lost_sign-1", "device_lost_voice-1"} <= set(lane.alarms))
    await lane.pass_one()
    assert lane.ended[-1]["terminal"] == "PASSED"
    said = len(told.heard)
    told.sign.plug()
    await told.voice.start()
    await lane.until(lambda: not lane.state["lost_devices"], NAMED_WITHIN_S)
    await told.shows("ready")
    assert set(told.heard[said:]) <= {"ready"}, "nothing is said late: what is said now is true now"
    await lane.until(lambda: not [code for code in lane.alarms if code.startswith("device_lost")])


async def test_a_dead_controller_leaves_no_promise_on_the_panel(told: ToldLane):
    await told.lane.start_controller()
    await told.shows("ready")
    await told.lane.controller.kill()
    await told.lane.until(lambda: told.sign.device.screen == DARK, 3 * AGAIN_S)
