"""A reader without a heartbeat, a card that stays, and too many of them: what the conformance suite does not reach."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.identity_lines.driver import (
    AT_ONCE_MS,
    BEFORE_START_MS,
    GONE_MS,
    MOST_KEPT,
    MOST_PER_S,
    REPEAT_MS,
    LineReader,
)
from drivers.identity_lines.wire import Layout, encode
from drivers.kit.listener import MOST_STRANGE_BYTES
from edge.core.readings import DriverCard
from edge.ports import DeviceError
from simulators.devices.identity import CardReader
from simulators.devices.serial_wire import PtyWire
from tests.support.r2000 import RealClock, StoppedClock, until

LAYOUT = Layout(least=4, most=12, alphabet="digits")


class HandClock(RealClock):
    """Time goes on where the test says so."""

    ms = 5_000

    def now_ms(self) -> int:
        return self.ms


class Stand:
    def __init__(self, wire: PtyWire[CardReader], clock: RealClock) -> None:
        self.wire = wire
        self.cards: list[DriverCard] = []
        self.since_ms: list[int] = []
        self.reader = LineReader("card-1", wire.path, LAYOUT, medium="qr", clock=clock, on_card=self.told)

    def told(self, card: DriverCard, since_ms: int) -> None:
        self.cards.append(card)
        self.since_ms.append(since_ms)

    def say(self, text: str) -> None:
        self.wire.write(encode(text, LAYOUT))


@contextlib.asynccontextmanager
async def stand(folder: Path, clock: RealClock) -> AsyncIterator[Stand]:
    wire = PtyWire(CardReader(lambda: None, LAYOUT), symlink=folder / "port")
    await wire.start()
    it = Stand(wire, clock)
    try:
        yield it
    finally:
        await it.reader.close()
        await wire.stop()


async def test_a_reader_that_never_speaks_by_itself_is_connected_and_not_lost(tmp_path: Path) -> None:
    async with stand(tmp_path, RealClock()) as it:
        await it.reader.connect()
        running = asyncio.create_task(it.reader.run())
        it.say("4711")
        await until(lambda: it.cards == [DriverCard("4711", "qr")])
        assert not running.done()
        it.wire.unplug()
        with pytest.raises(DeviceError, match="identity_lost"):
            await running


async def test_bytes_that_are_never_a_line_are_told_and_no_error_holds_one(tmp_path: Path) -> None:
    async with stand(tmp_path, RealClock()) as it:
        await it.reader.connect()
        running = asyncio.create_task(it.reader.run())
        for _ in range(MOST_STRANGE_BYTES // 10):
            it.wire.write(b"SECRET-ID\r")
        it.say("4711")
        await until(lambda: len(it.cards) == 1)
        for _ in range(MOST_STRANGE_BYTES // 10 + 1):
            it.wire.write(b"SECRET-ID\r")
        with pytest.raises(DeviceError, match="identity_garbled") as lost:
            await running
        assert "SECRET" not in str(lost.value)


async def test_a_card_that_stays_is_told_with_since_when_and_is_another_where_it_was_gone(tmp_path: Path) -> None:
    clock = HandClock()
    async with stand(tmp_path, clock) as it:
        await it.reader.connect()
        running = asyncio.create_task(it.reader.run())
        await until(lambda: it.reader._delivering)
        clock.ms += GONE_MS
        began_ms = clock.ms
        for text in ("4711", "4711", "4712"):
            it.say(text)
        await until(lambda: len(it.cards) == 2)
        clock.ms += REPEAT_MS
        it.say("4712")
        await until(lambda: len(it.cards) == 3)
        clock.ms += GONE_MS
        it.say("4712")
        await until(lambda: len(it.cards) == 4)
        assert [card.text for card in it.cards] == ["4711", "4712", "4712", "4712"]
        assert it.since_ms == [began_ms, began_ms, began_ms, clock.ms]
        running.cancel()


async def test_a_card_that_may_have_stayed_while_the_line_was_away_is_not_shown_anew(tmp_path: Path) -> None:
    clock = HandClock()
    async with stand(tmp_path, clock) as it:
        for away_ms in (0, 60_000, 60_000):
            await it.reader.connect()
            running = asyncio.create_task(it.reader.run())
            await until(lambda: it.reader._delivering)
            count = len(it.cards)
            if count == 2:
                clock.ms += GONE_MS
            it.say("4711")
            await until(lambda count=count: len(it.cards) == count + 1)  # type: ignore[misc]
            running.cancel()
            clock.ms += away_ms or REPEAT_MS
        assert it.since_ms[:2] == [BEFORE_START_MS] * 2
        assert it.since_ms[2] > 60_000, "silent for long enough while somebody listened, it was gone"


@pytest.mark.hazard("D11")
async def test_a_card_that_lies_there_beside_another_is_not_shown_anew_with_each_line(tmp_path: Path) -> None:
    clock = HandClock()
    async with stand(tmp_path, clock) as it:
        await it.reader.connect()
        running = asyncio.create_task(it.reader.run())
        await until(lambda: it.reader._delivering)
        clock.ms += GONE_MS
        since_ms = clock.ms
        for count in range(1, 4):
            it.say("4711")
            it.say("4712")
            await until(lambda count=count: len(it.cards) == 2 * count)  # type: ignore[misc]
            clock.ms += REPEAT_MS
        assert it.since_ms == [since_ms] * 6
        running.cancel()


async def test_two_signs_of_life_without_a_card_prove_that_none_lies_there(tmp_path: Path) -> None:
    clock, told = HandClock(), list[int]()
    layout = replace(LAYOUT, heartbeat="ALIVE")
    reader = LineReader("card-1", "none", layout, medium="ic", clock=clock, on_card=lambda _card, at: told.append(at))
    reader.begin_listening()
    for text in ("ALIVE", "4711", "ALIVE", "4712", "ALIVE", "ALIVE", "4713"):
        reader.hear_again(sent=False, data=encode(text, layout), wanted=True)
    assert told == [BEFORE_START_MS, BEFORE_START_MS, clock.ms]


def reader_by_hand(layout: Layout, clock: HandClock, told: list[int]) -> LineReader:
    return LineReader("card-1", "none", layout, medium="ic", clock=clock, on_card=lambda _card, at: told.append(at))


@pytest.mark.hazard("D11", "D18")
def test_a_reader_that_fell_silent_heard_nothing_since_its_last_line_and_not_since_it_was_missed() -> None:
    clock, told = HandClock(), list[int]()
    layout = replace(LAYOUT, heartbeat="ALIVE")
    reader = reader_by_hand(layout, clock, told)
    reader.begin_listening()
    clock.ms += 60_000
    reader.hear_again(sent=False, data=encode("ALIVE", layout), wanted=True)
    heard_ms = clock.ms
    clock.ms += 15_000
    reader.end_listening()
    clock.ms += 5_000
    reader.begin_listening()
    reader.hear_again(sent=False, data=encode("4711", layout), wanted=True)
    assert told == [heard_ms], "its card may have been laid there by who has left meanwhile"


@pytest.mark.hazard("D11", "D18")
def test_a_reader_that_is_lost_again_at_once_has_not_proved_that_nothing_lies_there() -> None:
    clock, told = HandClock(), list[int]()
    reader = reader_by_hand(LAYOUT, clock, told)
    reader.begin_listening()
    clock.ms += 60_000
    lost_ms = clock.ms
    reader.end_listening()
    for listened_ms in (AT_ONCE_MS - 1, 100):
        clock.ms += 2_000
        reader.begin_listening()
        clock.ms += listened_ms
        reader.end_listening()
    reader.begin_listening()
    reader.hear_again(sent=False, data=encode("4711", LAYOUT), wanted=True)
    assert told == [lost_ms]


@pytest.mark.hazard("D11", "D13")
async def test_a_flood_makes_no_card_a_new_one_that_lies_there(tmp_path: Path) -> None:
    clock = HandClock()
    async with stand(tmp_path, clock) as it:
        await it.reader.connect()
        running = asyncio.create_task(it.reader.run())
        await until(lambda: it.reader._delivering)
        clock.ms += GONE_MS
        it.say("4711")
        await until(lambda: len(it.cards) == 1)
        since_ms = clock.ms
        clock.ms += 1_000
        for number in range(MOST_KEPT):
            it.say(f"{number:04d}")
        await until(lambda: it.reader.surplus == MOST_KEPT - MOST_PER_S)
        clock.ms += GONE_MS - 1_000
        it.say("4711")
        await until(lambda: it.cards[-1].text == "4711" and len(it.cards) > 1 + MOST_PER_S)
        assert it.since_ms[-1] == since_ms
        running.cancel()


@pytest.mark.hazard("D11", "D18")
async def test_a_card_that_is_read_as_soon_as_somebody_listens_may_have_lain_there_all_the_time(tmp_path: Path) -> None:
    clock = HandClock()
    async with stand(tmp_path, clock) as it:
        for texts in (("4711",), ("4711", "4712")):
            await it.reader.connect()
            running = asyncio.create_task(it.reader.run())
            await until(lambda: it.reader._delivering)
            clock.ms += AT_ONCE_MS - 1
            for text in texts:
                count = len(it.cards)
                it.say(text)
                await until(lambda count=count: len(it.cards) == count + 1)  # type: ignore[misc]
            clock.ms += 1
            lost_ms = clock.ms
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            clock.ms += 60_000
    assert it.since_ms[0] == it.since_ms[1] == BEFORE_START_MS
    assert it.since_ms[2] == lost_ms - AT_ONCE_MS - 60_000, "nobody listened since then"


@pytest.mark.hazard("D13")
async def test_a_flood_is_limited_and_the_surplus_counted(tmp_path: Path) -> None:
    async with stand(tmp_path, StoppedClock()) as it:
        await it.reader.connect()
        running = asyncio.create_task(it.reader.run())
        for number in range(40):
            it.say(f"{number:04d}")
        await until(lambda: it.reader.surplus == 40 - MOST_PER_S)
        assert len(it.cards) == MOST_PER_S
        running.cancel()
