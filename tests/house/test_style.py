"""Sizes and habits that the house keeps, with the reasons in CONTRIBUTING."""

import ast
import re
import tokenize
from pathlib import Path

import pytest

from tests.support.sources import PACKAGES, files, place, python_files, tree

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MIN_REASON_LENGTH = 15
BROAD = {"Exception", "BaseException"}
# What names one machine or one index. Split, so that this file may be searched too.
MACHINE_FOLDERS = tuple(f"/{name}/" for name in ("work", "root", "tmp", "home"))
FORBIDDEN_WORDS = (*MACHINE_FOLDERS, "python" + "hosted.org", "py" + "pi.org")
# The bootstrap's default index, which PIP_INDEX_URL replaces.
ALLOWED_WORDS = {("kakou", "py" + "pi.org")}


def broad_handlers(path: Path) -> list[ast.ExceptHandler]:
    """Handlers of everything that also end it: one that tidies up and raises again hides nothing."""
    handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
    return [
        handler
        for handler in handlers
        if (handler.type is None or BROAD & {ast.unparse(node) for node in ast.walk(handler.type)})
        and ast.unparse(handler.body[-1]) != "raise"
    ]


def test_no_file_is_long():
    long = {
        f"{place(path)}: {count} lines"
        for path in python_files(*PACKAGES, "tests")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    }
    assert long == set()


def test_no_function_is_long():
    long = {
        f"{place(path, node.lineno)} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in python_files(*PACKAGES, "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    }
    assert long == set()


def test_who_catches_everything_says_why():
    silent = set()
    for path in python_files(*PACKAGES):
        handlers = broad_handlers(path)
        if not handlers:
            continue
        with tokenize.open(path) as source:
            comments = {
                token.start[0]: re.sub(r"# *(noqa: *[A-Z0-9, ]+)? *-? *", "", token.string)
                for token in tokenize.generate_tokens(source.readline)
                if token.type == tokenize.COMMENT
            }
        for handler in handlers:
            around = range(handler.lineno - 1, handler.lineno + 2)
            if not any(len(comments.get(line, "")) > MIN_REASON_LENGTH for line in around):
                silent.add(place(path, handler.lineno))
    assert silent == set()


def test_no_test_sleeps():
    """A test waits for what it wants to see, or injects time. A method `sleep` of a real `Clock` may."""
    sleepers = set()
    for path in python_files("tests"):
        clocks = [
            node for node in ast.walk(tree(path)) if isinstance(node, ast.AsyncFunctionDef) and node.name == "sleep"
        ]
        excused = {id(node) for clock in clocks for node in ast.walk(clock)}
        for node in ast.walk(tree(path)):
            if (
                id(node) not in excused
                and isinstance(node, ast.Call)
                and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep"}
            ):
                sleepers.add(place(path, node.lineno))
            if isinstance(node, ast.ImportFrom) and any(alias.name == "sleep" for alias in node.names):
                sleepers.add(place(path, node.lineno))
    assert sleepers == set()


@pytest.mark.parametrize("word", FORBIDDEN_WORDS)
def test_no_file_names_a_machine_or_an_index(word):
    naming = set()
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        # Not as the tail of a longer path: `../work/` and `var/tmp/` are somebody else's.
        if re.search(rf"(?<![\w.~}}]){re.escape(word)}", text) and (place(path), word) not in ALLOWED_WORDS:
            naming.add(place(path))
    assert naming == set()
