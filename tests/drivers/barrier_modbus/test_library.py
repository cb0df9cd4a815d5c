"""Why the strict link exists: what the library itself makes of the same replies (hazards.md 1.5).

If one of these fails after an update, the library has become stricter: then say so in the README and keep the link.
"""

import pytest
from pymodbus.client import AsyncModbusTcpClient

from simulators.devices.barrier import BarrierSimulator
from simulators.devices.barrier_plant import Plant
from simulators.devices.modbus_pdu import ReplyFaults
from tests.support.barrier_lane import TIMEOUT_S, now_ms


@pytest.mark.parametrize(
    "faults",
    [
        ReplyFaults(zero_transaction_id=True),
        ReplyFaults(wrong_echo_address=True),
        ReplyFaults(wrong_echo_value=True),
        ReplyFaults(wrong_function=True),
    ],
    ids=["zero_transaction_id", "wrong_echo_address", "wrong_echo_value", "wrong_function"],
)
@pytest.mark.hazard("D23", "D24")
async def test_library_alone_calls_a_wrong_reply_success(faults: ReplyFaults) -> None:
    simulator = BarrierSimulator(Plant(now_ms))
    await simulator.start()
    simulator.faults = faults
    client = AsyncModbusTcpClient("127.0.0.1", port=simulator.port, timeout=1, retries=0, reconnect_delay=0)
    try:
        await client.connect()
        assert not (await client.write_coil(0, True, device_id=1)).isError()
    finally:
        client.close()
        await simulator.stop()


@pytest.mark.hazard("D21")
async def test_library_alone_executes_a_lost_write_four_times() -> None:
    plant = Plant(now_ms)
    simulator = BarrierSimulator(plant)
    await simulator.start()
    simulator.faults = ReplyFaults(drop_reply=True, times=3)
    client = AsyncModbusTcpClient("127.0.0.1", port=simulator.port, timeout=TIMEOUT_S, reconnect_delay=0)
    try:
        await client.connect()
        await client.write_coil(0, True, device_id=1)
        assert plant.raise_count == 4
    finally:
        client.close()
        await simulator.stop()
