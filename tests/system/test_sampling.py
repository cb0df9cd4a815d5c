"""A sampling plan at the wire: it arrives retained, decides who is looked at, outlives a restart, and is audited."""

import json
from datetime import UTC, datetime, timedelta

from edge.clearance.feeds import issued_topic
from edge.clearance.keys import key_id_of, load_private_key, load_shared_secret, write_public_key
from edge.clearance.sampling_plan import plan_claims, seal_plan
from edge.core.sampling_plan import SampledClass
from tests.support.controller import kakou
from tests.support.system_lane import AUTHORITY, LANE, SITE, SystemLane

EVERYBODY, NOBODY = SampledClass("general", 1_000, "weigh"), SampledClass("general", 0, "weigh")
SAMPLING = f"    sampling: {{authority: {AUTHORITY}}}\n"


async def issue(lane: SystemLane, version: int, share: SampledClass) -> bytes:
    """Let the authority leave a plan in the broker's store; returns what it sent."""
    keys, now = lane.folder / "keys", datetime.now(UTC)
    key = load_private_key(keys / f"sampling-{AUTHORITY}.key.pem")
    claims = plan_claims(
        AUTHORITY, SITE, LANE, version, (share,), secret=load_shared_secret(keys / f"lane-{LANE}.sampling.key"),
        issued=now, not_after=now + timedelta(days=1),
    )  # fmt: skip
    raw = seal_plan(claims, key_id=key_id_of(key.public_key()), key=key)
    await lane.service.issue(LANE, "sampling", raw)
    return raw


async def test_chance_refers_a_released_truck_once_and_central_draws_it_again(lane: SystemLane):
    lane.write_config(more=SAMPLING)
    async with lane.central() as database:
        await lane.until(lambda: lane.service.link.is_up)
        plan = await issue(lane, 3, EVERYBODY)
        await lane.start_controller()
        await lane.event("sampling_plan_accepted", plan=3)
        lane.arrive()
        await lane.phase("held")
        await lane.until(lambda: lane.state["inspections"] == [{"authority": AUTHORITY, "target": "weigh"}])
        assert (lane.state["decision"], lane.state["reasons"]) == ("refer", ["sampled"])
        drawn = await lane.event("sampling_drawn", selected=True, credit_class=None, per_mille=1_000)
        referral = await lane.event("referral_issued", inspections=f"{AUTHORITY}:weigh")
        lane.world.turn_back()
        await lane.gone()
        assert [one["terminal"] for one in lane.ended] == ["REFERRED"]
        lane.service.report(LANE, referral["referral"], "clear")
        await lane.event("inspection_receipt", receipt="inspected_no_problem")
        await lane.pass_one()
        assert [one["terminal"] for one in lane.ended] == ["REFERRED", "PASSED"]
        assert [one["reason"] for one in lane.of("sampling_skipped")] == ["rechecked"]
        assert lane.of("sampling_drawn") == [drawn]
        await lane.stored(database)
    folder = lane.folder / "central"
    folder.mkdir()
    (folder / "plan-3.jws").write_bytes(plan)
    secret = (lane.folder / "keys" / f"lane-{LANE}.sampling.key").read_bytes()
    (folder / f"lane-{LANE}.sampling.key").write_bytes(secret)
    key = load_private_key(lane.folder / "keys" / f"lane-{LANE}.key.pem")
    write_public_key(folder / f"lane-{LANE}.pub.pem", key.public_key())
    arguments = ("ops", "audit", "--database", str(database), "--lane-keys", str(folder), "--json")
    status, printed = await kakou(*arguments, "--sampling-plans", str(folder))
    audited = json.loads(printed)
    assert (status, audited["draws"], audited["findings"]) == (0, 1, [])
    # The seed follows from the secret: neither was told to anybody.
    assert secret.decode() not in json.dumps(lane.events)


async def test_without_a_plan_trucks_are_held_and_a_plan_outlives_the_broker_and_the_controller(lane: SystemLane):
    lane.write_config(more=SAMPLING)
    await lane.start_controller()
    lane.arrive()
    await lane.phase("held")
    assert lane.state["reasons"] == ["sampling_no_plan"]
    await lane.until(lambda: "sampling_without_plan" in lane.alarms)
    await issue(lane, 1, NOBODY)
    await lane.until(lambda: "sampling_without_plan" not in lane.alarms)
    await lane.order("refuse")
    await lane.phase("turning_back")
    lane.world.turn_back()
    await lane.gone()
    await lane.pass_one()
    # The broker forgets what it retained; the lane starts anew.
    await lane.service.link.publish(issued_topic(SITE, LANE, AUTHORITY, "sampling"), b"", retain=True)
    assert await lane.controller.stop() == 0
    await lane.start_controller()
    await lane.pass_one()
    assert [one["terminal"] for one in lane.ended] == ["TURNED_BACK", "PASSED", "PASSED"]
    assert [one["selected"] for one in lane.of("sampling_drawn")] == [False, False]
    assert [one["plan"] for one in lane.of("sampling_plan_accepted")] == [1, 1]
