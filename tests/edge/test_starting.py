"""A start loads what it needs: after kill -9 a lane shall know itself again within seconds."""

import gc
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from edge.starting import hidden, uncollected
from tests.support import controller
from tests.support.controller import LIMIT_S, ROOT, kakou


def test_imports_are_not_collected_and_what_comes_after_them_is():
    assert gc.isenabled()
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), uncollected():
        __import__("nothing_of_this_name")
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled(), "who did without it goes on so"
    finally:
        gc.enable()


def test_a_package_is_hidden_for_a_while_and_one_that_is_loaded_never(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    with hidden("colorsys"), pytest.raises(ImportError):
        __import__("colorsys")
    loaded = __import__("colorsys")
    with hidden("colorsys"):
        assert __import__("colorsys") is loaded
    assert isinstance(sys.modules["colorsys"], types.ModuleType)


def test_the_controller_starts_without_what_it_does_not_need():
    names = ("rich", "cryptography.x509", "numpy", "cv2", "onnxruntime", "simulators", "tests")
    program = f"import sys, edge.app, edge.verbs.run; print([one for one in {names} if one in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    assert subprocess.run(command, env=environment, check=True, capture_output=True, timeout=LIMIT_S).stdout == b"[]\n"


async def test_commands_of_the_tests_are_compiled_like_a_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr(controller, "BYTECODE", tmp_path)
    status, said = await kakou("check", str(tmp_path / "none.yaml"))
    assert status == 78, said
    assert _compiled(tmp_path)


def _compiled(folder: Path) -> list[Path]:
    return list(folder.rglob("config/loader.*.pyc"))
