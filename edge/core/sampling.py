"""What the lane does about sampling: keep the plan that is in force, and draw for each vehicle that is released."""

from dataclasses import replace

from edge.core.draft import Draft
from edge.core.events import Event, SamplingPlanAccepted
from edge.core.inspection import Inspection
from edge.core.policy import Joined
from edge.core.readings import Identity
from edge.core.referral import recheck
from edge.core.sampling_plan import SamplingPlan, draw

NO_PLAN = "sampling_without_plan"


def observe_sampling(draft: Draft, event: Event) -> None:
    """Replace the plan as a whole; an older one than that in force is not taken."""
    if not isinstance(event, SamplingPlanAccepted):
        return
    plan, before = event.plan, draft.state.sampling
    if before is None or plan.version > before.version:
        draft.change(sampling=plan)
        draft.report("sampling_plan_accepted", ("plan", plan.version), ("authority", plan.authority))
        draft.clear_alarms([NO_PLAN])
    elif plan.version == before.version:
        # Told anew by a wall clock that had stepped: it may end sooner by that, never later.
        draft.change(sampling=replace(before, until_ms=min(before.until_ms, plan.until_ms)))


def sample(draft: Draft) -> Joined | None:
    """Draw for the vehicle that would be released now; None where that stands.

    Whoever was cleared by an inspection is not drawn: the vehicle was looked at. That it is this one has to be read:
    who may say a plate could else choose who is never drawn.
    """
    rules, passage = draft.state.profile.sampling, draft.passage
    if rules is None:
        return None
    if passage.recheck is not None and _known_by_readings(draft):
        draft.report("sampling_skipped", ("reason", "rechecked"))
        return None
    plan = _in_force(draft, rules.authority)
    if isinstance(plan, SamplingPlan):
        return _drawn(draft, plan)
    draft.alarm(NO_PLAN, plan)
    if rules.without_plan == "release":
        draft.report("sampling_skipped", ("reason", plan))
        return None
    return Joined("hold", (f"sampling_{plan}",))


def _known_by_readings(draft: Draft) -> bool:
    passage = draft.passage
    if passage.supplement is None:
        return True
    return recheck(draft.state.referrals, passage.identity or Identity(), passage.id) is not None


def _in_force(draft: Draft, authority: str) -> SamplingPlan | str:
    plan = draft.state.sampling
    if plan is None or plan.authority != authority:
        return "no_plan"
    return plan if draft.at_ms < plan.until_ms else "plan_expired"


def _drawn(draft: Draft, plan: SamplingPlan) -> Joined | None:
    answers = [one.answer for one in draft.passage.requests if one.answer is not None]
    notes = [grant.note for grant in answers if grant.verdict == "release" and grant.note is not None]
    found = draw(plan, draft.passage.id, [one.credit_class for one in notes if one.credit_class is not None])
    draft.report(
        "sampling_drawn",
        ("plan", found.version),
        ("credit_class", found.credit_class),
        ("per_mille", found.per_mille),
        ("digest", found.digest),
        ("selected", found.selected),
    )
    if not found.selected:
        return None
    return Joined("refer", ("sampled",), (Inspection(plan.authority, found.target),))
