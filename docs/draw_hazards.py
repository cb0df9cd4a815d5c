"""Draw docs/hazards.md: each row of the fault catalogue and each invariant with the tests and scenarios that show it.

    python docs/draw_hazards.py           write the page
    python docs/draw_hazards.py --check   say whether the page is what the tests say; 1 where not

A test names its rows with `@pytest.mark.hazard("P1", "I4")` or by its name, `test_p1_i4_...`, a scenario in its line
`shows: [P1, I4]`; docs/hazards.toml has the rows and, honestly, the gaps.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "docs" / "hazards.toml"
PAGE = ROOT / "docs" / "hazards.md"
SCENARIOS = ROOT / "simulators" / "scenarios"
SECTIONS = {
    "P": "Physical",
    "D": "Devices",
    "C": "Communications",
    "X": "Process and storage",
    "S": "Security",
    "O": "Operations",
    "I": "Invariants",
}
INVARIANT = "I"
MOST_NAMED = 4
# EN 50159: what can happen to a message, and the channels of this product. `@pytest.mark.threat("delay", "grant")`.
THREATS = ("repetition", "deletion", "insertion", "resequencing", "corruption", "delay", "masquerade")
CHANNELS = ("request", "grant", "handheld", "list", "telemetry", "ack", "modbus")
# One line of a scenario: rows, or cases of the field's own catalogue (`4.3: CASE`), which are no rows.
_SHOWS = re.compile(r"^shows: \[(.+)\]$", re.MULTILINE)
_SHOWN = re.compile(r"""\s*(?:([PDCXSOI][0-9]+)|'4\.3: [^']+'|"4\.3: [^"]+")\s*(?:,|$)""")
_NAMED = re.compile(r"test_((?:[pdcxsoi][0-9]+_)+)")

INTRODUCTION = """# Hazards: what can go wrong, and what shows that the lane stays safe

Drawn by `python docs/draw_hazards.py` from `docs/hazards.toml`, from the tests, which name their rows with
`@pytest.mark.hazard(...)` or in their names, and from the scenarios, which are tests, too, and name theirs under
`shows`; a test fails where this page is not what they say. A row without a test says why. Where only a part is shown,
the gap says which part is not.
"""


class HazardsError(Exception):
    """The catalogue and the tests do not fit together; the text says where."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the catalogue: its stable id, what goes wrong or must hold, and what no test shows (may be '')."""

    id: str
    what: str
    gap: str


def read_rows(path: Path = ROWS) -> dict[str, Row]:
    """Return the rows by id, in the order of the file."""
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    channels = entries.pop("channels")
    rows = {name: Row(name, entry["what"], entry.get("gap", "")) for name, entry in entries.items()}
    cells = [f"{channel}/{threat}" for channel in CHANNELS for threat in THREATS]
    return rows | {cell: Row(cell, "", channels.get(cell, "")) for cell in cells}


def _rows_of(node: ast.expr) -> list[str]:
    """Return what `pytest.mark.hazard(...)` or `pytest.mark.threat(...)` names; nothing for any other mark."""
    mark = ast.unparse(node.func).removeprefix("pytest.mark.") if isinstance(node, ast.Call) else ""
    if not isinstance(node, ast.Call) or mark not in ("hazard", "threat"):
        return []
    named: list[str] = [ast.literal_eval(argument) for argument in node.args]
    if mark == "hazard":
        return named
    threats, channels = set(named) & set(THREATS), set(named) & set(CHANNELS)
    if not (threats and channels and len(threats) + len(channels) == len(named)):
        raise HazardsError(f"threat_unknown: line {node.lineno}: {named} are not threats and channels")
    return sorted(f"{channel}/{threat}" for threat in threats for channel in channels)


def _rows_in(name: str) -> list[str]:
    """Return the ids that a test's name begins with: test_c8_c9_... shows C8 and C9."""
    begun = _NAMED.match(name)
    return begun[1].upper().rstrip("_").split("_") if begun else []


def _marked(body: list[ast.stmt], prefix: str, inherited: list[str]) -> Iterator[tuple[str, list[str]]]:
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            marks = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            inherited = inherited + [row for mark in marks for row in _rows_of(mark)]
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            rows = inherited + [row for decorator in node.decorator_list for row in _rows_of(decorator)]
            if isinstance(node, ast.ClassDef):
                yield from _marked(node.body, f"{prefix}{node.name}::", rows)
            elif node.name.startswith("test_") and (rows := rows + _rows_in(node.name)):
                yield f"{prefix}{node.name}", rows


def read_tests(folder: Path = ROOT / "tests") -> dict[str, list[str]]:
    """Return the tests (node ids without parameters) that show each row."""
    shown: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for test, rows in _marked(tree.body, f"{path.relative_to(folder.parent).as_posix()}::", []):
            for row in dict.fromkeys(rows):
                shown.setdefault(row, []).append(test)
    return shown


def read_scenarios(folder: Path = SCENARIOS) -> dict[str, list[str]]:
    """Return the scenarios (paths of their files) that show each row. Raises HazardsError where one does not say."""
    shown: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.yaml")):
        name = path.relative_to(folder.parent.parent).as_posix()
        said = _SHOWS.search(path.read_text(encoding="utf-8"))
        rest, rows = said[1] if said else "", []
        while one := _SHOWN.match(rest):
            rest = rest[one.end() :]
            rows.append(one[1])
        if rest or not rows:
            raise HazardsError(f"scenario_unreadable: {name}: expected one line `shows: [P1, '4.3: CASE']`")
        for row in dict.fromkeys(filter(None, rows)):
            shown.setdefault(row, []).append(name)
    return shown


def draw(rows: dict[str, Row], shown: dict[str, list[str]]) -> str:
    """Return the page. Raises HazardsError for an unknown row, and for a row with neither test, scenario nor gap."""
    if unknown := sorted(set(shown) - set(rows)):
        raise HazardsError(f"hazard_unknown: {unknown[0]} of {shown[unknown[0]][0]} is not in {ROWS.name}")
    if silent := [row.id for row in rows.values() if row.id not in shown and not row.gap]:
        raise HazardsError(f"hazard_silent: {', '.join(silent)}: no test shows it and {ROWS.name} names no gap")
    faults = [row for row in rows.values() if "/" not in row.id]
    lines = [INTRODUCTION, _counted("faults", [row for row in faults if row.id[0] != INVARIANT], shown)]
    lines += [_counted("invariants", [row for row in faults if row.id[0] == INVARIANT], shown), ""]
    for letter, title in SECTIONS.items():
        lines += [f"## {title}", "", "| row | what | shown by | gap |", "|---|---|---|---|"]
        for row in faults:
            if row.id[0] == letter:
                lines.append(f"| {row.id} | {row.what} | {_cell(shown.get(row.id, []))} | {row.gap} |")
        lines.append("")
    return "\n".join([*lines, *_matrix(rows, shown)])


def _counted(kind: str, rows: list[Row], shown: dict[str, list[str]]) -> str:
    tested = [row for row in rows if row.id in shown]
    whole = sum(not row.gap for row in tested)
    return f"- {len(rows)} {kind}: {len(tested)} shown by tests and scenarios, {whole} of them without a known gap."


def _matrix(rows: dict[str, Row], shown: dict[str, list[str]]) -> list[str]:
    """Draw the threats of EN 50159 against every channel: a test of each, or what is missing."""
    tested = sum(cell in shown for cell in rows if "/" in cell)
    lines = [
        "## Threats to messages (EN 50159)",
        "",
        f"{tested} of {len(THREATS) * len(CHANNELS)} shown by tests.",
        "",
        "| threat | " + " | ".join(CHANNELS) + " |",
        "|---" * (len(CHANNELS) + 1) + "|",
    ]
    for threat in THREATS:
        cells = []
        for cell in (rows[f"{channel}/{threat}"] for channel in CHANNELS):
            tests = [test.rpartition("::")[2] for test in shown.get(cell.id, [])[:1]]
            cells.append("; ".join([f"`{test}`" for test in tests] + [f"gap: {cell.gap}"] * bool(cell.gap)))
        lines.append(f"| {threat} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _cell(tests: list[str]) -> str:
    named = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests[:MOST_NAMED])
    return f"{named}<br>and {len(tests) - MOST_NAMED} more" if len(tests) > MOST_NAMED else named


def main(arguments: list[str]) -> int:
    """Write or check the page."""
    try:
        shown = read_tests()
        for row, scenarios in read_scenarios().items():
            shown.setdefault(row, []).extend(scenarios)
        page = draw(read_rows(), shown)
    except HazardsError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments == ["--check"]:
        if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page:
            return 0
        print(
            f"hazards_page_old: {PAGE.name} is not what the tests say; run python docs/draw_hazards.py", file=sys.stderr
        )
        return 1
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
