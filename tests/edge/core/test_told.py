"""Every effect says all that it has to, in any storm as in every story of a `LaneBench` (tests.support.told)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.effects import Effect
from edge.core.events import Event
from edge.core.state import LaneState
from edge.core.step import initial, step
from tests.support.lane_storm import seeded_storm
from tests.support.told import REPORTS, judge

CORE = Path(__file__).resolve().parents[3] / "edge" / "core"
STORMS = 200
Step = tuple[LaneState, Event, LaneState, tuple[Effect, ...]]


def steps(seed: int) -> Iterator[Step]:
    storm = seeded_storm(seed)
    states = [initial(storm.profile)]
    for event in storm.events(lambda: states[-1]):
        before = states[-1]
        after, effects = step(before, event)
        states.append(after)
        yield before, event, after, effects


@pytest.mark.parametrize("twenty", range(STORMS // 20))
def test_every_effect_is_about_its_own_passage_and_says_all_that_it_has_to(twenty: int) -> None:
    for seed in range(twenty * 20, twenty * 20 + 20):
        for before, event, after, effects in steps(seed):
            judge(before, event, after, effects)


def reported(path: Path) -> Iterator[str]:
    """The names of all reports of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        ast.unparse(node.targets[0]): node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".report") and node.args:
            name = node.args[0]
            yield name.value if isinstance(name, ast.Constant) else constants[ast.unparse(name)]


def test_the_table_names_what_the_core_reports_and_nothing_else() -> None:
    assert {name for path in CORE.glob("*.py") for name in reported(path)} == REPORTS.keys()
