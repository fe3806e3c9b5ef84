"""Bookmarks of reports in the Singer state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError

from tap_kayzen.messages import report_messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.windows import DateRange, Window

MIN_YEAR = 2000
"""Earliest year of a valid bookmark.

Kayzen has no older data, and subtracting the look-back must not underflow `date`.
"""

UNFINISHED = "unfinished"
"""State key for the days that an interrupted sync did not read."""

NO_UNFINISHED_DAYS: Mapping[str, str | None] = {"next_day": None, "end_date": None}
"""Value of `UNFINISHED` after a complete sync.

The key is kept because Meltano merges states, which restores removed keys. The value
is not null because Meltano cannot merge an object into null.
"""

NO_BOOKMARK = {
    "context",
    "fingerprint",
    "progress_markers",
    "replication_key_signpost",
    "starting_replication_value",
    UNFINISHED,
}
"""State keys that can exist without a bookmark."""


class Bookmark:
    """Bookmark of a report: the last day read for one partition.

    Stored in the state as ``{"replication_key": "day", "replication_key_value":
    "2026-01-31", "unfinished": {"next_day": "2026-02-01", "end_date": "2026-02-10"}}``.

    All days up to and including ``replication_key_value`` have been read; it is null
    before the first window is complete. ``unfinished`` is set during a sync, and stays
    set if the sync is interrupted. The next sync then resumes at ``next_day`` instead
    of repeating the look-back.
    """

    def __init__(self, state: dict[str, Any], key: str, stream: str) -> None:
        """Load a bookmark from the state of its partition.

        Args:
            state: State of the partition; `advance` updates it in place.
            key: Name of the replication key.
            stream: Name of the stream, for error messages.

        Raises:
            ConfigurationError: The state has values that are not dates.
        """
        self._state = state
        self.key = key
        is_ours = _has_bookmark_on(key, state)
        # Bookmarks written under other names by another tap or version.
        self.unused = [] if is_ours else _bookmarks_in(state)
        unfinished = (is_ours and state.get(UNFINISHED)) or NO_UNFINISHED_DAYS
        try:
            self.day = _day(state.get("replication_key_value")) if is_ours else None
            self._next_day = _day(unfinished["next_day"])
            self._end = _day(unfinished["end_date"])
        except (KeyError, TypeError, ValueError) as error:
            msg = f"{stream}: {report_messages.BAD_BOOKMARK()}"
            raise ConfigurationError(msg) from error
        if self.day is None:
            # Otherwise, merging with an older state would restore its values.
            self._write(None, NO_UNFINISHED_DAYS)

    def first_day(self, days: DateRange) -> date:
        """Return the first day to read; can be after the last one."""
        if self.day is None:
            return days.start or days.default_start
        # Otherwise, future days would count as read.
        self.day = min(self.day, days.today)
        first = self.day - timedelta(days=days.lookback_days)
        if self._next_day and self._end:
            # The interrupted sync has already read its look-back. Repeat the look-back
            # only if this sync goes beyond the end of that one.
            first = self._next_day
            if days.end > self._end:
                first = min(first, self._end - timedelta(days=days.lookback_days))
        return max(first, days.start) if days.start else first

    def advance(self, window: Window, end: date) -> None:
        """Record that a window has been read.

        Args:
            window: The window.
            end: Last day of the sync.
        """
        self.day = max(self.day or window.last, window.last)
        left = NO_UNFINISHED_DAYS
        # If this sync ends before the interrupted one would have, keep the rest.
        goal = max(end, self._end or end)
        if window.last < goal:
            next_day = window.last + timedelta(days=1)
            left = {"next_day": str(next_day), "end_date": str(goal)}
        self._write(str(self.day), left)

    def _write(self, day: str | None, left: Mapping[str, str | None]) -> None:
        self._state["replication_key"] = self.key
        self._state["replication_key_value"] = day
        self._state[UNFINISHED] = dict(left)


@dataclass
class Plan:
    """The windows of a report to read for one partition.

    Attributes:
        context: The partition, such as ``{"advertiser_id": 7}``; None without any.
        first: First day to read.
        end: Last day to read.
        windows: The days from `first` to `end`, one window per request.
        bookmark: Advances with each window; None if the stream keeps no bookmark.
    """

    context: Context | None
    first: date
    end: date
    windows: list[Window]
    bookmark: Bookmark | None


def _has_bookmark_on(key: str, state: Mapping[str, Any]) -> bool:
    """Return whether a state has a bookmark on a replication key.

    A bookmark that does not name its replication key counts.
    """
    named = state.get("replication_key")
    has_value = state.get("replication_key_value") is not None
    return named == key or (named is None and has_value)


def _bookmarks_in(state: Mapping[str, Any]) -> list[str]:
    """Return the keys of a state that look like bookmarks in another format."""
    return [name for name, value in state.items() if value and name not in NO_BOOKMARK]


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    day = date.fromisoformat(text[:10])
    if day.year < MIN_YEAR:
        raise ValueError
    return day
