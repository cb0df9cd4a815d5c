"""A clock that stands until the test moves it."""

from datetime import UTC, datetime, timedelta


class StoodClock:
    """`ms` is its monotonic time; its wall clock moves with it from `begin`."""

    def __init__(self, begin: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self.ms = 1_000
        self.begin = begin

    def now_ms(self) -> int:
        return self.ms

    def utc(self) -> datetime:
        return self.begin + timedelta(milliseconds=self.ms)

    async def sleep(self, seconds: float) -> None:
        """Pass at once: time moves by as much."""
        self.ms += int(seconds * 1000)
