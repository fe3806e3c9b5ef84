"""Rows of reports: those of the settings, and those saved in the console."""

from __future__ import annotations

import re
from functools import cached_property
from http import HTTPStatus
from operator import itemgetter
from typing import TYPE_CHECKING, Any, cast

from singer_sdk.exceptions import FatalAPIError

from tap_kayzen.api.transport import RefusedError
from tap_kayzen.reading.pages import FIRST_PAGE
from tap_kayzen.reading.paging import AnnouncedPaging, GuessedPaging, parse_raw
from tap_kayzen.reading.windows import Range
from tap_kayzen.records.converter import ADVERTISER, EXTRA
from tap_kayzen.reports.columns import (
    DAY,
    DIMENSIONS,
    METRICS,
    OWN_ADVERTISER,
    RANGE,
    Column,
    names_by_id,
    schema,
)
from tap_kayzen.streams.entities import ReportsStream
from tap_kayzen.streams.report_rows import ReportRowsStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.paging import RawPage
    from tap_kayzen.reading.windows import Window
    from tap_kayzen.reports.definition import Report
    from tap_kayzen.streams.report_rows import Call, Part, Record
    from tap_kayzen.tap import TapKayzen


def _value(record: Record, name: str) -> Any:  # noqa: ANN401
    """Give what came for a column, even if the column's type cannot hold it."""
    value = record.get(name)
    if value is None and EXTRA in record:
        return record[EXTRA].get(name)
    return value


class CustomReportStream(ReportRowsStream):
    """A report of the setting `reports`."""

    path = "/report_data"
    way_out = "raise `report_page_size`, or lower the report's `window_days`"
    http_method = "POST"

    def __init__(self, tap: TapKayzen, report: Report) -> None:
        """Prepare the stream of a report; nothing is asked of Kayzen yet."""
        self.report = report
        self.rows_schema = report.schema
        super().__init__(tap, report.name)
        if report.is_daily:
            self.replication_key = DAY
        self.key_columns = report.key_columns
        self.window_days = report.window_days if report.is_daily else 0

    @property
    def hint(self) -> str:
        """What to do when Kayzen does not accept the request."""
        return (
            "check the report's `metrics`, `group_by`, `filters` and `options`, and "
            "`advertiser_ids`; a smaller `window_days` asks for fewer days at once"
        )

    @property
    def fingerprint(self) -> dict[str, str]:
        """Tells this report from what it was before a change of the settings."""
        return self.report.fingerprint

    def paging(self) -> GuessedPaging:
        """Choose how the last page of a window is recognised."""
        return GuessedPaging(self.config["report_page_size"])

    def range_of(self, context: Context | None) -> Range:  # noqa: ARG002
        """Say which days the settings ask for, in the report's time zone."""
        if self.report.unknown:
            self._tell_once(
                "Not in Kayzen's public documentation: %s; metrics of this kind are "
                "taken for numbers, dimensions for text",
                ", ".join(self.report.unknown),
            )
        days = Range.of(self.config, self.report.time_zone)
        return days if self.report.is_daily else days.from_whole(self.report.group_by)

    def get_url_params(
        self,
        context: Context | None,  # noqa: ARG002
        next_page_token: Any,  # noqa: ANN401, ARG002
    ) -> dict[str, Any]:
        """Build no query: all is in the body."""
        return {}

    def prepare_request_payload(
        self, context: Context | None, next_page_token: Call | None
    ) -> dict[str, Any] | None:
        """Build the body: the report, the days, and the page."""
        if next_page_token is None:
            return None
        window, page = next_page_token
        return {
            **(context or {}),
            "start_date": str(window.first),
            "end_date": str(window.last),
            **self.report.body,
            "page": page,
            "per_page": self.config["report_page_size"],
        }

    def prepare(self, rows: list[Record], window: Window) -> None:
        """Give columns names without quotes, and rows without a day their range."""
        for name, column in self.report.renamed.items():
            for row in rows:
                if name in row:
                    row[column] = row.pop(name)
        if not self.report.is_daily:
            days = dict(zip(RANGE, (str(window.first), str(window.last)), strict=True))
            for row in rows:
                row.update(days)

    def about(self, record: Record) -> dict[str, Any]:
        """Say what a row is about: advertiser and dimensions, but for mere names."""
        return {name: _value(record, name) for name in self.key_columns}


REPORT = "report_id"
DATE = "report_date"
NOTHING = b'{"data": []}'

WORD = re.compile(r"(?!n/?a|null|none|nan|inf)[^\W\d_]{2}", re.IGNORECASE)
"""What tells a text from a number, or from what stands in its place."""

_COLUMNS = {
    REPORT: Column("integer", "Kayzen's number of the saved report."),
    DATE: Column(
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


class ReportResultsStream(ReportRowsStream):
    """Rows of reports that were saved in the console.

    Which columns a saved report has is not known beforehand, nor whether the day is
    among them: so each day is asked for by itself.
    """

    name = "report_results"
    path = "/reports/{report_id}/report_results"
    replication_key = DATE
    window_days = 1
    rows_schema = _SCHEMA
    way_out = "read the same by an entry of `reports` instead"
    key_columns = (*DIMENSIONS, REPORT, DATE)

    def __init__(self, tap: TapKayzen) -> None:
        """Prepare the stream; nothing is asked of Kayzen yet."""
        super().__init__(tap)
        self._gone: set[int | None] = set()
        self.selected_by_default = bool(self.config.get("report_ids"))

    @property
    def partitions(self) -> list[dict[str, Any]] | None:
        """One partition a saved report and advertiser."""
        partitions = [
            {**(context or {}), REPORT: number}
            for context, zones in self._saved
            for number in zones
        ]
        # A connection test wants one row.
        return partitions[: None if self.ABORT_AT_RECORD_COUNT is None else 1] or None

    @cached_property
    def _saved(self) -> list[tuple[Context | None, dict[int, str]]]:
        """The saved reports that are to be read, with their time zones.

        Raises:
            FatalAPIError: One that the settings name is not there.
        """
        definitions = cast("ReportsStream", self._tap.streams[ReportsStream.name])
        wanted = self.config.get("report_ids")
        saved: list[tuple[Context | None, dict[int, str]]] = []
        missing = set(wanted or ())
        # In an order that does not depend on that of the settings: keys depend on it.
        advertisers = sorted(self.advertisers, key=itemgetter(ADVERTISER))
        contexts: list[Context | None] = [*advertisers]
        for context in contexts or [None]:
            try:
                zones = definitions.time_zones(context)
            except RefusedError as error:
                words = str(error).replace(definitions.hint, self.hint)
                msg = f"{self.name}, which needs the saved reports: {words}"
                raise RefusedError(msg, error.status) from error
            missing -= zones.keys()
            chosen = zones.keys() if wanted is None else zones.keys() & {*wanted}
            # One that several advertisers see must not count twice.
            new = sorted(chosen - {number for _, each in saved for number in each})
            saved.append((context, {number: zones[number] for number in new}))
        if missing:
            numbers = ", ".join(map(str, sorted(missing)))
            msg = (
                f"{self.name}: Kayzen has no saved report {numbers}; correct "
                "`report_ids`, the stream `reports` lists those that there are"
            )
            raise FatalAPIError(msg)
        return saved

    def records(self, context: Context | None) -> Iterator[Record]:
        """Read the days of a saved report."""
        if context is None:
            self.logger.info("There are no saved reports")
            return
        yield from super().records(context)

    def paging(self) -> AnnouncedPaging:
        """Choose how the last page of a day is recognised."""
        return AnnouncedPaging()

    def range_of(self, context: Context | None) -> Range:
        """Say which days the settings ask for, in the saved report's time zone."""
        number = (context or {})[REPORT]
        zone = next(zones[number] for _, zones in self._saved if number in zones)
        return Range.of(self.config, zone)

    def get_url_params(
        self,
        context: Context | None,
        next_page_token: Any,  # noqa: ANN401
    ) -> dict[str, Any]:
        """Build the query: the day, and the page if Kayzen spoke of several."""
        window, page = next_page_token
        return {
            **super().get_url_params(context, next_page_token),
            "start_date": str(window.first),
            "end_date": str(window.last),
            **({"page": page} if page > FIRST_PAGE else {}),
        }

    def fetch_page(self, part: Part, number: int) -> RawPage:
        """Get one page; that of a report that is gone meanwhile is empty."""
        context, _ = part
        report = (context or {}).get(REPORT)
        if report in self._gone:
            return parse_raw(NOTHING)
        try:
            return super().fetch_page(part, number)
        except RefusedError as error:
            if error.status != HTTPStatus.NOT_FOUND or self.config.get("report_ids"):
                raise
            if report not in self._gone:
                self._gone.add(report)
                words = "Saved report %s is left out: HTTP 404, deleted meanwhile?"
                self.logger.warning(words, report)
            return parse_raw(NOTHING)

    def is_good(self, context: Context | None) -> bool:
        """Tell whether the bookmark of a partition may move."""
        return (context or {}).get(REPORT) not in self._gone

    def prepare(self, rows: list[Record], window: Window) -> None:
        """Write the day into each row."""
        for row in rows:
            row[DATE] = str(window.first)

    def about(self, record: Record) -> dict[str, Any]:
        """Say what a row is about: by all that seems to be no metric."""
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


def _is_about(name: str, value: object) -> bool:
    """Tell dimensions from metrics, of which many are not documented."""
    if name in _COLUMNS:
        return name not in METRICS
    if name.endswith("_id") or isinstance(value, bool):
        return True
    # "N/A", "-" and "12 %" stand for numbers too.
    return isinstance(value, str) and bool(WORD.search(value))
