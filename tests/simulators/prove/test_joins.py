"""Several authorities in the proof: what they say together counts, and a lane that joins it otherwise is found."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from edge.core.grant import VERDICTS
from edge.core.policy import Joined, join
from edge.core.profile import JoinPolicy, LaneProfile
from edge.core.state import Request
from simulators.prove import campaign
from simulators.prove.history import Outcome
from simulators.prove.join_oracle import JoinOracle
from simulators.prove.joins import SILENT, allowed
from simulators.prove.world import Plan
from tests.edge.core.test_policy import answered, profile

SEEDS = range(6)


@pytest.fixture(autouse=True)
def _lanes_that_ask_several(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign.prepare_process()
    monkeypatch.setattr("simulators.prove.joins._LANES_ASKING", (0, 1, 1, 1))
    monkeypatch.setattr("simulators.prove.joins._APART", 0.8)


def histories(*faults: str, trucks: int = 12) -> list[Outcome]:
    return [campaign.run(Plan(f"joined-{seed}", trucks, frozenset(faults))) for seed in SEEDS]


def blamed(found: list[Outcome]) -> set[str]:
    return {name for one in found for name, _ in one.violations}


@pytest.mark.parametrize("policy", ["all_of", "veto", "quorum"])
def test_the_judges_rule_and_the_lanes_own_agree_about_all_that_can_be_said(policy: JoinPolicy) -> None:
    for words in product([*VERDICTS, SILENT], repeat=3):
        joined = join(profile(policy), answered(*words))
        assert joined is not None
        assert (joined.decision == "release") is allowed(policy, 2, words)


def test_whoever_may_pass_by_what_all_say_passes_where_nothing_is_wrong() -> None:
    found = histories(trucks=20)
    assert blamed(found) == set()
    assert [one.passed for one in found] == [one.entitled for one in found]
    assert 0 < sum(one.entitled for one in found) < sum(one.passages for one in found)


def test_answers_that_are_lost_late_or_changed_let_nobody_pass_who_may_not() -> None:
    assert blamed(histories("grant_lost", "late_grant", "reordered", "grant_twice", "killed")) == set()


def _lenient(sound: LaneProfile, requests: Sequence[Request]) -> Joined | None:
    """One release is enough, whatever the policy."""
    return join(replace(sound, join="quorum", quorum=1), requests)


def _hasty(sound: LaneProfile, requests: Sequence[Request]) -> Joined | None:
    """Who has not answered yet is silent."""
    return join(sound, [replace(one, silent=one.answer is None) for one in requests])


def _strict(sound: LaneProfile, requests: Sequence[Request]) -> Joined | None:
    """Everybody has to release, whatever the policy."""
    joined = join(sound, requests)
    words = [one.answer.verdict for one in requests if one.answer is not None]
    held = joined is not None and joined.decision == "release" and set(words) != {"release"}
    return Joined("hold", ("no_answer:port",)) if held else joined


def _refers_nobody(sound: LaneProfile, requests: Sequence[Request]) -> Joined | None:
    joined = join(sound, requests)
    return Joined("hold", ("checked:customs",)) if joined is not None and joined.decision == "refer" else joined


@pytest.mark.parametrize(
    ("broken", "invariant"), [(_lenient, "I1"), (_hasty, "I11"), (_strict, "I11"), (_refers_nobody, "I1")]
)
def test_a_lane_that_joins_otherwise_is_found(broken: object, invariant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.core.actions.join", broken)
    assert invariant in blamed(histories())


def test_what_was_really_signed_is_judged_at_the_wire_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.core.actions.join", _lenient)
    monkeypatch.setattr(JoinOracle, "judge", lambda *_: None)
    found = [what for one in histories() for _, what in one.violations]
    assert any("does not let a vehicle pass" in what for what in found)


def test_a_grant_of_an_earlier_attempt_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.prove.joins.Joins.asked", lambda *_: None)
    assert "I1" in blamed(histories(trucks=4))
