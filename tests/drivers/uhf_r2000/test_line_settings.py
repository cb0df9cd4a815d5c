"""D17, D19: a line that is set wrongly is told as that; what we sent ourselves is no answer."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from drivers.uhf_r2000.wire import Frame, encode
from edge.ports import DeviceError
from simulators.devices.serial_wire import misframed, missampled
from simulators.devices.tag_field import SimulatedTag
from tests.support.r2000 import bench, lost, until

# Asks for the firmware; this driver never does while it reads.
ANOTHERS_COMMAND = 0x72
EPC = "E200301666130121155074EF"


@pytest.mark.hazard("D17")
@pytest.mark.parametrize("ratio", [2.0, 3.0, 0.5, 6.0])
async def test_a_wrong_baud_rate_is_a_fault_of_the_configuration(tmp_path: Path, ratio: float) -> None:
    async with bench(tmp_path, baud=57_600) as b:
        b.simulator.faults.baud_ratio = ratio
        with pytest.raises(DeviceError) as error:
            await b.reader.connect()
        assert error.value.code == "reader_line_settings"
        assert "57600 baud" in error.value.expected
        assert "baud" in error.value.next_step
        # Set right, it serves.
        b.simulator.faults.baud_ratio = 1.0
        b.field.append(SimulatedTag(EPC))
        async with b.running():
            await b.reader.start_inventory()
            await b.delivered.until(lambda tags: len(tags) >= 1)


@pytest.mark.hazard("D17")
async def test_another_parity_is_a_fault_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(tmp_path) as b:
        send = b.simulator.device.send

        async def send_with_parity(frame: bytes) -> None:
            await send(misframed(frame))

        monkeypatch.setattr(b.simulator.device, "send", send_with_parity)
        with pytest.raises(DeviceError) as error:
            await b.reader.connect()
        assert error.value.code == "reader_line_settings"


@pytest.mark.hazard("D17")
async def test_noise_beside_good_frames_is_no_fault_of_the_configuration(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, b.running() as task:
        b.simulator.faults.garbage = True
        assert (await lost(task)).code == "reader_garbled"


@pytest.mark.hazard("D17")
async def test_a_reader_that_says_nothing_is_told_as_silent_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, garbage_s=60.0) as b:
        b.simulator.faults.stuck = True
        with pytest.raises(DeviceError) as error:
            await b.reader.connect()
        assert error.value.code == "reader_silent"


def test_a_receiver_at_the_same_rate_hears_what_was_sent() -> None:
    data = bytes(range(256))
    assert missampled(data, 1.0) == data
    assert missampled(data, 1.01) == data, "UARTs live with a percent"
    assert missampled(data, 2.0) != data


@pytest.mark.hazard("D19")
async def test_the_own_echo_is_skipped_counted_and_told_once(tmp_path: Path) -> None:
    with capture_logs() as logged:
        async with bench(tmp_path, antennas=(0, 1)) as b:
            b.simulator.faults.echo = True
            b.field += [SimulatedTag(EPC), SimulatedTag("E2FF", antenna=1)]
            async with b.running() as task:
                await b.reader.start_inventory()
                await b.delivered.until(lambda tags: {tag.antenna for tag in tags} == {0, 1})
                await until(lambda: b.reader.counters.rounds > 5)
                assert not task.done()
            counters = b.reader.counters
            assert counters.own_echoes >= 10
            assert (counters.refused_rounds, counters.foreign_frames, counters.malformed_frames) == (0, 0, 0)
    assert [one["event"] for one in logged].count("reader_echoes") == 1


@pytest.mark.hazard("D19")
async def test_another_master_on_the_line_is_counted_and_taken_for_no_answer(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.field.append(SimulatedTag(EPC))
        async with b.running() as task:
            await b.reader.start_inventory()
            for _ in range(5):
                seen = b.reader.counters.foreign_frames
                # Its question is not heard here, the reader's answer to it is.
                b.simulator.device.receive(encode(Frame(1, ANOTHERS_COMMAND, b"")))
                await until(lambda seen=seen: b.reader.counters.foreign_frames > seen)  # type: ignore[misc]
            known = len(b.delivered.tags)
            await b.delivered.until(lambda tags: len(tags) > known)
            assert not task.done()


@pytest.mark.hazard("D19")
async def test_an_echo_without_an_answer_is_a_silent_reader(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.simulator.faults.echo = b.simulator.faults.stuck = True
        with pytest.raises(DeviceError) as error:
            await b.reader.connect()
        assert error.value.code == "reader_silent"
