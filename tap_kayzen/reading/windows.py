"""Days: windows of them, and how far a report has been read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from singer_sdk.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

DEFAULT_DAYS = 30
"""How far back a first run begins if no `start_date` is set."""

FIRST_YEAR = 2000
"""No bookmark is older: Kayzen is not, and a look-back must not leave the calendar."""

_DAY = timedelta(days=1)

MONTH = "month"

UNFINISHED = "unfinished"
"""The part of the state that only a run that did not come to its end leaves behind."""


@dataclass(frozen=True)
class Window:
    """Days that are asked for at once, `first` and `last` included."""

    first: date
    last: date

    def __str__(self) -> str:
        """Write it as a person would."""
        if self.first == self.last:
            return str(self.first)
        return f"{self.first} to {self.last}"


def cut(first: date, last: date, days: int) -> Iterator[Window]:
    """Cut a range of days, `last` included, into windows; the last may be short."""
    while first <= last:
        end = min(first + timedelta(days=days - 1), last)
        yield Window(first, end)
        first = end + _DAY


def today(zone: str) -> date:
    """Say which day it is in a time zone, which needs not be that of this machine.

    Args:
        zone: A name of the IANA time zone database.
    """
    return datetime.now(ZoneInfo(zone)).date()


@dataclass(frozen=True)
class Range:
    """The days that the settings ask for.

    Attributes:
        start: The first one, None if the settings leave it open.
        end: The last one, today at most.
        today: The present day, in the report's time zone.
        lookback: Days before the bookmark that are read again.
        default_start: The first one if neither settings nor state name one.
    """

    start: date | None
    end: date
    today: date
    lookback: int
    default_start: date

    @classmethod
    def of(cls, config: Mapping[str, Any], zone: str) -> Range:
        """Take the days from the settings; by default, up to yesterday in the zone."""
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
        """Begin with a whole month, if rows are of months.

        The row of a part of a month would take the place of that of the whole.
        """
        if MONTH not in dimensions:
            return self
        start = self.start and self.start.replace(day=1)
        return replace(
            self, start=start, default_start=self.default_start.replace(day=1)
        )


class Bookmark:
    """How far a report has been read for one advertiser, as the state tells it.

    ``replication_key_value`` is the last day up to which all days have been read. A
    run that is still going on, or was cut short, also says which day is next and
    which was to be its last: then days that it has read need not be read again, but
    for those that it would have looked back on itself.
    """

    def __init__(self, state: dict[str, Any], key: str, stream: str) -> None:
        """Read it.

        Args:
            state: The part of the state that is the report's and the advertiser's; it
                is changed when the bookmark moves.
            key: The replication key.
            stream: The stream, for messages.

        Raises:
            ConfigurationError: The state holds something else than days.
        """
        self._state = state
        self._key = key
        is_ours = state.get("replication_key") == key
        unfinished = state.get(UNFINISHED) if is_ours else None
        try:
            self.day = _day(state["replication_key_value"]) if is_ours else None
            self._next = _day(unfinished["next_day"]) if unfinished else None
            self._goal = _day(unfinished["end_date"]) if unfinished else None
        except (KeyError, TypeError, ValueError) as error:
            msg = (
                f"{stream}: the state has no bookmark like 2026-01-31 for it; repair "
                "the state, or run without it to read from `start_date` on"
            )
            raise ConfigurationError(msg) from error

    def first_day(self, days: Range) -> date:
        """Choose the day to begin with; may be after the last one."""
        if self.day is None:
            return days.start or days.default_start
        # Else days to come would count as read.
        self.day = min(self.day, days.today)
        first = self.day - timedelta(days=days.lookback)
        if self._next and self._goal:
            # What the days up to here may have changed since, the run after this one
            # looks back on, unless this one goes further.
            first = self._next
            if days.end > self._goal:
                first = min(first, self._goal - timedelta(days=days.lookback))
        return max(first, days.start) if days.start else first

    def move(self, window: Window, end: date) -> None:
        """Take note of a window that has been read.

        Args:
            window: The window.
            end: The day that the run is to end with.
        """
        self.day = max(self.day or window.last, window.last)
        self._state["replication_key"] = self._key
        self._state["replication_key_value"] = str(self.day)
        self._state.pop(UNFINISHED, None)
        # A run that goes less far than one that was cut short leaves the rest of it.
        goal = max(end, self._goal or end)
        if window.last < goal:
            self._state[UNFINISHED] = {
                "next_day": str(window.last + _DAY),
                "end_date": str(goal),
            }


def _day(text: str) -> date:
    day = date.fromisoformat(text[:10])
    if day.year < FIRST_YEAR:
        raise ValueError
    return day
