"""What a journal says at the start, and that it can be replayed; the records are made by the lane itself."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from edge.core.effects import Effect
from edge.core.events import DeviceBack, DeviceLost, Event, Started
from edge.core.offline_list import OfflineUse
from edge.core.state import LaneState, Phase
from edge.core.step import initial, step
from edge.runtime.journal_file import JournalRecord
from edge.runtime.records import boot_body, step_body
from edge.runtime.recovery import Difference, Recovered, recover, replay
from tests.support.handheld_bench import HandheldBench
from tests.support.lane_bench import LaneBench
from tests.support.offline import OfflineBench, entry, offline_list


def records(history: list[tuple[LaneState, Event, tuple[Effect, ...]]]) -> list[JournalRecord]:
    """What the shell would have written of this."""
    made = []
    for seq, (before, event, effects) in enumerate(history, start=1):
        boot = isinstance(event, Started)
        body = boot_body(before.profile, event, effects) if boot else step_body(before, event, effects)  # type: ignore[arg-type]
        made.append(JournalRecord(seq, "boot" if boot else "step", body, "", ""))
    return made


def bench(phase: Phase) -> LaneBench:
    return LaneBench().go(phase)


UNFINISHED = {
    Phase.IDLE: (False, False),
    Phase.IDENTIFYING: (True, False),
    Phase.WAITING: (True, False),
    Phase.HELD: (True, False),
    Phase.CONSUMING: (True, True),
    Phase.OPENING: (True, True),
    Phase.OPEN: (True, True),
    Phase.CLOSING: (True, True),
    Phase.LEAVING: (False, False),
}


@pytest.mark.parametrize("phase", UNFINISHED)
@pytest.mark.hazard("I9")
def test_what_is_unfinished(phase: Phase):
    lane = bench(phase)
    opened, consumed = UNFINISHED[phase]
    found = recover(records(lane.history))
    assert found.unfinished == (lane.passage.id if opened else None)
    assert found.unfinished_authority is consumed
    assert found.passages == lane.state.passages
    assert recover(records(lane.history)) == found


def test_an_empty_journal_has_nothing_unfinished():
    assert recover([]) == Recovered()


def test_a_restart_that_ended_the_passage_leaves_nothing():
    lane = bench(Phase.OPEN)
    passage = lane.passage.id
    again = LaneBench.__new__(LaneBench)
    again.__dict__.update(lane.__dict__)
    again.state = replace(LaneState(lane.state.profile))
    again.history, again.effects = [], []
    again.take(Started(lane.at_ms, "boot-2", "seed-2", 1, passage, True))
    assert again.ended == ["ABORTED_RESTART"]
    assert recover(records(again.history)) == Recovered(1)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.hazard("I9")
def test_every_phase_is_reproduced(phase: Phase):
    if phase is Phase.STARTING:
        lane = LaneBench()
        lane.lose_inputs()
    else:
        lane = bench(phase)
    outcomes = list(replay(records(lane.history)))
    assert len(outcomes) == len(lane.history)
    assert set(outcomes) == {None}


def test_a_difference_is_named():
    changed = records(bench(Phase.WAITING).history)
    body = json.loads(changed[-1].body)
    body["effects"] = []
    changed[-1] = replace(changed[-1], body=json.dumps(body))
    differences = [one for one in replay(changed) if isinstance(one, Difference)]
    assert [one.seq for one in differences] == [changed[-1].seq]
    assert differences[0].event == "RequestPrepared"
    assert differences[0].recorded == []
    assert differences[0].replayed


@pytest.mark.hazard("I21")
def test_what_was_used_of_offline_lists_survives_restarts_and_the_outage_its_end():
    lane = OfflineBench(found=offline_list(entry(max_uses=9)))
    lane.pass_unasked()
    lane.wait_in_vain()
    found = recover(records(lane.history))
    assert (found.offline.uses, found.offline.passes) == (lane.state.offline.uses, 2)
    assert (found.offline.uses, found.unfinished_authority) == ((OfflineUse("entry-1", 2),), True)
    assert set(replay(records(lane.history))) == {None}
    again = Started(0, "boot-2", "seed-2", offline_uses=found.offline.uses, offline_passes=2)
    before = initial(lane.state.profile)
    after, effects = step(before, again)
    boot = records([(before, again, effects)])
    assert recover(boot).offline == found.offline, "a boot that did nothing carries it on"
    back = DeviceBack(2, "clearance")
    gone, effects = step(after, lost := DeviceLost(1, "clearance", "refused"))
    both = [(before, again, ()), (after, lost, effects), (gone, back, step(gone, back)[1])]
    assert (recover(records(both)).offline.uses, recover(records(both)).offline.passes) == (found.offline.uses, 0)


@pytest.mark.hazard("I1")
def test_an_issuers_numbers_go_on_over_restarts():
    lane = LaneBench()
    lane.identify()
    lane.answer("hold", sequence=17)
    lane.answer("release", sequence=40)
    found = recover(records(lane.history))
    assert lane.ignored != []
    assert found.sequences == lane.state.sequences == (("customs", 17),)
    boot = Started(lane.at_ms, "boot-2", "seed-2", sequences=found.sequences)
    before = initial(lane.state.profile)
    after, effects = step(before, boot)
    assert after.sequences == found.sequences
    assert recover(records([(before, boot, effects)])).sequences == found.sequences, "a boot carries on"
    again = LaneBench()
    again.state = replace(again.state, sequences=after.sequences)
    again.identify()
    again.answer("release", sequence=17)
    assert again.ignored == ["sequence_not_newer"]
    again.answer("release", sequence=18)
    assert again.phase is Phase.CONSUMING


def test_the_numbers_of_officers_go_on_apart_from_those_of_authorities():
    lane = HandheldBench().held()
    answer = lane.answer_of()
    lane.hand_in(answer)
    lane.hand_in(replace(answer, sequence=answer.sequence + 9))
    assert len(lane.confirm_ignored) == 1
    assert lane.state.sequences
    assert recover(records(lane.history)).sequences == tuple(sorted(lane.state.sequences))


def test_records_before_the_first_boot_are_passed_over():
    whole = records(bench(Phase.WAITING).history)

    def without_boot() -> Iterator[JournalRecord]:
        yield from whole[1:]

    assert list(replay(without_boot())) == []


def test_open_referrals_are_recovered_and_ended_ones_are_not():
    lane = LaneBench()
    lane.identify()
    lane.answer("refer", target="nii")
    (referral,) = lane.state.referrals
    made = records(lane.history)
    assert recover(made).referrals == (referral,)
    again = LaneBench()
    again.history.clear()
    again.state = LaneState(again.state.profile)
    again.take(Started(0, "boot-2", "seed-2", referrals=(referral,)))
    carried = again.state.referrals
    assert [one.id for one in carried] == [referral.id]
    assert recover(records(again.history)).referrals == (referral,)
    lane.order("retry")
    assert recover(records(lane.history)).referrals == ()


def test_a_referral_of_an_earlier_version_is_kept_without_who_looks_where():
    lane = LaneBench()
    lane.identify()
    lane.answer("refer", target="nii")
    (referral,) = lane.state.referrals
    made = records(lane.history)
    bodies = [json.loads(one.body) for one in made]
    for effect in (effect for body in bodies for effect in body["effects"] if effect["type"] == "KeepReferral"):
        del effect["referral"]["inspections"]
    old = [replace(one, body=json.dumps(body)) for one, body in zip(made, bodies, strict=True)]
    assert recover(old).referrals == (replace(referral, inspections=()),)


def test_a_boot_record_of_an_earlier_version_has_no_referrals():
    made = records(LaneBench().history)
    body = json.loads(made[0].body)
    del body["event"]["referrals"]
    assert recover([replace(made[0], body=json.dumps(body)), *made[1:]]).referrals == ()
