"""What a person sees of the wire, and what a recording keeps of it."""

import base64
import json
from pathlib import Path

import pytest

from drivers.barrier_modbus.words import words_of
from drivers.kit.camera.asking import without_secrets
from drivers.kit.dialect import Heard
from drivers.kit.wire import TagReport
from edge.bringup.watching import WireView
from edge.core.tag import Tag
from edge.recording import LEAST_BYTES, Recording, RecordingTap, before_of


class Listener:
    """Another tap, which hears everything."""

    def __init__(self) -> None:
        self.crossings: list[tuple[bool, bytes]] = []
        self.words: list[str] = []

    def crossed(self, sent: bool, data: bytes) -> None:
        self.crossings.append((sent, data))

    def understood(self, sent: bool, words: str) -> None:
        self.words.append(words)


def test_what_was_shown_lately_is_not_shown_again_and_long_frames_are_cut() -> None:
    shown: list[str] = []
    other = Listener()
    view = WireView(shown.append, lambda: 1500, lambda _: None, [other])
    for _ in range(3):
        view.crossed(True, b"\x01\x02")
        view.understood(True, "hello")
        view.crossed(False, bytes(60))
        view.understood(False, "a \x1b[2J long one")
    assert [line.strip() for line in shown] == [
        "0.000 -> 01 02",
        "hello",
        f"0.000 <- {bytes(48).hex(' ')} (+12)",
        "a �[2J long one",
    ]
    assert (view.sent_bytes, view.heard_bytes) == (6, 180)
    assert len(other.crossings) == len(other.words) == 6
    for number in range(100):
        view.understood(True, f"word {number}")
    shown.clear()
    view.understood(True, "hello")
    assert [line.strip() for line in shown] == ["hello"]


def test_a_full_disk_and_a_terminal_that_is_gone_cost_no_command() -> None:
    class Full(Listener):
        def crossed(self, sent: bool, data: bytes) -> None:
            super().crossed(sent, data)
            raise OSError(28, "no space")

    def gone(line: str) -> None:
        raise BrokenPipeError(line)

    full, other = Full(), Listener()
    view = WireView(gone, lambda: 0, lambda _: None, [full, other])
    for _ in range(2):
        view.crossed(True, b"stop")
        view.understood(True, "write coil 2 = 1")
        view.understood(True, "write coil 2 = 0")
    assert len(full.crossings) == 1
    assert (len(other.crossings), len(other.words)) == (2, 4)
    assert view.failure is not None
    assert view.failure.errno == 28


def test_a_recording_is_bounded_and_each_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "wire.jsonl"
    path.write_text("an older one")
    path.chmod(0o644)
    recording = Recording(path, {"site": "yard"}, most_bytes=1)
    tap = RecordingTap(recording.keep, "plate", lambda: 7)
    tap.understood(False, "not kept")
    tap.crossed(False, b"\xff\xd8\xff" + bytes(5))
    first = json.loads(path.read_text().splitlines()[0]) if path.stat().st_size else None
    for _ in range(400):
        tap.crossed(True, bytes(200))
    recording.close()
    for file in (path, before_of(path)):
        assert 0 < file.stat().st_size <= LEAST_BYTES // 2
        assert file.stat().st_mode & 0o777 == 0o600
        about, line = (json.loads(one) for one in file.read_text().splitlines()[:2])
        assert about == {"kakou_recording": 1, "personal_data": True, "site": "yard"}
        assert line == {"at_ms": 7, "device": "plate", "sent": True, "hex": bytes(200).hex()}
    assert first is None
    assert base64.b64encode(b"\xff\xd8\xff").decode() not in path.read_text()


def test_nobody_who_was_there_before_reads_along(tmp_path: Path) -> None:
    path, other = tmp_path / "wire.jsonl", tmp_path / "other"
    path.write_text("laid out")
    other.hardlink_to(path)
    with path.open("rb") as laid_out:
        Recording(path, {}).close()
        assert laid_out.read() == b"laid out"
    assert other.read_text() == "laid out"
    assert path.stat().st_mode & 0o777 == 0o600
    # Whoever was given a link would write what it leads to.
    path.unlink()
    path.symlink_to(other)
    with pytest.raises(FileExistsError):
        Recording(path, {})
    assert other.read_text() == "laid out"


@pytest.mark.parametrize(
    ("frame", "is_rtu", "asks", "words"),
    [
        ("0001 0000 0006 01 02 0000 000c", False, True, "unit 1: read 12 discrete inputs from 0"),
        ("0001 0000 0005 01 02 02 0180", False, False, "unit 1: discrete inputs 10000000 00000001"),
        ("01 03 04 0007 0100 0000", True, False, "unit 1: holding registers 7 256"),
        ("0001 0000 0006 02 05 0010 ff00", False, True, "unit 2: write coil 16 = 1"),
        ("0001 0000 0006 02 06 0000 0009", False, False, "unit 2: wrote holding register 0 = 9"),
        ("01 82 02 0000", True, False, "unit 1: refuses function 2: illegal_data_address"),
        ("01 10 00 00 0000", True, False, "unit 1: function 16"),
        ("01 02 0000", True, False, "no frame"),
    ],
)
def test_modbus_in_words(frame: str, is_rtu: bool, asks: bool, words: str) -> None:
    assert words_of(bytes.fromhex(frame), is_rtu=is_rtu, asks=asks) == words


def test_a_readers_frame_in_words() -> None:
    tags = (TagReport(Tag("E200"), 1, -60), TagReport(Tag("E201"), 0, None))
    said = "command 0x89; tag E200 antenna 1 -60 dBm; tag E201 antenna 0 of unknown strength"
    assert Heard(0x89, tags, ends=False).words == said
    assert Heard(0x74, refusal="error 0x22").words == "command 0x74; error 0x22; its end"


def test_heads_are_told_without_passwords() -> None:
    head = b"GET /a.jpg?user=x&pwd=y HTTP/1.1\r\nHost: cam\r\nAuthorization: Digest response=1\r\nCookie:z\r\nX: 1"
    assert without_secrets(head) == (
        b"GET /a.jpg?*** HTTP/1.1\r\nHost: cam\r\nAuthorization: ***\r\nCookie:***\r\nX: 1"
    )
    asked = b"DESCRIBE rtsp://cam/1?user=x&pwd=y RTSP/1.0\r\nCSeq: 1\r\nAuthorization : Basic eA=="
    assert without_secrets(asked) == b"DESCRIBE rtsp://cam/1?*** RTSP/1.0\r\nCSeq: 1\r\nAuthorization : ***"
    answered = b'RTSP/1.0 200 OK\r\nContent-Base: rtsp://cam/1?user=x&pwd=y\r\nRTP-Info: url="rtsp://cam/1?pwd=y"'
    assert without_secrets(answered) == (
        b'RTSP/1.0 200 OK\r\nContent-Base: rtsp://cam/1?***\r\nRTP-Info: url="rtsp://cam/1?***"'
    )
    assert without_secrets(b"HTTP/1.1 200 OK\r\nSet-Cookie: s=1\r\nDate: x") == (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: ***\r\nDate: x"
    )
