"""A commit that figures or weights name can be checked out: it is one of those that led here."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMING = ("docs/recognition.md", "docs/recognition-steps.md", "models/registry.json", "models/training/README.md")
# Seven hexadecimal digits by themselves, neither a number nor a word.
_COMMIT = re.compile(r"\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{7}\b")


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NAMING)
def test_every_commit_that_is_named_led_here(name: str) -> None:
    if shutil.which("git") is None or git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        return  # a copy without its history cannot tell
    named = set(_COMMIT.findall((ROOT / name).read_text(encoding="utf-8")))
    assert named
    assert [one for one in sorted(named) if git("merge-base", "--is-ancestor", one, "HEAD").returncode != 0] == []
