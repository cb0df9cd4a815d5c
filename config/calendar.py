"""Opening hours of a lane: windows of the week, exceptions by date, in a fixed offset from UTC."""

import re
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from config.fields import Strict

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-(?:([01]\d|2[0-3]):([0-5]\d)|24:00)( appointments)?", re.ASCII)
_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):([0-5]\d)", re.ASCII)


def window_minutes(text: str) -> tuple[int, int, bool]:
    """Return from, until (minutes of the day, 1440 its end) and whether by appointment alone. Raises ValueError."""
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError(text)
    start = int(found[1]) * 60 + int(found[2])
    end = 24 * 60 if found[3] is None else int(found[3]) * 60 + int(found[4])
    if start >= end:
        raise ValueError(text)
    return start, end, found[5] is not None


def offset_of(text: str) -> timedelta:
    """Return the offset from UTC that `+08:00` names. Raises ValueError."""
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise ValueError(text)
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return offset if found[1] == "+" else -offset


def _window(value: str) -> str:
    try:
        window_minutes(value)
    except ValueError:
        context = {
            "zh": '"08:00-18:00" 或 "18:00-22:00 appointments"(仅限预约)',
            "en": '"08:00-18:00", or "18:00-22:00 appointments" for those alone',
            "hint_zh": "跨零点的时段请写成两天;一天的结束写作 24:00",
            "hint_en": "split what goes past midnight over two days; the end of a day is 24:00",
        }
        raise PydanticCustomError("bad_window", "bad window", context) from None
    return value


def _offset(value: str) -> str:
    try:
        offset_of(value)
    except ValueError:
        expected = {"zh": '与 UTC 的时差,例如 "+08:00"', "en": 'an offset from UTC such as "+08:00"'}
        raise PydanticCustomError("bad_offset", "bad offset", expected) from None
    return value


def _as_text(value: object) -> object:
    # YAML reads 2026-10-01 without quotes as a date.
    return value.isoformat() if type(value) is date else value


def _date(value: str) -> str:
    try:
        if date.fromisoformat(value).isoformat() == value:
            return value
    except ValueError:
        pass
    expected = {"zh": '日期,例如 "2026-10-01"', "en": 'a date such as "2026-10-01"'}
    raise PydanticCustomError("bad_date", "bad date", expected)


WindowText = Annotated[str, AfterValidator(_window)]
Windows = Annotated[tuple[WindowText, ...], Field(max_length=8)]


class Week(Strict):
    """The windows of each weekday; a day that is left out is closed."""

    mon: Windows = ()
    tue: Windows = ()
    wed: Windows = ()
    thu: Windows = ()
    fri: Windows = ()
    sat: Windows = ()
    sun: Windows = ()


class CalendarException(Strict):
    """The windows of one date, instead of its weekday's; none is a holiday."""

    date: Annotated[str, BeforeValidator(_as_text), AfterValidator(_date)]
    windows: Windows = ()


class Calendar(Strict):
    """When a lane is open. Outside it, the lane holds everything for a person."""

    utc_offset: Annotated[str, AfterValidator(_offset)] = "+08:00"
    week: Week
    exceptions: Annotated[tuple[CalendarException, ...], Field(max_length=400)] = ()
