"""Saved reports: definitions and rows."""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_kayzen.api.errors import ReadError, RefusedError
from tap_kayzen.messages import report_messages, stream_messages
from tap_kayzen.reading.pages import FIRST_PAGE, Page
from tap_kayzen.reading.paging import AnnouncedPaging
from tap_kayzen.reading.windows import DateRange
from tap_kayzen.records.converter import ADVERTISER, EXTRA
from tap_kayzen.records.values import to_integer
from tap_kayzen.reports.columns import (
    DIMENSIONS,
    METRICS,
    OWN_ADVERTISER,
    column,
    redundant_names,
    schema,
)
from tap_kayzen.reports.definition import is_time_zone
from tap_kayzen.reports.totals import split
from tap_kayzen.streams.lists import ListStream
from tap_kayzen.streams.report_rows import ReportRowsStream
from tap_kayzen.streams.requesting import advertiser_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.keys import Record
    from tap_kayzen.streams.requesting import Services, Slice

REPORT = "report_id"
DATE = "report_date"
WORD = re.compile(r"(?!n/?a|null|none|nan|inf)[^\W\d_]{2}", re.IGNORECASE)
"""Matches text, but not numbers or placeholders such as ``N/A``."""

_COLUMNS = {
    REPORT: column("integer", "ID of the saved report."),
    DATE: column("string", "Requested day, in the report's time zone.", format="date"),
    ADVERTISER: OWN_ADVERTISER,
    **{name: each for name, each in DIMENSIONS.items() if name != ADVERTISER},
    **METRICS,
}

_SCHEMA = schema(
    "Rows of saved reports, requested day by day. Columns that a report lacks are "
    "null.",
    "the report, the day, and all columns that are not metrics",
    _COLUMNS,
)


class SavedReportsStream(ListStream):
    """Definitions of saved reports."""

    name = "reports"
    path = "/reports"
    max_page_size = 100

    def time_zones(self, context: Context | None) -> dict[int, str]:
        """Return the time zone of each saved report by report ID.

        Reports without a valid IANA time zone are in UTC.
        """

        def extract(row: Record) -> Record:
            zone = str(row.get("time_zone_name"))
            return {"id": to_integer(row.get("id")), "zone": zone}

        rows, _ = self.read_values(context, extract, sys.maxsize)
        return {
            row["id"]: row["zone"] if is_time_zone(row["zone"]) else "UTC"
            for row in rows
        }


class ReportResultsStream(ReportRowsStream):
    """Rows of reports saved in the console.

    The columns of a saved report are unknown in advance and may not include the day.
    Each day is therefore requested separately.
    """

    name = "report_results"
    path = "/reports/{report_id}/report_results"
    replication_key = DATE
    window_days = 1
    rows_schema = _SCHEMA
    incomplete_hint = report_messages.USE_REPORTS()
    key_columns = (*DIMENSIONS, REPORT, DATE)

    def __init__(
        self, tap: Tap, services: Services, definitions: SavedReportsStream
    ) -> None:
        """Initialize the stream, which reads the reports in `definitions`."""
        super().__init__(tap, services)
        self.fingerprint = {}
        self._definitions = definitions
        self._zones: dict[int, str] = {}
        self._missing: set[int] = set()
        self.selected_by_default = bool(self.config.get("report_ids"))

    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Yield the rows of each saved report, day by day."""
        reports = self._saved_reports(contexts)
        if not reports:
            if not self.has_failed:
                self.logger.info("The account has no saved reports")
            return
        yield from super().read([*(reports[:1] if self.is_sampling else reports)])

    def _saved_reports(self, contexts: list[Context | None]) -> list[Context]:
        """Return the contexts of the saved reports to read."""
        wanted = self.config.get("report_ids")
        missing = set(wanted or ())
        self._zones = {}
        reports: list[Context] = []
        # Sorted, so that keys do not depend on the order in the settings.
        for context in sorted(contexts, key=advertiser_of):
            zones: dict[int, str] = {}
            with self.isolated(context):
                zones = self._time_zones(context)
            missing -= zones.keys()
            chosen = zones.keys() if wanted is None else zones.keys() & {*wanted}
            # Several advertisers can have the same report; read it once.
            new = sorted(chosen - self._zones.keys())
            self._zones |= {number: zones[number] for number in new}
            reports += [{**(context or {}), REPORT: number} for number in new]
        # After a failure, they may belong to the advertiser that failed.
        if missing and not self.has_failed:
            ids = ", ".join(map(str, sorted(missing)))
            error = ReadError(
                report_messages.NO_SAVED_REPORT(ids=ids),
                what=self.name,
                hint=report_messages.CORRECT_IDS(),
            )
            self.failures.add(error, self.name, self.name)
            self.has_failed = True
        return reports

    def _time_zones(self, context: Context | None) -> dict[int, str]:
        try:
            return self._definitions.time_zones(context)
        except ReadError as error:
            what = stream_messages.NEEDS_SAVED_REPORTS(stream=self.name)
            raise error.within(what, {self._definitions.hint: self.hint}) from None

    def paging(self) -> AnnouncedPaging:
        """Return the strategy for finding the last page of a day."""
        return AnnouncedPaging()

    def date_range(self, context: Context | None) -> DateRange:
        """Return the configured date range, in the saved report's time zone."""
        return DateRange.from_config(self.config, self._zones[_report(context)])

    def query(self, slice_: Slice, page: int) -> dict[str, Any]:
        """Return the query parameters: the day, and the page after the first."""
        first, last = slice_.days
        return {
            **super().query(slice_, page),
            "start_date": first,
            "end_date": last,
            **({"page": page} if page > FIRST_PAGE else {}),
        }

    def fetch_page(self, slice_: Slice, number: int) -> Page:
        """Fetch one page; return an empty one if the report has been deleted."""
        report = _report(slice_.context)
        if report in self._missing:
            return Page([])
        try:
            return super().fetch_page(slice_, number)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND or self.config.get("report_ids"):
                raise
            self._missing.add(report)
            self.warn_once(stream_messages.REPORT_DELETED, about=report, id=report)
            return Page([])

    def can_advance_bookmark(self, context: Context | None) -> bool:
        """Return whether the report still exists."""
        return _report(context) not in self._missing

    def prepare(self, rows: list[Record], slice_: Slice) -> None:
        """Remove totals, and add the day to each row."""
        rows[:], totals = split(rows, _is_dimension)
        self.warn_of_totals(totals)
        first, _ = slice_.days
        for row in rows:
            row[DATE] = first

    def key_values(self, record: Record) -> dict[str, Any]:
        """Return the values that identify a row: all that are not metrics."""
        extra = record.get(EXTRA) or {}
        values = {
            name: value
            for name, value in {**record, **extra}.items()
            if name != EXTRA and value is not None
        }
        names = redundant_names([*values])
        return {
            name: value
            for name, value in values.items()
            if name not in names and _is_dimension(name, value)
        }


def _report(context: Context | None) -> int:
    return int((context or {})[REPORT])


def _is_dimension(name: str, value: object) -> bool:
    """Return whether a column is a dimension; guess if it is undocumented."""
    if name in _COLUMNS:
        return name not in METRICS
    if name.endswith("_id") or isinstance(value, bool):
        return True
    # Metrics can also be "N/A", "-", or "12 %".
    return isinstance(value, str) and bool(WORD.search(value))
