"""What a person sees of the wire while a device is brought up: frames in hex and in words, each kind of them once."""

from collections.abc import Callable, Sequence

from edge.ports import Tap
from edge.text import plain

MOST_HEX_BYTES = 48
# A device says the same few things again and again; what was said among the last so many is not shown again.
_REMEMBERED = 64


class WireView:
    """An `edge.ports.Tap` that shows what is new to `show`, and tells everything to `others`.

    A full disk or a terminal that is gone costs who looks on, never the command that is on its way to a boom: whoever
    raises OSError hears nothing more. `failure` is the first such error of the `others`.
    """

    wants_words = True

    def __init__(
        self,
        show: Callable[[str], None],
        now_ms: Callable[[], int],
        heard: Callable[[bytes], None],
        others: Sequence[Tap],
    ) -> None:
        self.failure: OSError | None = None
        self._show: Callable[[str], None] | None = show
        self._now_ms = now_ms
        self._heard = heard
        self._others = list(others)
        self._began_ms = now_ms()
        self._waiting: list[str] = []
        self._known: dict[tuple[bool, str], None] = {}
        self.sent_bytes = self.heard_bytes = 0

    def crossed(self, sent: bool, data: bytes) -> None:
        """Keep it until it is understood."""
        self._tell_others(lambda other: other.crossed(sent, data))
        if sent:
            self.sent_bytes += len(data)
        else:
            self.heard_bytes += len(data)
            self._heard(data)
        self._waiting = [*self._waiting[-7:], f"{'->' if sent else '<-'} {_shown(data)}"]

    def understood(self, sent: bool, words: str) -> None:
        """Show it with its bytes, unless just that was shown before."""
        self._tell_others(lambda other: other.understood(sent, words))
        lines, self._waiting = self._waiting, []
        known = self._known.pop((sent, words), False)
        self._known[(sent, words)] = None
        if len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]
        if known is not False:
            return
        at_s = (self._now_ms() - self._began_ms) / 1000
        self._print([*(f"{at_s:9.3f} {line}" for line in lines), f"{'':9}    {plain(words)}"])

    def _print(self, lines: Sequence[str]) -> None:
        show = self._show
        if show is None:
            return
        try:
            for line in lines:
                show(line)
        except OSError:
            self._show = None

    def _tell_others(self, tell: Callable[[Tap], None]) -> None:
        for other in tuple(self._others):
            try:
                tell(other)
            except OSError as error:
                self.failure = self.failure or error
                self._others.remove(other)


def _shown(data: bytes) -> str:
    if data.startswith((b"GET ", b"HTTP/")):
        return plain(data.decode("latin-1").replace("\r\n", " | "))
    more = len(data) - MOST_HEX_BYTES
    return data[:MOST_HEX_BYTES].hex(" ") + (f" (+{more})" if more > 0 else "")
