"""The project's own files, for the tests that hold the house rules. Needs no git: a bare machine has none."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("edge", "drivers", "models", "config", "simulators", "ops")
# .gitignore is ours as well, and has nothing to hide.
OTHERS = (".coverage", ".git")
FOLDERS = (*PACKAGES, "tests", "docs", "requirements", ".ci")


def files() -> Iterator[Path]:
    """Every file of the project, without what Python compiled and git's own (a worktree has a file there)."""
    yield from (path for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(OTHERS))
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def within(module: str, room: str) -> bool:
    """Whether a module is a room, or lies in it."""
    return module == room or module.startswith(room + ".")


def imported(path: Path) -> set[str]:
    """Dotted names of all modules that a file names in an import, wherever in the file that stands."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def place(path: Path, line: int | None = None) -> str:
    """How a failing test names a place: `edge/ports.py:12`."""
    shown = path.relative_to(ROOT).as_posix()
    return shown if line is None else f"{shown}:{line}"
