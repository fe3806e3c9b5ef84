from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from merging import merged
from singer_sdk.exceptions import ConfigurationError
from support import regex

from tap_kayzen.messages import report_messages
from tap_kayzen.reading.bookmarks import Bookmark
from tap_kayzen.reading.windows import DateRange, Window, split_into_windows

DAY = timedelta(days=1)
FIRST = date(2026, 1, 1)


def date_range(zone: str = "UTC", **settings: Any) -> DateRange:
    return DateRange.from_config({"lookback_days": 7, **settings}, zone)


def test_a_first_run_begins_30_days_before_it() -> None:
    with time_machine.travel(datetime(2026, 3, 31, 12, tzinfo=timezone.utc)):
        bookmark = Bookmark({}, "day", "report")
        assert bookmark.first_day(date_range()) == date(2026, 3, 1)
        assert bookmark.first_day(date_range(start_date="2025-01-01")) == date(
            2025, 1, 1
        )


def bookmark_at(day: str, **more: object) -> Bookmark:
    state = {"replication_key": "day", "replication_key_value": day, **more}
    return Bookmark(state, "day", "report")


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        ({}, "2026-02-13"),
        ({"lookback_days": 0}, "2026-02-20"),
        ({"lookback_days": 30}, "2026-01-21"),
        # What the settings name is the limit, the default is none: after a pause of
        # months, nothing may be left out.
        ({"start_date": "2026-02-15"}, "2026-02-15"),
        ({"start_date": "2026-01-01"}, "2026-02-13"),
        ({"start_date": "2026-03-01"}, "2026-03-01"),
    ],
)
def test_a_run_begins_the_look_back_before_the_bookmark(
    settings: dict[str, Any], first: str
) -> None:
    with time_machine.travel(datetime(2026, 6, 1, tzinfo=timezone.utc)):
        assert str(bookmark_at("2026-02-20").first_day(date_range(**settings))) == first


def test_a_bookmark_never_goes_back() -> None:
    state: dict[str, Any] = {
        "replication_key": "day",
        "replication_key_value": "2026-02-20",
    }
    bookmark = Bookmark(state, "day", "report")
    bookmark.advance(Window(date(2026, 2, 13), date(2026, 2, 19)), date(2026, 2, 21))
    assert state["replication_key_value"] == "2026-02-20"
    bookmark.advance(Window(date(2026, 2, 20), date(2026, 2, 21)), date(2026, 2, 21))
    assert state == {
        "replication_key": "day",
        "replication_key_value": "2026-02-21",
        "unfinished": {"next_day": None, "end_date": None},
    }


def test_an_unfinished_run_records_the_remaining_days() -> None:
    state: dict[str, Any] = {}
    bookmark = Bookmark(state, "day", "report")
    bookmark.advance(Window(date(2026, 2, 13), date(2026, 2, 19)), date(2026, 2, 21))
    assert state == {
        "replication_key": "day",
        "replication_key_value": "2026-02-19",
        "unfinished": {"next_day": "2026-02-20", "end_date": "2026-02-21"},
    }


@pytest.mark.parametrize(
    "broken",
    [
        {"replication_key_value": "soon"},
        {"replication_key_value": 20260220},
        {"replication_key_value": "2026-02-20", "unfinished": {"next_day": 5}},
        {"replication_key_value": "2026-02-20", "unfinished": "yes"},
        {"replication_key_value": ""},
    ],
)
def test_a_bookmark_that_is_not_a_day_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=regex(report_messages.BAD_BOOKMARK)):
        Bookmark({"replication_key": "day", **broken}, "day", "report")


def test_a_bookmark_on_another_column_is_ignored() -> None:
    state = {"replication_key": "updated_at", "replication_key_value": "x"}
    assert Bookmark(state, "day", "report").day is None


class Reader:
    """Runs of a report, some of them killed, and the records and states they wrote."""

    def __init__(self, size: int, lookback: int) -> None:
        self.size = size
        self.lookback = lookback
        self.state: dict[str, Any] = {}
        self.read_on: dict[date, date] = {}

    def run(self, now: date, windows: int | None) -> list[Window]:
        """Read up to the day before, in so many windows at most."""
        days = DateRange(FIRST, now - DAY, now, self.lookback, FIRST)
        # A state goes from run to run as JSON.
        self.state = json.loads(json.dumps(self.state))
        bookmark = Bookmark(self.state, "day", "report")
        parts = list(split_into_windows(bookmark.first_day(days), days.end, self.size))[
            :windows
        ]
        for window in parts:
            for number in range((window.last - window.first).days + 1):
                self.read_on[window.first + number * DAY] = now
            bookmark.advance(window, days.end)
        return parts


RUNS = st.lists(st.tuples(st.integers(0, 12), st.none() | st.integers(0, 4)))


@given(size=st.integers(1, 9), lookback=st.integers(0, 20), runs=RUNS)
def test_killed_runs_leave_no_day_missing_or_stale(
    size: int, lookback: int, runs: list[tuple[int, int | None]]
) -> None:
    reader = Reader(size, lookback)
    now = FIRST + 40 * DAY
    for later, windows in runs:
        now += later * DAY
        reader.run(now, windows)
    reader.run(now, None)
    for number in range((now - FIRST).days):
        day = FIRST + number * DAY
        assert day in reader.read_on
        # Kayzen restates a day for so long: it was read then, or will be.
        is_settled = reader.read_on[day] - day > lookback * DAY
        will_be_read = day >= now - DAY - lookback * DAY
        assert is_settled or will_be_read


@given(size=st.integers(1, 9), lookback=st.integers(0, 20), done=st.integers(0, 30))
def test_a_killed_run_resumes_where_it_stopped(
    size: int, lookback: int, done: int
) -> None:
    reader = Reader(size, lookback)
    reader.run(FIRST + 50 * DAY, None)
    later = FIRST + 90 * DAY
    before = reader.run(later, done)
    after = reader.run(later, None)
    every = [*before, *after]
    first = FIRST + (49 - lookback) * DAY
    assert every[0].first == first
    assert every[-1].last == later - DAY
    finished = bool(before) and before[-1].last == later - DAY
    if not finished:
        assert all(a.last + DAY == b.first for a, b in pairwise(every))


@given(
    size=st.integers(1, 9),
    lookback=st.integers(0, 20),
    old=RUNS,
    new=RUNS,
    later=st.integers(0, 40),
)
def test_a_state_merged_over_an_older_one_means_the_same(
    size: int,
    lookback: int,
    old: list[tuple[int, int | None]],
    new: list[tuple[int, int | None]],
    later: int,
) -> None:
    """The new runs go on from the old state, or begin without one."""
    now = FIRST + 40 * DAY
    before = Reader(size, lookback)
    for days, windows in old:
        now += days * DAY
        before.run(now, windows)
    for start in ({}, before.state):
        after, today = Reader(size, lookback), now
        after.state = start
        after.run(today, 0)
        for days, windows in new:
            today += days * DAY
            after.run(today, windows)
        today += later * DAY
        both = merged(before.state, after.state)
        ranges = DateRange(FIRST, today - DAY, today, lookback, FIRST)
        assert Bookmark(both, "day", "report").first_day(ranges) == Bookmark(
            after.state, "day", "report"
        ).first_day(ranges)
