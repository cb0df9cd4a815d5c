"""One inspection for all who want to look (联合查验): where, until when, and what clears it."""

from dataclasses import replace

from edge.core.effects import EndPassage
from edge.core.inspection import Inspection
from edge.core.profile import AuthorityProfile
from edge.core.referral import Referral
from edge.core.state import Phase
from tests.edge.core.test_referral import Yard
from tests.support.lane_bench import CUSTOMS, PROFILE

THREE = replace(PROFILE, authorities=(CUSTOMS, *(AuthorityProfile(one, 5_000) for one in ("port", "quarantine"))))


def merged(first: str = "weigh", second: str = "quarantine") -> tuple[Yard, Referral]:
    """A lane whose vehicle customs and quarantine want to look at; the port is satisfied."""
    yard = Yard(THREE)
    yard.identify()
    yard.answer("refer", target=second, authority="quarantine", reason="pest_risk")
    yard.answer("release", authority="port")
    assert (yard.phase, yard.state.referrals) == (Phase.WAITING, ())
    yard.answer("refer", target=first)
    (referral,) = yard.state.referrals
    return yard, referral


def test_two_authorities_that_want_to_look_get_one_inspection() -> None:
    yard, referral = merged()
    task = (Inspection("customs", "weigh"), Inspection("quarantine", "quarantine"))
    assert (referral.inspections, referral.targets) == (task, ("weigh", "quarantine"))
    assert referral.authorities == ("customs", "quarantine")
    assert yard.passage.inspections == task
    (issued,) = yard.named("referral_issued")
    assert issued["inspections"] == "customs:weigh,quarantine:quarantine"
    assert yard.named("decided")[-1]["targets"] == "weigh,quarantine"
    yard.scan(arrival_loop=False)
    end = yard.last(EndPassage)
    assert (end.terminal, end.target, end.inspections) == ("REFERRED", "weigh", task)


def test_it_is_cleared_once_everybody_who_wanted_to_look_has_and_nobody_else_is_asked() -> None:
    yard, referral = merged()
    yard.say("clear", referral, authority="port")
    assert yard.named("referral_report_ignored")[0]["reason"] == "unknown_authority"
    yard.say("clear", referral)
    assert yard.state.referrals[0].status == "arrived"
    assert yard.named("inspection_receipt") == []
    yard.say("clear", referral, authority="quarantine")
    assert yard.state.referrals[0].status == "clear"
    assert [one["receipt"] for one in yard.named("inspection_receipt")] == ["inspected_no_problem"]


def test_a_vehicle_has_to_appear_at_each_place_with_a_time_of_its_own() -> None:
    yard, referral = merged()
    assert referral.unreached == ("weigh", "quarantine")
    yard.scan(arrival_loop=False)
    yard.tick(referral.due_ms + 1)
    assert yard.named("referral_overdue")[0]["targets"] == "weigh,quarantine"
    yard.say("arrived", referral)
    (after,) = yard.state.referrals
    assert (after.unreached, after.overdue, yard.state.alarms) == (("quarantine",), False, ())
    assert after.due_ms == yard.at_ms + PROFILE.timing.referral_quarantine_ms
    yard.tick(after.due_ms + 1)
    assert yard.named("referral_overdue")[1]["targets"] == "quarantine"
    assert "referral_overdue" in yard.state.alarms
    yard.say("findings", referral, authority="quarantine")
    assert (yard.state.referrals[0].unreached, yard.state.alarms) == ((), ())


def test_who_looks_at_the_same_place_need_not_say_that_it_arrived() -> None:
    yard, referral = merged("nii", "nii")
    yard.say("arrived", referral)
    assert yard.state.referrals[0].unreached == ()


def test_a_second_result_that_changes_nothing_gives_no_second_receipt() -> None:
    yard, referral = merged()
    yard.say("no_show", referral)
    yard.say("findings", referral, authority="quarantine")
    assert [one["receipt"] for one in yard.named("inspection_receipt")] == ["not_inspected", "inspected_problem"]
    yard, referral = merged()
    yard.say("findings", referral)
    yard.say("clear", referral, authority="quarantine")
    assert [one["receipt"] for one in yard.named("inspection_receipt")] == ["inspected_problem"]


def test_a_referral_of_an_earlier_version_says_only_where_it_is_expected() -> None:
    _, referral = merged()
    old = replace(referral, inspections=())
    assert old.unreached == ("weigh", "quarantine")
    assert replace(old, heard=(("customs", 1, "arrived"),)).unreached == ()


def test_who_is_asked_at_the_recheck_is_told_who_looked() -> None:
    yard, referral = merged()
    yard.say("clear", referral)
    yard.say("clear", referral, authority="quarantine")
    yard.scan(arrival_loop=False)
    yard.scan()
    yard.forget()
    yard.identify()
    # Everybody decides anew: a release of an hour ago opens nothing (hazards.md C7).
    assert [one.authority for one in yard.passage.requests] == ["customs", "port", "quarantine"]
    assert yard.passage.recheck is not None
    assert yard.passage.recheck.authorities == ("customs", "quarantine")
