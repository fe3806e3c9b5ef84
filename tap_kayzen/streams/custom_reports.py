"""Reports defined in the setting `reports`."""

from __future__ import annotations

from copy import deepcopy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from tap_kayzen.api.errors import ReadError, RefusedError
from tap_kayzen.messages import report_messages
from tap_kayzen.reading.paging import GuessedPaging
from tap_kayzen.reading.windows import DateRange
from tap_kayzen.records.converter import EXTRA
from tap_kayzen.reports.columns import DAY, RANGE
from tap_kayzen.reports.rows import RowCheck
from tap_kayzen.streams.report_rows import ReportRowsStream
from tap_kayzen.streams.requesting import Slice

if TYPE_CHECKING:
    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.keys import Record
    from tap_kayzen.reading.pages import Page
    from tap_kayzen.reports.definition import Report
    from tap_kayzen.streams.requesting import Services


class CustomReportStream(ReportRowsStream):
    """Rows of a report defined in the setting `reports`."""

    path = "/report_data"
    http_method: ClassVar[str] = "POST"
    incomplete_hint = report_messages.FEWER_ROWS()
    hint = report_messages.CHECK_REPORT()

    def __init__(self, tap: Tap, services: Services, report: Report) -> None:
        """Initialize the stream without requesting anything."""
        self.report = report
        self.rows_schema = report.schema
        super().__init__(tap, services, report.name)
        self.fingerprint = report.fingerprint
        if report.is_daily:
            self.replication_key = DAY
        self.key_columns = report.key_columns
        self._row_check = RowCheck(report)
        self.window_days = report.window_days if report.is_daily else 0

    def paging(self) -> GuessedPaging:
        """Return the strategy for finding the last page of a window."""
        return GuessedPaging(
            self.config["report_page_size"], self._row_check.may_be_total
        )

    def upcoming_slices(self) -> list[Slice]:
        """Return the windows of all partitions, based on the initial state."""
        # Read directly, because the SDK would add entries; copied below, to keep it.
        state = self.tap_state.get("bookmarks", {}).get(self.name, {})
        partitions = [*state.get("partitions", ()), {**state, "context": None}]
        plans = []
        for context in self.contexts:
            found = (each for each in partitions if each["context"] == context)
            plans.append(self._plan_from(context, deepcopy(next(found, {}))))
        return [Slice(plan.context, each) for plan in plans for each in plan.windows]

    def date_range(self, context: Context | None) -> DateRange:  # noqa: ARG002
        """Return the configured date range, in the report's time zone."""
        by_month = "month" in self.report.group_by and not self.report.is_daily
        return DateRange.from_config(
            self.config, self.report.time_zone, by_month=by_month
        )

    def query(self, slice_: Slice, page: int) -> dict[str, Any]:  # noqa: ARG002
        """Return an empty query; all parameters are in the body."""
        return {}

    def body(self, slice_: Slice, page: int) -> dict[str, Any]:
        """Return the request body: the report, the days, and the page."""
        first, last = slice_.days
        return {
            **(slice_.context or {}),
            "start_date": first,
            "end_date": last,
            **self.report.body,
            "page": page,
            "per_page": self.config["report_page_size"],
        }

    def fetch_page(self, slice_: Slice, number: int) -> Page:
        """Fetch one page; replace the hint if permissions are missing."""
        try:
            return super().fetch_page(slice_, number)
        except RefusedError as error:
            is_about_right = error.status in {
                HTTPStatus.UNAUTHORIZED,
                HTTPStatus.FORBIDDEN,
            }
            if is_about_right and error.hint == self.hint_for(slice_):
                error.hint = super().hint
            raise

    def prepare(self, rows: list[Record], slice_: Slice) -> None:
        """Rename columns, remove totals, and add the date range to rows without a day.

        Raises:
            ReadError: The rows lack a column of `group_by`.
        """
        for name, column in self.report.renamed.items():
            for row in rows:
                # A column that Kayzen sends under that name takes precedence.
                if name in row and row.get(column) is None:
                    row[column] = row.pop(name)
        try:
            rows[:], totals = self._row_check.split(rows, slice_)
        except ReadError as error:
            raise error.within(self.label(slice_), {}) from None
        self.warn_of_totals(totals)
        if not self.report.is_daily:
            days = dict(zip(RANGE, slice_.days, strict=True))
            for row in rows:
                row.update(days)

    def key_values(self, record: Record) -> dict[str, Any]:
        """Return the values that identify a row: advertiser and dimensions."""
        # Include values in `EXTRA`, which do not match the types of their columns.
        extra = record.get(EXTRA, {})
        return {
            name: extra.get(name) if record.get(name) is None else record[name]
            for name in self.key_columns
        }
