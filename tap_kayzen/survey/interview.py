"""Makes the calls of a survey, and records the results."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tap_kayzen.api.client import KayzenClient
from tap_kayzen.reading.pages import parse_page
from tap_kayzen.streams.campaign_parts import CampaignDetailsStream
from tap_kayzen.streams.custom_reports import CustomReportStream
from tap_kayzen.streams.lookups import CitiesStream, LookupStream
from tap_kayzen.streams.requesting import Slice
from tap_kayzen.streams.saved_reports import ReportResultsStream
from tap_kayzen.survey.bodies import gateway_error, split_body
from tap_kayzen.survey.observe import Fields
from tap_kayzen.survey.paged import (
    FULL_PAGE_ROWS,
    PagingRequests,
    assess_paging,
    small_page_size,
)
from tap_kayzen.survey.probe import Probe
from tap_kayzen.survey.shapes import NameGuard

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from tap_kayzen.survey.bodies import Body
    from tap_kayzen.survey.calls import Call
    from tap_kayzen.survey.observe import Row
    from tap_kayzen.survey.probe import Answer

    Entry = dict[str, Any]


class Interview:
    """Makes the calls of one survey, and collects the entries of its report.

    Attributes:
        config: The settings.
        probe: Sends the requests.
        entries: Entries of the report so far, one per call.
    """

    def __init__(self, config: Mapping[str, Any], logger: logging.Logger) -> None:
        """Initialize the survey without sending anything."""
        self.config = config
        client = KayzenClient(config, fail_fast=True)
        private = [str(config["username"])]
        self._guard = NameGuard(client.wire.redactor.redact, private)
        self.probe = Probe(client, self._guard)
        self.entries: list[Entry] = []
        self._logger = logger

    def log_in(self) -> None:
        """Log in, and record the response.

        Raises:
            LoginError: Kayzen returned no token.
        """
        answer = self.probe.log_in()
        entry = self._add("", "POST /v1/authentication/token", answer)
        entry["body"] = self.refusal(answer)

    def skip(self, call: Call, reason: str) -> None:
        """Record that a call could not be made."""
        entry = {"stream": call.stream.name, "call": call.name, "skipped": reason}
        self.entries.append(entry)

    def request(self, call: Call, *, page: int = 1, per_page: int = 0) -> Answer:
        """Request a page without recording the response."""
        return self.probe.send(
            call.request(page, per_page),
            call.name,
            with_token=call.stream.with_token,
        )

    def read_list(self, call: Call) -> list[Row]:
        """Request a list, examine its paging, and return the rows of its first page."""
        answer = self.request(call, per_page=FULL_PAGE_ROWS)
        entry, body = self.record(call, answer, self.fields(call))
        # Other lookup lists presumably have the same paging as the longest, cities.
        is_similar = isinstance(call.stream, LookupStream) and not isinstance(
            call.stream, CitiesStream
        )
        if call.stream.is_paged and body.rows and not is_similar:
            entry["paging"] = self.paging(call, answer, body)
        return body.rows

    def paging(self, call: Call, answer: Answer, body: Body) -> Entry:
        """Examine the paging of a call by requesting a second page."""
        small = small_page_size(len(body.rows)) if call.has_page_size else None
        rows: list[Row] | None = None
        if len(body.rows) > 1:
            second = self.request(call, page=2, per_page=small or 0)
            if second.is_good:
                rows = split_body(second.body).rows
        return assess_paging(
            PagingRequests(FULL_PAGE_ROWS if call.has_page_size else None, small),
            [repr(row) for row in body.rows],
            None if rows is None else [repr(row) for row in rows],
            total_entries(answer.body),
        )

    # Results

    def fields(self, call: Call) -> Fields:
        """Return an empty `Fields` collection for a call."""
        is_report = isinstance(call.stream, (CustomReportStream, ReportResultsStream))
        return Fields(self._guard, call.columns, with_placeholders=is_report)

    def refusal(self, answer: Answer) -> Entry:
        """Describe a response without records, such as an error."""
        body = split_body(answer.body, has_rows=False).describe(self._guard)
        return body if answer.is_good else {**body, **gateway_error(answer.body)}

    def record(self, call: Call, answer: Answer, fields: Fields) -> tuple[Entry, Body]:
        """Record a response, and add its rows to the fields."""
        body = split_body(
            answer.body,
            has_rows=answer.is_good,
            is_object=isinstance(call.stream, CampaignDetailsStream),
        )
        entry = self._add(call.stream.name, call.name, answer)
        if not answer.is_good:
            entry["body"] = self.refusal(answer)
        else:
            entry["body"] = body.describe(self._guard)
            for row in body.rows:
                fields.add(row)
            entry["readable"] = _is_readable(call, answer.body)
            write_fields(entry, call, fields)
        return entry, body

    def log_range(self, call: Call, days: int, answer: Answer) -> None:
        """Log the response for a long date range, which can take a while."""
        status = answer.status or "none"
        self._logger.info("%s, %d days: HTTP %s", call.stream.path[1:], days, status)

    def _add(self, stream: str, call: str, answer: Answer) -> Entry:
        self._logger.info("%s: HTTP %s", call, answer.status or "none")
        entry: Entry = {
            "stream": stream,
            "call": call,
            "status": answer.status,
            "milliseconds": answer.milliseconds,
        }
        self.entries.append(entry)
        return entry


def write_fields(entry: Entry, call: Call, fields: Fields) -> None:
    """Add the fields and the missing documented columns to an entry."""
    entry["rows"] = fields.rows
    entry["fields"] = fields.describe()
    missing = call.expected - entry["fields"].keys() - entry["body"]["keys"].keys()
    # Saved reports have only some of the documented columns.
    if fields.rows and not isinstance(call.stream, ReportResultsStream):
        entry["never"] = sorted(missing)


def total_entries(body: bytes) -> int | None:
    """Return ``total_entries`` of a response, if any."""
    with suppress(ValueError):
        return parse_page(body).total_entries
    return None


def _is_readable(call: Call, body: bytes) -> bool:
    """Return whether the tap can parse a body."""
    with suppress(ValueError):
        call.stream.parse(body, Slice(call.context, call.window))
        return True
    return False
