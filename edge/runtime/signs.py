"""Signs and voices of one lane: its newest word, in words, to every one of them.

A sign is told again and again while the word stands, so that one that was away comes back to the truth, and one that
can goes blank when nobody tells it any more. A voice says each word once: late words would be wrong ones.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from edge.core.effects import Guide
from edge.ports import DeviceError, Sign, Voice, Words
from edge.text import Language, say

# How long a word stands on a sign without being told again, and how often it is.
VALID_S = 10.0
AGAIN_S = 4.0
_WITH_GREEN = ("released", "leave")
_Tell = Callable[[Words], Awaitable[None]]


def words_of(guide: Guide, language: Language | None = None) -> Words:
    """Return what the driver reads and hears; in a drill the second line says so instead."""
    key = guide.phrase if guide.target is None else f"{guide.phrase}_{guide.target}"
    lines = say(f"guide_{key}", language).split("\n")
    if guide.drill:
        lines = [lines[0], say("guide_drill", language)]
    return Words(key, tuple(lines), "green" if guide.phrase in _WITH_GREEN else "red")


class Drivers(Protocol):
    """The signs and voices of the lane, through which drivers of vehicles are told what to do."""

    def tell(self, guide: Guide) -> None:
        """Show and say it, until the next word."""


class LaneSigns:
    """Implements `Drivers`. `watches` are to be run beside the lane's other tasks."""

    def __init__(
        self,
        signs: Sequence[Sign],
        voices: Sequence[Voice],
        *,
        language: Language | None = None,
        again_s: float = AGAIN_S,
    ) -> None:
        self._language = language
        self._guide: Guide | None = None
        tells: list[tuple[str, _Tell, float | None]] = [
            *((sign.name, partial(sign.show, valid_s=VALID_S), again_s) for sign in signs),
            *((voice.name, voice.say, None) for voice in voices),
        ]
        self._news = [asyncio.Event() for _ in tells]
        self.watches: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            (f"tell_{name}", partial(self._serve, news, tell, every_s))
            for news, (name, tell, every_s) in zip(self._news, tells, strict=True)
        ]

    def tell(self, guide: Guide) -> None:
        """Show and say it, in place of the last word; it is put into words later, for the lane goes on behind this."""
        self._guide = guide
        for news in self._news:
            news.set()

    async def _serve(self, news: asyncio.Event, tell: _Tell, every_s: float | None) -> None:
        await news.wait()
        while True:
            news.clear()
            assert self._guide is not None
            words = words_of(self._guide, self._language)
            # A device that is lost is named by its supervisor; a sign is told again soon.
            with contextlib.suppress(DeviceError):
                await tell(words)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every_s):
                    await news.wait()
