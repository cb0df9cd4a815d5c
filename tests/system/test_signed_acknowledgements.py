"""A lane that lets go of its events only at central's signed word, at the wire."""

import pytest

from tests.support.system_lane import LANE, SITE, SystemLane


@pytest.mark.hazard("C22")
@pytest.mark.threat("masquerade", "ack")
async def test_a_forged_word_frees_nothing_and_centrals_own_does(lane: SystemLane):
    lane.write_config(recogniser="signed_acknowledgements: true\n")
    await lane.start_controller()
    await lane.pass_one()
    epoch = lane.events[-1]["epoch"]
    # As anybody could say who gets past the broker's list of who may speak.
    forged = b'{"epoch":%d,"seq":%d}' % (epoch, lane.events[-1]["seq"])
    await lane.service.link.publish(f"gate/v1/{SITE}/{LANE}/ack", forged)
    await lane.until(lambda: "ack_refused" in lane.alarms)
    key = lane.folder / "keys" / "ops-central.key.pem"
    async with lane.central("--ack-key", str(key)) as database:
        await lane.stored(database)
        await lane.until(lambda: "ack_refused" not in lane.alarms)
