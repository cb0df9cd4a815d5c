"""From a checkout to a bundle to a box without a network: real pip, real environments, small wheels."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import __version__
from edge.release import build, layout
from edge.release.archive import BundleError, read_manifest
from edge.release.install import this_machine
from edge.release.layout import Releases
from edge.verbs import bundle as verb
from tests.support.package_index import Checkout, PackageIndex, serve, wheel
from tests.support.sources import ROOT

PLATFORM, PYTHON = this_machine()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Checkout, Path]]:
    """A small project and its bundle; the index is gone when the tests begin."""
    folder = tmp_path_factory.mktemp("make")
    (folder / "home").mkdir()
    (folder / "root").mkdir()
    index = PackageIndex()
    with serve(index):
        checkout = Checkout(folder / "root", folder / "home", index)
        for room in ("portable", "release", "text"):
            shutil.copytree(ROOT / "edge" / room, checkout.root / "edge" / room, dirs_exist_ok=True)
        shutil.copy2(ROOT / "edge" / "files.py", checkout.root / "edge" / "files.py")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PIP_INDEX_URL", index.url)
            patch.setenv("PIP_CONFIG_FILE", os.devnull)
            patch.setenv("PIP_NO_CACHE_DIR", "1")
            patch.delenv("PIP_FIND_LINKS", raising=False)
            target = folder / "kakou.zip"
            build.build(target, platform=PLATFORM, python=PYTHON, root=checkout.root)
            again, _ = build.build(folder / "again.zip", platform=PLATFORM, python=PYTHON, root=checkout.root)
        assert (folder / "again.zip").read_bytes() == target.read_bytes()
        assert sorted(path.name for path in folder.iterdir()) == ["again.zip", "home", "kakou.zip", "root"]
    assert again.version == __version__
    return checkout, target


def without_network() -> list[str]:
    """A prefix that takes the network away, where this system lets an ordinary user do that."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return []
    command = [unshare, "--net", "--map-root-user"]
    return command if subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0 else []


def on_the_box(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run on a machine with an empty home, no index and a proxy that nobody answers."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "KAKOU_LANG": "en",
        "https_proxy": "http://127.0.0.1:9",
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_CONFIG_FILE": os.devnull,
    }
    return subprocess.run(
        [*without_network(), *command], check=False, capture_output=True, encoding="utf-8", env=environment, cwd=home,
        timeout=120,
    )  # fmt: skip


def test_a_box_installs_without_a_network_and_runs(made: tuple[Checkout, Path], tmp_path: Path):
    _, bundle = made
    prefix = tmp_path / "卡口 1"
    installed = on_the_box(tmp_path, sys.executable, str(bundle), "--prefix", str(prefix))
    assert installed.returncode == 0, installed.stderr
    releases = Releases(prefix)
    release = read_manifest(bundle).release
    assert (releases.named("current"), releases.named("previous")) == (release, None)
    assert release in installed.stdout

    # Compiled where it lies: the service may not write there, and would do it at every start.
    (compiled,) = (releases.path(release) / "edge" / "__pycache__").glob("cli.*.pyc")
    assert str(releases.path(release) / "edge" / "cli.py").encode() in compiled.read_bytes()

    shown = on_the_box(tmp_path, str(prefix / "kakou"), "check")
    assert shown.returncode == 0, shown.stderr
    said = json.loads(shown.stdout)
    assert said["tiny"] == "1.0"
    assert Path(said["edge"]).is_relative_to(releases.path(release))

    # Again is nothing; another release beside it is an upgrade's business.
    assert on_the_box(tmp_path, sys.executable, str(bundle), "--prefix", str(prefix)).returncode == 0
    releases.path("other").mkdir()
    releases.point("current", "other")
    refused = on_the_box(tmp_path, sys.executable, str(bundle), "--prefix", str(prefix))
    assert refused.returncode == 1
    assert "kakou upgrade" in refused.stderr
    assert releases.named("current") == "other"

    # A system upgrade that took the environment's Python away: made again from the release's own wheels.
    shutil.rmtree(releases.path(release) / ".venv")
    again = on_the_box(tmp_path, sys.executable, str(releases.path(release) / "kakou"), "check")
    assert again.returncode == 0, again.stderr


def test_a_wheel_that_was_changed_on_the_way_is_not_installed(made: tuple[Checkout, Path], tmp_path: Path):
    _, bundle = made
    content = bundle.read_bytes()
    place = content.index(b"tiny-1.0-py3-none-any.whl") + 200
    broken = tmp_path / "broken.zip"
    broken.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    refused = on_the_box(tmp_path, sys.executable, str(broken), "--prefix", str(tmp_path / "prefix"))
    assert refused.returncode == 1
    assert "bundle_" in refused.stderr
    assert Releases(tmp_path / "prefix").named("current") is None


def test_a_bundle_for_another_machine_is_refused_by_name(made: tuple[Checkout, Path], tmp_path: Path):
    _, bundle = made
    manifest = read_manifest(bundle)
    assert manifest.platform == PLATFORM
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("platform.machine", lambda: "riscv64")
        from edge.release import install

        assert install.main(["--prefix", str(tmp_path / "p")], bundle) == 1
        with pytest.raises(BundleError, match=r"bundle_platform.*riscv64"):
            install.install(bundle, Releases(tmp_path / "p"))
    assert not any((tmp_path / "p" / "releases").iterdir())


def test_two_at_once_do_not_meet(made: tuple[Checkout, Path], tmp_path: Path):
    _, bundle = made
    releases = Releases(tmp_path)
    with releases.locked():
        second = on_the_box(tmp_path, sys.executable, str(bundle), "--prefix", str(tmp_path))
    assert second.returncode == 1
    assert "upgrade_busy" in second.stderr


def test_an_environment_that_cannot_be_made_leaves_no_release(made: tuple[Checkout, Path], tmp_path: Path):
    checkout, _ = made
    broken = tmp_path / "root"
    shutil.copytree(checkout.root, broken)
    (broken / "edge" / "cli.py").write_text("raise SystemExit('cannot start')\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "download", lambda root, folder, **_: None)
        build.build(tmp_path / "broken.zip", platform=PLATFORM, python=PYTHON, root=broken)
    refused = on_the_box(tmp_path, sys.executable, str(tmp_path / "broken.zip"), "--prefix", str(tmp_path / "p"))
    assert refused.returncode == 1
    assert "bundle_environment" in refused.stderr
    assert Releases(tmp_path / "p").named("current") is None


def test_a_wheel_that_cannot_be_had_is_named(made: tuple[Checkout, Path], tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setattr(build, "LOCKS", ("tiny",))
    (tmp_path / "requirements").mkdir()
    lock = "tiny==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    (tmp_path / "requirements" / "tiny.txt").write_text(lock, encoding="ascii")
    with pytest.raises(BundleError, match=r"(?s)bundle_wheels.*tiny"):
        build.build(tmp_path / "a.zip", platform="aarch64", python="3.11", root=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["requirements"]


def test_the_verb_prints_what_it_made(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(build, "download", lambda root, folder, **_: (folder / "tiny.whl").write_bytes(wheel("a", "1")))
    target = tmp_path / "new" / "kakou.zip"
    assert verb.main(["--output", str(target), "--platform", "aarch64", "--python", "3.12", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    manifest = read_manifest(target)
    assert (manifest.platform, manifest.python, manifest.release) == ("aarch64", "3.12", found["release"])
    assert found["bytes"] == target.stat().st_size
    # What a box needs to start, to be set up and to go on without us.
    for name in ("kakou", "edge/cli.py", "config/systemd/kakou.service", "LICENSE"):
        assert f"files/{name}" in manifest.members
    assert not [name for name in manifest.members if "__pycache__" in name or "/tests/" in name]

    def none(root: Path, folder: Path, **_: str) -> None:
        raise BundleError("bundle_wheels", "aarch64", "a wheel for each pin", "none", "check the package index")

    monkeypatch.setattr(build, "download", none)
    assert verb.main(["--output", str(target)]) == 69
    assert "bundle_wheels" in capsys.readouterr().err


LOCK = """\
cffi==2.1.1 ; platform_python_implementation != 'PyPy' \\
    --hash=sha256:{a}
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{b}
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{b}
rich==15.0.0 \\
    --hash=sha256:{a}
""".format(a="a" * 64, b="b" * 64)


def test_the_lock_is_read_for_the_box_and_not_for_this_machine():
    old = build.lock_for(LOCK, platform="x86_64", python="3.11")
    new = build.lock_for(LOCK, platform="aarch64", python="3.13")
    assert list(old) == ["cffi==2.1.1", "numpy==2.4.6", "rich==15.0.0"]
    assert list(new) == ["cffi==2.1.1", "numpy==2.5.5", "rich==15.0.0"]
    assert old["numpy==2.4.6"] == {"a" * 64, "b" * 64}


def test_every_entry_of_our_own_locks_is_understood():
    for name in build.LOCKS:
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="ascii")
        entries = text.count("==") - text.count("'==") - text.count(" == ")
        assert len(build._LOCK_ENTRY.findall(text)) == entries


def test_a_commit_is_known_where_git_tells(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert build.commit_of(tmp_path) is None
    monkeypatch.setattr(build.shutil, "which", lambda name: None)
    assert build.commit_of(ROOT) is None


def test_a_program_knows_its_release(tmp_path: Path, monkeypatch):
    assert layout.this_release() == "checkout"
    assert Releases.of_this_program().prefix == layout.DEFAULT_PREFIX
    inside = tmp_path / "releases" / "0.1.0-abc" / "edge" / "release" / "layout.py"
    monkeypatch.setattr(layout, "__file__", str(inside))
    assert layout.this_release() == "0.1.0-abc"
    assert Releases.of_this_program().prefix == tmp_path
