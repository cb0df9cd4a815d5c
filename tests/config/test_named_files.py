import json
import os
from pathlib import Path

import pytest

from config import named_files
from config.loader import load
from config.named_files import missing_files
from config.schema import Configuration
from edge.verbs import run

DEMO = Path(__file__).resolve().parents[2] / "config" / "examples" / "demo.yaml"


def written(folder: Path) -> Path:
    path = folder / "kakou.yaml"
    with_password = "  port: 1883\n  username: lane\n  password_file: secret.txt"
    text = DEMO.read_text(encoding="utf-8").replace("  port: 1883", with_password, 1)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_named_file_that_is_not_there_is_told_at_its_line(tmp_path, capsys, monkeypatch):
    path = written(tmp_path)
    config = load(path)
    assert isinstance(config, Configuration)
    (problem,) = missing_files(config)
    line = path.read_text(encoding="utf-8").splitlines().index("  password_file: secret.txt") + 1
    assert (problem.file, problem.line, problem.code) == (str(path), line, "file_not_readable")
    # `check` and `run` say the same, once, in the chosen language.
    monkeypatch.setenv("KAKOU_LANG", "en")
    assert run.check([str(path)]) == 78
    assert capsys.readouterr().out.splitlines() == [problem.render("en")]
    assert run.check([str(path), "--json"]) == 78
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], [one["code"] for one in told["problems"]]) == (False, ["file_not_readable"])
    assert run.check([str(path), "--effective"]) == 78
    assert problem.render("en") in capsys.readouterr().out
    assert run.main([str(path)]) == 78
    assert capsys.readouterr().err.splitlines() == [problem.render("en")]
    monkeypatch.setenv("KAKOU_LANG", "zh")
    assert run.main([str(path)]) == 78
    assert capsys.readouterr().err.splitlines() == [problem.render("zh")]
    assert not (tmp_path / "state").exists()
    (tmp_path / "secret.txt").write_text("word\n", encoding="utf-8")
    assert missing_files(config) == []
    assert run.check([str(path)]) == 0


def test_what_the_service_manager_lends_is_expected_while_the_service_runs(tmp_path, monkeypatch):
    monkeypatch.setattr(named_files, "CREDENTIALS", str(tmp_path / "credentials"))
    path = written(tmp_path)
    lent = tmp_path / "credentials" / "kakou.service" / "mqtt"
    path.write_text(path.read_text(encoding="utf-8").replace("secret.txt", str(lent)), encoding="utf-8")
    assert run.check([str(path)]) == 0
    assert run.main([str(path)]) == 78
    lent.parent.mkdir(parents=True)
    assert run.check([str(path)]) == 78


def test_a_file_that_others_may_not_read_is_no_missing_one(tmp_path):
    config = load(written(tmp_path))
    assert isinstance(config, Configuration)
    (tmp_path / "secret.txt").symlink_to(tmp_path / "nowhere")
    assert "make the file" not in missing_files(config)[0].render("en")
    assert "let the user" in missing_files(config)[0].render("en")


def test_what_the_bridge_alone_reads_keeps_no_lane_from_its_start(tmp_path, capsys, monkeypatch):
    """Its password releases vehicles: the user of the lanes has no business with it."""
    path = tmp_path / "kakou.yaml"
    redis = "customs_bridge:\n  dialect: json_redis\n  redis: {password_file: secret.txt, ca_file: ca.pem}\n"
    text = DEMO.read_text(encoding="utf-8").replace("customs_bridge:\n", f"{redis}  pictures_ca: pictures.pem\n", 1)
    path.write_text(text, encoding="utf-8")
    config = load(path)
    assert isinstance(config, Configuration)
    assert missing_files(config, bridge=False) == []
    line = text.splitlines().index("customs_bridge:") + 3
    assert [(one.line, one.key_path) for one in missing_files(config)] == [
        (line + 1, "customs_bridge.pictures_ca"),
        (line, "customs_bridge.redis.password_file"),
        (line, "customs_bridge.redis.ca_file"),
    ]
    assert run.check([str(path)]) == 78
    # A start says what the lanes miss, and nothing else.
    monkeypatch.setenv("KAKOU_LANG", "en")
    with_password = "  port: 1883\n  username: lane\n  password_file: absent.txt"
    path.write_text(text.replace("  port: 1883", with_password, 1), encoding="utf-8")
    capsys.readouterr()
    assert run.main([str(path)]) == 78
    (told,) = capsys.readouterr().err.splitlines()
    assert "broker.password_file" in told


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_regular_file_is_told_before_anything_waits_for_it(tmp_path, make):
    make(tmp_path / "secret.txt")
    path = written(tmp_path)
    assert run.check([str(path)]) == 78
    assert run.main([str(path)]) == 78
