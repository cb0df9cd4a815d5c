import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge.cli import VERBS, main
from edge.text import catalogue

EXAMPLE = Path("config/examples/lane.yaml").resolve()


def kakou(*arguments: str | bytes, **settings: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "edge.cli", *arguments], check=False, **{"capture_output": True, **settings}
    )


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"test"}))
def test_every_verb_explains_itself_and_each_of_its_arguments(monkeypatch, capsys, verb, language):
    monkeypatch.setenv("KAKOU_LANG", language)
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    texts = catalogue(language)
    # A long option has its explanation on the next line.
    printed = re.sub(r"\n {6,}", "  ", capsys.readouterr().out)
    assert printed.startswith(texts["cli_usage"])
    assert texts[f"verb_{verb}"] in printed
    listed = [line for line in printed.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    explained = [line for line in listed if "kakou" not in line and not line.startswith("  {")]
    assert explained
    for line in explained:
        assert any(text in line for text in texts.values()), line


@pytest.mark.parametrize("arguments", [["nonsense"], *([verb, "--nonsense"] for verb in sorted(set(VERBS) - {"test"}))])
def test_arguments_that_are_not_understood_end_with_64(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 64
    assert "kakou" in capsys.readouterr().err


def test_no_verb_shows_what_there_is(capsys):
    assert main([]) == 64
    printed = capsys.readouterr().err
    assert all(verb in printed for verb in VERBS)


def test_a_reader_that_goes_away_ends_a_verb_without_a_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = kakou("check", str(EXAMPLE), capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_cannot_be_written_is_said_without_a_traceback():
    with Path("/dev/full").open("wb") as full:
        done = kakou("check", str(EXAMPLE), capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 74
    assert os.strerror(errno.ENOSPC).encode() in done.stderr
    assert b"Traceback" not in done.stderr


STREAMS = {
    "closed": (">&-", 74, errno.EBADF),
    "full": (">/dev/full", 74, errno.ENOSPC),
    "gone": ("| true", 141, None),
}
PRINTING = (
    ("--version",),
    ("--completion", "bash"),
    ("identify", "--help"),
    ("identify", "none.jpg"),
    ("identify", "none.jpg", "--json"),
    ("check", str(EXAMPLE)),
)


def redirected(*arguments: str, how: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
    """A verb with a stream redirected as a shell does it; `| true` waits until nobody can read any more."""
    command = [sys.executable, "-m", "edge.cli", *arguments]
    if how == "| true":
        reader, writer = os.pipe()
        os.close(reader)
        try:
            return subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
        finally:
            os.close(writer)
    shell = ["sh", "-c", f'exec "$@" {how}', "sh", *command]
    return subprocess.run(shell, capture_output=True, check=False, env=os.environ | settings)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("arguments", PRINTING)
def test_what_cannot_be_printed_ends_with_a_status_and_no_traceback(arguments, stream):
    how, status, cause = STREAMS[stream]
    done = redirected(*arguments, how=how)
    said = f"kakou: [Errno {cause}] {os.strerror(cause)}\n" if cause else ""
    assert (done.returncode, done.stderr.decode()) == (status, said)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    ("how", "status"),
    [("2>&-", 64), ("2>/dev/full", 64), (">&- 2>&-", 64), ("0<&- >&- 2>&-", 64), (">&- 2>/dev/full", 64)],
)
def test_a_mistake_that_nobody_can_read_keeps_its_status(how, status):
    assert redirected("identify", how=how).returncode == status
    assert redirected(how=how).returncode == status


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("how", [">/dev/full 2>/dev/full", ">&- 2>/dev/full", ">&- 2>&-"])
def test_output_and_its_loss_that_nobody_can_read_end_with_74(how):
    assert redirected("identify", "none.jpg", how=how).returncode == 74


def test_json_is_utf8_whatever_the_locale():
    """RFC 8259, 8.1. Escapes of more than four digits are Python's, and no JSON."""
    name = "caf\xe9 \U0001f69b 车 \udcff\x1b[31m\n.jpg"
    for encoding in ("latin1", "ascii", "gbk", "utf-8"):
        done = kakou("identify", os.fsencode(name), "--js", env=os.environ | {"PYTHONIOENCODING": encoding})
        assert (done.returncode, done.stderr) == (0, b"")
        assert json.loads(done.stdout.decode("utf-8"))["image"] == name
        assert done.stdout.count(b"\n") == 1


def test_names_are_shown_escaped():
    name = "caf\xe9 \U0001f69b 车 \udcff\x1b[31m\n.jpg"
    shown = rb"caf\u00e9 \ud83d\ude9b \u8f66 \udcff\x1b[31m\n.jpg: unread picture: missing"
    done = kakou("identify", os.fsencode(name), env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.stdout.startswith(shown)
    done = kakou("identify", "a.jpg", "--\x1b[31m")
    assert done.returncode == 64
    assert rb"--\x1b[31m" in done.stderr


def test_a_terminal_without_chinese_ends_no_verb(tmp_path):
    environment = os.environ | {"KAKOU_LANG": "zh", "PYTHONIOENCODING": "ascii"}
    done = kakou("check", str(tmp_path / "none.yaml"), env=environment)
    assert done.returncode == 78
    assert rb"\u5f97\u5230" in done.stdout
    assert done.stderr == b""


def test_ctrl_c_ends_a_verb_with_130(monkeypatch):
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("edge.verbs.run.check", interrupted)
    assert main(["check", "any.yaml"]) == 130
