"""An account of the sandbox whose API is in many ways not the documented one."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware
from starlette.responses import Response
from support import SAMPLE_CONFIG, json_response

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.clock import REAL_CLOCK
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.exchange import Exchange
from tap_kayzen.sandbox.likeness import LIKE_REPORTS, Likeness
from tap_kayzen.sandbox.report_calls import DEFAULT_REPORT_OPTIONS
from tap_kayzen.sandbox.server import running
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tap_kayzen.sandbox.report_calls import ReportOptions

    Change = Callable[[Exchange], Awaitable[Response]]
    Report = dict[str, Any]

COUNTS = ("absent", "null", "unreadable", "rows", "largest_page")
FLEETING = ("date", "milliseconds", "requests", "seconds")

ACCOUNT: dict[str, Any] = {
    **SAMPLE_CONFIG,
    "audience_api_key": Credentials().audience_api_key,
    "reports": [
        {
            "name": "daily",
            "metrics": ["impressions", "advertiser_spend", "installs"],
            "group_by": ["day", "country"],
        },
        {"name": "by_month", "metrics": ["clicks"], "group_by": ["month", "os"]},
    ],
}
"""Settings with all kinds of streams."""


async def content(exchange: Exchange, **query: int) -> dict[str, Any]:
    answer = await exchange.call_app(**query)
    parsed: dict[str, Any] = json.loads(answer.body)
    return parsed


async def of_own_size(exchange: Exchange) -> Response:
    """Return pages of three rows, regardless of the requested size."""
    return json_response(await content(exchange, per_page=3))


async def bare_first_page(exchange: Exchange) -> Response:
    """Return the first page for every page number, without an envelope."""
    return json_response((await content(exchange, page=1))["data"])


async def forbidden(_: Exchange) -> Response:
    return json_response({"error": {"code": 7, "message": "Not for you"}}, 403)


async def missing(_: Exchange) -> Response:
    return Response(status_code=404)


async def broken(_: Exchange) -> Response:
    return Response("<html>Oh</html>", 500, media_type="text/html")


async def page_of_a_proxy(_: Exchange) -> Response:
    return Response("<html>Welcome</html>", media_type="text/html")


async def nothing(_: Exchange) -> Response:
    meta = {"current_page": 1, "total_pages": 1, "total_entries": 0}
    return json_response({"data": [], "meta": meta})


async def under_another_name(exchange: Exchange) -> Response:
    whole = await content(exchange)
    meta = {name: str(value) for name, value in whole["meta"].items()}
    rows = {"tracker_assets": whole["data"], "metadata": {**meta, "next": None}}
    return json_response(rows)


async def of_25_at_most(exchange: Exchange) -> Response:
    wanted = int(exchange.query.get("per_page", 25))
    return json_response(await content(exchange, per_page=min(wanted, 25)))


async def other_fields(exchange: Exchange) -> Response:
    whole = await content(exchange)
    for row in whole["data"]:
        number = row["id"]
        del row["status"], row["day_budget"]
        row["is_active"] = ("yes", "no", 1)[number % 3]
        row["target_bid"] = f"${1234.5 + number:,.2f}" if number % 2 else "0.5 %"
        row["id"] = str(number)
        row["updated_at"] = row["updated_at"][:10].replace("-", "/")
        row["pacing"] = {"mode": "even", "hours": [1, 2], "by_day": {"2026-11-01": 5}}
        row["score"] = (None, 0.5, 7)[number % 3]
        if number % 4:
            row["labels"] = {f"of{number}@example.com": "x"}
    return json_response(whole)


async def amounts_and_words(exchange: Exchange) -> Response:
    """Write amounts, days, and missing values of reports as people do."""
    answer = await exchange.call_app()
    if answer.status != 200:
        body = {"errors": [{"field": "end_date", "detail": "Too long"}]}
        return json_response(body, 400)
    whole = json.loads(answer.body)
    for row in whole["data"]:
        if "day" in row:
            row["day"] += "T00:00:00Z"
            row["advertiser_spend"] = f"${row['advertiser_spend']:,.2f}"
            row["viewability"] = "71%"
            if row["country"] is None:
                row["country"] = ("", "N/A", None)[row["impressions"] % 3]
    return json_response(whole)


async def balance_in_data(exchange: Exchange) -> Response:
    return json_response({"data": (await content(exchange))["advertiser"]})


ODD: Mapping[str, Change] = {
    "/v1/orders": of_own_size,
    "/v1/creatives": bare_first_page,
    "/v1/tags": forbidden,
    "/v1/website_objects": missing,
    "/v1/meta/exchanges": broken,
    "/v1/app_objects": page_of_a_proxy,
    "/v1/app_lists": nothing,
    "/v1/tracker_assets": under_another_name,
    "/v1/asset_files": of_25_at_most,
    "/v1/campaigns": other_fields,
    "/v1/report_data": amounts_and_words,
    "/v1/balance": balance_in_data,
}


class Changed:
    """ASGI middleware that changes answers by path, and adds headers."""

    def __init__(
        self, app: ASGIApp, changes: Mapping[str, Change], headers: Mapping[str, str]
    ) -> None:
        self._app = app
        self._changes = changes
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        change = self._changes.get(scope.get("path", ""))
        if change is None:
            await self._app(scope, receive, send)
            return
        exchange = await Exchange.read(self._app, scope, receive, send, REAL_CLOCK)
        response = await change(exchange)
        response.headers.update(self._headers)
        await exchange.respond(response)


@contextmanager
def account(
    *layers: Middleware, reports: ReportOptions | None = None
) -> Generator[dict[str, Any]]:
    """Serve an account; give the settings that read it."""
    app = create_app(
        Dataset(campaigns=70, seed=1),
        Access(Credentials()),
        middleware=layers,
        reports=reports or DEFAULT_REPORT_OPTIONS,
    )
    with running(app) as url:
        yield {**ACCOUNT, "api_url": url, "audience_url": url}


def odd(headers: Mapping[str, str] | None = None) -> Middleware:
    return Middleware(Changed, changes=ODD, headers=headers or {})


def survey_of(config: Mapping[str, Any]) -> Report:
    return TapKayzen(config=dict(config)).survey()


def survey_like(report: Report) -> Report:
    """Survey a sandbox that behaves as a report says."""
    with ExitStack() as stack:
        layer = Middleware(Likeness, report=report)
        return survey_of(stack.enter_context(account(layer, reports=LIKE_REPORTS)))


def lasting(value: Any, name: str = "") -> Any:  # noqa: ANN401
    """Leave out of a report what is different each time; counts are some or none."""
    if isinstance(value, dict):
        return {
            key: lasting(each, key)
            for key, each in value.items()
            if key not in FLEETING
        }
    if isinstance(value, list):
        return [lasting(each) for each in value]
    return bool(value) if name in COUNTS else value


def call_of(report: Report, name: str) -> dict[str, Any]:
    """Return the first entry of a call, such as ``GET /v1/orders``."""
    calls: Sequence[dict[str, Any]] = report["calls"]
    return next(call for call in calls if call["call"] == name)
