"""What the reader tells the lane: news that two readings in a row agree about, and no answer of another form."""

from pathlib import Path

import pytest

from drivers.kit.seals import BEFORE_START_MS, SealWatch
from drivers.seal_serial.driver import SerialSealReader
from edge.core.readings import Seal
from edge.core.seal import MOST_SEEN, SealsInField
from edge.ports import DeviceError, SealReader
from simulators.devices.seal_reader import STRANGER, SealReaderDevice
from simulators.devices.serial_wire import PtyWire
from tests.support.asked import QUICK, SEALS
from tests.support.r2000 import RealClock

FIRST = SEALS[0]


def after_nothing() -> SealWatch:
    """One that saw nothing when it started."""
    watch = SealWatch()
    watch.feed([], 0)
    assert watch.feed([], 1) == SealsInField((), BEFORE_START_MS, 0)
    return watch


@pytest.mark.hazard("X1", "D11")
def test_what_is_seen_at_the_start_may_be_seen_since_before_it_until_something_else_is() -> None:
    watch = SealWatch()
    watch.feed([FIRST], 1_000)
    assert watch.feed([FIRST], 2_000) == SealsInField((FIRST,), BEFORE_START_MS, 1_000)
    watch.reset()
    watch.feed([FIRST], 3_000)
    assert watch.feed([FIRST], 4_000) == SealsInField((FIRST,), BEFORE_START_MS, 1_000), "it is the same"
    watch.feed(SEALS, 5_000)
    assert watch.feed(SEALS, 6_000) == SealsInField(tuple(sorted(SEALS, key=lambda one: one.id)), 5_000)


def test_news_are_what_two_readings_in_a_row_agree_about() -> None:
    watch = after_nothing()
    assert watch.feed([FIRST], 1_000) is None
    assert watch.feed([FIRST], 2_000) == SealsInField((FIRST,), 1_000)
    assert watch.feed([FIRST], 3_000) is None
    assert watch.feed([], 4_000) is None, "one reading without it is no loss"
    assert watch.feed([FIRST], 5_000) is None
    assert watch.feed([FIRST], 6_000) is None
    assert watch.feed([], 7_000) is None
    assert watch.feed([], 8_000) == SealsInField((), 7_000)
    watch.reset()
    assert watch.feed([FIRST], 9_000) is None
    assert watch.feed([FIRST], 10_000) == SealsInField((FIRST,), 8_000, 9_000), "after a loss everything is news"
    watch.feed([], 11_000)
    watch.feed([FIRST], 12_000)
    watch.reset()
    assert watch.feed([], 20_000) is None
    assert watch.feed([FIRST], 21_000) is None
    assert watch.feed([FIRST], 22_000) == SealsInField((FIRST,), 8_000, 9_000), "it may have been there all the time"


@pytest.mark.hazard("D3")
def test_seals_that_may_have_stayed_while_the_reader_was_lost_are_those_of_before() -> None:
    watch = after_nothing()
    for at_ms in (1_000, 2_000):
        watch.feed([FIRST], at_ms)
    watch.reset()
    assert watch.feed([FIRST], 60_000) is None
    assert watch.feed([FIRST], 61_000) == SealsInField((FIRST,), 1_000)
    watch.feed([], 62_000)
    assert watch.feed([], 63_000) == SealsInField((), 62_000)
    watch.feed([FIRST], 64_000)
    assert watch.feed([FIRST], 65_000) == SealsInField((FIRST,), 64_000), "gone and back, it is new"


@pytest.mark.hazard("D3", "D18")
def test_seals_that_were_read_once_between_two_losses_count_from_before_the_first_of_them() -> None:
    watch = SealWatch()
    watch.feed([FIRST], 1_000)
    watch.reset()
    watch.feed([FIRST], 2_000)
    assert watch.feed([FIRST], 3_000) == SealsInField((FIRST,), BEFORE_START_MS, 1_000)
    watch.reset()
    watch.feed([STRANGER], 60_000)
    watch.reset()
    watch.reset()
    watch.feed([STRANGER], 62_000)
    assert watch.feed([STRANGER], 63_000) == SealsInField((STRANGER,), 3_000, 60_000)
    watch.reset()
    watch.feed([FIRST], 70_000)
    assert watch.feed([FIRST], 71_000) == SealsInField((FIRST,), 63_000, 70_000), "others were read in between"


def test_the_order_of_an_answer_is_no_news_and_a_flood_is_bounded() -> None:
    watch = SealWatch()
    many = [Seal(f"S{number:02}", True) for number in range(MOST_SEEN + 5)]
    watch.feed(many, 0)
    told = watch.feed(many[::-1], 1)
    assert told is not None
    assert told.seals == tuple(many[:MOST_SEEN])


async def test_what_is_there_is_told_once_with_its_faults(tmp_path: Path) -> None:
    device = SealReaderDevice(lambda: SEALS)
    wire = PtyWire(device, symlink=tmp_path / "seal")
    await wire.start()
    told: list[SealsInField] = []
    driver = SerialSealReader("seal-1", wire.path, clock=RealClock(), on_seals=told.append, pace=QUICK)
    reader: SealReader = driver
    try:
        await reader.connect()
        for fault, expected in (
            ("", SEALS),
            ("opened", tuple(Seal(one.id, False, one.openings, one.battery_percent) for one in SEALS)),
            ("counted_on", (Seal("CNSEAL0001", True, 4, 87), Seal("CNSEAL0002", None, 1))),
            ("cross_read", (*SEALS, STRANGER)),
            ("blind", ()),
        ):
            if fault:
                device.faults.turn_on(fault)
            for _ in range(3):
                await driver.read()
            assert told.pop().seals == expected
            assert told == []
            if fault:
                device.faults.turn_off(fault)
        device.faults.frozen = True
        await driver.read()
        await driver.read()
        assert told == []
        device.obey = lambda *_: b"\x07"  # type: ignore[method-assign]
        with pytest.raises(DeviceError, match="seal_nonsense"):
            await driver.read()
        with pytest.raises(DeviceError, match="seal_nonsense"):
            await reader.run()
    finally:
        await reader.close()
        await wire.stop()
