"""What signs and voices are told: words that fit, the newest one only, again where a sign may have missed it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from edge.core.effects import Guide, Phrase
from edge.core.events import Started, TagSighted
from edge.core.grant import REFERRAL_TARGETS, ReferralTarget
from edge.core.state import Phase
from edge.ports import DeviceError, Words
from edge.runtime.lane_runner import LaneRunner
from edge.runtime.signs import VALID_S, LaneSigns, words_of
from edge.text import Language
from tests.support.lane_parts import LIMIT_S, Running, broken, running

GUIDES = [Guide(phrase) for phrase in get_args(Phrase)] + [Guide("go_to", target) for target in REFERRAL_TARGETS]
MOST_CELLS, MOST_LINES = 16, 2


class Board:
    """A sign and a voice in one: `told` is what reached it; while `lost`, nothing does."""

    name, address = "board", "here"

    def __init__(self) -> None:
        self.told: asyncio.Queue[Words] = asyncio.Queue()
        self.asked = asyncio.Event()
        self.lost: DeviceError | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def _tell(self, words: Words) -> None:
        self.asked.set()
        await self.gate.wait()
        if self.lost is not None:
            raise self.lost
        self.told.put_nowait(words)

    async def show(self, words: Words, valid_s: float) -> None:
        assert valid_s == VALID_S
        await self._tell(words)

    async def say(self, words: Words) -> None:
        await self._tell(words)

    async def next(self) -> str:
        async with asyncio.timeout(LIMIT_S):
            return (await self.told.get()).key

    async def connect(self) -> None: ...
    async def run(self) -> None: ...
    async def close(self) -> None: ...


@asynccontextmanager
async def served(signs: LaneSigns) -> AsyncIterator[LaneSigns]:
    tasks = [asyncio.create_task(run()) for _, run in signs.watches]  # type: ignore[arg-type]
    try:
        yield signs
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("guide", GUIDES, ids=lambda one: f"{one.phrase}-{one.target}")
@pytest.mark.parametrize("drill", [False, True])
def test_every_word_fits_a_board_of_two_lines_and_its_character_set(
    language: Language, guide: Guide, drill: bool
) -> None:
    words = words_of(replace(guide, drill=drill), language)
    assert 1 <= len(words.lines) <= MOST_LINES
    for line in words.lines:
        assert line.strip()
        # In both, a full-width character takes two bytes; many boards know no more than GB 2312.
        assert len(line.encode("gb18030")) == len(line.encode("gb2312")) <= MOST_CELLS
    assert words.light == ("green" if guide.phrase in ("released", "leave") else "red")


def test_a_referred_driver_is_told_where_to_go_and_a_drill_is_marked() -> None:
    assert words_of(Guide("go_to", "nii"), "zh") == Words("go_to_nii", ("请到机检区", "进行机检查验"), "red")
    assert words_of(Guide("released", drill=True), "zh").lines == ("已放行", "演练")
    assert words_of(Guide("released"), "en").lines[0] == "RELEASED"


def test_each_target_has_words_of_its_own() -> None:
    assert len({words_of(Guide("go_to", target), "zh").lines for target in get_args(ReferralTarget)}) == 4


async def test_a_sign_and_a_voice_are_told_the_newest_word() -> None:
    sign, voice = Board(), Board()
    async with served(LaneSigns([sign], [voice], language="zh")) as signs:
        signs.tell(Guide("stop"))
        assert (await sign.next(), await voice.next()) == ("stop", "stop")
        sign.gate.clear()
        sign.asked.clear()
        signs.tell(Guide("wait"))
        async with asyncio.timeout(LIMIT_S):
            await sign.asked.wait()
        signs.tell(Guide("wait_for_person"))
        signs.tell(Guide("turn_back"))
        sign.gate.set()
        assert [await sign.next() for _ in range(2)] == ["wait", "turn_back"], "what was overtaken is not shown"


async def test_a_sign_that_was_away_is_told_again_and_a_voice_never_speaks_late() -> None:
    sign, voice = Board(), Board()
    sign.lost = voice.lost = broken("sign_gone", device="board")
    async with served(LaneSigns([sign], [voice], again_s=0.0)) as signs:
        signs.tell(Guide("go_to", "bay"))
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(sign.asked.wait(), voice.asked.wait())
        sign.lost = voice.lost = None
        assert [await sign.next() for _ in range(3)] == ["go_to_bay"] * 3
        assert voice.told.empty()
        signs.tell(Guide("turn_back"))
        assert await voice.next() == "turn_back"


async def test_the_lane_tells_its_drivers_and_its_retained_state_says_what(path: Path) -> None:
    sign = Board()
    async with running(path) as lane:
        signs = LaneSigns([sign], [])
        lane.runner = with_signs(lane, signs)
        async with served(signs):
            lane.runner.take(Started(lane.clock.now_ms(), "boot-1", "seed-1"))
            assert await sign.next() == "not_ready"
            lane.scan()
            assert await sign.next() == "ready"
            lane.scan(arrival_loop=True)
            assert await sign.next() == "stop"
            lane.runner.take(TagSighted(lane.clock.now_ms(), lane.tag()))
            assert await sign.next() == "wait"
            assert lane.runner.state.phase is Phase.WAITING
    assert [one["guidance"] for one in lane.others.states][-1] == "wait"
    assert {one["guidance_target"] for one in lane.others.states} == {None}


def with_signs(lane: Running, signs: LaneSigns) -> LaneRunner:
    return LaneRunner(lane.runner.state.profile, replace(lane._parts, drivers=signs))
