"""Reports: dimensions, metrics, and rows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from operator import add
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tap_kayzen.sandbox.performance import BREAKDOWN, CREATIVE, EVENTS
from tap_kayzen.sandbox.periods import local_days

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from tap_kayzen.sandbox.basics import Record
    from tap_kayzen.sandbox.performance import Event, Key, Performance
    from tap_kayzen.sandbox.periods import Now, Span

MILLION = 1_000_000
UTC = "UTC"

CAMPAIGN_DIMENSIONS = {
    "campaign_id": "id",
    "campaign_name": "name",
    "advertiser_id": "advertiser_id",
    "order_id": "order_id",
}
"""Dimensions that are constant for a campaign, with their fields."""

TIME_DIMENSIONS = ("day", "hour", "month")
"""Dimensions of time; Kayzen's formats of hours and months are not documented."""

NULLABLE_DIMENSIONS = {"country", CREATIVE}

DIMENSIONS = (*TIME_DIMENSIONS, *CAMPAIGN_DIMENSIONS, *BREAKDOWN)


@dataclass(frozen=True)
class Metric:
    """The computation of a metric from counts of events.

    Attributes:
        events: The events it needs.
        compute: Computes it from their counts; None if undefined.
        text: Formats it as JSON.
    """

    events: tuple[str, ...]
    compute: Callable[..., int | None]
    text: Callable[[int | None], str] = str


def _decimal(millionths: int | None) -> str:
    """Format millionths as an exact decimal; None is null."""
    if millionths is None:
        return "null"
    whole, rest = divmod(millionths, MILLION)
    return f"{whole}.{rest:06d}".rstrip("0") if rest else f"{whole}.0"


def _count(event: str) -> Metric:
    return Metric((event,), lambda count: count)


def _share(event: str, part: int, whole: int) -> Metric:
    """Return a metric of users: a fixed share of an event, as an assumption."""
    return Metric((event,), lambda count: count * part // whole)


def _quotient(event: str, *per: str, times: int = 1) -> Metric:
    """Return a ratio to a sum of events, in millionths; None if that is 0."""
    factor = times if event == "spend" else times * MILLION

    def compute(count: int, *divisors: int) -> int | None:
        divisor = sum(divisors)
        return (2 * factor * count + divisor) // (2 * divisor) if divisor else None

    return Metric((event, *per), compute, text=_decimal)


INSTALLS = ("ct_installs", "vt_installs")


def _of_installs(per: str, times: int) -> Metric:
    rate = _quotient("clicks", per, times=times)
    return Metric(
        (*INSTALLS, per),
        lambda clicked, viewed, divisor: rate.compute(clicked + viewed, divisor),
        text=_decimal,
    )


METRICS: dict[str, Metric] = {
    **{
        name: _count(name)
        for name in (
            "wins",
            "impressions",
            "clicks",
            "conversions",
            *INSTALLS,
            "video_start",
            "video_first_quartile",
            "video_midpoint",
            "video_third_quartile",
            "video_complete",
        )
    },
    "installs": Metric(INSTALLS, lambda clicked, viewed: clicked + viewed),
    "unique_users_v2": _share("impressions", 3, 4),
    "unique_users": _share("impressions", 1, 2),
    "new_uniques": _share("impressions", 1, 5),
    "win_rate": _quotient("wins", "bids"),
    "ctr": _quotient("clicks", "impressions"),
    "conversion_rate": _of_installs("clicks", 1),
    "ipm": _of_installs("impressions", 1000),
    "advertiser_ecpm": _quotient("spend", "impressions", times=1000),
    "advertiser_ecpc": _quotient("spend", "clicks"),
    "advertiser_ecpi": _quotient("spend", *INSTALLS),
    "advertiser_ecpa": _quotient("spend", "conversions"),
    "advertiser_spend": Metric(("spend",), lambda amount: amount, text=_decimal),
    "revenue_ltv": Metric(("revenue",), lambda amount: amount, text=_decimal),
}
"""The documented metrics; those of users are made up."""


@dataclass(frozen=True)
class ReportRequest:
    """The parameters of a report.

    Attributes:
        start_date: First day.
        end_date: Last day.
        metrics: Names in `METRICS`.
        group_by: Names in `DIMENSIONS`; empty for a single row.
        filters: Allowed values of dimensions.
        time_zone: IANA name of the time zone of days.
    """

    start_date: date
    end_date: date
    metrics: tuple[str, ...]
    group_by: tuple[str, ...] = ()
    filters: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    time_zone: str = UTC

    def used(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names that the report groups or filters by."""
        chosen = (*self.group_by, *self.filters)
        return tuple(name for name in names if name in chosen)

    def admits(self, names: Sequence[str], key: Key) -> bool:
        """Return whether the values of some dimensions pass the filters."""
        return not self.filters or all(
            value in self.filters[name]
            for name, value in zip(names, key, strict=True)
            if name in self.filters
        )


class Report:
    """The rows of a report, sorted by their dimensions."""

    def __init__(
        self,
        request: ReportRequest,
        campaigns: Sequence[Record],
        performance: Performance,
        now: Now,
    ) -> None:
        """Count the events of a report.

        Args:
            request: Parameters of the report.
            campaigns: All campaigns of the advertiser.
            performance: Their performance.
            now: The current time.
        """
        self._request = request
        metrics = [METRICS[name] for name in request.metrics]
        events = list(dict.fromkeys(event for each in metrics for event in each.events))
        self._metrics = [
            (metric, [events.index(event) for event in metric.events])
            for metric in metrics
        ]
        wanted = [EVENTS[event] for event in events]
        counted = self._counted(wanted, campaigns, performance, now)
        self._counts = sorted(
            ((key, counts) for key, counts in counted.items() if any(counts)),
            key=_null_last if NULLABLE_DIMENSIONS & {*request.group_by} else None,
        )

    def _counted(
        self,
        events: Sequence[Event],
        campaigns: Sequence[Record],
        performance: Performance,
        now: Now,
    ) -> dict[Key, list[int]]:
        request = self._request
        owner_names, time_names, part_names = (
            request.used(x) for x in (CAMPAIGN_DIMENSIONS, TIME_DIMENSIONS, BREAKDOWN)
        )
        names = (*owner_names, *time_names, *part_names)
        places = [names.index(name) for name in request.group_by]
        times = self._times(time_names, now)
        result: dict[Key, list[int]] = {}
        for campaign in campaigns:
            owner = tuple(campaign[CAMPAIGN_DIMENSIONS[name]] for name in owner_names)
            if not request.admits(owner_names, owner):
                continue
            flight = performance.flight(campaign)
            for time, spans in times.items():
                sums = performance.sums(flight, spans, events, part_names)
                for part, counts in sums.items():
                    if not request.admits(part_names, part):
                        continue
                    values = (*owner, *time, *part)
                    key = tuple([values[place] for place in places])
                    known = result.setdefault(key, counts)
                    if known is not counts:
                        known[:] = map(add, known, counts)
        return result

    def _times(self, names: Sequence[str], now: Now) -> dict[Key, list[Span]]:
        """Return the spans by day, hour, or month, or all under one key."""
        request = self._request
        result: dict[Key, list[Span]] = {}
        for day, hour, span in local_days(
            request.start_date,
            request.end_date,
            ZoneInfo(request.time_zone),
            now,
            by_hour="hour" in names,
        ):
            values = {"day": f"{day}", "hour": hour, "month": f"{day}"[:7]}
            key = tuple(values[name] for name in names)
            if request.admits(names, key):
                result.setdefault(key, []).append(span)
        return result

    def records(self) -> list[Record]:
        """Return the rows, with decimals as `Decimal`."""
        decoder = json.JSONDecoder(parse_float=Decimal)
        return [decoder.decode(row.decode()) for row in self.encoded()]

    def encoded(self) -> list[bytes]:
        """Return the rows as JSON."""
        names = (*self._request.group_by, *self._request.metrics)
        template = "{" + ",".join(f'"{name}":%s' for name in names) + "}"
        known: dict[object, str] = {}
        columns: list[Iterable[str]] = []
        for place in range(len(self._request.group_by)):
            values = [key[place] for key, _ in self._counts]
            for value in dict.fromkeys(values):
                known[value] = json.dumps(value, ensure_ascii=False)
            columns.append([known[value] for value in values])
        for metric, places in self._metrics:
            counts = ([row[place] for _, row in self._counts] for place in places)
            columns.append(map(metric.text, map(metric.compute, *counts)))
        return [(template % row).encode() for row in zip(*columns, strict=True)]


def _null_last(row: tuple[Key, list[int]]) -> list[tuple[bool, Any]]:
    """Return a sort key for a row whose dimensions may be null."""
    return [(value is None, value) for value in row[0]]


GROUPINGS = (
    ("day", "campaign_id", "campaign_name"),
    ("day", "campaign_id", "country"),
    ("campaign_id", "campaign_name"),
    ("day", "os"),
    ("day", "order_id"),
)
SELECTIONS = (
    ("impressions", "clicks", "advertiser_spend", "ctr"),
    ("impressions", "installs", "revenue_ltv", "advertiser_ecpi"),
    ("impressions", "conversions", "advertiser_spend"),
)


def saved_request(report: Record, start_date: date, end_date: date) -> ReportRequest:
    """Return the parameters of a saved report for a range of days.

    The known fields of saved reports have no metrics and dimensions, so they depend on
    the ID here. Four out of five reports are daily.
    """
    number = report["id"]
    return ReportRequest(
        start_date,
        end_date,
        metrics=SELECTIONS[number % len(SELECTIONS)],
        group_by=GROUPINGS[number % len(GROUPINGS)],
        time_zone=report["time_zone_name"],
    )
