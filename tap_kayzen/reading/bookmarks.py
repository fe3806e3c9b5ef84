"""Bookmarks of reports: how far each one has been read, as the state says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigurationError

from tap_kayzen.messages import report_messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.windows import Range, Window

MIN_YEAR = 2000
"""No bookmark is older: Kayzen is not, and looking back must stay in the calendar."""

UNFINISHED = "unfinished"
"""The state's key for the days that an interrupted run has left unread."""

NOTHING_LEFT: Mapping[str, str | None] = {"next_day": None, "end_date": None}
"""The value of `UNFINISHED` after a complete run.

The key stays because Meltano merges states, which restores removed keys. It is not
null because Meltano cannot merge an object into null.
"""

NO_BOOKMARK = {
    "context",
    "fingerprint",
    "progress_markers",
    "replication_key_signpost",
    "starting_replication_value",
    UNFINISHED,
}
"""Keys of the state that may exist without a bookmark."""


class Bookmark:
    """How far a report has been read for one partition.

    In the state it looks like ``{"replication_key": "day", "replication_key_value":
    "2026-01-31", "unfinished": {"next_day": "2026-02-01", "end_date": "2026-02-10"}}``.
    All days up to and including ``replication_key_value`` have been read; null before
    the first one. ``unfinished`` has values while a run is in progress, or after an
    interruption. The days that it has read are not read again, except for those of its
    look-back.
    """

    def __init__(self, state: dict[str, Any], key: str, stream: str) -> None:
        """Read a bookmark from its part of the state, which changes when it moves.

        Raises:
            ConfigurationError: The state holds something else than days.
        """
        self._state = state
        self.key = key
        is_ours = _is_on(key, state)
        # Bookmarks under the names of another tap or version.
        self.unused = [] if is_ours else _bookmarks_in(state)
        unfinished = (is_ours and state.get(UNFINISHED)) or NOTHING_LEFT
        try:
            self.day = _day(state.get("replication_key_value")) if is_ours else None
            self._next = _day(unfinished["next_day"])
            self._goal = _day(unfinished["end_date"])
        except (KeyError, TypeError, ValueError) as error:
            msg = f"{stream}: {report_messages.BAD_BOOKMARK()}"
            raise ConfigurationError(msg) from error
        if self.day is None:
            # Otherwise a merge with an older state would restore its values.
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
        self._state["replication_key"] = self.key
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


def _is_on(key: str, state: Mapping[str, Any]) -> bool:
    """Return whether a state has a bookmark on a column, named or implied."""
    named = state.get("replication_key")
    has_value = state.get("replication_key_value") is not None
    return named == key or (named is None and has_value)


def _bookmarks_in(state: Mapping[str, Any]) -> list[str]:
    """Return the keys of a state that look like bookmarks of another kind."""
    return [name for name, value in state.items() if value and name not in NO_BOOKMARK]


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    day = date.fromisoformat(text[:10])
    if day.year < MIN_YEAR:
        raise ValueError
    return day
