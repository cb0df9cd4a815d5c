"""Chance at the lane, as the plan of the centre says: drawn, followed, told, and held where there is no plan."""

import hmac
from dataclasses import replace
from typing import Any

import pytest

from edge.core.effects import ConsumeAuthority, KeepReferral, Report
from edge.core.events import ReferralReported, SamplingPlanAccepted, Supplemented
from edge.core.inspection import Inspection
from edge.core.profile import AuthorityProfile, LaneProfile, SamplingRules
from edge.core.referral import ReferralReport
from edge.core.sampling_plan import SampledClass, SamplingPlan, draw
from edge.core.state import Phase
from tests.support.lane_bench import CODE, CUSTOMS, NOTE, PLATE, PROFILE, LaneBench
from tests.support.supplements import look_in_vain

SAMPLED = replace(PROFILE, sampling=SamplingRules("customs"))
SEED = "5e" * 32
LIFE_MS = 3_600_000
NEVER, ALWAYS = SampledClass("aeo", 0, "weigh"), SampledClass("general", 1_000, "bay")


def plan(*classes: SampledClass, **changes: Any) -> SamplingPlan:
    return replace(SamplingPlan("customs", 1, SEED, LIFE_MS, classes or (NEVER, ALWAYS)), **changes)


class SampledLane(LaneBench):
    def __init__(self, found: SamplingPlan | None = None, profile: LaneProfile = SAMPLED) -> None:
        super().__init__(profile)
        if found is not None:
            self.take(SamplingPlanAccepted(self.at_ms, found))

    def release(self, credit_class: str | None = "aeo", authority: str = "customs") -> None:
        self.answer("release", authority=authority, note=replace(NOTE, credit_class=credit_class))

    def come(self, credit_class: str | None = "aeo") -> None:
        self.identify()
        self.release(credit_class)

    def named(self, name: str) -> list[dict[str, object]]:
        return [dict(one.fields) for one in self.all(Report) if one.name == name]


def test_a_vehicle_that_is_not_drawn_passes_and_the_draw_is_told() -> None:
    lane = SampledLane(plan())
    lane.come()
    assert lane.phase is Phase.CONSUMING
    digest = hmac.digest(bytes.fromhex(SEED), lane.passage.id.encode(), "sha256").hex()
    said = {"plan": 1, "credit_class": "aeo", "per_mille": 0, "digest": digest, "selected": False}
    assert lane.named("sampling_drawn") == [said]
    assert SEED not in repr(lane.all(Report))


def test_a_drawn_vehicle_is_referred_to_the_plan_s_target_through_the_same_inspection() -> None:
    lane = SampledLane(plan())
    lane.come("general")
    assert (lane.phase, lane.passage.decision, lane.passage.reasons) == (Phase.HELD, "refer", ("sampled",))
    assert not lane.all(ConsumeAuthority)
    (referral,) = [one.referral for one in lane.all(KeepReferral)]
    assert referral.inspections == (Inspection("customs", "bay"),)
    assert lane.named("referral_issued")[0]["inspections"] == "customs:bay"
    assert lane.named("sampling_drawn")[0]["selected"] is True


@pytest.mark.parametrize("credit_class", [None, "unheard_of"])
def test_a_class_that_the_plan_does_not_know_has_its_highest_rate(credit_class: str | None) -> None:
    lane = SampledLane(plan())
    lane.come(credit_class)
    assert lane.passage.reasons == ("sampled",)
    drawn = lane.named("sampling_drawn")[0]
    assert (drawn["credit_class"], drawn["per_mille"]) == (credit_class, 1_000)


def test_of_several_notes_the_class_with_the_highest_rate_counts() -> None:
    two = replace(SAMPLED, authorities=(CUSTOMS, AuthorityProfile("port", 5_000)))
    for first, second, selected in (("aeo", "general", True), ("aeo", None, False), ("general", "aeo", True)):
        lane = SampledLane(plan(), two)
        lane.identify()
        lane.release(first)
        lane.release(second, "port")
        assert lane.named("sampling_drawn")[0]["selected"] is selected


def test_the_note_of_somebody_who_did_not_release_names_no_class() -> None:
    veto = replace(SAMPLED, authorities=(CUSTOMS, AuthorityProfile("port", 5_000)))
    lane = SampledLane(plan(), veto)
    lane.identify()
    lane.answer("not_applicable", authority="port", note=replace(NOTE, credit_class="general"))
    lane.release("aeo")
    assert lane.named("sampling_drawn")[0]["credit_class"] == "aeo"


def test_the_share_that_is_drawn_is_the_rate() -> None:
    found = plan(SampledClass("general", 100, "nii"))
    drawn = sum(draw(found, f"passage-{number}", ["general"]).selected for number in range(20_000))
    # Six standard deviations of a binomial of 20,000 at 10 %: 42 each.
    assert abs(drawn - 2_000) < 6 * 43


def test_a_draw_is_of_the_passage_and_the_seed_alone() -> None:
    one, again = (draw(plan(), "p", ["aeo"]) for _ in range(2))
    assert one == again
    assert draw(plan(seed="6f" * 32), "p", ["aeo"]).digest != one.digest
    assert draw(plan(), "q", ["aeo"]).digest != one.digest


def test_a_second_attempt_of_the_same_vehicle_is_no_second_chance() -> None:
    lane = SampledLane(plan(SampledClass("aeo", 500, "nii")))
    lane.come()
    while lane.passage.decision != "refer":
        lane = SampledLane(plan(SampledClass("aeo", 500, "nii"), seed=f"{lane.at_ms + len(lane.history):064x}"))
        lane.come()
    first = lane.named("sampling_drawn")[0]
    lane.order("retry")
    lane.forget()
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    lane.prepare()
    lane.release()
    assert lane.named("sampling_drawn") == [first]
    assert lane.passage.decision == "refer"


def test_who_backs_out_of_an_inspection_is_held_when_it_comes_again() -> None:
    lane = SampledLane(plan())
    lane.come("general")
    lane.scan(arrival_loop=False)
    lane.scan()
    lane.forget()
    lane.come("aeo")
    assert lane.passage.reasons == ("referral_open",)
    assert lane.named("sampling_drawn") == []


def test_whoever_was_looked_at_is_not_drawn_again() -> None:
    lane = SampledLane(plan())
    lane.come("general")
    (referral,) = lane.state.referrals
    report = ReferralReport("customs", "key-1", "site", "lane-1", referral.id, "clear", 1, "2026-01-01T00:00:00Z")
    lane.scan(arrival_loop=False)
    lane.scan()
    lane.take(ReferralReported(lane.at_ms, report))
    lane.forget()
    lane.come("general")
    assert lane.phase is Phase.CONSUMING
    assert lane.named("sampling_skipped") == [{"reason": "rechecked"}]
    assert lane.named("sampling_drawn") == []


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "sampling_no_plan"),
        (plan(authority="port"), "sampling_no_plan"),
        (plan(until_ms=150), "sampling_plan_expired"),
    ],
)
def test_without_a_plan_in_force_a_released_vehicle_is_held_and_a_person_told(
    found: SamplingPlan | None, reason: str
) -> None:
    lane = SampledLane(found)
    lane.come()
    assert (lane.phase, lane.passage.decision, lane.passage.reasons) == (Phase.HELD, "hold", (reason,))
    assert lane.alarms_raised == ["sampling_without_plan"]
    lane.take(SamplingPlanAccepted(lane.at_ms, plan(version=2)))
    assert lane.state.alarms == ()


def test_a_plan_ends_to_the_millisecond() -> None:
    for left_ms, decision in ((1, "release"), (0, "hold")):
        lane = SampledLane()
        lane.identify()
        lane.take(SamplingPlanAccepted(lane.at_ms, plan(until_ms=lane.at_ms + left_ms)))
        lane.release()
        assert lane.passage.decision == decision


def test_where_the_site_says_so_a_missing_plan_lets_pass_and_is_told() -> None:
    lane = SampledLane(profile=replace(PROFILE, sampling=SamplingRules("customs", "release")))
    lane.come()
    assert lane.phase is Phase.CONSUMING
    assert lane.named("sampling_skipped") == [{"reason": "no_plan"}]
    assert lane.alarms_raised == ["sampling_without_plan"]


def test_what_is_not_released_is_not_drawn() -> None:
    for verdict in ("hold", "deny", "refer"):
        lane = SampledLane(plan())
        lane.identify()
        lane.answer(verdict, target="nii" if verdict == "refer" else None)
        assert lane.named("sampling_drawn") == []
    lane = SampledLane(plan())
    lane.arrive()
    lane.read_plate("京A12345")
    lane.read_container()
    lane.read_tag()
    lane.prepare()
    lane.release()
    assert (lane.passage.reasons, lane.named("sampling_drawn")) == (("mismatch_front_plate",), [])


def test_a_lane_without_sampling_draws_nobody() -> None:
    lane = SampledLane(plan(), PROFILE)
    lane.come("general")
    assert lane.phase is Phase.CONSUMING
    assert lane.named("sampling_drawn") == []


@pytest.mark.hazard("S12")
def test_only_a_newer_plan_replaces_the_one_in_force() -> None:
    lane = SampledLane(plan(version=3))
    for version, in_force in ((2, 3), (3, 3), (5, 5)):
        lane.take(SamplingPlanAccepted(lane.at_ms, plan(version=version)))
        assert lane.state.sampling is not None
        assert lane.state.sampling.version == in_force
    assert [one["plan"] for one in lane.named("sampling_plan_accepted")] == [3, 5]


def test_a_plan_told_anew_after_a_step_of_the_clock_ends_no_later() -> None:
    lane = SampledLane(plan(until_ms=1_000))
    for until_ms, ends_ms in ((2_000, 1_000), (500, 500)):
        lane.take(SamplingPlanAccepted(lane.at_ms, plan(until_ms=until_ms)))
        assert lane.state.sampling is not None
        assert lane.state.sampling.until_ms == ends_ms


def test_words_alone_make_no_vehicle_one_that_was_looked_at() -> None:
    lane = SampledLane(plan(), replace(SAMPLED, supplement_opens=True))
    lane.come("general")
    (referral,) = [one.referral for one in lane.all(KeepReferral)]
    report = ReferralReport("customs", "key-1", "site", "lane-1", referral.id, "clear", 1, "2026-01-01T00:00:00Z")
    lane.scan(arrival_loop=False)
    lane.scan(10)
    lane.take(ReferralReported(lane.at_ms, report))
    lane.forget()
    lane.arrive()
    look_in_vain(lane)
    lane.prepare()
    lane.answer("hold")
    lane.forget()
    lane.take(Supplemented(lane.at_ms, "chen", "dirty", (("front", PLATE),), (CODE,)))
    lane.prepare()
    lane.answer("release", note=replace(NOTE, tag=None, credit_class="general"))
    assert (lane.passage.decision, lane.passage.reasons[-1]) == ("refer", "sampled")
