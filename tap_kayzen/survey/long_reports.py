"""Examines how reports handle long date ranges and large pages."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tap_kayzen.reading.windows import DateRange
from tap_kayzen.survey.bodies import split_body
from tap_kayzen.survey.calls import Call, requested_columns
from tap_kayzen.survey.interview import total_entries, write_fields
from tap_kayzen.survey.paged import FULL_PAGE_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tap_kayzen.streams.custom_reports import CustomReportStream
    from tap_kayzen.survey.interview import Entry, Interview
    from tap_kayzen.survey.observe import Fields
    from tap_kayzen.survey.probe import Answer

DAYS = 7
"""Number of days in the first request."""

LONG_RANGES_DAYS = (31, 92, 366)
"""Numbers of days in further requests, which stop at the first rejection."""

LARGE_PAGE_ROWS = 10_000
"""Page size to try: the maximum of `report_page_size`."""

LIMIT_MULTIPLE_ROWS = 100
"""A server-side page limit is likely to be a multiple of this."""


def survey_report(
    interview: Interview, stream: CustomReportStream, *, is_first: bool
) -> None:
    """Request a few days of a report.

    Args:
        interview: Sends the requests.
        stream: The report.
        is_first: Whether to try long date ranges and large pages, too.
    """
    last = last_day(interview.config, stream.report.time_zone)
    call = Call.of_stream(stream).for_days(last, DAYS)
    answer = interview.request(call, per_page=FULL_PAGE_ROWS)
    fields = interview.fields(call)
    entry, body = interview.record(call, answer, fields)
    entry["asked"] = requested_columns(stream)
    if not answer.is_good or not is_first:
        return
    if body.rows:
        entry["paging"] = interview.paging(call, answer, body)
    entry["ranges"] = {str(DAYS): answer.status}
    for days in LONG_RANGES_DAYS:
        is_large = days == LONG_RANGES_DAYS[0]
        longer = call.for_days(last, days)
        answer = interview.request(longer, per_page=LARGE_PAGE_ROWS if is_large else 1)
        interview.log_range(call, days, answer)
        entry["ranges"][str(days)] = answer.status
        if not answer.is_good:
            entry["refusal"] = interview.refusal(answer)
            break
        if is_large:
            _survey_large_page(interview, entry, longer, answer, fields)


def _survey_large_page(
    interview: Interview, entry: Entry, call: Call, answer: Answer, fields: Fields
) -> None:
    rows = split_body(answer.body).rows
    entry["largest_page"] = len(rows)
    total = total_entries(answer.body)
    is_limit = total is not None and len(rows) < min(total, LARGE_PAGE_ROWS)
    if (
        total is None
        and rows
        and len(rows) % LIMIT_MULTIPLE_ROWS == 0
        and len(rows) < LARGE_PAGE_ROWS
    ):
        # A round number may be a limit of the server. If so, there is a second page.
        second = interview.request(call, page=2, per_page=LARGE_PAGE_ROWS)
        is_limit = second.is_good and bool(split_body(second.body).rows)
    entry["is_limit"] = is_limit
    for row in rows:
        fields.add(row)
    write_fields(entry, call, fields)


def last_day(config: Mapping[str, Any], zone: str) -> date:
    """Return the last day that a sync would read; at most yesterday."""
    days = DateRange.from_config(config, zone)
    return min(days.end, days.today - timedelta(days=1))
