"""A vehicle arrives while the reader is just being probed: its answer is under way, and must not be thrown away."""

from pathlib import Path

import pytest

from drivers.uhf_r2000.wire import CMD_SET_ANTENNA, SUCCESS, encode_result
from simulators.devices.tag_field import SimulatedTag
from tests.drivers.conformance.test_tag_readers import EPC, MODELS, running
from tests.support.r2000 import until


@pytest.mark.hazard("D11")
async def test_a_start_within_the_answer_to_a_probe_loses_nothing_and_discards_what_is_old(tmp_path: Path) -> None:
    async with running(MODELS["r2000"], tmp_path) as it:
        it.device.faults.stuck = True
        asked = len(it.device.commands)
        await until(lambda: len(it.device.commands) > asked)
        old = it.device.report(SimulatedTag("DEAD0000"))
        answer = encode_result(CMD_SET_ANTENNA, SUCCESS)
        seen = it.reader._bytes_seen
        it.wire.write(answer[:3])
        await until(lambda: it.reader._bytes_seen > seen)
        await it.reader.start_inventory()
        it.device.faults.stuck = False
        it.in_field.append(SimulatedTag(EPC))
        it.wire.write(answer[3:] + old)
        await it.delivered.until(lambda tags: len(tags) >= 1)
        assert {tag.tag.epc for tag in it.delivered.tags} == {EPC}
        assert it.reader.counters.tags_stale == 1
