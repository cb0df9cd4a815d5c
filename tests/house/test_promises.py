"""What the documents, the catalogue and the lock files promise is there."""

import ast
import importlib.metadata
import importlib.util
import re
import tomllib

import pytest

from edge.cli import VERBS
from edge.text import catalogue
from tests.support.sources import PACKAGES, ROOT, place, python_files, tree

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
LOCKS = ("pip", "runtime", "dev")
# Verbs whose rows in the README are still to be written.
PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)(?: ; [^\\]+)? \\$", re.MULTILINE)


def lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_command_that_a_document_names_is_a_verb(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"\./kakou ([a-z]+)", text))
    assert named <= set(VERBS)
    if document == "README.md":
        assert named == set(VERBS), "every verb is in the README"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_link_of_a_document_leads_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_each_verb_has_its_help():
    assert {f"verb_{verb}" for verb in VERBS} <= set(catalogue("en"))


def test_each_text_that_the_code_says_is_in_the_catalogue():
    missing = {
        f"{place(path, node.lineno)}: {node.args[0].value}"
        for path in [*python_files(*PACKAGES), ROOT / "tests" / "run.py", ROOT / "kakou"]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "say"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value not in catalogue("en")
    }
    assert missing == set()


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_holds_pins_and_hashes_and_no_place(name):
    lines = lock(name).splitlines()
    strange = [
        line
        for line in lines
        if not PIN.fullmatch(line) and not re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?", line)
    ]
    assert strange == []


def test_the_locks_agree_where_they_overlap():
    runtime = set(PIN.findall(lock("runtime")))
    names = {name for name, _ in runtime}
    assert {pin for pin in PIN.findall(lock("dev")) if pin[0] in names} <= runtime


def test_the_lock_has_each_package_that_the_project_asks_for_and_one_opencv():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for name, wanted in (("runtime", project["project"]["dependencies"]), ("dev", project["dependency-groups"]["dev"])):
        pinned = {pin for pin, _ in PIN.findall(lock(name))}
        asked = {
            re.match(r"[\w.-]+", requirement)[0].lower().replace(".", "-").replace("_", "-") for requirement in wanted
        }
        assert asked <= pinned
    assert [name for name, _ in PIN.findall(lock("runtime")) if name.startswith("opencv")] == ["opencv-python-headless"]


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_our_package_names_are_ours_alone(package):
    assert importlib.metadata.packages_distributions().get(package, []) in ([], ["kakou"])
    spec = importlib.util.find_spec(package)
    assert spec is not None
    # The root may stand twice in the path: as the folder that this was started in, and as pytest's own.
    assert set(spec.submodule_search_locations or []) == {str(ROOT / package)}
