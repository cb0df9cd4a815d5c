"""Files that are none, and those that the system makes up; those of a model are in test_registry."""

import socket
from pathlib import Path

import pytest

from edge.regular_file import FileRefusedError, read_regular
from models import registry


def refused(path: Path, most_bytes: int = 10) -> tuple[str, str]:
    with pytest.raises(FileRefusedError) as caught:
        read_regular(path, most_bytes)
    return caught.value.kind, caught.value.got


def test_a_file_is_read_up_to_its_size(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"", b"x" * 10):
        path.write_bytes(content)
        assert read_regular(path, 10) == content
    path.write_bytes(b"x" * 11)
    assert refused(path) == ("too_large", "11 bytes")
    large = b"x" * 3_000_000
    path.write_bytes(large)
    assert read_regular(path, 4_000_000) == large


def test_what_is_made_up_while_it_is_read_ends_at_the_size() -> None:
    # The system says of it that it has no bytes.
    assert refused(Path("/proc/self/maps")) == ("too_large", "more than 10 bytes")


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    assert refused(Path("/proc/self/mem")) == ("unreadable", "Input/output error")
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file" / "below") == ("missing", "nothing")


def test_a_socket_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        assert refused(tmp_path / "s") == ("not_a_file", "a socket")
        # It took the place of a file since that was looked at.
        (tmp_path / "file").touch()
        real = (tmp_path / "file").stat()
        monkeypatch.setattr(Path, "stat", lambda _, **__: real)
        assert refused(tmp_path / "s") == ("not_a_file", "a socket, or a device that is not there")


def test_without_its_own_registry_the_product_is_reinstalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "REGISTRY_PATH", tmp_path / "registry.json")
    with pytest.raises(registry.ModelError, match=r"model_missing.*next: reinstall the product"):
        registry.load_registry(tmp_path / "registry.json")


def test_a_link_is_followed_unless_it_may_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, link = tmp_path / "whole", tmp_path / "link"
    whole.write_bytes(b"all of it")
    link.symlink_to(whole)
    assert read_regular(link, 100) == read_regular(whole, 100, links=False) == b"all of it"
    with pytest.raises(FileRefusedError, match="link: a link"):
        read_regular(link, 100, links=False)
    # Laid there once it had been looked at.
    monkeypatch.setattr("edge.regular_file._check", lambda *_: None)
    with pytest.raises(FileRefusedError, match="link: a link"):
        read_regular(link, 100, links=False)
