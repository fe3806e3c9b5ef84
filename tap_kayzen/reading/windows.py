"""Windows: the days that reports are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_DAYS = 30
"""Days before today with which a first run begins if no `start_date` is set."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """Days that one call asks for, `first` and `last` included."""

    first: date
    last: date

    def __str__(self) -> str:
        """Format the window for messages."""
        if self.first == self.last:
            return str(self.first)
        return f"{self.first} to {self.last}"


def cut(first: date, last: date, days: int) -> Iterator[Window]:
    """Cut days, `last` included, into windows of `days`; the last may be shorter."""
    while first <= last:
        end = min(first + timedelta(days=days - 1), last)
        yield Window(first, end)
        first = end + _DAY


@dataclass(frozen=True)
class Range:
    """The days that the settings ask for.

    Attributes:
        start: First day, None if the settings leave it open.
        end: Last day, today at most.
        today: Today, in the report's time zone.
        lookback: Days before the bookmark that are read again.
        default_start: First day if neither settings nor state name one.
    """

    start: date | None
    end: date
    today: date
    lookback: int
    default_start: date

    @classmethod
    def of(
        cls, config: Mapping[str, Any], zone: str, *, by_month: bool = False
    ) -> Range:
        """Take the days from the settings; the default end is yesterday in the zone.

        Rows by month begin with a whole one: that of a part would replace it.
        """
        today = datetime.now(ZoneInfo(zone)).date()
        given, end = config.get("start_date"), config.get("end_date")
        start = date.fromisoformat(given) if given else None
        default_start = today - timedelta(days=DEFAULT_DAYS)
        if by_month:
            start = start and start.replace(day=1)
            default_start = default_start.replace(day=1)
        end = min(date.fromisoformat(end), today) if end else today - _DAY
        return cls(start, end, today, config["lookback_days"], default_start)
