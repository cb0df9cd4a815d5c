"""The closed loop of referrals: issued, overdue, heard of, rechecked, ended; and over a restart."""

from dataclasses import replace

import pytest

from edge.core.effects import ConsumeAuthority, KeepReferral, Report
from edge.core.events import ReferralReported, Started
from edge.core.grant import NotedPlate, ReleaseNote
from edge.core.readings import Identity
from edge.core.referral import MOST_REFERRALS, Referral, ReferralReport, Saying, marks
from edge.core.state import Phase
from edge.core.step import initial, next_deadline_ms, step
from tests.support.lane_bench import CODE, EPC, NOTE, PLATE, PROFILE, LaneBench

OTHER_CODE = "TGHU9988774"
OTHER_PLATE = "粤B12345"


class Yard(LaneBench):
    """A lane whose vehicles are referred, looked at, and come back."""

    def refer(self, target: str = "nii") -> Referral:
        self.identify()
        self.answer("refer", target=target, reason="risk_profile")
        (kept,) = [one.referral for one in self.all(KeepReferral)][-1:]
        self.leave()
        return kept

    def leave(self) -> None:
        self.scan(arrival_loop=False)
        self.scan()
        self.effects = [one for one in self.effects if not isinstance(one, KeepReferral)]

    def say(self, says: Saying, to: Referral, sequence: int = 1, **changes: object) -> None:
        values = {
            "authority": "customs", "key_id": "key-1", "site": "site", "lane": "lane-1", "referral": to.id,
            "says": says, "sequence": sequence, "issued_at": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        self.take(ReferralReported(self.at_ms, ReferralReport(**(values | changes))))  # type: ignore[arg-type]

    def come_back(self, plate: str = PLATE, code: str = CODE, epc: str = EPC) -> None:
        self.forget()
        self.arrive()
        self.read_plate(plate)
        self.read_container(code)
        self.read_tag(epc)
        self.prepare()
        note = ReleaseNote("note-2", (NotedPlate("front", plate, "blue"),), (code,), epc)
        self.answer("release", note=note)

    def named(self, name: str) -> list[dict[str, object]]:
        return [dict(one.fields) for one in self.all(Report) if one.name == name]


def test_a_referral_is_kept_without_what_was_read() -> None:
    yard = Yard()
    referral = yard.refer("bay")
    assert yard.state.referrals == (referral,)
    assert (referral.targets, referral.authorities, referral.status) == (("bay",), ("customs",), "issued")
    assert [name for name, _ in referral.marks] == ["front_plate", "containers", "tag"]
    assert not any(text in repr(referral) for text in (PLATE, CODE, EPC))
    assert referral.due_ms == referral.issued_at_ms + PROFILE.timing.referral_bay_ms


def test_an_unread_vehicle_leaves_no_mark() -> None:
    assert marks(Identity(), "00") == ()


def test_a_vehicle_that_does_not_arrive_in_time_is_told_of_once() -> None:
    yard = Yard()
    referral = yard.refer()
    assert yard.phase is Phase.IDLE
    assert next_deadline_ms(yard.state) == referral.due_ms + 1
    yard.tick(referral.due_ms)
    assert "referral_overdue" not in yard.state.alarms
    yard.tick()
    assert yard.alarms_raised == ["referral_overdue"]
    assert yard.named("referral_overdue") == [{"referral": referral.id, "of": referral.passage, "targets": "nii"}]
    yard.tick(referral.due_ms + 2)
    assert len(yard.named("referral_overdue")) == 1
    assert next_deadline_ms(yard.state) is None
    yard.say("arrived", yard.state.referrals[0])
    assert "referral_overdue" not in yard.state.alarms


def test_a_vehicle_that_arrived_and_whose_result_is_out_is_overdue_no_more() -> None:
    yard = Yard()
    yard.say("arrived", yard.refer("weigh"))
    late = yard.refer("bay")
    yard.tick(late.due_ms + 1)
    assert [one["referral"] for one in yard.named("referral_overdue")] == [late.id]


def test_one_arrival_leaves_the_alarm_for_another_that_is_overdue() -> None:
    yard = Yard()
    first, second = yard.refer(), yard.refer("bay")
    yard.tick(second.due_ms + 1)
    yard.say("arrived", first)
    assert "referral_overdue" in yard.state.alarms
    yard.say("arrived", second)
    assert "referral_overdue" not in yard.state.alarms


def test_the_result_comes_back_with_a_receipt() -> None:
    yard = Yard()
    referral = yard.refer()
    yard.say("arrived", referral)
    yard.tick(referral.due_ms + 1)
    assert (yard.state.referrals[0].status, yard.state.alarms) == ("arrived", ())
    yard.say("clear", referral, 2, reason="no_findings")
    assert yard.named("referral_arrived") == [{"referral": referral.id, "authority": "customs", "of": referral.passage}]
    assert yard.named("referral_result")[0]["result"] == "clear"
    assert yard.named("inspection_receipt") == [
        {"referral": referral.id, "of": referral.passage, "receipt": "inspected_no_problem"}
    ]
    assert yard.state.referrals[0].status == "clear"


def test_a_cleared_vehicle_is_decided_as_usual_and_its_referral_ends() -> None:
    yard = Yard()
    referral = yard.refer()
    yard.say("clear", referral)
    yard.come_back()
    assert yard.phase is Phase.CONSUMING
    assert yard.passage.recheck is not None
    assert yard.passage.recheck.status == "clear"
    assert yard.named("referral_ended") == [{"referral": referral.id, "status": "clear", "ending": "rechecked"}]
    assert yard.state.referrals == ()


@pytest.mark.parametrize(
    ("says", "reason"),
    [(None, "referral_open"), ("arrived", "referral_open"), ("findings", "referral_findings"),
     ("no_show", "referral_no_show")],
)  # fmt: skip
def test_a_vehicle_that_was_not_cleared_is_held_whatever_an_authority_releases(
    says: Saying | None, reason: str
) -> None:
    yard = Yard()
    referral = yard.refer()
    if says is not None:
        yard.say(says, referral)
    yard.come_back()
    assert (yard.phase, yard.passage.reasons) == (Phase.HELD, (reason,))
    assert not yard.all(ConsumeAuthority)


@pytest.mark.parametrize(
    ("other", "named"),
    [({"code": OTHER_CODE}, "containers"), ({"plate": OTHER_PLATE}, "front_plate"), ({"epc": "E2" + "0" * 22}, "tag")],
)
def test_a_cleared_vehicle_with_another_box_or_plate_is_held_with_an_alarm(other: dict[str, str], named: str) -> None:
    yard = Yard()
    yard.say("clear", yard.refer())
    yard.come_back(**other)
    assert (yard.phase, yard.passage.reasons) == (Phase.HELD, (f"referral_swapped_{named}",))
    assert "referral_swapped" in yard.alarms_raised
    assert [dict(one.fields)["swapped"] for one in yard.all(Report) if one.name == "rechecked"] == [named]
    assert len(yard.state.referrals) == 1


def test_a_stranger_is_not_rechecked() -> None:
    yard = Yard()
    yard.refer()
    yard.come_back(OTHER_PLATE, OTHER_CODE, "E2" + "0" * 22)
    assert (yard.phase, yard.passage.recheck) == (Phase.CONSUMING, None)


def test_the_worst_of_several_referrals_counts() -> None:
    yard = Yard()
    yard.say("clear", yard.refer())
    yard.forget()
    second = yard.refer()
    assert yard.state.referrals[0].status == "clear"
    yard.come_back()
    assert yard.passage.recheck is not None
    assert yard.passage.recheck.referral == second.id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"site": "elsewhere"}, "wrong_lane"), ({"lane": "lane-2"}, "wrong_lane"),
     ({"referral": "unknown"}, "unknown_referral"), ({"authority": "border"}, "unknown_authority")],
)  # fmt: skip
def test_a_report_that_is_not_ours_changes_nothing(changes: dict[str, object], reason: str) -> None:
    yard = Yard()
    referral = yard.refer()
    yard.say("clear", referral, **changes)
    assert yard.named("referral_report_ignored")[0]["reason"] == reason
    assert yard.state.referrals == (referral,)


def test_every_word_counts_once() -> None:
    yard = Yard()
    referral = yard.refer()
    yard.say("arrived", referral, 2)
    yard.say("arrived", referral, 2)
    yard.say("clear", referral, 1)
    yard.say("arrived", referral, 3)
    yard.say("findings", referral, 4)
    yard.say("clear", referral, 5)
    reasons = [one["reason"] for one in yard.named("referral_report_ignored")]
    assert reasons == ["sequence_not_newer", "sequence_not_newer", "already_arrived", "already_settled"]
    assert yard.state.referrals[0].status == "findings"


def test_new_pictures_of_the_same_vehicle_withdraw_its_referral_and_no_other() -> None:
    yard = Yard()
    other = replace(yard.refer(), marks=())
    yard.state = replace(yard.state, referrals=(other,))
    yard.identify()
    yard.answer("refer", target="nii")
    yard.order("retry")
    assert yard.state.referrals == (other,)
    assert yard.named("referral_ended")[0]["ending"] == "withdrawn"


def test_a_person_who_opens_ends_a_settled_referral_and_leaves_an_open_one() -> None:
    for says, ending in (("findings", "opened_by_person"), (None, None)):
        yard = Yard()
        referral = yard.refer()
        if says is not None:
            yard.say("findings", referral)
        yard.come_back()
        yard.order("open")
        assert [one["ending"] for one in yard.named("referral_ended")] == ([ending] if ending else [])


def test_a_cleared_vehicle_that_leaves_elsewhere_is_forgotten_in_time() -> None:
    yard = Yard()
    yard.say("clear", yard.refer())
    yard.tick()
    assert yard.named("referral_ended")[0]["ending"] == "not_rechecked"
    assert (yard.state.referrals, yard.state.alarms) == ((), ())


def test_referrals_are_bounded_and_a_settled_one_goes_first() -> None:
    yard = Yard()
    first = yard.refer()
    crowd = tuple(replace(first, id=f"r{number}", passage=f"p{number}") for number in range(MOST_REFERRALS - 1))
    yard.state = replace(yard.state, referrals=(first, *crowd))
    yard.say("no_show", crowd[5])
    yard.refer()
    assert "r5" not in [one.id for one in yard.state.referrals]
    assert "referrals_full" in yard.state.alarms
    yard.refer()
    assert first.id not in [one.id for one in yard.state.referrals]
    assert len(yard.state.referrals) == MOST_REFERRALS


def test_a_restart_carries_referrals_over_with_their_whole_time() -> None:
    yard = Yard()
    referral = yard.refer()
    overdue = replace(referral, id="late", overdue=True)
    state, _ = step(initial(PROFILE), Started(5, "boot-2", "seed-2", 1, referrals=(referral, overdue)))
    assert [one.due_ms for one in state.referrals] == [5 + PROFILE.timing.referral_nii_ms] * 2
    assert state.alarms == ("referral_overdue",)
    yard.state = replace(yard.state, referrals=state.referrals)
    yard.come_back()
    assert yard.passage.reasons == ("referral_open",)


def test_a_referral_without_target_is_followed_for_the_longest_time() -> None:
    yard = Yard()
    yard.identify()
    yard.answer("refer")
    assert yard.state.referrals[0].due_ms == yard.at_ms + PROFILE.timing.referral_nii_ms
    assert NOTE.tag == EPC


def test_a_drill_refers_nobody_and_rechecks_nobody() -> None:
    yard = Yard()
    referral = yard.refer()
    yard.state = replace(yard.state, mode="DRILL")
    yard.forget()
    yard.identify()
    assert yard.passage.recheck is None
    yard.answer("refer", target="bay", drill=True)
    assert [one.target for one in yard.passage.inspections] == ["bay"], "the answer counted"
    assert yard.state.referrals == (referral,)


def test_new_pictures_leave_the_referrals_of_others() -> None:
    yard = Yard()
    other = yard.refer()
    yard.identify()
    yard.answer("refer", target="bay", sequence=50)
    yard.order("retry")
    assert yard.state.referrals == (other,)


def test_a_vehicle_that_arrived_is_waited_for_without_an_alarm() -> None:
    yard = Yard()
    referral = yard.refer()
    yard.say("arrived", referral)
    yard.tick(referral.due_ms + 1)
    assert (len(yard.state.referrals), yard.state.alarms) == (1, ())
