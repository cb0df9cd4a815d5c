"""A whole box refuses to start with what was not signed for it (S11, S12)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.loader import load
from config.schema import Configuration
from edge import app, guarding
from edge.clearance.keys import KeyFileError, key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import KeysetKey, open_keyset, seal_keyset
from edge.clearance.manifest import ManifestError
from edge.guarding import clock_behind
from edge.runtime.clock_memory import ClockMemory
from edge.times import NEVER, rfc3339
from edge.verbs import keys, manifest, run
from models.registry import REGISTRY_PATH, REGISTRY_VARIABLE

DEMO = Path(__file__).resolve().parents[2] / "config" / "examples" / "demo.yaml"


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A configuration with its keys, an update key in the keyset, and a signed manifest."""
    config = tmp_path / "kakou.yaml"
    text = DEMO.read_text(encoding="utf-8")
    assert text.count("\nsite:") == 1
    config.write_text(text.replace("\nsite:", "\nmanifest_file: manifest.jws\nsite:"), encoding="utf-8")
    assert keys.main([str(config)]) == 0
    loaded = load(config)
    assert isinstance(loaded, Configuration)
    root, now = load_private_key(loaded.keys_dir / "root.key.pem"), datetime.now(UTC)
    update = Ed25519PrivateKey.generate()
    pem = update.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "update.key.pem").write_bytes(pem)
    (tmp_path / "update.key.pem").chmod(0o600)
    path = loaded.keys_dir / "keyset.jws"
    public = load_public_key(loaded.keys_dir / "root.pub.pem")
    before = open_keyset(
        path.read_bytes(), root_key_id=key_id_of(public), root=public,
        environment=app.environment_of(loaded.lanes[0]), now_utc=now,
    )  # fmt: skip
    end = now + timedelta(days=9)
    entry = KeysetKey(key_id_of(update.public_key()), "update", update.public_key(), "update", ("*",), ("*",), now, end)
    entry = replace(entry, not_before=now - timedelta(days=1))
    path.write_bytes(seal_keyset(replace(before, keys={**before.keys, entry.key_id: entry}), root))
    sign(tmp_path)
    return tmp_path


def sign(folder: Path) -> None:
    arguments = ["--key", str(folder / "update.key.pem"), "--out", str(folder / "manifest.jws")]
    assert manifest.main([str(folder / "kakou.yaml"), *arguments]) == 0


def checked(folder: Path) -> None:
    """Open the box as `kakou run` does, and close it again before any lane is built."""
    loaded = load(folder / "kakou.yaml")
    assert isinstance(loaded, Configuration)
    configuration = loaded.model_copy(update={"lanes": loaded.lanes[:1]})

    async def opened() -> None:
        without_cameras = configuration.lanes[0].model_copy(update={"cameras": ()})
        ready = configuration.model_copy(update={"lanes": (without_cameras,)})
        async with app._open_box(ready, app.hash_of(folder / "kakou.yaml")):
            return

    asyncio.run(opened())


@pytest.mark.hazard("S11", "S12", "O9")
def test_a_box_opens_with_what_was_signed_and_not_with_a_changed_configuration(box: Path):
    checked(box)
    old = (box / "kakou.yaml").read_bytes(), (box / "manifest.jws").read_bytes()
    (box / "kakou.yaml").write_bytes(old[0] + b"\n# changed\n")
    with pytest.raises(ManifestError, match="manifest_mismatch"):
        checked(box)
    # Refused as a bad configuration is: the service manager is not asked to hope for better.
    assert run.main([str(box / "kakou.yaml")]) == run.EXIT_CONFIG
    manifest_version(box, 2)
    checked(box)
    (box / "kakou.yaml").write_bytes(old[0])
    (box / "manifest.jws").write_bytes(old[1])
    with pytest.raises(ManifestError, match="manifest_rolled_back"):
        checked(box)


@pytest.mark.hazard("S11")
def test_models_of_a_site_are_signed_with_its_configuration(box: Path, monkeypatch: pytest.MonkeyPatch):
    """The registry that the workers will load is the one that the manifest has to name."""
    own = box / "registry.json"
    own.write_bytes(REGISTRY_PATH.read_bytes())
    monkeypatch.setenv(REGISTRY_VARIABLE, str(own))
    checked(box)
    own.write_bytes(own.read_bytes() + b"\n")
    with pytest.raises(ManifestError, match="manifest_mismatch"):
        checked(box)
    manifest_version(box, 2)
    checked(box)


def manifest_version(folder: Path, seconds: int) -> None:
    """Sign again, as somebody does some seconds later."""
    later = datetime.now(UTC) + timedelta(seconds=seconds)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return later

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "datetime", Later)
        sign(folder)


def test_the_verb_names_what_is_wrong(box: Path, capsys: pytest.CaptureFixture[str]):
    out = ["--out", str(box / "m")]
    assert manifest.main([str(box / "none.yaml"), "--key", "k", *out]) == 78
    assert manifest.main([str(box / "kakou.yaml"), "--key", str(box / "none"), *out]) == 66
    assert "none" in capsys.readouterr().err


@pytest.mark.hazard("X19")
async def test_a_box_that_starts_in_the_past_says_what_is_over_and_believes_no_key(box: Path) -> None:
    loaded = load(box / "kakou.yaml")
    assert isinstance(loaded, Configuration)
    loaded.state_dir.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    ClockMemory(loaded.state_dir, lambda: now + timedelta(days=2)).remember()
    async with app._open_box(loaded, app.hash_of(box / "kakou.yaml")) as opened:
        keyset = opened.trust[app.environment_of(loaded.lanes[0])].current
        told = clock_behind(opened.clock, keyset, opened.memory)
        assert rfc3339(now + timedelta(days=2)) in told
        assert f"move {loaded.state_dir / 'clock.json'} away" in told
        late = partial(replace, keyset(), known=NEVER)
        assert clock_behind(opened.clock, late, opened.memory) == ""
        issued = partial(replace, keyset(), known=NEVER, issued=now + timedelta(days=1))
        assert clock_behind(opened.clock, issued, opened.memory).endswith("set the clock")


def test_where_nobody_can_tell_who_reads_its_files_no_real_lane_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarding, "POSIX", False)
    keyset: Any = None
    with pytest.raises(KeyFileError) as refused:
        guarding.check_lane_key(tmp_path / "lane.key.pem", "0" * 16, keyset, simulated=False)
    assert refused.value.code == "key_file_unguarded"
