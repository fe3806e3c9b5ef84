"""The days and hours of time zones, as pieces of UTC days.

Minutes are counted from the start of the calendar, so that a UTC day begins at its
ordinal number times `MINUTES_A_DAY`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

from tap_kayzen.sandbox.basics import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

MINUTES_A_DAY = 24 * 60
QUARTER = 15
"""Minutes of which every zone's offset is a multiple."""


class Span(NamedTuple):
    """A piece of one UTC day.

    Attributes:
        begin: Its first minute.
        end: The minute after its last.
        age: Days from the local day that it belongs to until today.
    """

    begin: int
    end: int
    age: int


class Now(NamedTuple):
    """The moment as of which reports are given.

    Attributes:
        today: The day, in a time zone.
        minute: The minute; only what was before is reported.
    """

    today: date
    minute: int


def minutes_of(moment: datetime) -> int:
    """Count the minutes until a moment."""
    moment = moment.astimezone(timezone.utc)
    return moment.toordinal() * MINUTES_A_DAY + moment.hour * 60 + moment.minute


def now_in(zone: ZoneInfo, today: date | None) -> Now:
    """Tell the time in a zone: the last full hour, or noon of a day that is given."""
    if today is not None:
        noon = datetime(today.year, today.month, today.day, 12, tzinfo=zone)
        return Now(today, minutes_of(noon))
    hour = datetime.now(zone).replace(minute=0)
    return Now(hour.date(), minutes_of(hour))


def local_days(
    first: date, last: date, zone: ZoneInfo, now: Now, *, by_hour: bool
) -> Iterator[tuple[date, int | None, Span]]:
    """Cut the days of a zone into spans, as far as they are over.

    Days have 23 or 25 hours when the clock changes; an hour that comes twice is given
    twice. Days before anything was there are left out.

    Args:
        first: The first day.
        last: The last day.
        zone: The time zone.
        now: When today ends for now.
        by_hour: Whether to cut at the hours too.

    Yields:
        The local day, the local hour (None without `by_hour`), and the span.
    """
    day = max(first, EPOCH.date() - timedelta(days=1))
    while day <= min(last, now.today):
        begin = _start(day, zone)
        end = now.minute if day == now.today else _start(_next(day), zone)
        age = (now.today - day).days
        if by_hour:
            for hour, start, stop in _hours(begin, end, zone):
                yield day, hour, Span(start, stop, age)
        else:
            while begin < end:
                stop = min(end, begin - begin % MINUTES_A_DAY + MINUTES_A_DAY)
                yield day, None, Span(begin, stop, age)
                begin = stop
        day = _next(day)


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _start(day: date, zone: ZoneInfo) -> int:
    return minutes_of(datetime(day.year, day.month, day.day, tzinfo=zone))


def _hours(begin: int, end: int, zone: ZoneInfo) -> Iterator[tuple[int, int, int]]:
    """Give the pieces of local hours, each within a UTC day: hour, begin and end."""
    start, hour = begin, _hour(begin, zone)
    for minute in range(begin + QUARTER, end, QUARTER):
        next_hour = _hour(minute, zone)
        if next_hour != hour or minute % MINUTES_A_DAY == 0:
            yield hour, start, minute
            start, hour = minute, next_hour
    if start < end:
        yield hour, start, end


def _hour(minute: int, zone: ZoneInfo) -> int:
    days, rest = divmod(minute, MINUTES_A_DAY)
    day = datetime.fromordinal(days).replace(tzinfo=timezone.utc)
    return (day + timedelta(minutes=rest)).astimezone(zone).hour
