"""The report calls: what they take, what they refuse, and their answers."""

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
"""Rows a page, when the request does not say; the only number that was ever seen."""

CACHED_REPORTS = 64
"""As many as a client may well read at once."""

ALL_REPORTS = 10_000
"""As many as a client reads in a run that is measured."""


@dataclass(frozen=True)
class ReportOptions:
    """How the report calls behave, where Kayzen's way is not known.

    Attributes:
        paging: What comes of `page`: ``short`` gives that page and no more, ``meta``
            tells the number of pages beside it, as lists do, ``ignored`` gives the
            first page whatever was asked for.
        max_rows: Rows a page has at most, whatever `per_page` says.
        max_days: Days that a call may ask for, if there is a limit.
        retention_days: Days before today for which rows are kept, if limited.
    """

    paging: Paging = "short"
    max_rows: int = 10_000
    max_days: int | None = None
    retention_days: int | None = None


DEFAULT_REPORT_OPTIONS = ReportOptions()


class ReportCalls:
    """Answers report calls, and remembers the last rows for their next pages."""

    def __init__(
        self, dataset: Dataset, options: ReportOptions, most: int = CACHED_REPORTS
    ) -> None:
        """Report on a dataset.

        Args:
            dataset: What to report on.
            options: How to.
            most: How many reports to remember.
        """
        self._dataset = dataset
        self._most = most
        self._options = options
        self._cache: OrderedDict[object, list[bytes]] = OrderedDict()

    def data(self, advertiser: int, body: Mapping[str, Any]) -> bytes:
        """Answer ``POST /v1/report_data``.

        Args:
            advertiser: Whose numbers to give.
            body: What was asked for.

        Raises:
            HTTPException: Something is wrong with that.
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
        """Answer ``GET /v1/reports/{id}/report_results``.

        Whether it has pages is not known. Here it has when answers tell their number,
        else all rows come at once.

        Args:
            report: The saved report.
            query: The parameters.

        Raises:
            HTTPException: Something is wrong with them.
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
        """Give the encoded rows, which another page may have needed already."""
        key = repr(request), self._dataset.report_version(advertiser, request)
        rows = self._cache.pop(key, None)
        if rows is None:
            rows = self._dataset.report(advertiser, request).encoded()
        self._cache[key] = rows
        if len(self._cache) > self._most:
            self._cache.popitem(last=False)
        return rows


def request_of(body: Mapping[str, Any]) -> ReportRequest:
    """Read the body of ``POST /v1/report_data``; unknown keys are ignored.

    Raises:
        HTTPException: Something in it is wrong; the message names it.
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
    """Read a body that should be a JSON object; None if it is not."""
    try:
        body = json.loads(content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def date_of(text: object, name: str) -> date:
    """Read a date.

    Raises:
        HTTPException: It is missing or no date.
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
    # Names that are folders or lead out of the database have errors of their own.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        text = json.dumps(name)
        raise HTTPException(422, f"time_zone: unknown name {text}") from None
    return str(name)
