"""Single histories: faults strike, crashes are survived, violations are found, told and made short."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from edge.core import guards, sampling
from edge.core.sampling_plan import Draw, SamplingPlan, draw
from edge.core.state import Phase
from simulators.prove import campaign, mutants
from simulators.prove.faults import ROWS
from simulators.prove.ledger import Entry, Ledger
from simulators.prove.shrink import shortest
from simulators.prove.world import Plan, World


@pytest.fixture(autouse=True)
def _without_the_lanes_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the lane says about faults that were asked for is nothing to read."""
    monkeypatch.setattr("edge.runtime.lane_runner.logger", lambda **_: _Silent())
    monkeypatch.setattr("edge.runtime.barrier_commands.logger", lambda **_: _Silent())
    monkeypatch.setattr("edge.runtime.supervisor.logger", lambda **_: _Silent())
    logging.getLogger("edge.clearance.authority_link").setLevel(logging.CRITICAL)


class _Silent:
    def __getattr__(self, name: str) -> object:
        return lambda *_, **__: None


def plan(*faults: str, trucks: int = 8, seed: str = "test") -> Plan:
    return Plan(seed, trucks, frozenset(faults))


@pytest.mark.parametrize(
    ("seed", "faults"),
    [
        ("2|4111", "wrong_transaction retained clock_jump swap stuck_up chatter broken_off wrong_echo"),
        ("2|5684", "wrong_lane arrivals_flood cloned_tag fire swap chatter frozen bad_json"),
    ],
)
def test_a_loop_that_chattered_shows_what_stands_there_once_it_is_quiet(seed: str, faults: str) -> None:
    """In these the vehicle drives on while the loop chatters; it was left occupied by nobody."""
    assert campaign.checked(plan(*faults.split(), trucks=20, seed=seed)).violations == []


def test_the_first_grant_of_an_issuer_is_its_own_also_where_others_carry_its_number() -> None:
    faults = "wrong_claim grant_lost malformed revoked_key retained emergency_stop module_restart"
    assert campaign.checked(plan(*faults.split(), trucks=20, seed="4|2023")).violations == []


def test_a_mode_that_a_full_disk_swallowed_is_ordered_again() -> None:
    faults = "controller_dip disk_full leaves_early mode_ordered paused presence_at_close slow_boom"
    assert campaign.checked(plan(*faults.split(), trucks=15, seed="4|10636")).violations == []


def test_every_truck_that_may_pass_passes_where_nothing_is_wrong() -> None:
    found = campaign.checked(plan(trucks=20, seed="plain"))
    assert (found.violations, found.passed) == ([], found.entitled)
    assert found.passages == 20


# Found by a search through histories without faults: a person's order came 60 ms after its vehicle had left, and let
# nobody in, so that the next one passed unseen; two trucks had the same trailer, and one of them was referred; a driver
# took the sign for his own that had told the one before to turn back.
@pytest.mark.parametrize("seed", ["1|455", "1|1120", "1|1085", "1|2215"])
def test_no_order_and_no_other_truck_costs_an_entitled_one_its_passage(seed: str) -> None:
    found = campaign.checked(plan(trucks=20, seed=seed))
    assert (found.violations, found.passed) == ([], found.entitled)


@pytest.mark.parametrize("fault", sorted(ROWS))
def test_no_single_fault_breaks_an_invariant(fault: str) -> None:
    assert campaign.checked(plan(fault, trucks=3)).violations == []


def test_a_killed_controller_ends_each_passage_once_and_opens_nothing_twice() -> None:
    found = campaign.checked(plan("killed", "power_cut", trucks=40))
    assert found.violations == []
    assert {"X1", "X2"} <= found.rows
    assert found.terminals["ABORTED_RESTART"] > 0


def test_real_keys_and_keyed_hashes_end_alike() -> None:
    hashed, real = (campaign.checked(replace(plan(), real_keys=real)) for real in (False, True))
    assert hashed.terminals == real.terminals
    assert hashed.trace != real.trace


@pytest.mark.hazard("I15", "C14", "O3")
def test_another_wall_clock_changes_nothing() -> None:
    traces = {
        campaign.run(replace(plan("killed", "late_grant"), wall_jumps_s=jumps, second_clock=True)).trace
        for jumps in ((0,), (86_400, -86_400), (-40, 3_600, 7))
    }
    assert len(traces) == 1


@pytest.mark.hazard("I15", "C14", "O3")
def test_a_wall_clock_that_steps_at_every_change_of_state_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = replace(plan("killed", "late_grant", "stuck_down", "stops", trucks=12), second_clock=True)
    steady = campaign.run(one)
    seen: set[Phase] = set()

    def stepping(world: World) -> float:
        seen.add(world.phase)
        return (-1) ** list(Phase).index(world.phase) * 86_400.0

    monkeypatch.setattr(World, "wall_offset_s", stepping)
    assert campaign.run(one).trace == steady.trace
    assert {phase.value for phase in seen} >= steady.phases


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda one: one.invariant)
def test_each_mutant_can_be_put_in_and_taken_out(mutant: mutants.Mutant) -> None:
    with mutant.patch():
        pass
    assert campaign.checked(plan(trucks=1)).violations == []


@pytest.mark.parametrize("invariant", ["I2", "I8", "I20"])
def test_a_seeded_bug_is_found_as_what_it_is(invariant: str) -> None:
    mutant = next(one for one in mutants.MUTANTS if one.invariant == invariant)
    assert mutants.killed(mutant, seed=1) == invariant


def test_a_violation_is_shown_by_a_shorter_history() -> None:
    green = next(one for one in mutants.MUTANTS if one.invariant == "I7")
    with green.patch():
        found = shortest(plan("storm", "retained", trucks=8), "I7")
    assert found is not None
    assert found.plan.trucks < 8
    assert found.plan.faults == frozenset()
    assert any("RaiseBoom" in step for step in found.steps)


def _never_selected(found: SamplingPlan, passage: str, classes: Sequence[str]) -> Draw:
    return replace(draw(found, passage, classes), selected=False)


def _drawn_by(seed: str) -> Callable[[SamplingPlan, str, Sequence[str]], Draw]:
    return lambda found, passage, classes: draw(replace(found, seed=seed), passage, classes)


SAMPLED_SEEDS = [f"sampled-{number}" for number in range(12)]


def _sampled_histories() -> list[tuple[str, str]]:
    """The violations of histories of which some have a sampling plan."""
    found = [campaign.run(plan(trucks=20, seed=seed)) for seed in SAMPLED_SEEDS]
    return [one for outcome in found for one in outcome.violations]


def test_the_plan_decides_whom_chance_lets_pass_and_who_is_looked_at() -> None:
    referred = 0
    for seed in SAMPLED_SEEDS:
        found = campaign.run(plan(trucks=20, seed=seed))
        assert (found.violations, found.passed) == ([], found.entitled)
        referred += found.terminals.get("REFERRED", 0)
    assert referred > 0


@pytest.mark.parametrize("broken", [_never_selected, _drawn_by("00" * 32)], ids=["nobody", "another seed"])
def test_a_lane_that_draws_otherwise_than_the_plan_is_found(
    broken: Callable[[SamplingPlan, str, Sequence[str]], Draw], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.core.sampling.draw", broken)
    assert "I1" in {name for name, _ in _sampled_histories()}


def test_a_lane_that_does_not_follow_its_draw_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = vars(sampling)["_drawn"]
    monkeypatch.setattr(sampling, "_drawn", lambda draft, found: drawn(draft, found) and None)
    assert "I1" in {name for name, _ in _sampled_histories()}


def test_what_no_longer_violates_is_not_made_short() -> None:
    assert shortest(plan(trucks=1), "I1") is None


def test_a_ledger_goes_on_where_it_ended(tmp_path) -> None:
    entry = Entry(7, 0, 9, 200, 0, 1.5, "abc", "f" * 64)
    Ledger(tmp_path / "ledger").add(entry)
    found = Ledger(tmp_path / "ledger")
    assert (found.next_history(7), found.next_history(8)) == (10, 0)
    assert found.totals() == {"passages": 200, "violations": 0, "machine_hours": 0.0, "commits": ["abc"]}


def test_a_ledger_that_is_none_is_refused_with_its_line(tmp_path) -> None:
    path = tmp_path / "ledger"
    path.write_text('{"seed": 1}\n')
    with pytest.raises(ValueError, match="ledger:1: expected an entry"):
        Ledger(path)


def test_a_large_campaign_that_missed_something_says_what() -> None:
    totals = campaign.Totals(1, passages=campaign.REACH_ALL_FROM, rows=set(ROWS.values()) - {"P3"})
    others = {"refused key_expired", "keyset rolled_back", "referral overdue", "cargo tank", "mode DRILL"}
    assert {"P3", "idle", "PASSED", *others} <= set(totals.never_reached())
    assert campaign.Totals(1, passages=5).never_reached() == []


def test_the_table_of_mutants_names_each_invariant_once() -> None:
    assert [one.invariant for one in mutants.MUTANTS] == [f"I{number}" for number in range(1, 22)]
    with pytest.raises(AssertionError), mutants._in_table(lambda draft, event: True, guards.always):
        pass
