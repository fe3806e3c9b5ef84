from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from tap_kayzen.reading.windows import DateRange, split_into_windows

DAY = timedelta(days=1)
FIRST = date(2026, 1, 1)


def date_range(zone: str = "UTC", **settings: Any) -> DateRange:
    return DateRange.from_config({"lookback_days": 7, **settings}, zone)


@given(st.integers(-3, 800), st.integers(1, 400))
def test_windows_cover_each_day_once_and_in_order(length: int, size: int) -> None:
    last = FIRST + (length - 1) * DAY
    windows = list(split_into_windows(FIRST, last, size))
    days = [
        window.first + number * DAY
        for window in windows
        for number in range((window.last - window.first).days + 1)
    ]
    assert days == [FIRST + number * DAY for number in range(length)]
    assert all((each.last - each.first).days + 1 == size for each in windows[:-1])


@pytest.mark.parametrize(
    ("moment", "zone", "yesterday"),
    [
        ("2026-03-08T04:59:00Z", "America/New_York", "2026-03-06"),
        ("2026-03-08T05:00:00Z", "America/New_York", "2026-03-07"),
        # The day on which clocks go forward has 23 hours, that on which they go
        # back has 25.
        ("2026-03-09T03:59:00Z", "America/New_York", "2026-03-07"),
        ("2026-03-09T04:00:00Z", "America/New_York", "2026-03-08"),
        ("2026-10-25T22:59:00Z", "Europe/Berlin", "2026-10-24"),
        ("2026-10-25T23:00:00Z", "Europe/Berlin", "2026-10-25"),
        ("2026-10-24T21:59:00Z", "Europe/Berlin", "2026-10-23"),
        ("2026-10-24T22:00:00Z", "Europe/Berlin", "2026-10-24"),
        ("2026-06-30T18:29:00Z", "Asia/Kolkata", "2026-06-29"),
        ("2026-06-30T18:30:00Z", "Asia/Kolkata", "2026-06-30"),
        ("2026-01-01T00:00:00Z", "UTC", "2025-12-31"),
    ],
)
def test_yesterday_depends_on_the_time_zone(
    moment: str, zone: str, yesterday: str
) -> None:
    with time_machine.travel(datetime.fromisoformat(moment.replace("Z", "+00:00"))):
        assert str(date_range(zone).end) == yesterday
