from datetime import UTC, datetime, timedelta, timezone

from edge.times import rfc3339


def test_a_moment_is_written_in_utc_with_milliseconds() -> None:
    beijing = timezone(timedelta(hours=8))
    assert rfc3339(datetime(2026, 3, 1, 20, 0, tzinfo=beijing)) == "2026-03-01T12:00:00.000Z"
    assert rfc3339(datetime(2026, 3, 1, 12, 0, 0, 999_999, tzinfo=UTC)) == "2026-03-01T12:00:00.999Z"
