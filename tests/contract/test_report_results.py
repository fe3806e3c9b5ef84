"""Rows of saved reports, whose columns are not known in advance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from singer_sdk.exceptions import FatalAPIError
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    catalog_of,
    contains,
    json_response,
    page_response,
    sync,
    token_response,
)

from tap_kayzen.messages import report_messages, stream_messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Serve
    from starlette.responses import Response
    from support import Call, Run

    Row = dict[str, Any]

NAME = "report_results"
DAYS = {"start_date": "2026-09-01", "end_date": "2026-09-03"}
SAVED = [
    {"id": 11, "name": "By country", "time_zone_name": "Europe/Berlin"},
    {"id": 12, "name": "Totals", "time_zone_name": "(GMT+01:00) Berlin"},
]


def rows_of(number: int, day: str) -> list[Row]:
    if number == 11:
        return [
            {"day": day, "country": "DE", "impressions": 5, "advertiser_spend": "1.50"},
            {"day": day, "country": None, "impressions": 6, "advertiser_spend": 2},
        ]
    return [{"click_url_id": 7, "partner": "x", "partner_net_spend": 3.25, "bids": "9"}]


def saved(
    rows: Callable[[int, str], list[Row]] = rows_of,
) -> Callable[[Call], Response]:
    """Play a Kayzen with two saved reports."""

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        if call.path == "/v1/reports":
            return page_response(SAVED, total_pages=1, total_entries=len(SAVED))
        _, _, _, number, _ = call.path.split("/")
        query = parse_qs(call.query)
        assert query["start_date"] == query["end_date"]
        return json_response({"data": rows(int(number), query["start_date"][0])})

    return answer


def read(url: str, capsys: pytest.CaptureFixture[str], **changes: Any) -> Run:
    config = {**SAMPLE_CONFIG, "api_url": url, **DAYS, **changes}
    state = config.pop("state", None)
    return sync(config, capsys, catalog=catalog_of(NAME), state=state)


def test_every_saved_report_is_read_day_by_day(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(saved())
    run = read(url, capsys)
    calls = [call for call in api.calls if call.path.endswith("/report_results")]
    assert sorted((call.path, call.query) for call in calls) == [
        (
            f"/v1/reports/{number}/report_results",
            f"start_date=2026-09-0{day}&end_date=2026-09-0{day}",
        )
        for number in (11, 12)
        for day in (1, 2, 3)
    ]
    records = run.records
    assert all(row.pop("_key") for row in records)
    assert records == [
        row
        for number in (11, 12)
        for day in ("2026-09-01", "2026-09-02", "2026-09-03")
        for row in expected(number, day)
    ]


def expected(number: int, day: str) -> list[Row]:
    """Return the records of a day: documented columns typed, others in `_extra`."""
    common = {"report_id": number, "report_date": day}
    if number == 11:
        return [
            {
                **common,
                "day": day,
                "country": country,
                "impressions": impressions,
                "advertiser_spend": spend,
            }
            for country, impressions, spend in (("DE", 5, 1.5), (None, 6, 2))
        ]
    (extra,) = rows_of(number, day)
    return [{**common, "_extra": extra}]


def test_each_saved_report_has_its_own_bookmark(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(saved())
    state = read(url, capsys, advertiser_ids=[5]).of_type("STATE")[-1]["value"]
    partitions = state["bookmarks"][NAME]["partitions"]
    assert partitions == [
        {
            "context": {"advertiser_id": 5, "report_id": number},
            "replication_key": "report_date",
            "replication_key_value": "2026-09-03",
            "unfinished": {"next_day": None, "end_date": None},
        }
        for number in (11, 12)
    ]
    api.calls.clear()
    run = read(
        url,
        capsys,
        advertiser_ids=[5],
        state=state,
        end_date="2026-09-04",
        lookback_days=1,
    )
    assert [row["report_date"] for row in run.records if row["report_id"] == 12] == [
        "2026-09-02",
        "2026-09-03",
        "2026-09-04",
    ]
    assert all(row["advertiser_id"] == 5 for row in run.records)
    assert all("advertiser_id=5" in call.query for call in api.calls[1:])


def test_only_the_configured_reports_are_read(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(saved())
    run = read(url, capsys, report_ids=[12])
    assert {row["report_id"] for row in run.records} == {12}
    with pytest.raises(FatalAPIError) as caught:
        read(url, capsys, report_ids=[12, 99, 13])
    assert report_messages.NO_SAVED_REPORT(ids="13, 99") in str(caught.value)


def test_restated_rows_keep_their_keys(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(saved())
    before = read(url, capsys).records

    def restated(number: int, day: str) -> list[Row]:
        numbers = {"impressions": 99, "partner_net_spend": 7.5, "bids": "10"}
        return [
            {name: numbers.get(name, value) for name, value in row.items()}
            for row in rows_of(number, day)
        ]

    api.answer = saved(restated)
    after = read(url, capsys).records
    assert [row["_key"] for row in before] == [row["_key"] for row in after]
    assert len({row["_key"] for row in after}) == len(after)


def test_rows_that_differ_only_in_numbers_all_load(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(saved(lambda _, __: [{"roas": n} for n in (1.5, 2.5, 3.5)]))
    run = read(url, capsys, report_ids=[11])
    assert len({row["_key"] for row in run.records}) == 9


def test_a_deleted_report_is_left_out(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    good = saved()

    def answer(call: Call) -> Response:
        return json_response({}, 404) if "/12/" in call.path else good(call)

    url, _ = serve(answer)
    run = read(url, capsys)
    assert {row["report_id"] for row in run.records} == {11}
    assert contains(caplog.text, stream_messages.REPORT_DELETED)
    with pytest.raises(
        FatalAPIError, match="report_results of report 12, 2026-09-01, page 1: HTTP 404"
    ):
        read(url, capsys, report_ids=[12])


def test_an_account_can_have_no_saved_reports(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return page_response([], total_pages=1, total_entries=0)

    url, _ = serve(answer)
    assert read(url, capsys).records == []


def test_the_list_of_reports_can_be_forbidden(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return json_response({}, 403)

    url, _ = serve(answer)
    with pytest.raises(FatalAPIError) as caught:
        read(url, capsys)
    text = stream_messages.NEEDS_SAVED_REPORTS(stream="report_results")
    assert str(caught.value).startswith(f"{text}: reports, page 1: HTTP 403")
    assert "['!report_results.*']" in str(caught.value)


def test_pages_are_read_if_the_response_mentions_them(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    good = saved()

    def answer(call: Call) -> Response:
        if not call.path.endswith("/report_results"):
            return good(call)
        page = int(parse_qs(call.query).get("page", ["1"])[0])
        rows = [{"country": f"C{page}", "clicks": page}]
        return page_response(rows, total_pages=3, total_entries=3)

    url, api = serve(answer)
    run = read(url, capsys, report_ids=[11], end_date="2026-09-01")
    assert [row["country"] for row in run.records] == ["C1", "C2", "C3"]
    pages = [call.query.partition("&page=")[2] for call in api.calls[2:]]
    assert sorted(pages) == ["", "2", "3"]


def test_a_report_of_two_advertisers_is_read_once(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(saved())
    run = read(url, capsys, advertiser_ids=[5, 6])
    assert {row["advertiser_id"] for row in run.records} == {5}
    assert len(run.records) == 9


@pytest.mark.parametrize(
    "total",
    [
        {"day": "Total"},
        {"campaign_id": "All"},
        {"country": "Totals"},
        {},
    ],
)
def test_totals_are_left_out(
    total: Row,
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def rows(number: int, day: str) -> list[Row]:
        whole = rows_of(number, day)
        spend = sum(float(row.get("advertiser_spend", 0)) for row in whole)
        last = {**total, "impressions": 11, "advertiser_spend": spend}
        return [*whole, last] if number == 11 else whole

    url, api = serve(saved())
    good = read(url, capsys).records
    calls = len(api.calls)
    api.answer = saved(rows)
    assert read(url, capsys).records == good
    assert len(api.calls) == 2 * calls
    messages = [each.getMessage() for each in caplog.records]
    (warning,) = [each for each in messages if "skipping rows with totals" in each]
    assert warning.endswith('"impressions":11,"advertiser_spend":3.5}')


@pytest.mark.parametrize(
    "rows",
    [
        # Nulls that Kayzen leaves out: a total would have more than the others.
        [{"country": "DE", "clicks": 5}, {"clicks": 4}],
        [{"country": "DE", "clicks": 5}, {"country": None, "clicks": 9}],
        [{"campaign_name": "Total", "clicks": 5}, {"campaign_name": "x", "clicks": 1}],
        # A dimension that is a number is not known from a metric.
        [{"dma": 501, "clicks": 5}, {"dma": 502, "clicks": 6, "installs": 1}],
        [{"country": "DE", "clicks": 5}, *({"dma": n, "clicks": 9} for n in (1, 2))],
        [{"tag": "total", "clicks": 5}, {"tag": "x", "clicks": 1}],
        [{"clicks": 5}],
    ],
)
def test_rows_that_may_not_be_totals_are_kept(
    rows: list[Row],
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    url, _ = serve(saved(lambda _, __: rows))
    run = read(url, capsys, report_ids=[11])
    assert len(run.records) == 3 * len(rows)
    assert "totals" not in caplog.text


def test_a_refusal_names_the_day_and_the_start(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    good = saved()

    def answer(call: Call) -> Response:
        is_rows = call.path.endswith("/report_results")
        return json_response({}, 422) if is_rows else good(call)

    url, _ = serve(answer)
    with pytest.raises(FatalAPIError) as caught:
        read(url, capsys)
    words = "no longer has rows for 2026-09-01, set `start_date` to a later day"
    assert words in str(caught.value)
