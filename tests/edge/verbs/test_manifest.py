"""`kakou manifest` signs the registry in force, and none that is no registry."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.clearance.envelope import decode_base64url
from edge.clearance.keys import create_keys
from edge.verbs.manifest import EXIT_CONFIG, EXIT_NO_KEY, main
from models.registry import REGISTRY_PATH, REGISTRY_VARIABLE

CONFIG = """\
site: yard
state_dir: state
keys_dir: keys
authorities: [{id: customs}]
lanes:
  - {id: lane-1, direction: in, simulated: true, must_match: [tag], barrier: {id: barrier, host: 127.0.0.1},
     tag_reader: {id: reader, port: 'socket://10.0.0.9:5084'}}
"""


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    (tmp_path / "kakou.yaml").write_text(CONFIG)
    named = {"site": "yard", "lanes": ["lane-1"], "authorities": ["customs"]}
    create_keys(tmp_path / "keys", **named, environment="simulated", now_utc=datetime.now(UTC))  # type: ignore[arg-type]
    key = tmp_path / "keys" / "root.key.pem"
    return [str(tmp_path / "kakou.yaml"), "--key", str(key), "--out", str(tmp_path / "manifest.jws")]


def test_the_registry_in_force_is_signed(given: list[str], tmp_path: Path) -> None:
    assert main(given) == 0
    claims = json.loads(decode_base64url((tmp_path / "manifest.jws").read_bytes().split(b".")[1]))
    assert claims["models"] == hashlib.sha256(REGISTRY_PATH.read_bytes()).hexdigest()


@pytest.mark.parametrize(("content", "code"), [(None, "model_missing"), ('{"models": 5}', "model_registry_malformed")])
def test_what_is_no_registry_is_not_signed(
    given: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str | None,
    code: str,
) -> None:
    own = tmp_path / "own.json"
    monkeypatch.setenv(REGISTRY_VARIABLE, str(own))
    if content is not None:
        own.write_text(content)
    assert main(given) == EXIT_CONFIG
    assert f"{code}: model registry at {own}" in capsys.readouterr().err
    assert not (tmp_path / "manifest.jws").exists()


def test_without_a_key_or_a_configuration_nothing_is_signed(given: list[str], tmp_path: Path) -> None:
    (tmp_path / "keys" / "root.key.pem").unlink()
    assert main(given) == EXIT_NO_KEY
    (tmp_path / "kakou.yaml").unlink()
    assert main(given) == EXIT_CONFIG
