"""Examines how report calls handle long ranges and large pages."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from tap_kayzen.reading.windows import DateRange
from tap_kayzen.survey.bodies import take_apart
from tap_kayzen.survey.calls import Call, asked_for
from tap_kayzen.survey.interview import total_entries, write_fields
from tap_kayzen.survey.paged import FULL_PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tap_kayzen.streams.custom_reports import CustomReportStream
    from tap_kayzen.survey.interview import Entry, Interview
    from tap_kayzen.survey.observe import Fields
    from tap_kayzen.survey.probe import Answer

DAYS = 7
"""Days of the first call."""

LONG_RANGES = (31, 92, 366)
"""Days of further calls, until one is rejected."""

LARGE_PAGE = 10_000
"""Maximum of `report_page_size`."""

ROUND = 100
"""A limit on rows is likely to be a multiple of this."""


def ask_report(
    interview: Interview, stream: CustomReportStream, *, is_first: bool
) -> None:
    """Request a few days of a report; for the first one, also longer ranges."""
    last = last_day(interview.config, stream.report.time_zone)
    call = Call.of(stream).over(last, DAYS)
    answer = interview.ask(call, per_page=FULL_PAGE)
    fields = interview.fields(call)
    entry, body = interview.described(call, answer, fields)
    entry["asked"] = asked_for(stream)
    if not answer.is_good or not is_first:
        return
    if body.rows:
        entry["paging"] = interview.paging(call, answer, body)
    entry["ranges"] = {str(DAYS): answer.status}
    for days in LONG_RANGES:
        is_large = days == LONG_RANGES[0]
        longer = call.over(last, days)
        answer = interview.ask(longer, per_page=LARGE_PAGE if is_large else 1)
        interview.note_range(call, days, answer)
        entry["ranges"][str(days)] = answer.status
        if not answer.is_good:
            entry["refusal"] = interview.refusal(answer)
            break
        if is_large:
            _ask_large_page(interview, entry, longer, answer, fields)


def _ask_large_page(
    interview: Interview, entry: Entry, call: Call, answer: Answer, fields: Fields
) -> None:
    rows = take_apart(answer.body).rows
    entry["largest_page"] = len(rows)
    total = total_entries(answer.body)
    is_limit = total is not None and len(rows) < min(total, LARGE_PAGE)
    if total is None and rows and len(rows) % ROUND == 0 and len(rows) < LARGE_PAGE:
        # A round number may be a limit: it is one if there is a second page.
        second = interview.ask(call, page=2, per_page=LARGE_PAGE)
        is_limit = second.is_good and bool(take_apart(second.body).rows)
    entry["is_limit"] = is_limit
    for row in rows:
        fields.add(row)
    write_fields(entry, call, fields)


def last_day(config: Mapping[str, Any], zone: str) -> date:
    """Return the last day that a sync would read, at most yesterday."""
    days = DateRange.from_config(config, zone)
    return min(days.end, days.today - timedelta(days=1))
