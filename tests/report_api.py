"""Scripted report API shared by the tests of report rows, and readers for it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    ScriptedApi,
    json_response,
    sync,
    token_response,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest
    from starlette.responses import Response
    from support import Call, Run

    Row = dict[str, Any]
    Config = dict[str, Any]

NAME = "campaign_performance"
PATH = "/v1/report_data"
DAYS = {"start_date": "2026-09-01", "end_date": "2026-09-20"}


def days_of(call: Call) -> tuple[str, str]:
    body = json.loads(call.body)
    return body["start_date"], body["end_date"]


def asked(api: ScriptedApi) -> list[tuple[str, str]]:
    """Return the requested pairs of days, sorted and distinct."""
    return sorted({days_of(call) for call in api.to(PATH)})


def row_of(day: str, campaign: int = 1, **more: object) -> Row:
    return {
        "day": day,
        "campaign_id": campaign,
        "campaign_name": f"Campaign {campaign}",
        "impressions": 1000,
        "clicks": 12,
        "installs": 3,
        "conversions": 2,
        "advertiser_spend": 3.5,
        "revenue_ltv": 1.25,
        **more,
    }


def between(first: str, last: str) -> list[str]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [
        str(start + timedelta(days=number)) for number in range((end - start).days + 1)
    ]


def paged(rows: Callable[[str], list[Row]]) -> Callable[[Call], Response]:
    """Answer report calls from a function that gives the rows of a day."""

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        body = json.loads(call.body)
        whole = [
            row
            for day in between(body["start_date"], body["end_date"])
            for row in rows(day)
        ]
        first = (body["page"] - 1) * body["per_page"]
        data = whole[first : first + body["per_page"]]
        return json_response({"headers": [], "data": data})

    return answer


def one_page(rows: list[Row]) -> Callable[[Call], Response]:
    """Answer all report calls with the same page of rows."""

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        page = json.loads(call.body)["page"]
        return json_response({"headers": [], "data": rows if page == 1 else []})

    return answer


def two_rows(day: str) -> list[Row]:
    return [row_of(day, 1), row_of(day, 2)]


def read(url: str, capsys: pytest.CaptureFixture[str], **changes: Any) -> Run:
    config = {**SAMPLE_CONFIG, "api_url": url, **DAYS, **changes}
    options = {
        name: config.pop(name) for name in ("state", "catalog") if name in config
    }
    return sync(config, capsys, streams=[NAME], **options)


def bookmarks(run: Run, stream: str = NAME) -> list[dict[str, Any]]:
    return [each["value"]["bookmarks"][stream] for each in run.of_type("STATE")]


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]


def state_of(day: str, **more: object) -> dict[str, Any]:
    bookmark = {"replication_key": "day", "replication_key_value": day, **more}
    return {"bookmarks": {NAME: bookmark}}
