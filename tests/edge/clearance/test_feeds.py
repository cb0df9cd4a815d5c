"""Lists that reach a lane: newer only, also over a restart, from a file as from the topic; and a clock vouched for."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from edge.clearance.authority_link import FLOOD_BURST
from edge.clearance.feeds import OFFLINE_LISTS, SAMPLING_PLANS, IssuedFeed, issued_topic
from edge.clearance.issued import IssuedRefusal
from edge.clearance.seen import SeenVersions, SeenVersionsError
from edge.clearance.time_quality import TimeQuality
from edge.core.events import Event, OfflineListAccepted, SamplingPlanAccepted, TimeJudged
from edge.core.sampling_plan import SamplingPlan
from edge.mqtt import Message
from edge.times import rfc3339
from tests.edge.clearance import test_sampling_plan as plans
from tests.edge.clearance.test_offline_list import SECRET, claims, context, signed
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE, World


class Time:
    """A clock whose wall time steps apart from its monotonic time."""

    def __init__(self) -> None:
        self.ms, self.wall = 10_000, NOW

    def now_ms(self) -> int:
        return self.ms

    def utc(self) -> datetime:
        return self.wall

    def pass_s(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)
        self.wall += timedelta(seconds=seconds)

    async def sleep(self, _seconds: float) -> None:
        raise asyncio.CancelledError


class Feed:
    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder, self.clock = world, folder, Time()
        self.file = folder / "list.jws"
        self.events: list[Event] = []
        self.start()

    def start(self) -> None:
        self.feed = IssuedFeed(
            OFFLINE_LISTS,
            site=SITE,
            lane=LANE,
            authority=AUTHORITY,
            secret=SECRET,
            keyset=lambda: context(self.world).keyset,
            seen=SeenVersions(self.folder / "seen.json"),
            file=self.file,
            clock=self.clock,
            take=self.events.append,
        )

    @property
    def versions(self) -> list[int]:
        return [one.list.version for one in self.events if isinstance(one, OfflineListAccepted)]

    def offer(self, version: int) -> object:
        return self.feed.offer(signed(self.world, claims(version=version)))


@pytest.fixture
def feed(world: World, tmp_path: Path) -> Feed:
    return Feed(world, tmp_path)


@pytest.mark.hazard("S14")
def test_versions_count_anew_under_another_root(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    feed.offer(2**53 - 1)
    assert feed.offer(1) == IssuedRefusal("rolled_back")
    monkeypatch.setattr(feed.feed, "_keyset", lambda: replace(context(feed.world).keyset, root_key_id="next-root"))
    feed.offer(1)
    feed.offer(1)
    assert feed.versions == [2**53 - 1, 1]


@pytest.mark.threat("repetition", "resequencing", "list")
def test_only_newer_lists_reach_the_lane(feed: Feed) -> None:
    for version in (3, 3, 5):
        feed.offer(version)
    assert feed.offer(4) == IssuedRefusal("rolled_back")
    assert feed.versions == [3, 5]


@pytest.mark.hazard("S12")
def test_after_a_restart_the_retained_list_counts_again_and_an_older_one_does_not(feed: Feed) -> None:
    feed.offer(5)
    feed.start()
    assert feed.offer(4) == IssuedRefusal("rolled_back")
    feed.offer(5)
    assert feed.versions == [5, 5]


def test_a_list_from_a_file_is_judged_like_any_other_and_once(feed: Feed) -> None:
    feed.feed.look()
    feed.file.write_bytes(signed(feed.world, claims(version=2)))
    feed.feed.look()
    feed.feed.look()
    feed.file.write_bytes(b"nonsense")
    feed.feed.look()
    assert feed.versions == [2]


async def test_it_looks_at_its_file_until_it_is_cancelled(feed: Feed) -> None:
    feed.file.write_bytes(signed(feed.world, claims(version=2)))
    with pytest.raises(asyncio.CancelledError):
        await feed.feed.run()
    assert feed.versions == [2]


def times(feed: Feed) -> list[int]:
    return [one.list.until_ms - feed.clock.ms for one in feed.events if isinstance(one, OfflineListAccepted)]


@pytest.mark.hazard("X19", "O3", "I21")
def test_a_list_that_was_taken_by_a_wrong_clock_ends_when_the_clock_is_set_right(feed: Feed) -> None:
    """A box without a clock of its own starts in the past: what it finds retained may be over long ago."""
    feed.offer(2)
    feed.feed.look()
    assert len(times(feed)) == 1, "nothing stepped"
    feed.clock.wall += timedelta(days=1)
    feed.feed.look()
    feed.feed.look()
    assert times(feed)[1:] == [0], "over, and said once"


@pytest.mark.hazard("O3", "I21")
def test_times_are_told_anew_after_a_step_and_not_for_a_drift(feed: Feed) -> None:
    feed.offer(2)
    feed.clock.wall += timedelta(seconds=1)
    feed.feed.look()
    assert len(times(feed)) == 1
    feed.clock.wall += timedelta(hours=1)
    feed.feed.look()
    first, second = times(feed)
    assert first - second == 3_601_000


def test_after_a_step_without_the_versions_seen_a_list_is_over(feed: Feed) -> None:
    feed.offer(2)
    feed.folder.joinpath("seen.json").write_text("{")
    feed.clock.wall -= timedelta(hours=1)
    feed.feed.look()
    assert times(feed)[1:] == [0]


def test_each_kind_has_files_of_its_own(tmp_path: Path) -> None:
    kinds = (OFFLINE_LISTS, SAMPLING_PLANS)
    assert [one.file(tmp_path, LANE).name for one in kinds] == ["offline-list-lane1.jws", "sampling-plan-lane1.jws"]
    assert [one.secret_file(tmp_path, LANE).name for one in kinds] == ["lane-lane1.list.key", "lane-lane1.sampling.key"]
    seen = [one.seen_file(tmp_path, LANE).name for one in kinds]
    assert seen == ["offline-list-seen-lane1.json", "sampling-plan-seen-lane1.json"]


def test_a_file_that_cannot_be_read_is_no_list(feed: Feed) -> None:
    feed.file.mkdir()
    feed.feed.look()
    assert feed.versions == []


@pytest.mark.parametrize("damage", ["{", "[1]", '{"lane1": "9"}'])
def test_without_the_versions_seen_no_list_is_taken(feed: Feed, damage: str) -> None:
    feed.folder.joinpath("seen.json").write_text(damage)
    outcome = feed.offer(9)
    assert isinstance(outcome, IssuedRefusal)
    assert (outcome.reason, feed.versions) == ("seen_versions", [])


def test_a_version_that_cannot_be_kept_is_not_taken(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.clearance.seen.write_whole", refuse)
    assert isinstance(feed.offer(1), IssuedRefusal)
    assert feed.versions == []


def test_a_flood_of_lists_is_not_judged(feed: Feed) -> None:
    handlers = {}

    class Link:
        def subscribe(self, topic: str, handler: object) -> None:
            handlers[topic] = handler

    feed.feed.attach(Link())  # type: ignore[arg-type]
    hear = handlers[issued_topic(SITE, LANE, AUTHORITY, "list")]
    for version in range(1, FLOOD_BURST + 9):
        raw = signed(feed.world, claims(version=version))
        hear(Message(issued_topic(SITE, LANE, AUTHORITY, "list"), raw, retain=True))  # type: ignore[operator]
    assert feed.versions == list(range(1, FLOOD_BURST + 1))


def test_versions_are_kept_apart_by_name_and_never_fall(tmp_path: Path) -> None:
    seen = SeenVersions(tmp_path / "seen.json")
    seen.keep("a", 3)
    seen.keep("a", 2)
    seen.keep("b", 1)
    assert [seen.highest(name) for name in "abc"] == [3, 1, 0]
    seen.path.write_text("[[" * 9_000)
    with pytest.raises(SeenVersionsError):
        seen.highest("a")


def quality() -> tuple[Time, TimeQuality, list[Event]]:
    events: list[Event] = []
    clock = Time()
    return clock, TimeQuality(clock, events.append), events


@pytest.mark.parametrize(("skew_s", "good"), [(0, True), (30, True), (-30, True), (31, False), (-3600, False)])
def test_an_answer_vouches_for_a_clock_that_agrees(skew_s: int, good: bool) -> None:
    clock, judge, events = quality()
    judge.vouch(rfc3339(clock.wall + timedelta(seconds=skew_s)))
    assert events == ([TimeJudged(10_000, good=True)] if good else [])
    judge.vouch("yesterday")
    assert len(events) == good


@pytest.mark.hazard("O3", "X19")
@pytest.mark.parametrize("step_s", [-3600, -3, 3, 86_400 * 365])
def test_a_wall_clock_that_steps_is_not_trusted_before_the_next_answer(step_s: int) -> None:
    clock, judge, events = quality()
    judge.check()
    judge.vouch(rfc3339(clock.wall))
    clock.pass_s(100)
    judge.check()
    clock.wall += timedelta(seconds=step_s)
    judge.check()
    judge.check()
    assert events == [TimeJudged(10_000, good=True), TimeJudged(110_000, good=False)]
    judge.vouch(rfc3339(clock.wall))
    assert events[-1] == TimeJudged(110_000, good=True)


async def test_the_clock_is_looked_at_until_it_is_cancelled() -> None:
    clock, judge, events = quality()
    judge.vouch(rfc3339(clock.wall))
    clock.wall += timedelta(hours=1)
    with pytest.raises(asyncio.CancelledError):
        await judge.run()
    assert events[-1] == TimeJudged(10_000, good=False)


def test_a_clock_vouched_for_again_and_again_is_told_now_and_then() -> None:
    clock, _, events = quality()
    vouched: list[datetime] = []
    judge = TimeQuality(clock, events.append, lambda: vouched.append(clock.wall))
    for _ in range(21):
        judge.vouch(rfc3339(clock.wall))
        clock.pass_s(60)
    assert [one.at_ms for one in events] == [10_000, 610_000, 1_210_000]
    assert len(vouched) == 3


def plan_feed(feed: Feed) -> IssuedFeed[SamplingPlan]:
    return IssuedFeed(
        SAMPLING_PLANS,
        site=SITE,
        lane=LANE,
        authority=AUTHORITY,
        secret=SECRET,
        keyset=lambda: plans.context(feed.world).keyset,
        seen=SeenVersions(feed.folder / "seen-plans.json"),
        file=feed.file,
        clock=feed.clock,
        take=feed.events.append,
    )


def heard(feeding: IssuedFeed[SamplingPlan]) -> Callable[[bytes], None]:
    handlers: dict[str, Callable[[Message], None]] = {}

    class Link:
        def subscribe(self, topic: str, handler: Callable[[Message], None]) -> None:
            handlers[topic] = handler

    feeding.attach(Link())  # type: ignore[arg-type]
    topic = issued_topic(SITE, LANE, AUTHORITY, "sampling")
    return lambda raw: handlers[topic](Message(topic, raw, retain=True))


def plan_versions(feed: Feed) -> list[int]:
    return [one.plan.version for one in feed.events if isinstance(one, SamplingPlanAccepted)]


def test_a_plan_from_the_topic_is_there_after_a_restart_whatever_the_broker_forgot(feed: Feed) -> None:
    hear = heard(plan_feed(feed))
    good, older = (plans.signed(feed.world, plans.claims(**plans.of_version(version))) for version in (7, 6))
    hear(good)
    hear(older)
    hear(b"nonsense")
    assert feed.file.read_bytes() == good
    again = plan_feed(feed)
    again.look()
    heard(again)(good)
    assert plan_versions(feed) == [7, 7]


def test_a_plan_that_cannot_be_kept_counts_until_the_restart(feed: Feed) -> None:
    feed.file.mkdir()
    heard(plan_feed(feed))(plans.signed(feed.world, plans.claims()))
    assert plan_versions(feed) == [7]
