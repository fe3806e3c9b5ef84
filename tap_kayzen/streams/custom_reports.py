"""Reports that the settings define."""

from __future__ import annotations

from copy import deepcopy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

from tap_kayzen.api.errors import ReadError, RefusedError
from tap_kayzen.reading.paging import GuessedPaging
from tap_kayzen.reading.windows import Range
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
    """A report of the setting `reports`."""

    path = "/report_data"
    http_method: ClassVar[str] = "POST"
    cut_short_hint = "raise `report_page_size`, or lower the report's `window_days`"
    hint = (
        "check the report's `metrics`, `group_by`, `filters` and `options`, and "
        "`advertiser_ids`; a smaller `window_days` asks for fewer days at once"
    )

    def __init__(self, tap: Tap, services: Services, report: Report) -> None:
        """Prepare the stream of a report; nothing is requested yet."""
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
        """Return how to recognize the last page of a window."""
        return GuessedPaging(
            self.config["report_page_size"], self._row_check.may_be_total
        )

    def slices_ahead(self) -> list[Slice]:
        """Return the windows of all contexts, by the state that the run began with."""
        # Neither read through the SDK, which would add entries, nor changed.
        state = self.tap_state.get("bookmarks", {}).get(self.name, {})
        partitions = [*state.get("partitions", ()), {**state, "context": None}]
        plans = []
        for context in self.contexts:
            found = (each for each in partitions if each["context"] == context)
            plans.append(self._plan_from(context, deepcopy(next(found, {}))))
        return [Slice(plan.context, each) for plan in plans for each in plan.windows]

    def range_of(self, context: Context | None) -> Range:  # noqa: ARG002
        """Return the days that the settings ask for, in the report's time zone."""
        by_month = "month" in self.report.group_by and not self.report.is_daily
        return Range.of(self.config, self.report.time_zone, by_month=by_month)

    def query(self, slice_: Slice, page: int) -> dict[str, Any]:  # noqa: ARG002
        """Return no query: all is in the body."""
        return {}

    def body(self, slice_: Slice, page: int) -> dict[str, Any]:
        """Return the body of a request: the report, the days, and the page."""
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
        """Fetch one page; a missing right is not a fault of the report."""
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
        """Rename columns, leave totals out, and add the range to rows without a day.

        Raises:
            ReadError: The rows lack a column of `group_by`.
        """
        for name, column in self.report.renamed.items():
            for row in rows:
                # A column that Kayzen itself sends under that name takes precedence.
                if name in row and row.get(column) is None:
                    row[column] = row.pop(name)
        try:
            rows[:], totals = self._row_check.split(rows, slice_)
        except ReadError as error:
            raise error.within(self.label(slice_), {}) from None
        self.leave_out(totals)
        if not self.report.is_daily:
            days = dict(zip(RANGE, slice_.days, strict=True))
            for row in rows:
                row.update(days)

    def about(self, record: Record) -> dict[str, Any]:
        """Return advertiser and dimensions, except for mere names."""
        # What came counts, even if the column's type cannot hold it.
        extra = record.get(EXTRA, {})
        return {
            name: extra.get(name) if record.get(name) is None else record[name]
            for name in self.key_columns
        }
