"""Windows: the days that reports are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

DEFAULT_DAYS = 30
"""Days before today with which a first run begins if no `start_date` is set."""

_DAY = timedelta(days=1)

MONTH = "month"


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


def today(zone: str) -> date:
    """Return today's date in a time zone.

    Args:
        zone: A name of the IANA time zone database.
    """
    return datetime.now(ZoneInfo(zone)).date()


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
    def of(cls, config: Mapping[str, Any], zone: str) -> Range:
        """Take the days from the settings; the default end is yesterday in the zone."""
        now = today(zone)
        start, end = config.get("start_date"), config.get("end_date")
        return cls(
            start=date.fromisoformat(start) if start else None,
            end=min(date.fromisoformat(end), now) if end else now - _DAY,
            today=now,
            lookback=config["lookback_days"],
            default_start=now - timedelta(days=DEFAULT_DAYS),
        )

    def from_whole(self, dimensions: Collection[str]) -> Range:
        """Begin with a whole month, if rows are by month.

        A row of part of a month would replace the row of the whole month.
        """
        if MONTH not in dimensions:
            return self
        start = self.start and self.start.replace(day=1)
        return replace(
            self, start=start, default_start=self.default_start.replace(day=1)
        )
