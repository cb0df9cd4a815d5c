"""From a history that violates an invariant to a shorter one that still does."""

from collections.abc import Iterator
from dataclasses import replace

from simulators.prove.campaign import checked
from simulators.prove.history import Outcome
from simulators.prove.world import Plan

_MOST_RUNS = 60
LAST_STEPS = 40


def shortest(plan: Plan, invariant: str) -> Outcome | None:
    """Return the smallest history found that violates `invariant`: fewer faults first, then fewer trucks.

    None where the given one does not violate it, as after a change of the code.
    """
    runs = 0

    def violates(one: Plan) -> Outcome | None:
        nonlocal runs
        runs += 1
        found = checked(replace(one, told=True))
        return found if any(name == invariant for name, _ in found.violations) else None

    best = violates(plan)
    while best is not None and runs < _MOST_RUNS:
        smaller = next((found for one in _smaller(best.plan) if runs < _MOST_RUNS and (found := violates(one))), None)
        if smaller is None:
            break
        best = smaller
    return best


def _smaller(plan: Plan) -> Iterator[Plan]:
    """Plans with less in them, the least first."""
    for fault in sorted(plan.faults):
        yield replace(plan, faults=plan.faults - {fault})
    for trucks in (1, 2, plan.trucks // 2, plan.trucks - 1):
        if 0 < trucks < plan.trucks:
            yield replace(plan, trucks=trucks)
