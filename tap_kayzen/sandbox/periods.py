"""Days and hours of time zones as spans within UTC days.

Minutes are counted from the start of the calendar: a UTC day begins at its ordinal
number times `MINUTES_PER_DAY`.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

from tap_kayzen.sandbox.basics import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

MINUTES_PER_DAY = 24 * 60
OFFSET_MINUTES = 15
"""The UTC offset of every time zone is a multiple of this."""


class Span(NamedTuple):
    """A span of time within one UTC day.

    Attributes:
        begin: First minute.
        end: Minute after the last.
        age: Days between its local day and today.
    """

    begin: int
    end: int
    age: int


class Now(NamedTuple):
    """The current time of a report, in its time zone.

    Attributes:
        today: The current day.
        minute: The current minute; reports end before it.
    """

    today: date
    minute: int


def minutes_of(moment: datetime) -> int:
    """Return the minutes from the start of the calendar to a moment."""
    moment = moment.astimezone(timezone.utc)
    return moment.toordinal() * MINUTES_PER_DAY + moment.hour * 60 + moment.minute


def now_in(zone: ZoneInfo, today: date | None) -> Now:
    """Return the last full hour in a time zone, or noon of `today` if set."""
    if today is not None:
        noon = datetime(today.year, today.month, today.day, 12, tzinfo=zone)
        return Now(today, minutes_of(noon))
    hour = datetime.now(zone).replace(minute=0)
    return Now(hour.date(), minutes_of(hour))


def local_days(
    first: date, last: date, zone: ZoneInfo, now: Now, *, by_hour: bool
) -> Iterator[tuple[date, int | None, Span]]:
    """Split the days of a time zone into spans, up to the current time.

    Days of clock changes have 23 or 25 hours; a repeated hour is yielded twice. Days
    before the first record are left out.

    Args:
        first: First day.
        last: Last day.
        zone: Time zone.
        now: The current time.
        by_hour: Whether to split days into hours.

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
                stop = min(end, begin - begin % MINUTES_PER_DAY + MINUTES_PER_DAY)
                yield day, None, Span(begin, stop, age)
                begin = stop
        day = _next(day)


def _next(day: date) -> date:
    return day + timedelta(days=1)


def _start(day: date, zone: ZoneInfo) -> int:
    return minutes_of(datetime(day.year, day.month, day.day, tzinfo=zone))


def _hours(begin: int, end: int, zone: ZoneInfo) -> Iterator[tuple[int, int, int]]:
    """Yield hour, begin, and end of local hours, split at UTC midnight."""
    start, hour = begin, _hour(begin, zone)
    for minute in range(begin + OFFSET_MINUTES, end, OFFSET_MINUTES):
        next_hour = _hour(minute, zone)
        if next_hour != hour or minute % MINUTES_PER_DAY == 0:
            yield hour, start, minute
            start, hour = minute, next_hour
    if start < end:
        yield hour, start, end


def _hour(minute: int, zone: ZoneInfo) -> int:
    days, rest = divmod(minute, MINUTES_PER_DAY)
    day = datetime.fromordinal(days).replace(tzinfo=timezone.utc)
    return (day + timedelta(minutes=rest)).astimezone(zone).hour
