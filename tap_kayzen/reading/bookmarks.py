"""Bookmarks of reports: how far each one has been read, as the state says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.windows import Range, Window

MIN_YEAR = 2000
"""No bookmark is older: Kayzen is not, and looking back must stay in the calendar."""

UNFINISHED = "unfinished"
"""The key of the state with the days that an interrupted run has left."""

NOTHING_LEFT: Mapping[str, str | None] = {"next_day": None, "end_date": None}
"""The value of `UNFINISHED` after a complete run.

The key stays: Meltano merges states, which brings removed keys back. Nor is it null,
as Meltano cannot merge an object into null.
"""


class Bookmark:
    """How far a report has been read for one partition.

    In the state it looks like ``{"replication_key": "day", "replication_key_value":
    "2026-01-31", "unfinished": {"next_day": "2026-02-01", "end_date": "2026-02-10"}}``.
    ``replication_key_value`` is the last day up to which all days have been read; null
    before the first one. ``unfinished`` has values while a run is in progress, or after
    it was interrupted: the days that it has read need not be read again, except for
    those that it would have looked back on.
    """

    def __init__(self, state: dict[str, Any], key: str, stream: str) -> None:
        """Read a bookmark from its part of the state, which changes when it moves.

        Raises:
            ConfigurationError: The state holds something else than days.
        """
        self._state = state
        self._key = key
        is_ours = state.get("replication_key") == key
        unfinished = (is_ours and state.get(UNFINISHED)) or NOTHING_LEFT
        try:
            self.day = _day(state.get("replication_key_value")) if is_ours else None
            self._next = _day(unfinished["next_day"])
            self._goal = _day(unfinished["end_date"])
        except (KeyError, TypeError, ValueError) as error:
            msg = (
                f"{stream}: the state has no bookmark like 2026-01-31 for it; repair "
                "the state, or run without it to read from `start_date` on"
            )
            raise ConfigurationError(msg) from error
        if self.day is None:
            # Else an older state, merged with this one, would decide.
            self._write(None, NOTHING_LEFT)

    def first_day(self, days: Range) -> date:
        """Return the day to begin with; may be after the last one."""
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
        """Record that a window has been read, in a run that is to end with `end`."""
        self.day = max(self.day or window.last, window.last)
        left = NOTHING_LEFT
        # A run that goes less far than an interrupted one leaves the rest of it.
        goal = max(end, self._goal or end)
        if window.last < goal:
            next_day = window.last + timedelta(days=1)
            left = {"next_day": str(next_day), "end_date": str(goal)}
        self._write(str(self.day), left)

    def _write(self, day: str | None, left: Mapping[str, str | None]) -> None:
        self._state["replication_key"] = self._key
        self._state["replication_key_value"] = day
        self._state[UNFINISHED] = dict(left)


@dataclass
class Plan:
    """What a run reads of a report for one partition.

    Attributes:
        windows: The days from `first` to `end`, cut into what one call asks for.
        bookmark: Moves with the windows; None if the run keeps none.
    """

    context: Context | None
    first: date
    end: date
    windows: list[Window]
    bookmark: Bookmark | None


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    day = date.fromisoformat(text[:10])
    if day.year < MIN_YEAR:
        raise ValueError
    return day
