"""Pure: how old what a stream carries is, by the stream's own times (decision 44)."""

# A stream that begins with what the camera had kept comes faster than time: nothing is believed before it is even.
SETTLE_MS = 500
_EVEN_MS = 50
# No two clocks agree; those of cameras are off by some hundred parts in a million.
_DRIFT = 0.0005
_MOST_HELD_MS = 1_000.0


class StreamClock:
    """Says how old frames are, by comparing the stream's times with ours: what was held up is not taken for new.

    The quickest frame so far is taken to have come without delay. How long a frame takes through camera and network
    at its quickest cannot be known here, and the camera's idea of the date is never asked for: of times that tell a
    date only their differences count.
    """

    def __init__(self, *, decoded: bool = True) -> None:
        """`decoded`: it is a decoder that gives the frames."""
        self._decoded = decoded
        self._least_ms: float | None = None
        self._last_ms = 0
        self._last_stream_ms = 0.0
        self._uneven_ms = 0

    @property
    def least_ms(self) -> float | None:
        """How far our clock is ahead of the stream's times, by what came quickest; None before anything came."""
        return self._least_ms

    def age_ms(self, stream_ms: float, now_ms: int) -> int | None:
        """How old a frame is at least, in ms; None while that is not known yet.

        `stream_ms` is the frame's time in the stream, `now_ms` when it came. A stream whose time stands still
        or goes back is older with every frame.
        """
        # A decoder gives a frame when the next one begins.
        held_ms = min(max(stream_ms - self._last_stream_ms, 0.0), _MOST_HELD_MS) if self._decoded else 0.0
        self._last_stream_ms = stream_ms
        offset_ms = now_ms - stream_ms
        if self._least_ms is None:
            self._least_ms, self._uneven_ms = offset_ms, now_ms
        else:
            self._least_ms += (now_ms - self._last_ms) * _DRIFT
        if offset_ms < self._least_ms - _EVEN_MS:
            self._uneven_ms = now_ms
        self._least_ms, self._last_ms = min(self._least_ms, offset_ms), now_ms
        if now_ms - self._uneven_ms < SETTLE_MS:
            return None
        return round(offset_ms - self._least_ms + held_ms)
