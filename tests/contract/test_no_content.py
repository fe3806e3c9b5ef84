"""HTTP 204, and web pages in place of JSON, in all kinds of streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.responses import Response
from support import SAMPLE_CONFIG, TOKEN_PATH, page_response, sync, token_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Serve
    from support import Call, Run

DAYS = {"start_date": "2026-09-19", "end_date": "2026-09-20"}
ROWS: dict[str, list[dict[str, Any]]] = {
    "/v1/meta/campaigns": [{"id": 1}, {"id": 2}],
    "/v1/reports": [{"id": 5}],
}
"""Rows by path that further requests depend on."""


def with_nothing_but(response: Response, *also: str) -> Callable[[Call], Response]:
    """Answer paths in `ROWS` except `also` with rows, and others with `response`."""

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        rows = ROWS.get(call.path)
        if rows is None or call.path in also:
            return response
        return page_response(rows, total_pages=1, total_entries=len(rows))

    return answer


def read(url: str, stream: str, capsys: pytest.CaptureFixture[str]) -> Run:
    options = {"max_retries": 0, "emit_activate_version_messages": True, **DAYS}
    config = {**SAMPLE_CONFIG, "api_url": url, **options}
    return sync(config, capsys, streams=[stream])


@pytest.mark.parametrize(
    "stream",
    [
        "balance",
        "campaign_bid_multipliers",
        "campaign_changelogs",
        "campaign_details",
        "campaign_performance",
        "orders",
        "report_results",
    ],
)
def test_no_content_means_no_rows_and_deletes_none(
    stream: str, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(with_nothing_but(Response(status_code=204)))
    run = read(url, stream, capsys)
    assert {each["type"] for each in run.messages} == {"SCHEMA", "STATE"}


def test_an_empty_page_between_others_does_not_end_the_list(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        if "page=2" in call.query:
            return Response(status_code=204)
        number = int("page=3" in call.query)
        return page_response([{"id": number}], total_pages=3, total_entries=2)

    url, _ = serve(answer)
    run = read(url, "orders", capsys)
    assert [record["id"] for record in run.records] == [0, 1]
