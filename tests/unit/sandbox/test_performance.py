"""The data behind the reports: totals are the same for all dimensions."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_kayzen.sandbox.basics import time_of
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.performance import BREAKDOWN
from tap_kayzen.sandbox.periods import local_days, minutes_of, now_in
from tap_kayzen.sandbox.report_builder import (
    DIMENSIONS,
    METRICS,
    Metric,
    ReportRequest,
    saved_request,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_kayzen.sandbox.basics import Record

TODAY = date(2026, 9, 10)
PAST = date(2025, 10, 20), date(2025, 11, 5)
"""Days that are final, and on which the clocks of both continents change."""

ADDITIVE = (
    "wins",
    "impressions",
    "clicks",
    "conversions",
    "ct_installs",
    "vt_installs",
    "installs",
    "video_start",
    "video_complete",
    "advertiser_spend",
    "revenue_ltv",
)
LATE = ("installs", "conversions", "ct_installs", "vt_installs", "revenue_ltv")
ZONES = (
    "UTC",
    "America/New_York",
    "Asia/Kathmandu",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    dataset = Dataset(campaigns=40, seed=1)
    dataset.today = TODAY
    return dataset


def rows_of(
    dataset: Dataset,
    days: tuple[date, date] = PAST,
    metrics: Iterable[str] = ADDITIVE,
    group_by: Iterable[str] = (),
    **options: Any,
) -> list[Record]:
    request = ReportRequest(*days, tuple(metrics), tuple(group_by), **options)
    return dataset.report_rows(DEFAULT_ADVERTISER, request)


def total(rows: list[Record], metrics: Iterable[str] = ADDITIVE) -> dict[str, Any]:
    return {name: sum(row[name] for row in rows) for name in metrics}


def test_a_seed_makes_the_same_numbers() -> None:
    one, again, other = (Dataset(campaigns=9, seed=seed) for seed in (5, 5, 6))
    group_by = ("day", "campaign_id", "country")
    rows = rows_of(one, PAST, METRICS, group_by)
    assert rows_of(again, PAST, METRICS, group_by) == rows
    assert total(rows_of(other)) != total(rows_of(one))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(DIMENSIONS), unique=True, max_size=4),
    st.sampled_from(ZONES),
)
def test_the_parts_make_the_whole(group_by: list[str], zone: str) -> None:
    dataset = Dataset(campaigns=3, seed=1)
    dataset.today = TODAY
    days = TODAY - timedelta(days=8), TODAY
    (whole,) = rows_of(dataset, days, time_zone=zone)
    parts = rows_of(dataset, days, group_by=group_by, time_zone=zone)
    assert total(parts) == whole
    assert all(value >= 0 for row in parts for value in total([row]).values())
    keys = [tuple(row[name] for name in group_by) for row in parts]
    assert len(set(keys)) == len(keys)
    nulls_last = [[(value is None, value) for value in key] for key in keys]
    assert nulls_last == sorted(nulls_last)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_pieces_of_time_make_the_whole(data: st.DataObject) -> None:
    dataset = Dataset(campaigns=1, seed=1)
    dataset.today = TODAY
    zone = data.draw(st.sampled_from(ZONES))
    first, last = PAST
    cut = first + timedelta(days=data.draw(st.integers(0, (last - first).days - 1)))
    pieces = [
        *rows_of(dataset, (first, cut), time_zone=zone),
        *rows_of(dataset, (cut + timedelta(days=1), last), time_zone=zone),
    ]
    assert total(pieces) == total(rows_of(dataset, PAST, time_zone=zone))


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2025, 10, 26), 25),
        ("Europe/Berlin", date(2025, 10, 27), 24),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2025, 11, 2), 25),
    ],
)
def test_a_local_day_is_the_sum_of_its_hours(
    dataset: Dataset, zone: str, day: date, hours: int
) -> None:
    """Hour by hour of UTC, which is where days of 23 or 25 hours would go wrong."""
    start = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    moments = [
        start.astimezone(timezone.utc) + timedelta(hours=hour) for hour in range(hours)
    ]
    end = moments[-1] + timedelta(hours=1)
    assert end.astimezone(ZoneInfo(zone)).date() == day + timedelta(days=1)
    assert end.astimezone(ZoneInfo(zone)).hour == 0
    utc = {
        (row["day"], row["hour"]): row
        for row in rows_of(
            dataset,
            (moments[0].date(), moments[-1].date()),
            group_by=("day", "hour"),
        )
    }
    expected = total([utc[f"{each:%Y-%m-%d}", each.hour] for each in moments])
    assert rows_of(dataset, (day, day), time_zone=zone) == [expected]
    by_hour = rows_of(dataset, (day, day), group_by=("hour",), time_zone=zone)
    local = {each.astimezone(ZoneInfo(zone)).hour for each in moments}
    assert {row["hour"] for row in by_hour} == local


@pytest.mark.parametrize("zone", ZONES)
def test_the_days_of_a_zone_follow_one_another(zone: str) -> None:
    for by_hour in (False, True):
        spans = [
            span
            for *_, span in local_days(
                date(2025, 1, 1),
                date(2025, 12, 31),
                ZoneInfo(zone),
                now_in(ZoneInfo(zone), TODAY),
                by_hour=by_hour,
            )
        ]
        assert all(one.end == other.begin for one, other in pairwise(spans))
        assert all(
            begin < end and begin // 1440 == (end - 1) // 1440
            for begin, end, _ in spans
        )
        assert spans[0].begin == minutes_of(datetime(2025, 1, 1, tzinfo=ZoneInfo(zone)))
        assert spans[-1].end == minutes_of(datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("group_by", [(), ("campaign_id",), ("country", "hour")])
def test_late_events_grow_until_they_are_final(
    zone: str, group_by: tuple[str, ...]
) -> None:
    dataset = Dataset(campaigns=5, seed=1)
    day, metrics = date(2026, 5, 5), ("impressions", *LATE)
    seen = []
    for age in range(1, 12):
        dataset.today = day + timedelta(days=age)
        rows = rows_of(dataset, (day, day), metrics, group_by, time_zone=zone)
        seen.append(
            {
                (name, *(row[each] for each in group_by)): row[name]
                for row in rows
                for name in metrics
            }
        )
    final = seen[-1]
    for one, other in pairwise(seen):
        assert one.keys() == other.keys()
        assert all(one[key] <= other[key] for key in one)
        assert all(one[key] == final[key] for key in one if key[0] == "impressions")
    assert all(each == final for each in seen[6:])
    growing = [sum(each.values()) for each in seen[:7]]
    assert len(set(growing)) == 7
    assert seen[0] != final


def test_most_days_are_restated(dataset: Dataset) -> None:
    days = TODAY - timedelta(days=6), TODAY - timedelta(days=1)
    group_by = ("day", "campaign_id")
    first = rows_of(dataset, days, LATE, group_by)
    later = Dataset(campaigns=40, seed=1)
    later.today = TODAY + timedelta(days=7)
    final = {
        (row["day"], row["campaign_id"]): row
        for row in rows_of(later, days, LATE, group_by)
    }
    for name in ("installs", "conversions", "revenue_ltv"):
        changed = [
            row[name] != final[row["day"], row["campaign_id"]][name] for row in first
        ]
        assert sum(changed) > len(changed) / 2, name


def test_funnels_narrow(dataset: Dataset) -> None:
    rows = rows_of(dataset, PAST, METRICS, ("day", "campaign_id"))
    assert len(rows) > 100
    for row in rows:
        assert row["wins"] >= row["impressions"] >= row["clicks"] >= row["installs"]
        assert row["installs"] == row["ct_installs"] + row["vt_installs"]
        assert row["impressions"] >= row["unique_users_v2"] >= row["new_uniques"]
        assert row["impressions"] >= row["unique_users"]
        assert 0 < row["win_rate"] < 1
        assert 0 < row["advertiser_spend"] < 500
    assert {row["video_start"] > row["video_complete"] for row in rows} == {True, False}


def quotient(one: Decimal, other: int) -> Decimal | None:
    return round(one / other, 6) if other else None


def test_rates_match_the_documentation(dataset: Dataset) -> None:
    days = TODAY - timedelta(days=2), TODAY
    rows = rows_of(dataset, days, METRICS, ("hour", "campaign_id", "os"))
    divisors = {
        "ctr": ("clicks", "impressions", 1),
        "conversion_rate": ("installs", "clicks", 1),
        "ipm": ("installs", "impressions", 1000),
        "advertiser_ecpm": ("advertiser_spend", "impressions", 1000),
        "advertiser_ecpc": ("advertiser_spend", "clicks", 1),
        "advertiser_ecpi": ("advertiser_spend", "installs", 1),
        "advertiser_ecpa": ("advertiser_spend", "conversions", 1),
    }
    nulls: Counter[str] = Counter()
    for row in rows:
        for name, (over, under, times) in divisors.items():
            exact = quotient(Decimal(row[over] * times), row[under])
            if exact is None:
                assert row[name] is None
                nulls[name] += 1
            else:
                # A half may go up here and to the even number there.
                assert abs(row[name] - exact) <= Decimal("0.000001")
    assert nulls["advertiser_ecpi"]
    assert nulls["advertiser_ecpa"]


def test_decimals_have_no_float_artifacts(dataset: Dataset) -> None:
    days = TODAY - timedelta(days=2), TODAY
    request = ReportRequest(*days, tuple(METRICS), ("campaign_id", "country"))
    report = dataset.report(DEFAULT_ADVERTISER, request)
    decimals = 0
    for text in report.encoded():
        for number in json.loads(text, parse_float=str).values():
            if isinstance(number, str) and "." in number:
                decimals += 1
                assert len(number.partition(".")[2]) <= 6
                assert "e" not in number
    assert decimals > 1000
    assert {type(value) for row in report.records() for value in row.values()} == {
        int,
        str,
        Decimal,
        type(None),
    }


def test_a_campaign_has_numbers_while_it_runs(dataset: Dataset) -> None:
    days = date(1, 1, 1), date(9999, 12, 31)
    rows = rows_of(dataset, days, ["impressions"], ("campaign_id", "day"))
    seen: dict[int, list[str]] = {}
    for row in rows:
        seen.setdefault(row["campaign_id"], []).append(row["day"])
    paused = 0
    for campaign in dataset.campaigns[DEFAULT_ADVERTISER]:
        created, end = (time_of(campaign[name]) for name in ("created_at", "end_time"))
        last = min(end.date(), TODAY)
        present = seen[campaign["id"]]
        assert created.date() <= date.fromisoformat(present[0])
        assert date.fromisoformat(present[-1]) <= last
        paused += len(present) < (last - created.date()).days - 1
    assert 0 < paused < len(seen)
    assert rows_of(dataset, (date(2018, 1, 1), date(2018, 12, 31))) == []
    tomorrow = TODAY + timedelta(days=1)
    assert rows_of(dataset, (tomorrow, tomorrow)) == []


@pytest.mark.parametrize("zone", ZONES)
def test_a_given_today_is_half_over_everywhere(dataset: Dataset, zone: str) -> None:
    rows = rows_of(
        dataset, (TODAY, TODAY + timedelta(days=1)), group_by=("hour",), time_zone=zone
    )
    assert [row["hour"] for row in rows] == list(range(12))


def test_the_real_today_ends_with_the_last_full_hour() -> None:
    dataset = Dataset(campaigns=5, seed=1)
    days = date(2026, 9, 1), date(2026, 9, 30)
    group_by = ("day", "hour")
    with time_machine.travel("2026-09-09T18:45:10Z", tick=False):
        for zone, last in (
            ("UTC", ("2026-09-09", 17)),
            ("Asia/Kolkata", ("2026-09-09", 23)),
            ("Asia/Tokyo", ("2026-09-10", 2)),
        ):
            *_, row = rows_of(dataset, days, group_by=group_by, time_zone=zone)
            assert (row["day"], row["hour"]) == last


def test_every_part_of_a_breakdown_exists(dataset: Dataset) -> None:
    rows = rows_of(dataset, PAST, ["impressions"], BREAKDOWN)
    countries = {row["country"] for row in rows}
    codes = {each["alpha_2"] for each in dataset.lookups["countries"]}
    assert countries == {None, *codes}
    assert {row["os"] for row in rows} == {"android", "ios"}
    exchanges = {each["id"] for each in dataset.lookups["exchanges"]}
    assert {row["exchange_id"] for row in rows} == exchanges


def test_the_creatives_of_a_campaign_share_its_numbers(dataset: Dataset) -> None:
    rows = rows_of(dataset, PAST, group_by=("campaign_id", "creative_id"))
    shares = {(row["campaign_id"], row["creative_id"]) for row in rows}
    campaigns = {row["campaign_id"] for row in rows}
    assert shares == {
        (campaign["id"], creative)
        for campaign in dataset.campaigns[DEFAULT_ADVERTISER]
        if campaign["id"] in campaigns
        for creative in campaign["creative_ids"] or [None]
    }
    chosen = [row["creative_id"] for row in rows][-2:]
    filters = {"creative_id": chosen}
    (whole,) = rows_of(dataset, filters=filters)
    assert total([row for row in rows if row["creative_id"] in chosen]) == whole


def test_empty_rows_are_left_out(dataset: Dataset) -> None:
    group_by = ("day", "hour", "campaign_id", "exchange_id")
    days = PAST[0], PAST[0]
    installs = rows_of(dataset, days, ["installs"], group_by)
    assert installs
    assert all(row["installs"] for row in installs)
    assert len(rows_of(dataset, days, ["impressions"], group_by)) > len(installs)


def test_filters_choose_among_the_rows(dataset: Dataset) -> None:
    group_by = ("day", "campaign_id", "country")
    rows = rows_of(dataset, group_by=group_by)
    for name in group_by:
        values = list(dict.fromkeys(row[name] for row in rows))[-2:]
        chosen = [row for row in rows if row[name] in values]
        assert rows_of(dataset, group_by=group_by, filters={name: values}) == chosen
        (whole,) = rows_of(dataset, filters={name: values})
        assert total(chosen) == whole
        assert rows_of(dataset, filters={name: []}) == []


def test_all_documented_metrics_exist() -> None:
    assert len(METRICS) == 25
    assert all(isinstance(metric, Metric) for metric in METRICS.values())


def test_most_saved_reports_are_by_day(dataset: Dataset) -> None:
    reports = dataset.lists("reports")[DEFAULT_ADVERTISER]
    requests = [saved_request(report, *PAST) for report in reports]
    by_day = sum("day" in request.group_by for request in requests)
    assert len(requests) / 2 < by_day < len(requests)
    for request in requests:
        assert set(request.group_by) < set(DIMENSIONS)
        assert set(request.metrics) < METRICS.keys()
        assert dataset.report_rows(DEFAULT_ADVERTISER, request)
