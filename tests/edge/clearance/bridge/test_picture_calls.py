"""Pictures that the platform calls: those of its own passages, to who may see them, bounded; and nothing else."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.clearance.bridge import picture_calls, picture_messages
from edge.clearance.bridge.dialects import DIALECTS, Dialect
from edge.clearance.bridge.messages import Channel
from edge.clearance.bridge.picture_calls import PictureCalls
from edge.clearance.bridge.picture_messages import (
    PIECE_BYTES,
    PictureCall,
    PictureReturn,
    call_frame,
    piece_frames,
    read_call,
    read_piece,
    read_return,
    return_frame,
)
from edge.clearance.bridge.pictures import PictureFolder
from edge.clearance.bridge.platform_link import PlatformLink, PlatformSettings
from edge.clearance.bridge.service import CustomsBridge
from edge.clearance.bridge.strict_xml import XmlError
from edge.clearance.bridge.wire import Frame, FrameDecoder, encode
from tests.support.bridge_bench import BridgeBench, until
from tests.support.certificates import CertificateAuthority
from tests.support.customs import CHANNEL, SEQUENCE, STANDARD

GOLDEN = Path(__file__).parent / "golden"
PICTURE, OTHER = b"\xff\xd8" + b"truck" * 2_000, b"\xff\xd8rear"
NAME, OTHER_NAME = (hashlib.sha256(one).hexdigest() for one in (PICTURE, OTHER))
SMALL, SMALL_NAME = b"\xff\xd8\xff\xd9", hashlib.sha256(b"\xff\xd8\xff\xd9").hexdigest()
ACCESS = {"url": "https://127.0.0.1:1", "expires": 1, "key": "00"}

dialects = pytest.mark.parametrize(
    "dialect", [pytest.param(one, id=one.name) for one in DIALECTS.values() if one.pubsub is None]
)


# The messages


@dialects
def test_a_call_its_answer_and_a_piece_are_their_fixtures_byte_for_byte(dialect: Dialect) -> None:
    call, answer = PictureCall(SEQUENCE, (NAME, OTHER_NAME)), PictureReturn(SEQUENCE, 1, 1)
    (piece,) = piece_frames(SEQUENCE, SMALL_NAME, SMALL, CHANNEL, dialect)
    frames = {
        "picture_call": call_frame(call, CHANNEL, dialect),
        "picture_return": return_frame(answer, CHANNEL, dialect),
        "picture_send": piece,
    }
    for word, frame in frames.items():
        assert frame.body == (GOLDEN / f"{dialect.name}.{word}.xml").read_bytes()
        assert FrameDecoder().feed(encode(frame)) == [frame]
    assert [one.kind for one in frames.values()] == [0x25, 0x26, 0x27]
    assert read_call(frames["picture_call"], CHANNEL, dialect) == call
    assert read_return(frames["picture_return"], CHANNEL, dialect) == answer
    assert read_piece(piece, CHANNEL, dialect).data == SMALL


def test_a_picture_comes_whole_out_of_its_pieces() -> None:
    frames = list(piece_frames(SEQUENCE, NAME, PICTURE, CHANNEL, STANDARD))
    pieces = [read_piece(one, CHANNEL, STANDARD) for one in frames]
    assert b"".join(one.data for one in pieces) == PICTURE
    assert [(one.index, one.total) for one in pieces] == [(index + 1, len(frames)) for index in range(len(frames))]
    assert all(len(one.data) <= PIECE_BYTES for one in pieces)


def changed(frame: Frame, old: bytes, new: bytes) -> Frame:
    assert old in frame.body
    return replace(frame, body=frame.body.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"PICTURE_CALL", b"PICTURE_BALL", "other_message"),
        (b"7208100001", b"7208100002", "head_contradicts_envelope"),
        (SEQUENCE.encode(), b"", "picture_call_form"),
        (SEQUENCE.encode(), b"1" * 21, "picture_call_form"),
        (NAME.encode(), b"../../etc/passwd", "picture_call_form"),
        (NAME.encode(), NAME.upper().encode(), "picture_call_form"),
        (NAME.encode(), (NAME + "|").encode(), "picture_call_form"),
        (NAME.encode(), "|".join([NAME] * 17).encode(), "picture_call_form"),
    ],
)
def test_a_call_of_another_form_is_none(old: bytes, new: bytes, reason: str) -> None:
    with pytest.raises(XmlError) as refused:
        read_call(changed(call_frame(PictureCall(SEQUENCE, (NAME,)), CHANNEL, STANDARD), old, new), CHANNEL, STANDARD)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (SMALL_NAME.encode(), b"x", "picture_piece_form"),
        (b"<PIC_INDEX>1<", b"<PIC_INDEX>0<", "picture_piece_form"),
        (b"<PIC_INDEX>1<", b"<PIC_INDEX>2<", "picture_piece_form"),
        (b"<PIC_TOTAL>1<", b"<PIC_TOTAL>10001<", "picture_piece_form"),
        (b"<PIC_TOTAL>1<", b"<PIC_TOTAL>-1<", "picture_number_form"),
        (b"<PIC_INDEX>1</PIC_INDEX>", b"", "picture_number_form"),
        (b"<PIC_DATA>", b"<PIC_DATA>*", "picture_piece_form"),
        (b"<PIC_DATA>", "<PIC_DATA>苏".encode("gb18030"), "picture_piece_form"),
    ],
)
def test_a_piece_of_another_form_is_none(old: bytes, new: bytes, reason: str) -> None:
    (piece,) = piece_frames(SEQUENCE, SMALL_NAME, SMALL, CHANNEL, STANDARD)
    with pytest.raises(XmlError) as refused:
        read_piece(changed(piece, old, new), CHANNEL, STANDARD)
    assert refused.value.reason == reason


# The calls


@asynccontextmanager
async def serving_pictures(bench: BridgeBench, tmp_path: Path, *pictures: bytes) -> AsyncIterator[CustomsBridge]:
    """A bridge whose folder has these pictures already."""
    folder = PictureFolder(tmp_path / "pictures", CertificateAuthority(tmp_path).ca_file, retry_s=0.0)
    for one in pictures:
        (tmp_path / "pictures" / f"{hashlib.sha256(one).hexdigest()}.jpg").write_bytes(one)
    async with bench.bridge(pictures=folder) as bridge:
        yield bridge


async def asked(bench: BridgeBench, *names: str, access: dict[str, Any] | None = ACCESS) -> str:
    """Ask for a passage with these pictures; returns its SEQ_NO."""
    await bench.ask(evidence=names, pictures=access)
    await bench.grant()
    return bench.platform.asked[-1].fields["sequence"]


async def returned(bench: BridgeBench, count: int = 1) -> PictureReturn:
    await until(lambda: len(bench.platform.picture_returns) >= count)
    return bench.platform.picture_returns[-1]


async def test_the_platform_gets_the_pictures_of_its_passage(bench: BridgeBench, tmp_path: Path) -> None:
    async with serving_pictures(bench, tmp_path, PICTURE, OTHER) as bridge:
        sequence = await asked(bench, NAME, OTHER_NAME)
        bench.platform.call_pictures(CHANNEL, sequence)
        # What stands behind the readings of the bench was never fetched.
        assert await returned(bench) == PictureReturn(sequence, 2, 2)
        await until(lambda: len(bench.platform.pictures) == 2)
        assert bench.platform.pictures == {NAME: PICTURE, OTHER_NAME: OTHER}
        bench.platform.pictures.clear()
        bench.platform.call_pictures(CHANNEL, sequence, OTHER_NAME)
        assert await returned(bench, 2) == PictureReturn(sequence, 1, 0)
        await until(lambda: OTHER_NAME in bench.platform.pictures)
        assert NAME not in bench.platform.pictures
        # And the next question goes its way.
        await bench.ask()
        await bench.grant()
        assert bridge._calls.sent == 3
    assert [one for (one,) in bench.rows("SELECT disposition FROM heard")] == ["pictures_called"] * 2


async def refused(bench: BridgeBench, sequence: str, *names: str, channel: Channel = CHANNEL) -> str:
    before = len(bench.platform.picture_returns)
    bench.platform.call_pictures(channel, sequence, *names)
    answer = await returned(bench, before + 1)
    assert (answer.count, answer.missing) == (0, 0)
    return answer.reason


async def test_nobody_gets_what_was_not_its_to_see(bench: BridgeBench, tmp_path: Path) -> None:
    async with serving_pictures(bench, tmp_path, PICTURE, OTHER):
        withheld = await asked(bench, NAME, access=None)
        assert await refused(bench, withheld) == "withheld"
        sequence = await asked(bench, NAME)
        assert await refused(bench, sequence, OTHER_NAME) == "unknown_picture"
        assert await refused(bench, "9" * 20) == "unknown_passage"
        bench.clock.ahead_s += picture_calls.CALL_WITHIN_S + 1
        assert await refused(bench, sequence) == "too_late"
    assert bench.platform.pictures == {}


async def test_a_picture_that_is_not_what_it_was_is_missing(bench: BridgeBench, tmp_path: Path) -> None:
    async with serving_pictures(bench, tmp_path, PICTURE):
        sequence = await asked(bench, NAME)
        (tmp_path / "pictures" / f"{NAME}.jpg").write_bytes(OTHER)
        bench.platform.call_pictures(CHANNEL, sequence, NAME)
        assert await returned(bench) == PictureReturn(sequence, 0, 1)


async def test_calls_of_one_passage_come_to_an_end(bench: BridgeBench, tmp_path: Path) -> None:
    async with serving_pictures(bench, tmp_path, PICTURE):
        sequence = await asked(bench, NAME)
        for number in range(picture_calls.MOST_CALLS):
            bench.platform.call_pictures(CHANNEL, sequence, NAME)
            await returned(bench, number + 1)
        assert await refused(bench, sequence, NAME) == "called_too_often"


async def test_a_bridge_without_pictures_says_so(bench: BridgeBench) -> None:
    async with bench.bridge():
        sequence = await asked(bench, NAME)
        assert await refused(bench, sequence) == "not_served"


async def test_a_call_that_is_none_is_kept_and_not_answered(bench: BridgeBench, tmp_path: Path) -> None:
    call = call_frame(PictureCall(SEQUENCE), CHANNEL, STANDARD)
    async with serving_pictures(bench, tmp_path):
        bench.platform.send(replace(call, body=b"<PICTURE_CALL/>"))
        bench.platform.send(replace(call, sender="front"))
        bench.platform.call_pictures(replace(CHANNEL, channel="7208109999"), SEQUENCE)
        await bench.ask()
        await bench.grant()
    kept = [one for (one,) in bench.rows("SELECT disposition FROM heard ORDER BY id")]
    assert kept == ["head_contradicts_envelope", "sent_by_front_end", "other_channel"]
    assert bench.platform.picture_returns == []


# The bounds


class Rig:
    """Calls on a link that nobody listens to, with a folder of one picture."""

    def __init__(self, tmp_path: Path, *, keeps: bool = True) -> None:
        folder = PictureFolder(tmp_path / "pictures", CertificateAuthority(tmp_path).ca_file)
        (tmp_path / "pictures" / f"{NAME}.jpg").write_bytes(PICTURE)
        self.link = PlatformLink(PlatformSettings("127.0.0.1", 1), heartbeats=list, on_frame=lambda _frame: None)
        self.kept: list[str] = []
        self.said: list[Frame] = []
        self.now_s = 0.0
        self.keeps = keeps
        self.calls = PictureCalls(
            folder, self.link, {"lane1": CHANNEL}, STANDARD, monotonic_s=lambda: self.now_s, record=self._record
        )
        self.link.send = self._send  # type: ignore[method-assign]

    def _record(self, _frame: Frame, _lane: str | None, disposition: str) -> bool:
        self.kept.append(disposition)
        return self.keeps

    def _send(self, frame: Frame) -> bool:
        self.said.append(frame)
        return True

    def call(self, sequence: str = SEQUENCE) -> None:
        self.calls.called("lane1", call_frame(PictureCall(sequence), CHANNEL, STANDARD))

    def remember(self, sequence: str = SEQUENCE) -> None:
        self.calls.remember("lane1", sequence, {"evidence": [NAME, "../x", 7], "pictures": ACCESS})


def test_a_flood_is_answered_by_nothing(tmp_path: Path) -> None:
    rig = Rig(tmp_path, keeps=False)
    rig.remember()
    rig.call()
    rig.call("9" * 20)
    assert (rig.said, rig.calls._waiting.empty()) == ([], True)


def test_so_many_calls_wait_and_no_more(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for number in range(picture_calls.MOST_WAITING + 1):
        rig.remember(f"{number:020d}")
        rig.call(f"{number:020d}")
    assert rig.kept[-1] == "pictures_busy"
    assert read_return(rig.said[-1], CHANNEL, STANDARD).reason == "busy"


def test_the_oldest_passages_are_forgotten(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    for number in range(picture_calls.MOST_REMEMBERED + 1):
        rig.remember(f"{number:020d}")
    rig.call("0" * 20)
    assert rig.kept == ["pictures_unknown_passage"]
    # Names that are no digests name no file.
    assert rig.calls._passages[f"{1:020d}"].names == (NAME,)


async def test_a_lost_connection_ends_what_is_sent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(tmp_path)
    rig.remember()
    # Nobody is connected.
    await rig.calls._send(CHANNEL, SEQUENCE, (NAME,))
    assert rig.calls.sent == 0
    sent: list[Frame] = []

    async def first_alone(frame: Frame) -> bool:
        sent.append(frame)
        return len(sent) == 1

    rig.link.send_when_idle = first_alone  # type: ignore[method-assign]
    await rig.calls._send(CHANNEL, SEQUENCE, (NAME,))
    assert len(sent) == 2
    assert "pictures_not_sent" in caplog.messages


async def test_pictures_leave_the_loop_to_others(tmp_path: Path) -> None:
    """Where the platform takes each piece at once, nothing of a lane waits for more than one of them."""
    rig = Rig(tmp_path)
    rig.remember()
    sent: list[int] = []
    turns = 0

    async def at_once(_frame: Frame) -> bool:
        sent.append(turns)
        return True

    def turn() -> None:
        nonlocal turns
        turns += 1
        if not rig.calls.sent:
            asyncio.get_running_loop().call_soon(turn)

    rig.link.send_when_idle = at_once  # type: ignore[method-assign]
    turn()
    await rig.calls._send(CHANNEL, SEQUENCE, (NAME,))
    # The answer before them is short.
    _answer, *pieces = sent
    assert len(set(pieces)) == len(pieces) > 2


async def test_a_platform_that_takes_nothing_is_waited_for_so_long_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(picture_calls, "SEND_WITHIN_S", 0.05)
    rig = Rig(tmp_path)
    rig.remember()
    never = asyncio.Event()

    async def takes_nothing(_frame: Frame) -> bool:
        await never.wait()
        return False

    rig.link.send_when_idle = takes_nothing  # type: ignore[method-assign]
    rig.call()
    running = asyncio.create_task(rig.calls.run())
    await until(lambda: "pictures_not_sent" in caplog.messages)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_no_more_bytes_go_than_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path)
    (tmp_path / "pictures" / f"{OTHER_NAME}.jpg").write_bytes(OTHER)
    monkeypatch.setattr(picture_calls, "MOST_BYTES", len(PICTURE))
    assert rig.calls._found((NAME, OTHER_NAME)) == {NAME: PICTURE}
    assert picture_messages.MOST_PIECES * PIECE_BYTES > picture_calls.MOST_BYTES
