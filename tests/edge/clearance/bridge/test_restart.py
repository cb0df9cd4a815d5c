"""A bridge that is ended and started again: one answer to a request, and no release on what is old."""

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.clearance.authority_link import request_topic
from edge.clearance.bridge import book as book_module
from edge.clearance.bridge.book import BridgeBook, Question
from edge.clearance.request import SignedRequest
from simulators.customs_book import Document
from tests.support.bridge_bench import BOX, FORM, PLATE, BridgeBench, until
from tests.support.clearance import AUTHORITY, LANE, SITE
from tests.support.mqtt import Probe, within

DAY = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


async def again(bench: BridgeBench, request: SignedRequest) -> None:
    await within(bench.link.send(AUTHORITY, request))


async def test_a_request_that_comes_twice_gets_one_answer(bench: BridgeBench) -> None:
    async with bench.bridge():
        request = await bench.ask()
        await bench.grant()
        await again(bench, request)
        await bench.ask()
        assert (await bench.grant()).passage == "passage2"
    assert len(bench.platform.asked) == 2


async def test_a_released_request_gets_nothing_from_the_bridge_after_it(bench: BridgeBench) -> None:
    async with bench.bridge():
        request = await bench.ask()
        assert (await bench.grant()).verdict == "release"
    bench.platform.book.add(Document("HF2", PLATE, (BOX,)))
    async with bench.bridge():
        await again(bench, request)
        await bench.ask()
        grant = await bench.grant()
    assert (grant.passage, grant.sequence) == ("passage2", 2)
    assert len(bench.published) == 2


async def test_what_was_open_is_held_and_its_late_answer_releases_nobody(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    async with bench.bridge():
        request = await bench.ask()
        await bench.asked()
    old = bench.platform.asked[0]
    bench.platform.fault = "none"
    async with bench.bridge():
        grant = await bench.grant()
        assert (grant.verdict, grant.reason, grant.nonce) == ("hold", "bridge_restarted", "nonce1")
        bench.platform.answer(old)
        await again(bench, request)
        bench.platform.book.add(Document(FORM, PLATE, (BOX,)))
        await bench.ask()
        grant = await bench.grant()
    assert (grant.verdict, grant.passage) == ("release", "passage2")
    assert bench.rows("SELECT verdict FROM asked ORDER BY asked_at") == [("hold",), ("release",)]


async def test_a_lane_that_asks_anew_wants_no_old_answer(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    async with bench.bridge():
        await bench.ask()
        await bench.asked()
        bench.platform.fault = "none"
        bench.platform.book.add(Document(FORM, PLATE, (BOX,)))
        await bench.ask()
        await bench.asked(2)
        bench.platform.answer(bench.platform.asked[0])
        assert (await bench.grant()).passage == "passage2"
    assert sorted(reason for (reason,) in bench.rows("SELECT reason FROM asked")) == ["", "superseded"]


async def test_what_is_no_request_of_a_lane_is_not_answered(bench: BridgeBench) -> None:
    stranger = Probe(bench.broker.settings("stranger"))
    async with bench.bridge(), stranger.running():
        good = bench.request()
        drill = bench.request(drill=True)
        topic = request_topic(SITE, LANE, AUTHORITY)
        await within(stranger.link.publish(topic, b"nonsense"))
        await within(stranger.link.publish(topic, drill.raw))
        await within(stranger.link.publish(request_topic(SITE, "lane.9", AUTHORITY), good.raw))
        await within(stranger.link.publish(request_topic(SITE, "lane9", AUTHORITY), good.raw))
        await within(stranger.link.publish(request_topic(SITE, LANE, AUTHORITY), good.raw[:-4] + b"AAAA"))
        await bench.ask()
        assert (await bench.grant()).verdict == "release"
    assert len(bench.platform.asked) == 1


async def test_a_retained_request_is_none(bench: BridgeBench) -> None:
    stranger = Probe(bench.broker.settings("stranger"))
    async with stranger.running():
        await within(stranger.link.publish(request_topic(SITE, LANE, AUTHORITY), bench.request().raw, retain=True))
        async with bench.bridge():
            await bench.ask()
            assert (await bench.grant()).passage == "passage2"


async def test_a_storm_of_requests_is_bounded(bench: BridgeBench) -> None:
    bench.platform.fault = "silent"
    async with bench.bridge() as bridge:
        for _ in range(60):
            await bench.ask()
        await bench.asked()
        assert len(bridge._open) == 1
    assert len(bench.platform.asked) < 60


class TestDisk:
    async def test_an_answer_that_cannot_be_recorded_is_no_release(
        self, bench: BridgeBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_arguments: object, **_options: object) -> bool:
            raise sqlite3.OperationalError("database or disk is full")

        async with bench.bridge():
            await bench.ask()
            assert (await bench.grant()).verdict == "release"
            bench.platform.book.add(Document("HF2", PLATE, (BOX,)))
            monkeypatch.setattr(BridgeBook, "answer", full)
            await bench.ask()
            grant = await bench.grant()
            assert (grant.verdict, grant.reason, grant.sequence) == ("hold", "bridge_cannot_record", 3)
            monkeypatch.setattr(BridgeBook, "ask", full)
            await bench.ask()
            grant = await bench.grant()
            assert (grant.reason, grant.sequence) == ("bridge_cannot_record", 4)
            monkeypatch.setattr(BridgeBook, "heard", full)
            bench.platform.answer(bench.platform.asked[0])

    async def test_an_answer_that_stands_is_never_given_again(
        self, bench: BridgeBench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with bench.bridge() as bridge:
            await bench.ask()
            await bench.grant()
            monkeypatch.setattr(BridgeBook, "answer", lambda *_arguments, **_options: False)
            await bench.ask()
            await bench.asked(2)
            await until(lambda: not bridge._open)
            monkeypatch.undo()
            bench.platform.book.add(Document("HF3", PLATE, (BOX,)))
            await bench.ask()
            assert (await bench.grant()).passage == "passage3"

    async def test_a_grant_that_no_broker_takes_is_lost_and_said(self, bench: BridgeBench) -> None:
        async with bench.bridge() as bridge:
            question = Question("0" * 64, "1", LANE, "boot1", "p", "n")
            bridge.link._connection = None
            bridge._send_grant(question, bridge._grant(question, "hold", "platform_silent"))
        assert bench.grants.empty()


@pytest.fixture
def book(tmp_path: Path) -> Iterator[BridgeBook]:
    book = BridgeBook(tmp_path / "book.sqlite", utc=lambda: DAY)
    yield book
    book.close()


def ask(book: BridgeBook, digest: str, passage: str = "p") -> Question:
    return book.ask(digest, lane=LANE, boot="b", passage=passage, nonce="n")


def test_each_question_has_a_number_of_its_own(tmp_path: Path) -> None:
    draws = iter([7, 7, 8, *[8] * 8])
    book = BridgeBook(tmp_path / "book.sqlite", utc=lambda: DAY, draw=lambda: next(draws))
    assert ask(book, "a").sequence == "20260301160000000007"
    assert ask(book, "b").sequence == "20260301160000000008"
    with pytest.raises(sqlite3.IntegrityError):
        ask(book, "c")
    book.close()


def test_an_answer_is_entered_once(book: BridgeBook) -> None:
    question = ask(book, "a")
    assert book.unanswered() == [question]
    assert book.answer(question, "release", "", number=1, grant=b"g", form="F", raw=b"r")
    assert not book.answer(question, "hold", "x", number=2, grant=b"g", form="", raw=b"r")
    assert book.unanswered() == []
    assert book.last_numbers() == {LANE: 2}
    assert not book.form_used("F", question)
    assert book.form_used("F", ask(book, "b", passage="q"))


def test_only_one_bridge_holds_a_book(book: BridgeBook, tmp_path: Path) -> None:
    ask(book, "a")
    with pytest.raises(sqlite3.OperationalError):
        BridgeBook(tmp_path / "book.sqlite", utc=lambda: DAY)


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "MOST_HEARD", 10)
    monkeypatch.setattr(book_module, "_PRUNE_EACH", 5)
    now = [DAY]
    book = BridgeBook(tmp_path / "book.sqlite", utc=lambda: now[0], keep=timedelta(days=1))
    ask(book, "a")
    ask(book, "b")
    for _ in range(2):
        now[0] += timedelta(days=1)
        for _ in range(15):
            book.heard(0x39, LANE, "order_refused", b"x")
    assert not book.knows("a")
    # The newest stays.
    assert book.knows("b")
    book.close()
    reading = sqlite3.connect(tmp_path / "book.sqlite")
    assert reading.execute("SELECT count(*) FROM heard").fetchone()[0] <= 15
    reading.close()


@pytest.mark.hazard("O3")
@pytest.mark.parametrize("jump_days", [4_000, -4_000])
def test_a_clock_that_jumps_makes_no_release_usable_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_days: int
) -> None:
    monkeypatch.setattr(book_module, "_PRUNE_EACH", 1)
    now = [DAY]

    def opened() -> BridgeBook:
        return BridgeBook(tmp_path / "book.sqlite", utc=lambda: now[0], keep=timedelta(days=3))

    def released(form: str) -> None:
        assert book.answer(ask(book, form), "release", "", number=1, grant=b"g", form=form, raw=b"r")

    book = opened()
    for number in range(6):
        now[0] += timedelta(days=1)
        released(f"old{number}")
    now[0] += timedelta(days=jump_days)
    released("in the jump")
    book.close()
    book = opened()
    now[0] += timedelta(days=1 - jump_days)
    released("after")
    other = ask(book, "other", passage="q")
    # Three days back is old4.
    assert not book.form_used("old0", other)
    assert all(book.form_used(form, other) for form in ("old4", "old5", "in the jump", "after"))
    book.close()


async def test_messages_that_answer_nothing_are_kept_within_a_limit(bench: BridgeBench) -> None:
    async with bench.bridge() as bridge:
        await bench.ask()
        await bench.grant()
        for _ in range(400):
            bench.platform.answer(bench.platform.asked[0])
        await until(lambda: bridge.platform.counters.frames >= 401)
        await asyncio.wait([asyncio.ensure_future(bench.ask())])
        await bench.grant()
    ((count,),) = bench.rows("SELECT count(*) FROM heard")
    assert 200 <= count < 300
