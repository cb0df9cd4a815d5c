from pathlib import Path

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


def test_a_named_file_that_is_not_there_is_told_at_its_line(tmp_path, capsys):
    path = written(tmp_path)
    config = load(path)
    assert isinstance(config, Configuration)
    (problem,) = missing_files(config)
    line = path.read_text(encoding="utf-8").splitlines().index("  password_file: secret.txt") + 1
    assert (problem.file, problem.line, problem.code) == (str(path), line, "file_not_readable")
    assert run.check([str(path)]) == 0
    assert "broker.password_file" in capsys.readouterr().err
    assert run.main([str(path)]) == 78
    assert "file_not_readable" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
    (tmp_path / "secret.txt").write_text("word\n", encoding="utf-8")
    assert missing_files(config) == []
