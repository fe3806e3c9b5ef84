"""The calls of a survey, derived from the streams."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

from tap_kayzen.reading.keys import KEY
from tap_kayzen.reading.pages import FIRST_PAGE
from tap_kayzen.reading.windows import Window
from tap_kayzen.records.converter import ADVERTISER, EXTRA
from tap_kayzen.reports.columns import RANGE
from tap_kayzen.streams.custom_reports import CustomReportStream
from tap_kayzen.streams.requesting import Slice
from tap_kayzen.streams.saved_reports import DATE, REPORT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from singer_sdk.helpers.types import Context

    from tap_kayzen.streams.base import KayzenStream

OWN_COLUMNS = {EXTRA, KEY, ADVERTISER, DATE, REPORT, *RANGE, "date"}
"""Columns that the tap adds, so they can be missing from responses."""


@dataclass(frozen=True)
class Call:
    """A call that a stream makes for one advertiser.

    Attributes:
        stream: The stream that makes the call.
        path: Path with placeholders, such as ``/campaigns/{campaign_id}/detail``.
        context: The advertiser, and the campaign or saved report, if any.
        window: The days of a report.
    """

    stream: KayzenStream
    path: str
    context: Context | None
    window: Window | None = None

    @classmethod
    def of_stream(cls, stream: KayzenStream, **context: int) -> Call:
        """Return the call of a stream for its first advertiser.

        Args:
            stream: The stream.
            context: Other context keys, such as ``campaign_id=7``.
        """
        whole = {**(stream.contexts[0] or {}), **context}
        return cls(stream, stream.path, whole or None)

    def for_days(self, last: date, days: int) -> Call:
        """Return the call for a number of days that end with `last`."""
        return replace(self, window=Window(last - timedelta(days=days - 1), last))

    @property
    def name(self) -> str:
        """Method and path, such as ``GET /v1/orders``."""
        prefix = "/v1" if self.stream.with_token else ""
        return f"{self.stream.http_method} {prefix}{self.path}"

    @property
    def has_page_size(self) -> bool:
        """Whether the requests have a page size."""
        return "per_page" in self._parameters(FIRST_PAGE)

    def _parameters(self, page: int) -> Mapping[str, Any]:
        slice_ = Slice(self.context, self.window)
        return self.stream.body(slice_, page) or self.stream.query(slice_, page)

    def request(self, page: int = FIRST_PAGE, per_page: int = 0) -> requests.Request:
        """Return the request for a page.

        Args:
            page: Number of the page.
            per_page: Page size, for calls that have one; 0 for the configured size.
        """
        slice_ = Slice(self.context, self.window)
        query = self.stream.query(slice_, page)
        body = self.stream.body(slice_, page)
        size = {"per_page": per_page} if per_page and self.has_page_size else {}
        path = self.path.format_map(
            {name: quote(str(value)) for name, value in (self.context or {}).items()}
        )
        return requests.Request(
            self.stream.http_method,
            f"{self.stream.url_base}{path}",
            params=query if body else {**query, **size},
            json={**body, **size} if body else None,
        )

    @property
    def columns(self) -> dict[str, dict[str, Any]]:
        """JSON Schemas of the documented columns, by Kayzen's names."""
        properties: dict[str, dict[str, Any]] = self.stream.schema["properties"]
        renamed = (
            {column: name for name, column in self.stream.report.renamed.items()}
            if isinstance(self.stream, CustomReportStream)
            else {}
        )
        return {renamed.get(name, name): each for name, each in properties.items()}

    @property
    def expected(self) -> set[str]:
        """Names of the columns that a response should have."""
        columns = self.columns
        own = OWN_COLUMNS | set(self.context or {})
        own |= {f"{name}_list" for name in columns}
        if isinstance(self.stream, CustomReportStream):
            own -= {*self.stream.report.dimensions}
        return set(columns) - own


def requested_columns(stream: KayzenStream) -> dict[str, list[str]]:
    """Return the metrics and dimensions of a report; empty for other streams."""
    if not isinstance(stream, CustomReportStream):
        return {}
    report = stream.report
    return {"metrics": list(report.metrics), "group_by": list(report.dimensions)}
