"""Middleware that imitates an account, based on its account report.

``tap-kayzen --test=report`` prints account reports; docs/account-report.md has the
format.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.responses import Response

from tap_kayzen.sandbox.access import TOKEN_PATH
from tap_kayzen.sandbox.answers import json_object
from tap_kayzen.sandbox.clock import REAL_CLOCK, Clock
from tap_kayzen.sandbox.envelopes import ListPage, as_json, keys_of, wrapped
from tap_kayzen.sandbox.exchange import Exchange
from tap_kayzen.sandbox.list_calls import (
    AUDIENCES_PER_PAGE,
    DEFAULT_PER_PAGE,
    MAX_PER_PAGE,
)
from tap_kayzen.sandbox.made_up import HIDDEN, Shape, row_like, shape_of
from tap_kayzen.sandbox.report_builder import DIMENSIONS, METRICS
from tap_kayzen.sandbox.report_calls import ReportOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tap_kayzen.sandbox.basics import Record
    from tap_kayzen.sandbox.exchange import Answer

FORMAT = 1
"""Supported version of the report format."""

ALL_ROWS = 10**9
"""Page size that is larger than any list."""

LIKE_REPORTS = ReportOptions("meta", ALL_ROWS)
"""Options of the wrapped app: complete reports, for the middleware to paginate."""

REPORT_DATA = "/v1/report_data"

_DECODER = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def report_of(text: str) -> dict[str, Any]:
    """Parse an account report, as JSON or as Markdown that ends with JSON.

    Raises:
        ValueError: The text is not an account report.
    """
    blocks = re.findall(r"^```json\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    try:
        report = json.loads(blocks[-1] if blocks else text)
    except ValueError as error:
        msg = f"expected the output of tap-kayzen --test=report: {error}"
        raise ValueError(msg) from error
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        msg = f"expected the output of tap-kayzen --test=report in format {FORMAT}"
        raise ValueError(msg)
    return report


def summary(report: Mapping[str, Any]) -> str:
    """Return a line with the date of a report and its counts of calls."""
    statuses = [call["status"] for call in report["calls"] if "status" in call]
    refused = sum(not _is_good(status) for status in statuses)
    return (
        f"Behaving like the account report of {report['date']}: "
        f"{len(statuses)} calls, {refused} rejected"
    )


class Likeness:
    """ASGI middleware that makes an app respond like a reported account."""

    def __init__(
        self, app: ASGIApp, report: Mapping[str, Any], clock: Clock = REAL_CLOCK
    ) -> None:
        """Wrap an app that was created with the options `LIKE_REPORTS`.

        Args:
            app: The app.
            report: The account report.
            clock: Clock for delays.
        """
        self._app = app
        self._clock = clock
        self._headers = {
            name: value
            for name, value in report["limit_headers"].items()
            if name != HIDDEN
        }
        self._calls: list[tuple[re.Pattern[str], Mapping[str, Any], Shape]] = []
        for call in report["calls"]:
            if "status" in call:
                path = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(call["call"]))
                shape = shape_of(call.get("fields", {}))
                self._calls.append((re.compile(path), call, shape))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond like the account, if the report has the call."""
        name = f"{scope.get('method')} {scope.get('path')}"
        calls = [
            (call, shape) for path, call, shape in self._calls if path.fullmatch(name)
        ]
        if not calls:
            await self._app(scope, receive, send)
            return
        exchange = await Exchange.read(self._app, scope, receive, send, self._clock)
        body = json_object(exchange.request_body.decode(errors="replace"))
        chosen = next(
            ((call, shape) for call, shape in calls if _has_columns(call, body)),
            calls[0],
        )
        response = await self._response(exchange, *chosen)
        response.headers.update(self._headers)
        await exchange.respond(response)

    async def _response(
        self, exchange: Exchange, call: Mapping[str, Any], shape: Shape
    ) -> Response:
        page = await self._page(exchange, call)
        if not isinstance(page, ListPage):
            return Response(page.body, page.status, page.headers)
        if exchange.path == TOKEN_PATH:
            return as_json(row_like(keys_of(call["body"]), page.rest, 0))
        refused = _too_long(call, exchange.parameters)
        if refused or not _is_good(call["status"]):
            status = refused or call["status"] or HTTPStatus.SERVICE_UNAVAILABLE
            body = call["refusal"] if refused else call["body"]
            return wrapped(body, replace(page, rows=[]), status)
        is_exact = exchange.path != REPORT_DATA or _has_columns(
            call, exchange.parameters
        )
        rows = [
            row_like(shape, row, place)
            if is_exact
            else {**row, **row_like(_common_shape(shape, row), row, place)}
            for place, row in enumerate(page.rows, page.first)
        ]
        return wrapped(call["body"], replace(page, rows=rows), call["status"])

    async def _page(
        self, exchange: Exchange, call: Mapping[str, Any]
    ) -> ListPage | Answer:
        """Return the requested rows, or the response of the app if it is an error."""
        first, size = _page_bounds(call, exchange)
        step = _app_page_size(exchange.path, size)
        start = first // step
        page, rows = start, []
        while True:
            page += 1
            answer = await _fetch(exchange, page, step)
            if not _is_good(answer.status):
                return answer
            content = _DECODER.decode(answer.body)
            found, rest = _split(content)
            rows += found
            meta = rest.get("meta", {})
            skipped = first - start * step
            if len(rows) >= skipped + size or page >= meta.get("total_pages", page):
                break
        total = meta.get("total_entries", len(rows))
        rows = rows[skipped : skipped + size]
        if call.get("rows") == 0:
            rows, total = [], 0
        return ListPage(rows, first, size, total, rest)


def _is_good(status: int) -> bool:
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def _has_columns(call: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Return whether a request has the metrics and dimensions of a call."""
    asked = call.get("asked", {})
    return all(set(body.get(name, ())) == set(asked[name]) for name in asked)


def _page_bounds(call: Mapping[str, Any], exchange: Exchange) -> tuple[int, int]:
    """Return the position of the first requested row, and the page size."""
    paging = {**call.get("paging", {})}
    if call.get("is_limit"):
        paging["page_size"] = call["largest_page"]
    max_size = paging.get("page_size", ALL_ROWS)
    parameters = exchange.parameters
    size = ALL_ROWS
    if paging.get("per_page") != "ignored":
        size = int(parameters.get("per_page", _default_size(exchange.path)))
    size = min(size, max_size)
    page = 1 if paging.get("page") == "ignored" else int(parameters.get("page", 1))
    return (page - 1) * size, size


def _default_size(path: str) -> int:
    """Return the default page size."""
    if path == "/audiences":
        return AUDIENCES_PER_PAGE
    return ALL_ROWS if path.count("/") > len("//") else DEFAULT_PER_PAGE


def _app_page_size(path: str, size: int) -> int:
    """Return the page size for requests to the wrapped app."""
    if path == "/audiences":
        return AUDIENCES_PER_PAGE
    return size if "report_" in path else min(size, MAX_PER_PAGE)


async def _fetch(exchange: Exchange, page: int, per_page: int) -> Answer:
    if exchange.path == TOKEN_PATH:
        return await exchange.call_app()
    if exchange.scope["method"] == "GET":
        return await exchange.call_app(page=page, per_page=per_page)
    body = {**exchange.parameters, "page": page, "per_page": per_page}
    # The account may have metrics that the sandbox does not have.
    for name, known in (("metrics", METRICS), ("group_by", DIMENSIONS)):
        body[name] = [each for each in body.get(name, []) if each in known]
    body["metrics"] = body["metrics"] or ["impressions"]
    return await replace(exchange, request_body=json.dumps(body).encode()).call_app()


def _too_long(call: Mapping[str, Any], asked: Mapping[str, Any]) -> int:
    """Return the HTTP status for a date range that is too long; otherwise 0."""
    refused = {
        int(days): status
        for days, status in call.get("ranges", {}).items()
        if not _is_good(status)
    }
    if not refused or "refusal" not in call:
        return 0
    start, end = (
        date.fromisoformat(asked[name]) for name in ("start_date", "end_date")
    )
    (days, status) = min(refused.items())
    longest = max((int(each) for each in call["ranges"] if int(each) < days), default=0)
    return status if (end - start).days + 1 > longest else 0


def _split(content: Record) -> tuple[list[Record], Record]:
    """Split a response of the sandbox into rows and envelope."""
    for name in ("data", "bid_multipliers", "advertiser"):
        if name in content:
            rest = {**content}
            rows = rest.pop(name)
            return (rows if isinstance(rows, list) else [rows]), rest
    return [content], content


def _common_shape(shape: Shape, row: Record) -> Shape:
    """Return a shape reduced to the columns of a report with other columns."""
    children = {
        name: child
        for name, child in shape.children.items()
        if name in row or not child.facts.get("column")
    }
    return Shape(shape.facts, children)
