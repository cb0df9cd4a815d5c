"""A file is there whole or not at all."""

import stat
from pathlib import Path

import pytest

from edge.files import write_whole


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "one"
    write_whole(path, b"first and long")
    write_whole(path, b"second", mode=0o644)
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    write_whole(path, b"third")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "one" / "inside").mkdir(parents=True)
    with pytest.raises(OSError):
        write_whole(tmp_path / "one", b"content")
    assert [one.name for one in tmp_path.iterdir()] == ["one"]
