"""The report calls: parameters, errors, and responses."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.exceptions import HTTPException

from tap_kayzen.sandbox.answers import envelope, positive
from tap_kayzen.sandbox.periods import now_in
from tap_kayzen.sandbox.report_builder import (
    DIMENSIONS,
    METRICS,
    UTC,
    ReportRequest,
    saved_request,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tap_kayzen.sandbox.basics import Record
    from tap_kayzen.sandbox.data import Dataset

Paging: TypeAlias = Literal["short", "meta", "ignored"]

DEFAULT_PER_PAGE = 1000
"""Default page size of reports; the only one seen in public code."""

MAX_CACHED_REPORTS = 64
"""Number of reports to cache; more than clients read at the same time."""

MAX_BENCHMARK_REPORTS = 10_000
"""Number of reports to cache for benchmarks; more than one run reads."""


@dataclass(frozen=True)
class ReportOptions:
    """Options of the report calls, where Kayzen's behavior is not documented.

    Attributes:
        paging: ``short`` returns the requested page; ``meta`` adds the number of pages,
            as lists do; ``ignored`` always returns the first page.
        max_rows: Maximum number of rows per page, regardless of `per_page`.
        max_days: Maximum number of days per call; None for no limit.
        retention_days: Days before today that have rows; None for no limit.
    """

    paging: Paging = "short"
    max_rows: int = 10_000
    max_days: int | None = None
    retention_days: int | None = None


DEFAULT_REPORT_OPTIONS = ReportOptions()


class ReportCalls:
    """Handlers of the report calls; caches rows for the next pages."""

    def __init__(
        self,
        dataset: Dataset,
        options: ReportOptions,
        max_cached: int = MAX_CACHED_REPORTS,
    ) -> None:
        """Report on a dataset.

        Args:
            dataset: The data.
            options: Options of the report calls.
            max_cached: Maximum number of cached reports.
        """
        self._dataset = dataset
        self._max_cached = max_cached
        self._options = options
        self._cache: OrderedDict[object, list[bytes]] = OrderedDict()

    def data(self, advertiser: int, body: Mapping[str, Any]) -> bytes:
        """Return the response body of ``POST /v1/report_data``.

        Args:
            advertiser: ID of the advertiser.
            body: The request body.

        Raises:
            HTTPException: A parameter is invalid.
        """
        page = positive(body.get("page", 1), "page")
        per_page = positive(body.get("per_page", DEFAULT_PER_PAGE), "per_page")
        request = request_of(body)
        self._check_days(request)
        per_page = min(per_page, self._options.max_rows)
        if self._options.paging == "ignored":
            page = 1
        rows = self._rows(advertiser, request)
        if self._options.paging == "meta":
            return b'{"headers":[],' + envelope(rows, page, per_page)[1:]
        rows = rows[(page - 1) * per_page : page * per_page]
        return b'{"headers":[],"data":[%b]}' % b",".join(rows)

    def results(self, report: Record, query: Mapping[str, str]) -> bytes:
        """Return the response body of ``GET /v1/reports/{id}/report_results``.

        Its paging is not documented. The sandbox returns pages if `paging` is ``meta``,
        otherwise all rows.

        Args:
            report: The saved report.
            query: The query parameters.

        Raises:
            HTTPException: A parameter is invalid.
        """
        page = positive(query.get("page", 1), "page")
        per_page = positive(query.get("per_page", DEFAULT_PER_PAGE), "per_page")
        request = saved_request(report, *_dates(query))
        self._check_days(request)
        rows = self._rows(report["advertiser_id"], request)
        if self._options.paging == "meta":
            return envelope(rows, page, min(per_page, self._options.max_rows))
        return b'{"data":[%b]}' % b",".join(rows)

    def _check_days(self, request: ReportRequest) -> None:
        days = (request.end_date - request.start_date).days + 1
        most = self._options.max_days
        if most is not None and days > most:
            raise HTTPException(422, f"end_date: a report may span at most {most} days")
        kept = self._options.retention_days
        if kept is not None:
            zone = ZoneInfo(request.time_zone)
            today = now_in(zone, self._dataset.today).today
            if (today - request.start_date).days > kept:
                raise HTTPException(400, "start_date is out of range")

    def _rows(self, advertiser: int, request: ReportRequest) -> list[bytes]:
        """Return the encoded rows of a report, from the cache if possible."""
        key = repr(request), self._dataset.report_version(advertiser, request)
        rows = self._cache.pop(key, None)
        if rows is None:
            rows = self._dataset.report(advertiser, request).encoded()
        self._cache[key] = rows
        if len(self._cache) > self._max_cached:
            self._cache.popitem(last=False)
        return rows


def request_of(body: Mapping[str, Any]) -> ReportRequest:
    """Parse the body of ``POST /v1/report_data``; unknown keys are ignored.

    Raises:
        HTTPException: A parameter is invalid; the message names it.
    """
    metrics = _names(body, "metrics", METRICS)
    if not metrics:
        raise HTTPException(422, "metrics must not be empty")
    return ReportRequest(
        *_dates(body),
        metrics,
        _names(body, "group_by", DIMENSIONS),
        _filters(body.get("filters", {})),
        _time_zone(body.get("time_zone", UTC)),
    )


def body_of(content: bytes) -> Record | None:
    """Parse a JSON object; return None for anything else."""
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def date_of(text: object, name: str) -> date:
    """Parse a date.

    Raises:
        HTTPException: The date is missing or invalid.
    """
    if isinstance(text, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise HTTPException(422, f"{name} must be a date like 2026-09-01")


def _dates(values: Mapping[str, Any]) -> tuple[date, date]:
    start, end = (
        date_of(values.get(name), name) for name in ("start_date", "end_date")
    )
    if start > end:
        raise HTTPException(422, "start_date must not be after end_date")
    return start, end


def _names(
    body: Mapping[str, Any], field: str, known: Sequence[str] | Mapping[str, object]
) -> tuple[str, ...]:
    names = body.get(field, [])
    if not isinstance(names, list):
        raise HTTPException(422, f"{field} must be an array")
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise HTTPException(422, f"{field}: unknown name {json.dumps(name)}")
    return tuple(dict.fromkeys(names))


def _filters(filters: object) -> dict[str, list[Any]]:
    if not isinstance(filters, dict) or not all(
        isinstance(values, list) for values in filters.values()
    ):
        raise HTTPException(422, "filters must be an object of arrays")
    for name in filters:
        if name not in DIMENSIONS:
            raise HTTPException(422, f"filters: unknown name {json.dumps(name)}")
    return filters


def _time_zone(name: object) -> str:
    try:
        ZoneInfo(str(name))
    # A name that is a folder, or a path out of the database, raises other errors.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        text = json.dumps(name)
        raise HTTPException(422, f"time_zone: unknown name {text}") from None
    return str(name)
