"""The bootstrap from a bare checkout, with a real pip and a real index on loopback."""

import ast
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.package_index import Checkout, PackageIndex, serve, wheel
from tests.support.sources import ROOT

STAMP = Path(".venv") / "kakou-stamp"


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    served = PackageIndex()
    with serve(served):
        yield served


@pytest.fixture
def checkout(tmp_path: Path, index: PackageIndex) -> Checkout:
    root, home = tmp_path / "卡口 lane 1", tmp_path / "empty home"
    root.mkdir()
    home.mkdir()
    return Checkout(root, home, index)


def test_from_nothing_to_the_program_and_again(checkout, index, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(checkout.root / "kakou")
    status, out, err = checkout.run("demo", "--json", command=[sys.executable, str(link)])
    assert (status, len(err.splitlines())) == (0, 2), err
    said = json.loads(out)
    assert said["arguments"] == ["demo", "--json"]
    assert said["edge"] == str(checkout.root / "edge" / "__init__.py")
    assert said["folder"] == str(checkout.home), "a path on the command line means what the user sees"
    assert said["environment"] == {"PYTHONSAFEPATH": "1", "PYTHONPATH": None}

    index.asked.clear()
    assert checkout.run("demo")[0] == 0
    assert index.asked == [], "a warm start asks nobody"

    assert checkout.run("test")[0] == 0
    assert any("tinydev" in path for path in index.asked)
    assert not any("tiny-" in path or "pip" in path for path in index.asked), "the rest stays as it is"

    checkout.lock("runtime", "tiny", "2.0", wheel("tiny", "2.0"))
    status, out, _ = checkout.run("demo")
    assert (status, json.loads(out)["tiny"]) == (0, "2.0")


def test_a_json_index_serves_as_well(checkout, index):
    index.as_json = True
    assert checkout.run("demo")[0] == 0


def test_wheels_in_a_folder_need_no_index(checkout, index, tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name, content in index.files.items():
        (folder / name).write_bytes(content)
    assert checkout.run("demo", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(folder))[0] == 0
    assert index.asked == []


@pytest.mark.parametrize("name", ["pip", "tiny"])
def test_a_wheel_that_is_not_the_pinned_one_is_refused(checkout, index, name):
    changed = next(file for file in index.files if file.startswith(f"{name}-"))
    index.files[changed] = wheel(name, "6.6.6")
    status, out, err = checkout.run("demo")
    assert (status, out) == (75, "")
    assert "卡口无法安装" in err
    assert "could not install" in err
    assert not (checkout.root / STAMP).exists()


def test_an_index_without_the_pinned_pip_is_named(checkout, index):
    index.files.clear()
    status, _, err = checkout.run("demo")
    assert status == 75
    assert f"{index.url}/pip/: no pip-" in err


def test_a_killed_installation_is_made_again(checkout, index):
    index.may_answer.clear()
    with checkout.start("demo") as process:
        assert index.wheel_asked.wait(60)
        process.send_signal(signal.SIGKILL)
        index.may_answer.set()
    assert not (checkout.root / STAMP).exists()
    status, out, err = checkout.run("demo")
    assert status == 0, err
    assert json.loads(out)["tiny"] == "1.0"


def test_two_starts_at_once_install_once(checkout, index):
    index.may_answer.clear()
    with checkout.start("demo") as first:
        assert index.wheel_asked.wait(60)
        with checkout.start("demo") as second:
            with pytest.raises(subprocess.TimeoutExpired):
                second.wait(0.5)
            index.may_answer.set()
            assert second.communicate(timeout=60)[1] == "", "the second start had nothing to install"
        first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert sum(path.startswith("/files/tiny") for path in index.asked) == 1


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_another_python_is_told_what_is_wrong_in_both_languages(checkout, index, version):
    kakou = str(checkout.root / "kakou")
    code = f"import runpy, sys; sys.version_info = {version}; runpy.run_path({kakou!r}, run_name='__main__')"
    status, out, err = checkout.run(command=[sys.executable, "-c", code])
    assert (status, out, index.asked) == (69, "", [])
    assert "卡口需要 Python 3.11" in err
    assert "needs Python 3.11, 3.12 or 3.13" in err
    assert "{}.{}".format(*version) in err


def test_the_bootstrap_keeps_to_syntax_that_an_old_python_reads():
    ast.parse((ROOT / "kakou").read_text(encoding="utf-8"), feature_version=(3, 6))
    assert os.access(ROOT / "kakou", os.X_OK)


def test_on_windows_the_verb_hears_an_interrupt_and_is_waited_for(monkeypatch, tmp_path):
    """Windows' own part of it, on another system: paths and processes are stood in for."""
    pip = tmp_path / "roaming" / "pip" / "pip.ini"
    pip.parent.mkdir(parents=True)
    pip.write_text("[global]\nindex-url = https://mirror.example/simple\n", encoding="utf-8")
    called, handled = {}, {}

    def call(command, env):
        called.update(command=command, env=env)
        return 7

    bootstrap = {"__name__": "bootstrap", "__file__": str(ROOT / "kakou")}
    exec(compile((ROOT / "kakou").read_bytes(), "kakou", "exec"), bootstrap)
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        windows.setattr(sys, "argv", ["kakou", "check", "lane.yaml"])
        windows.setitem(bootstrap, "installed", lambda: bootstrap["RUNTIME"])
        windows.setattr(subprocess, "call", call)
        windows.setattr(signal, "signal", handled.__setitem__)
        windows.setenv("APPDATA", str(tmp_path / "roaming"))
        windows.delenv("PIP_INDEX_URL", raising=False)
        windows.delenv("PIP_CONFIG_FILE", raising=False)
        status, mirror = bootstrap["main"](), bootstrap["pip_setting"]("index-url")
    assert (status, mirror) == (7, "https://mirror.example/simple")
    assert called["command"][1:] == ["-m", "edge.cli", "check", "lane.yaml"]
    assert called["env"]["PYTHONUTF8"] == "1"
    assert handled[signal.SIGINT](signal.SIGINT, None) is None
