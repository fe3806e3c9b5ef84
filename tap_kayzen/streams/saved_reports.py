"""Saved reports: their definitions, and their rows."""

from __future__ import annotations

import re
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_kayzen.api.errors import ReadError, RefusedError
from tap_kayzen.messages import report_messages, stream_messages
from tap_kayzen.reading.pages import FIRST_PAGE, Page
from tap_kayzen.reading.paging import AnnouncedPaging
from tap_kayzen.reading.windows import Range
from tap_kayzen.records.converter import ADVERTISER, EXTRA
from tap_kayzen.records.values import to_integer
from tap_kayzen.reports.columns import (
    DIMENSIONS,
    METRICS,
    OWN_ADVERTISER,
    column,
    names_by_id,
    schema,
)
from tap_kayzen.reports.definition import is_zone
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
"""What tells a text from a number, or from what stands in its place."""

_COLUMNS = {
    REPORT: column("integer", "Kayzen's number of the saved report."),
    DATE: column(
        "string", "Day that was asked for, in the report's time zone.", format="date"
    ),
    ADVERTISER: OWN_ADVERTISER,
    **{name: each for name, each in DIMENSIONS.items() if name != ADVERTISER},
    **METRICS,
}

_SCHEMA = schema(
    "Rows of saved reports, asked for day by day. A column is null where a report does "
    "not have it.",
    "report, day, and all columns that are no metrics",
    _COLUMNS,
)


class SavedReportsStream(ListStream):
    """Definitions of saved reports."""

    name = "reports"
    path = "/reports"
    max_page_size = 100

    def time_zones(self, context: Context | None) -> dict[int, str]:
        """Read the time zone of each saved report, by report ID.

        It is UTC where Kayzen names none that the IANA database has.
        """

        def needed(row: Record) -> Record:
            zone = str(row.get("time_zone_name"))
            return {"id": to_integer(row.get("id")), "zone": zone}

        rows, _ = self.read_for_others(context, needed, sys.maxsize)
        return {
            row["id"]: row["zone"] if is_zone(row["zone"]) else "UTC" for row in rows
        }


class ReportResultsStream(ReportRowsStream):
    """Rows of reports that were saved in the console.

    Which columns a saved report has is not known beforehand, nor whether the day is
    among them: so each day is requested alone.
    """

    name = "report_results"
    path = "/reports/{report_id}/report_results"
    replication_key = DATE
    window_days = 1
    rows_schema = _SCHEMA
    cut_short_hint = report_messages.USE_REPORTS()
    key_columns = (*DIMENSIONS, REPORT, DATE)

    def __init__(
        self, tap: Tap, services: Services, definitions: SavedReportsStream
    ) -> None:
        """Prepare the stream of the rows of these reports."""
        super().__init__(tap, services)
        self.fingerprint = {}
        self._definitions = definitions
        self._zones: dict[int, str] = {}
        self._missing: set[int] = set()
        self.selected_by_default = bool(self.config.get("report_ids"))

    def read(self, contexts: list[Context | None]) -> Iterator[Record]:
        """Read the days of each saved report and advertiser."""
        reports = self._saved_reports(contexts)
        if not reports:
            if not self.has_failed:
                self.logger.info("The account has no saved reports")
            return
        yield from super().read([*(reports[:1] if self.is_sampling else reports)])

    def _saved_reports(self, contexts: list[Context | None]) -> list[Context]:
        """Return each saved report to be read, with its advertiser."""
        wanted = self.config.get("report_ids")
        missing = set(wanted or ())
        self._zones = {}
        reports: list[Context] = []
        # In an order that does not depend on that of the settings: keys depend on it.
        for context in sorted(contexts, key=advertiser_of):
            zones: dict[int, str] = {}
            with self.isolated(context):
                zones = self._time_zones(context)
            missing -= zones.keys()
            chosen = zones.keys() if wanted is None else zones.keys() & {*wanted}
            # One that several advertisers see must not count twice.
            new = sorted(chosen - self._zones.keys())
            self._zones |= {number: zones[number] for number in new}
            reports += [{**(context or {}), REPORT: number} for number in new]
        # They may belong to an advertiser that failed.
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
        """Return how to recognize the last page of a day."""
        return AnnouncedPaging()

    def range_of(self, context: Context | None) -> Range:
        """Return the days that the settings ask for, in the saved report's zone."""
        return Range.of(self.config, self._zones[_report(context)])

    def query(self, slice_: Slice, page: int) -> dict[str, Any]:
        """Return the query: the day, and the page if Kayzen announced several."""
        first, last = slice_.days
        return {
            **super().query(slice_, page),
            "start_date": first,
            "end_date": last,
            **({"page": page} if page > FIRST_PAGE else {}),
        }

    def fetch_page(self, slice_: Slice, number: int) -> Page:
        """Fetch one page; that of a report deleted since is empty."""
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

    def may_move_bookmark(self, context: Context | None) -> bool:
        """Return whether the report of a partition exists."""
        return _report(context) not in self._missing

    def prepare(self, rows: list[Record], slice_: Slice) -> None:
        """Leave totals out; write the day into each row."""
        rows[:], totals = split(rows, _is_about)
        self.leave_out(totals)
        first, _ = slice_.days
        for row in rows:
            row[DATE] = first

    def about(self, record: Record) -> dict[str, Any]:
        """Return all columns that seem to be no metric."""
        extra = record.get(EXTRA) or {}
        said = {
            name: value
            for name, value in {**record, **extra}.items()
            if name != EXTRA and value is not None
        }
        names = names_by_id([*said])
        return {
            name: value
            for name, value in said.items()
            if name not in names and _is_about(name, value)
        }


def _report(context: Context | None) -> int:
    return int((context or {})[REPORT])


def _is_about(name: str, value: object) -> bool:
    """Return whether a column is a dimension; many metrics are not documented."""
    if name in _COLUMNS:
        return name not in METRICS
    if name.endswith("_id") or isinstance(value, bool):
        return True
    # "N/A", "-" and "12 %" stand for numbers too.
    return isinstance(value, str) and bool(WORD.search(value))
