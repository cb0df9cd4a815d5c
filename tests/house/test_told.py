"""The table of what the core reports, by which every effect of its tests is judged, is whole."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.told import REPORTS

CORE = Path(__file__).resolve().parents[2] / "edge" / "core"


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
