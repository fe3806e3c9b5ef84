"""Report rows over a real socket: what can go wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from report_api import (
    DAYS,
    NAME,
    PATH,
    bookmarks,
    days_of,
    one_page,
    paged,
    read,
    row_of,
    two_rows,
    warnings_in,
)
from singer_sdk.exceptions import FatalAPIError
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    json_response,
    token_response,
)

from tap_kayzen.messages import report_messages, stream_messages
from tap_kayzen.streams.failures import IncompleteError
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from conftest import Serve
    from starlette.responses import Response
    from support import Call

    Row = dict[str, Any]
    Config = dict[str, Any]


def test_a_refusal_names_the_report_the_days_and_a_hint(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return json_response({"error": "Unknown metric: installs"}, 422)

    url, _ = serve(answer)
    with pytest.raises(FatalAPIError) as caught:
        read(url, capsys, advertiser_ids=[5])
    assert str(caught.value) == (
        "campaign_performance of advertiser 5, 2026-09-01 to 2026-09-07, page 1: "
        "HTTP 422: Kayzen rejected the request; check the report's `metrics`, "
        "`group_by`, `filters`, and `options`, and `advertiser_ids`; a smaller "
        "`window_days` requests fewer days at once; if Kayzen no longer has rows "
        "for 2026-09-01 to 2026-09-07, set `start_date` to a later day. Kayzen's "
        "response: "
        '{"error": "Unknown metric: installs"}'
    )


def test_rows_before_an_error_are_kept(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    good = paged(two_rows)

    def answer(call: Call) -> Response:
        if call.path == PATH and days_of(call)[0] == "2026-09-15":
            return json_response({}, 403)
        return good(call)

    url, _ = serve(answer)
    config = {**SAMPLE_CONFIG, "api_url": url, **DAYS}
    tap = TapKayzen(config=config)
    capsys.readouterr()
    for name, stream in tap.streams.items():
        stream.selected = name == NAME
    with pytest.raises(FatalAPIError, match="2026-09-15 to 2026-09-20"):
        tap.sync_all()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(line["type"] == "RECORD" for line in lines) == 28
    states = [line["value"] for line in lines if line["type"] == "STATE"]
    assert states[-1]["bookmarks"][NAME]["replication_key_value"] == "2026-09-14"


def test_a_server_that_ignores_pages_is_not_trusted(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        rows = [row_of("2026-09-01", number) for number in range(10)]
        return json_response({"headers": [], "data": rows})

    url, _ = serve(answer)
    with pytest.raises(FatalAPIError) as caught:
        read(url, capsys, report_page_size=10)
    cause = report_messages.REPEATED_PAGE(number=2, rows=10)
    assert str(caught.value) == (
        "campaign_performance, 2026-09-01 to 2026-09-07: "
        f"{cause}; {report_messages.FEWER_ROWS()}"
    )


def test_rows_that_move_between_pages_are_found(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = [row_of("2026-09-01", number) for number in range(10)]
    moved = [whole[3], *whole[:3], *whole[4:]]

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        page = json.loads(call.body)["page"]
        rows = moved if len(api.to(PATH)) == 2 else whole
        return json_response({"data": rows[(page - 1) * 4 : page * 4]})

    url, api = serve(answer)
    run = read(url, capsys, end_date="2026-09-01", report_page_size=4, concurrency=1)
    assert sorted(row["campaign_id"] for row in run.records) == [*range(10)]


@pytest.mark.parametrize(
    "totals",
    [
        [{"day": "Total", "clicks": 9}],
        [{"clicks": 10**6, "impressions": 10**6}],
        [{"day": "Subtotal", "campaign_id": 1}, {"day": "Subtotal", "campaign_id": 2}],
    ],
)
def test_a_total_on_one_page_does_not_cut_off_the_others(
    totals: list[Row], serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server with pages of its own size, four rows, and without `meta`."""
    whole = [row_of("2026-09-01", number) for number in range(10)]

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        page = json.loads(call.body)["page"]
        rows = whole[(page - 1) * 4 : page * 4]
        return json_response({"data": [*rows, *totals] if page == 1 else rows})

    url, _ = serve(answer)
    run = read(url, capsys, end_date="2026-09-01", concurrency=1)
    assert [row["campaign_id"] for row in run.records] == [*range(10)]


@pytest.mark.parametrize("totals", [0, 1])
@pytest.mark.parametrize("missing", [0, 1])
def test_totals_do_not_make_up_for_missing_rows(
    missing: int, totals: int, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two pages announced with 8 rows, each with a total that is not announced."""
    whole = [row_of("2026-09-01", number) for number in range(8)]
    pages = {1: whole[:4], 2: whole[4 + missing :]}
    total = {**row_of("Total"), "campaign_id": None, "campaign_name": None}

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        rows = pages.get(json.loads(call.body)["page"], [])
        meta = {"total_pages": 2, "total_entries": 8}
        return json_response({"data": rows + [total] * totals, "meta": meta})

    url, _ = serve(answer)
    run = read(url, capsys, end_date="2026-09-01")
    assert len(run.records) == 8 - missing
    is_complete = bookmarks(run)[-1].get("replication_key_value") == "2026-09-01"
    assert is_complete == (missing == 0)


@pytest.mark.parametrize("totals", [[], [{"day": "Total", "clicks": 9}]])
def test_pages_that_repeat_at_a_limit_are_an_error_with_totals_too(
    totals: list[Row], serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that ignores `page` and returns the first 100 rows of 500."""
    rows = [row_of("2026-09-01", number) for number in range(100)]

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return json_response({"data": [*rows, *totals]})

    url, _ = serve(answer)
    with pytest.raises(IncompleteError, match="page 2"):
        read(url, capsys, end_date="2026-09-01")


def test_fewer_rows_than_announced_hold_the_bookmark(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    good = paged(two_rows)

    def answer(call: Call) -> Response:
        if call.path == PATH and days_of(call)[0] == "2026-09-08":
            meta = {"total_pages": 1, "total_entries": 3}
            rows = [row_of("2026-09-08")] if json.loads(call.body)["page"] == 1 else []
            return json_response({"data": rows, "meta": meta})
        return good(call)

    url, _ = serve(answer)
    run = read(url, capsys)
    assert len(run.records) == 14 + 1 + 12
    assert bookmarks(run)[-1]["replication_key_value"] == "2026-09-07"
    assert warnings_in(caplog) == [
        stream_messages.MAY_BE_MORE(
            list="campaign_performance, 2026-09-08 to 2026-09-14",
            received="1 of 3 records",
        ),
        f"campaign_performance: t{stream_messages.BOOKMARK_KEPT()[1:]}",
    ]


def test_unrequested_days_are_reported(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    url, _ = serve(one_page(two_rows("2026-09-01")))
    read(url, capsys)
    (warning,) = warnings_in(caplog)
    days = "2026-09-08 to 2026-09-14"
    assert report_messages.OTHER_DAY(day="2026-09-01", days=days) in warning
