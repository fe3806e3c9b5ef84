"""Windows: date ranges of report requests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_DAYS = 30
"""Number of days before today that a first sync reads without `start_date`."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """The days that one request covers, including `first` and `last`."""

    first: date
    last: date

    def __str__(self) -> str:
        """Format the window for messages."""
        if self.first == self.last:
            return str(self.first)
        return f"{self.first} to {self.last}"


def split_into_windows(first: date, last: date, days: int) -> Iterator[Window]:
    """Split a date range into windows; the last one can be shorter.

    Args:
        first: First day.
        last: Last day, included.
        days: Length of a window.
    """
    while first <= last:
        end = min(first + timedelta(days=days - 1), last)
        yield Window(first, end)
        first = end + _DAY


@dataclass(frozen=True)
class DateRange:
    """The date range that the settings request.

    Attributes:
        start: First day; None without `start_date`.
        end: Last day; at most today.
        today: Today, in the report's time zone.
        lookback_days: Number of days before the bookmark to read again.
        default_start: First day without `start_date` and without a bookmark.
    """

    start: date | None
    end: date
    today: date
    lookback_days: int
    default_start: date

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], zone: str, *, by_month: bool = False
    ) -> DateRange:
        """Create the range from the settings; the default end is yesterday.

        Args:
            config: The settings.
            zone: The report's time zone, such as ``Europe/Berlin``.
            by_month: Whether rows are by month. The range then starts on the first of
                a month, because a row for a partial month would replace the whole one.
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
