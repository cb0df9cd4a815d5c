"""A reader of drivers' cards or printed codes as an `IdentityReader`: what `drivers.kit.listener` does, and no more.

What a card says is personal: no error and no log of this driver ever holds a line of the reader.
"""

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
        self._last = ""
        self._since_ms = self._read_ms = self._told_ms = 0
        self._second = self._in_second = 0
        self.surplus = 0

    async def run(self) -> None:
        """Deliver what is shown. Ends by DeviceError or cancellation."""
        # Whether a card stayed while nobody listened cannot be known: the same one, heard soon, is taken to have.
        self._read_ms = self._clock.now_ms()
        await super().run()

    def _said_line(self, line: Line) -> None:
        if line.text is None:
            return
        now_ms = self._clock.now_ms()
        stays = line.text == self._last and now_ms - self._read_ms < GONE_MS
        self._read_ms = now_ms
        if stays and now_ms - self._told_ms < self._repeat_ms:
            return
        if not stays:
            self._last, self._since_ms = line.text, now_ms
        if now_ms // 1000 != self._second:
            self._second, self._in_second = now_ms // 1000, 0
        if self._in_second >= self._most_per_s:
            self.surplus += 1
            return
        self._in_second += 1
        self._told_ms = now_ms
        self._on_card(DriverCard(line.text, self._medium), self._since_ms)
