"""What the lane does about referrals: issue, hear of, recheck, and end them."""

from dataclasses import replace

from edge.core.draft import Draft
from edge.core.effects import KeepReferral
from edge.core.events import Event, ReferralReported, Started
from edge.core.grant import ReferralTarget
from edge.core.inspection import Inspection, in_words, targets_of
from edge.core.profile import LaneTiming
from edge.core.readings import Identity
from edge.core.referral import (
    MOST_REFERRALS,
    RESULTS,
    Ending,
    Recheck,
    Referral,
    marks,
    recheck,
    report_refusal,
)
from edge.core.supplement import known

OVERDUE = "referral_overdue"
SWAPPED = "referral_swapped"
FULL = "referrals_full"


def report_counts(draft: Draft, event: Event) -> bool:
    """The report is of an open referral of this lane, by one of its authorities, and new."""
    return _refusal(draft, event) is None


def _refusal(draft: Draft, event: Event) -> str | None:
    assert isinstance(event, ReferralReported)
    profile = draft.state.profile
    return report_refusal(profile.site, profile.lane, draft.state.referrals, event.report)


def ignore_report(draft: Draft, event: Event) -> None:
    """A report that does not count is recorded with its reason and changes no referral."""
    assert isinstance(event, ReferralReported)
    report = event.report
    draft.report("referral_report_ignored", ("authority", report.authority), ("reason", _refusal(draft, event)))


def take_report(draft: Draft, event: Event) -> None:
    """The referred vehicle arrived at its target, or an authority says what it found."""
    assert isinstance(event, ReferralReported)
    report = event.report
    before = next(one for one in draft.state.referrals if one.id == report.referral)
    referral = replace(before, heard=(*before.heard, (report.authority, report.sequence, report.says)))
    timing = draft.state.profile.timing
    if referral.status == "clear":
        referral = replace(referral, due_ms=event.at_ms + _longest_ms(timing, referral.targets))
    elif left := referral.unreached:
        # It is on its way from one place to the next: a time of its own.
        referral = replace(referral, due_ms=event.at_ms + _longest_ms(timing, left), overdue=False)
    _keep(draft, referral)
    said = (("referral", referral.id), ("authority", report.authority), ("of", referral.passage))
    if report.says == "arrived":
        draft.report("referral_arrived", *said)
    else:
        draft.report("referral_result", *said, ("result", report.says), ("reason", report.reason))
    if referral.status in RESULTS and referral.status != before.status:
        # The receipt that the goods were looked at (domain.md, section 5): whether there was a problem, no more.
        problem = {"clear": "inspected_no_problem", "findings": "inspected_problem", "no_show": "not_inspected"}
        draft.report("inspection_receipt", *said[::2], ("receipt", problem[referral.status]))
    _settle_overdue(draft)


def carry_over(draft: Draft, event: Started) -> None:
    """Keep the referrals of the boot before. Its clock is gone, so each gets its whole time again."""
    timing = draft.state.profile.timing
    carried = (replace(one, due_ms=event.at_ms + _longest_ms(timing, one.targets)) for one in event.referrals)
    draft.change(referrals=tuple(carried))
    if any(one.overdue and one.unreached for one in draft.state.referrals):
        draft.alarm(OVERDUE)


def watch(draft: Draft) -> None:
    """Tell of vehicles that did not arrive in time; forget cleared ones that were never rechecked here."""
    for one in draft.state.referrals:
        if one.due_ms >= draft.at_ms or one.overdue:
            continue
        if one.unreached:
            _keep(draft, replace(one, overdue=True))
            draft.report(OVERDUE, ("referral", one.id), ("of", one.passage), ("targets", ",".join(one.unreached)))
            draft.alarm(OVERDUE, "a referred vehicle did not arrive at its target in time")
        elif one.status == "clear":
            end(draft, one, "not_rechecked")


def next_due_ms(referrals: tuple[Referral, ...]) -> int | None:
    """Return when `watch` has something to do, or None."""
    awaited = (one.due_ms + 1 for one in referrals if not one.overdue and (one.unreached or one.status == "clear"))
    return min(awaited, default=None)


def issue(draft: Draft, inspections: tuple[Inspection, ...]) -> None:
    """Send the vehicle of this passage to be looked at, in one task for all who want to. A drill sends nobody.

    From now on it is expected there. Authorities that are satisfied have no part in it: they need not report.
    """
    passage = draft.passage
    if passage.mode == "DRILL":
        return
    targets = targets_of(inspections)
    key = draft.identifier(f"referral_key|{passage.id}|{passage.attempt}", 64)
    referral = Referral(
        draft.identifier(f"referral|{passage.id}|{passage.attempt}"),
        passage.id,
        key,
        marks(known(passage.identity or Identity(), passage.supplement), key),
        targets,
        tuple(one.authority for one in inspections),
        draft.at_ms,
        draft.at_ms + _longest_ms(draft.state.profile.timing, targets),
        inspections=inspections,
    )
    if len(draft.state.referrals) >= MOST_REFERRALS:
        # A settled one first: forgetting a vehicle that is still on its way is what a person must know of.
        settled = [one for one in draft.state.referrals if one.status in RESULTS]
        end(draft, (settled or draft.state.referrals)[0], "dropped")
        draft.alarm(FULL, f"more than {MOST_REFERRALS} vehicles are referred: the oldest is no longer followed")
    _keep(draft, referral)
    task = (("targets", ",".join(targets)), ("inspections", in_words(inspections)))
    draft.report("referral_issued", ("referral", referral.id), *task)


def withdraw(draft: Draft) -> None:
    """The vehicle of this passage is asked for anew: the referral that the last answer gave is void."""
    for one in draft.state.referrals:
        if one.passage == draft.passage.id:
            end(draft, one, "withdrawn")


def look_again(draft: Draft, identity: Identity) -> Recheck | None:
    """The recheck gate: compare a vehicle with those that were referred, and tell a person of a swap."""
    if draft.passage.mode == "DRILL":
        return None
    found = recheck(draft.state.referrals, identity, draft.passage.id)
    if found is not None:
        swapped = ",".join(found.swapped)
        draft.report("rechecked", ("referral", found.referral), ("status", found.status), ("swapped", swapped))
        if found.swapped:
            draft.alarm(SWAPPED, f"a referred vehicle came back with another {swapped}")
    return found


def end_rechecked(draft: Draft, ending: Ending) -> None:
    """A vehicle goes on after its recheck: a referral with a result has served."""
    found = draft.passage.recheck
    for one in draft.state.referrals:
        if found is not None and one.id == found.referral and one.status in RESULTS:
            end(draft, one, ending)


def end(draft: Draft, referral: Referral, ending: Ending) -> None:
    """Forget a referral; the record says why."""
    draft.change(referrals=tuple(one for one in draft.state.referrals if one.id != referral.id))
    draft.emit(KeepReferral(replace(referral, ended=ending)))
    draft.report("referral_ended", ("referral", referral.id), ("status", referral.status), ("ending", ending))
    _settle_overdue(draft)


def _keep(draft: Draft, referral: Referral) -> None:
    known = [one.id for one in draft.state.referrals]
    if referral.id in known:
        kept = tuple(referral if one.id == referral.id else one for one in draft.state.referrals)
    else:
        kept = (*draft.state.referrals, referral)
    draft.change(referrals=kept)
    draft.emit(KeepReferral(referral))


def _settle_overdue(draft: Draft) -> None:
    if not any(one.overdue and one.unreached for one in draft.state.referrals):
        draft.clear_alarms([OVERDUE])


def _longest_ms(timing: LaneTiming, targets: tuple[ReferralTarget, ...]) -> int:
    times: dict[ReferralTarget, int] = {
        "nii": timing.referral_nii_ms,
        "bay": timing.referral_bay_ms,
        "weigh": timing.referral_weigh_ms,
        "quarantine": timing.referral_quarantine_ms,
    }
    return max((times[target] for target in targets), default=max(times.values()))
