"""A reader of drivers' cards or printed codes as an `IdentityReader`: what `drivers.kit.listener` does, and no more.

What a card says is personal: no error and no log of this driver ever holds a line of the reader.
"""

from dataclasses import dataclass

from drivers.identity_lines.wire import CardDecoder, Layout, Line
from drivers.kit.listener import StreamListener
from edge.core.readings import DriverCard, Medium
from edge.ports import Clock, DeliverCard

# A card that was not read for so long was away, and is shown anew.
GONE_MS = 3_000
# A card that stays is told no more often, whatever the reader repeats.
REPEAT_MS = 500
# Nobody shows more cards than this; what is beyond it is noise.
MOST_PER_S = 10
# A reader that repeats what lies there does so within this time of somebody listening.
AT_ONCE_MS = 1_000
# Cards that are remembered at once: more are a flood.
MOST_KEPT = 64
# A reader that has just been started cannot know since when what it reads first lies there.
BEFORE_START_MS = 0


@dataclass(slots=True)
class _Lying:
    """A card that lies on the reader, in milliseconds of the lane's clock."""

    since_ms: int
    read_ms: int
    told_ms: int | None = None


class LineReader(StreamListener[Line]):
    """Implements `edge.ports.IdentityReader`. With a heartbeat the reader is lost where it is silent for `silence_s`.

    `surplus` counts cards beyond `most_per_s`.
    """

    def __init__(
        self,
        name: str,
        port: str,
        layout: Layout,
        *,
        medium: Medium,
        clock: Clock,
        on_card: DeliverCard,
        baud: int = 9_600,
        parity: str = "N",
        data_bits: int = 8,
        silence_s: float = 15.0,
        repeat_ms: int = REPEAT_MS,
        most_per_s: int = MOST_PER_S,
    ) -> None:
        super().__init__(
            name,
            port,
            CardDecoder(layout),
            prefix="identity",
            on_frame=self._said_line,
            baud=baud,
            parity=parity,
            data_bits=data_bits,
            silence_s=silence_s if layout.heartbeat else None,
        )
        self._medium: Medium = medium
        self._clock = clock
        self._on_card = on_card
        self._most_per_s = most_per_s
        self._repeat_ms = repeat_ms
        # Cards that lie there: since when, when each was read last, and told last.
        self._lying: dict[str, _Lying] = {}
        # Until when, and since when, what is read may have lain there without being heard.
        self._deaf_until_ms, self._deaf_since_ms = 0, BEFORE_START_MS
        # Whether a silence says that nothing is heard any more, and when something was heard last.
        self._lives = bool(layout.heartbeat)
        self._heard_ms = BEFORE_START_MS
        self._lived = False
        self._second = self._in_second = 0
        self.surplus = 0

    async def run(self) -> None:
        """Deliver what is shown. Ends by DeviceError or cancellation."""
        self.begin_listening()
        try:
            await super().run()
        finally:
            self.end_listening()

    def begin_listening(self) -> None:
        """From now on somebody listens."""
        # Whether a card stayed while nobody listened cannot be known: one that is heard soon is taken to have.
        now_ms = self._heard_ms = self._clock.now_ms()
        self._deaf_until_ms, self._lived = now_ms + AT_ONCE_MS, False
        for one in self._lying.values():
            one.read_ms = now_ms

    def end_listening(self) -> None:
        """Nobody listens any more: what is put there from now on is not seen."""
        now_ms = self._clock.now_ms()
        if now_ms >= self._deaf_until_ms:
            # Else what lay there before may not have been heard yet. That it lives was missed some time after it fell
            # silent.
            self._deaf_since_ms = self._heard_ms if self._lives else now_ms

    def _said_line(self, line: Line) -> None:
        now_ms = self._heard_ms = self._clock.now_ms()
        if line.text is None:
            if self._lived:
                # It said twice that it lives, and nothing of a card: none lies there that was not heard.
                self._deaf_until_ms = now_ms
            self._lived = True
            return
        self._lived = False
        one = self._lying.get(line.text)
        if one is None or now_ms - one.read_ms >= GONE_MS:
            one = self._comes(line.text, now_ms)
        one.read_ms = now_ms
        if one.told_ms is not None and now_ms - one.told_ms < self._repeat_ms:
            return
        if now_ms // 1000 != self._second:
            self._second, self._in_second = now_ms // 1000, 0
        if self._in_second >= self._most_per_s:
            self.surplus += 1
            return
        self._in_second += 1
        one.told_ms = now_ms
        self._on_card(DriverCard(line.text, self._medium), one.since_ms)

    def _comes(self, text: str, now_ms: int) -> _Lying:
        """A card is read that was not there, as far as somebody listened."""
        for gone in [name for name, one in self._lying.items() if now_ms - one.read_ms >= GONE_MS]:
            del self._lying[gone]
        since_ms = self._deaf_since_ms if now_ms < self._deaf_until_ms else now_ms
        if len(self._lying) >= MOST_KEPT:
            # One that is forgotten is taken to have stayed as well, if it is read again soon.
            forgotten = self._lying.pop(next(iter(self._lying)))
            self._deaf_until_ms, self._deaf_since_ms = now_ms + GONE_MS, min(since_ms, forgotten.since_ms)
        self._lying[text] = one = _Lying(since_ms, now_ms)
        return one
