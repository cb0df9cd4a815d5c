"""The board as a driver of a vehicle sees it: text, colour, dark when nobody tells it any more."""

from pathlib import Path

import pytest

from drivers.kit.asker import AskerPace
from drivers.led_serial.wire import Board
from edge.ports import DeviceError, Sign, Words
from simulators.devices.led_sign import DARK, LedSign, Screen
from tests.support.asked import KINDS, RELEASED, WAIT, Clock, driver_of, plugged, supervised

SIGN = KINDS["sign"]
QUIET = AskerPace(probe_interval_s=60.0)


async def test_it_shows_the_newest_words_and_goes_dark_by_itself(tmp_path: Path) -> None:
    clock = Clock()
    async with plugged(SIGN, tmp_path, clock=clock) as wire:
        sign: Sign = driver_of(SIGN, wire, pace=QUIET)
        await sign.connect()
        await sign.show(WAIT, 10.0)
        await sign.show(RELEASED, 10.0)
        board: LedSign = wire.device
        assert board.screen == Screen(("已放行", "请直行"), "green")
        assert board.render().splitlines() == [
            "+----------------+",
            "|已放行          |",
            "|请直行          |",
            "+----------------+",
        ]
        clock.ms += 9_999
        assert board.screen != DARK
        clock.ms += 1
        assert board.screen == DARK
        assert [screen.lines for _, screen in board.screens] == [WAIT.lines, RELEASED.lines]
        await sign.close()


async def test_what_an_earlier_controller_showed_is_gone_when_the_next_connects(tmp_path: Path) -> None:
    async with plugged(SIGN, tmp_path) as wire:
        sign = driver_of(SIGN, wire, pace=QUIET)
        await sign.connect()
        await sign.show(RELEASED, 10.0)
        await sign.connect()
        assert wire.device.screen == DARK
        await sign.close()


async def test_what_it_cannot_show_leaves_it_dark_and_is_named(tmp_path: Path) -> None:
    async with plugged(SIGN, tmp_path) as wire, supervised(sign := driver_of(SIGN, wire)) as watched:
        await watched.until_back()
        await sign.show(RELEASED, 10.0)
        with pytest.raises(DeviceError, match=r"sign_unshowable.*U\+9555"):
            await sign.show(Words("odd", ("镕",), "red"), 10.0)
        assert wire.device.screen == DARK
        await watched.until_lost()
        assert watched.lost == ["sign_unshowable"]


@pytest.mark.parametrize("board", [Board(16, 1, "gb2312"), Board(12, 2, "gb18030")])
async def test_a_board_that_is_too_small_is_not_taken(board: Board, tmp_path: Path) -> None:
    async with plugged(SIGN, tmp_path, board=board) as wire:
        with pytest.raises(DeviceError, match="sign_too_small"):
            await driver_of(SIGN, wire).connect()


async def test_a_frozen_panel_goes_on_showing_the_old_words(tmp_path: Path) -> None:
    clock = Clock()
    async with plugged(SIGN, tmp_path, clock=clock) as wire:
        sign = driver_of(SIGN, wire, pace=QUIET)
        await sign.connect()
        await sign.show(WAIT, 10.0)
        wire.device.faults.frozen = True
        await sign.show(RELEASED, 10.0)
        clock.ms += 60_000
        assert wire.device.screen.lines == WAIT.lines
        await sign.close()


def test_a_simulated_board_takes_no_more_lines_than_it_has() -> None:
    device = LedSign(lambda: 0, board=Board(16, 1, "gb2312"))
    assert device.obey(0x10, bytes.fromhex("000A 01 02 01 41 01 42")) is None
