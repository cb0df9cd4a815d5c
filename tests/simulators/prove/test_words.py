"""Persons who complete held vehicles in the proof: some of it opens, nothing of it opens what it may not."""

from collections import Counter

import pytest

from edge.core import supplementing
from edge.core.events import Supplemented
from simulators.prove import campaign
from simulators.prove.history import Outcome
from simulators.prove.world import Plan


@pytest.fixture(autouse=True)
def _without_the_lanes_log() -> None:
    campaign.prepare_process()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Counter[str | None]:
    """How often words counted (None), and why not."""
    found: Counter[str | None] = Counter()
    judged = supplementing.words_count

    def counted(draft: supplementing.Draft, event: Supplemented) -> bool:
        found[supplementing.supplement_refusal(draft.state, event)] += 1
        return judged(draft, event)

    monkeypatch.setattr(supplementing, "words_count", counted)
    return found


def histories(count: int = 30) -> list[Outcome]:
    return [campaign.run(Plan(f"said-{number}", 8, frozenset({"unread"}))) for number in range(count)]


def test_words_that_count_and_words_that_do_not_break_no_invariant(answers: Counter[str | None]) -> None:
    assert [one.violations for one in histories() if one.violations] == []
    assert answers[None] > 10
    assert len(answers) > 1


def test_a_lane_that_opens_by_words_where_a_person_has_to_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supplementing, "against", lambda _: ())
    assert "I1" in {name for one in histories() for name, _ in one.violations}
