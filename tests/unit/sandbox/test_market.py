"""Days differ as they do on a real account: by weekday, by season, and by chance."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from statistics import mean

import pytest

from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.market import ONE, PEAK, Markets
from tap_kayzen.sandbox.report_builder import ReportRequest

YEAR = range(PEAK - 364, PEAK + 1)
METRICS = ("impressions", "installs", "advertiser_spend")


def test_a_day_does_not_depend_on_the_order_of_requests() -> None:
    forwards, backwards = Markets(1), Markets(1)
    days = [forwards[day] for day in YEAR]
    assert [backwards[day] for day in reversed(YEAR)] == days[::-1]
    assert len({*days}) > 300
    other = Markets(2)
    assert sum(other[day] == forwards[day] for day in YEAR) < 10


def test_the_season_rises_and_falls_without_a_jump() -> None:
    markets = Markets(1)
    weeks = [
        mean(markets[day].traffic for day in range(first, first + 7))
        for first in range(PEAK - 364, PEAK, 7)
    ]
    steps = [b - a for a, b in pairwise(weeks)]
    assert max(map(abs, steps)) < ONE / 20
    assert max(weeks) == max(weeks[:4] + weeks[-4:])
    assert min(weeks) == min(weeks[22:31])
    assert max(weeks) > 1.4 * min(weeks)


def test_an_average_day_changes_nothing() -> None:
    markets = Markets(1)
    for factors in zip(*(markets[day] for day in YEAR), strict=True):
        assert mean(factors) == pytest.approx(ONE, rel=0.01)


def test_reports_have_a_weekly_rhythm_and_a_trend() -> None:
    dataset = Dataset(campaigns=200, seed=1)
    dataset.today = date(2026, 11, 26)
    first, last = date(2026, 8, 3), date(2026, 10, 25)
    request = ReportRequest(first, last, METRICS, ("day",))
    rows = dataset.report_rows(DEFAULT_ADVERTISER, request)
    for name in METRICS:
        days = [float(row[name]) for row in rows]
        weeks = [days[start : start + 7] for start in range(0, len(days), 7)]
        assert len(weeks) == 12
        monday_to_sunday = [mean(column) for column in zip(*weeks, strict=True)]
        weekend = mean(monday_to_sunday[5:])
        assert weekend > 1.1 * mean(monday_to_sunday[:5])
        assert sum(weeks[-1]) > 1.1 * sum(weeks[0])
    # Another window of days, another zone of the same offset: the same numbers.
    middle = first + timedelta(days=40)
    request = ReportRequest(middle, last, METRICS, ("day",), time_zone="Etc/GMT")
    assert dataset.report_rows(DEFAULT_ADVERTISER, request) == rows[40:]
