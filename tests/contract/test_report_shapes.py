"""Report rows of an unexpected shape: reported, mapped, or dropped."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from project import DEFAULT_REPORTS
from report_api import (
    NAME,
    asked,
    bookmarks,
    one_page,
    paged,
    read,
    row_of,
    state_of,
    two_rows,
    warnings_in,
)
from singer_sdk.exceptions import FatalAPIError
from starlette.middleware import Middleware
from support import ROOT, TOKEN_PATH, contains, json_response, token_response

from tap_kayzen.messages import report_messages
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.fault_plan import FaultPlan
from tap_kayzen.sandbox.faults import Faults
from tap_kayzen.sandbox.report_calls import ReportOptions
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from conftest import Serve
    from starlette.responses import Response
    from support import Call

    Row = dict[str, Any]

SANDBOX_DAYS = {"start_date": "2025-03-01", "end_date": "2025-03-20"}


@pytest.fixture
def faulty() -> Generator[Callable[..., str]]:
    """Start a sandbox whose answers all have some faults."""
    with ExitStack() as servers:

        def start(*faults: str, **options: Any) -> str:
            dataset, access = Dataset(campaigns=30, seed=1), Access(Credentials())
            plan = FaultPlan(rates=dict.fromkeys(faults, 1.0))
            layer = Middleware(Faults, plan=plan, access=access, dataset=dataset)
            app = create_app(
                dataset, access, reports=ReportOptions(**options), middleware=[layer]
            )
            return servers.enter_context(running(app))

        yield start


def report_of(*group_by: str, **more: Any) -> list[Row]:
    return [{"name": NAME, "metrics": ["clicks"], "group_by": [*group_by], **more}]


def fault_of(
    url: str, capsys: pytest.CaptureFixture[str], **changes: Any
) -> tuple[str, str]:
    """Read a report that fails; return the error and the output before it."""
    with pytest.raises(FatalAPIError) as caught:
        read(url, capsys, **changes)
    return str(caught.value), capsys.readouterr().out


def test_a_day_with_another_name_is_an_error_with_a_hint(
    faulty: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    good = read(faulty(), capsys, **SANDBOX_DAYS).records
    url = faulty("day-renamed")
    error, out = fault_of(url, capsys, **SANDBOX_DAYS)
    first, _, last = error.partition("columns received: ")
    count = first.removeprefix("campaign_performance, 2025-03-01 to 2025-03-07: ")
    assert count.endswith(" rows have no `day`; ")
    assert contains(error, report_messages.NO_DAY)
    assert last == (
        "'campaign_id', 'campaign_name', 'impressions', 'clicks', 'installs', "
        "'conversions', 'advertiser_spend', 'revenue_ltv', 'date'; if `date` is the "
        'same column under another name, add `columns`: {"date": "day"} to the report; '
        "otherwise remove `day` from `group_by`"
    )
    assert '"RECORD"' not in out
    report = {**DEFAULT_REPORTS[0], "columns": {"date": "day"}}
    assert read(url, capsys, **SANDBOX_DAYS, reports=[report]).records == good


@pytest.mark.parametrize("missing", [{}, {"day": None}, {"day": ""}])
@pytest.mark.parametrize("others", [0, 1])
def test_a_row_without_a_day_is_an_error(
    missing: Row, others: int, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {"campaign_id": 7, "clicks": 1, **missing}
    url, _ = serve(one_page([*two_rows("2026-09-01")[:others], bad]))
    error, _ = fault_of(url, capsys)
    assert f"1 of {others + 1} rows have no `day`; columns received: " in error
    assert error.endswith("; remove `day` from `group_by`")


@pytest.mark.parametrize(
    ("came", "words"),
    [
        (
            {"country_code": "DE"},
            "if `country_code` is the same column under another name, ",
        ),
        (
            {"geo": "DE"},
            'column under another name, add `columns`: {"its name": "country"}',
        ),
        ({}, "remove `country` from `group_by`"),
    ],
)
@pytest.mark.parametrize("day", [{"day": "2026-09-01"}, {}])
def test_a_dimension_missing_from_all_rows_is_an_error(
    came: Row, day: Row, words: str, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(one_page([{**day, **came, "os": "x", "clicks": 1}]))
    error, out = fault_of(url, capsys, reports=report_of(*day, "country", "os"))
    assert report_messages.NO_DIMENSION(columns="`country`", received="") in error
    assert words in error
    assert '"RECORD"' not in out


def test_hourly_rows_need_a_day_and_an_hour(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(one_page([{"hour": "05", "clicks": 1}]))
    error, _ = fault_of(url, capsys, reports=report_of("hour"))
    assert "1 of 1 rows have no `day`" in error
    api.answer = one_page([{"day": "2026-09-01", "time": "05", "clicks": 1}])
    error, _ = fault_of(url, capsys, reports=report_of("hour"))
    assert "no row has `hour`" in error
    columns = {"time": "hour"}
    run = read(url, capsys, reports=report_of("hour", columns=columns))
    assert run.records[0]["hour"] == "05"


def test_several_columns_can_be_mapped_and_kayzens_name_wins(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"Datum": "2026-09-01", "day": None, "geo": "DE", "Klicks": "5"}
    both = {**row, "day": "2026-09-02", "Datum": "x"}
    url, _ = serve(one_page([row, both]))
    columns = {"Datum": "day", "geo": "Country!", "Klicks": "clicks"}
    run = read(url, capsys, reports=report_of("day", "Country!", columns=columns))
    rows = [dict(each) for each in run.records[:2]]
    assert [each.pop("_key") for each in rows]
    assert rows == [
        {"day": "2026-09-01", "country": "DE", "clicks": 5},
        {"day": "2026-09-02", "country": "DE", "clicks": 5, "_extra": {"Datum": "x"}},
    ]


def test_dimensions_can_be_null_or_missing(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def rows(day: str) -> list[Row]:
        last = {} if day > "2026-09-03" else {"country": None}
        return [{"day": day, "country": "DE", "clicks": 1}, {"day": day, **last}]

    url, _ = serve(paged(rows))
    for size in (1000, 1):
        run = read(
            url, capsys, reports=report_of("day", "country"), report_page_size=size
        )
        assert len(run.records) == 40
    assert warnings_in(caplog) == []


@pytest.mark.parametrize(
    "total",
    [
        {"day": "Total"},
        {"day": " TOTAL: "},
        {"day": "All", "campaign_id": None, "campaign_name": ""},
        {"day": None, "campaign_id": None, "campaign_name": None},
        {"day": None, "campaign_name": "Total"},
        {"day": "2026-09-01", "campaign_id": "Total"},
        {"day": "2026-09-01", "campaign_id": "grand_total"},
        {},
        {"label": "Totals"},
    ],
)
@pytest.mark.parametrize("size", [1000, 5])
def test_totals_are_not_mixed_with_days(
    total: Row,
    size: int,
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = paged(two_rows)

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        content = json.loads(bytes(whole(call).body))
        if content["data"]:
            clicks = sum(row["clicks"] for row in content["data"])
            content["data"].append({**total, "clicks": clicks})
        return json_response(content)

    url, api = serve(paged(two_rows))
    good = read(url, capsys, report_page_size=size).records
    calls = len(api.calls)
    api.calls.clear()
    api.answer = answer
    run = read(url, capsys, report_page_size=size)
    assert run.records == good
    assert len(api.calls) <= calls + 3
    assert bookmarks(run)[-1]["replication_key_value"] == "2026-09-20"
    (warning,) = warnings_in(caplog)
    assert contains(warning, report_messages.TOTALS_LEFT_OUT)
    assert f'"clicks":{12 * 14 if size == 1000 else 12 * 5}}}' in warning


@pytest.mark.parametrize("paging", ["short", "meta"])
def test_totals_of_the_sandbox_change_nothing(
    paging: str,
    faulty: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = {"paging": paging, "max_rows": 70}
    good = read(faulty(**options), capsys, **SANDBOX_DAYS).records
    run = read(faulty("total-row", **options), capsys, **SANDBOX_DAYS)
    assert run.records == good
    (warning,) = warnings_in(caplog)
    assert '{"day":"Total","impressions":' in warning


def test_a_single_row_of_zeros_is_a_total(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(one_page([{"clicks": 0, "advertiser_spend": "0.0"}]))
    assert read(url, capsys).records == []
    api.answer = one_page([{"clicks": 0, "advertiser_spend": "1,234.50"}])
    error, _ = fault_of(url, capsys)
    assert "1 of 1 rows have no `day`" in error


def test_rows_without_any_dimension_are_an_error_in_later_windows_too(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(day: str) -> list[Row]:
        if day <= "2026-09-07":
            return [{"day": day, "clicks": 1}]
        return [{"date": day, "clicks": 1}]

    url, _ = serve(paged(rows))
    for size in (1000, 1):
        error, _ = fault_of(
            url, capsys, reports=report_of("day"), report_page_size=size
        )
        assert "2026-09-08 to 2026-09-14: " in error
        assert 'add `columns`: {"date": "day"}' in error


def test_a_report_without_days_keeps_all_but_totals(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    rows: list[Row] = [
        {"country": "DE", "os": "iOS", "clicks": 5},
        {"country": None, "os": None, "clicks": 20},
        # Kayzen may leave nulls out: no total has less than its rows.
        {"clicks": 4},
        {"clicks": 29},
        {"country": "Total", "os": None, "clicks": 29},
    ]
    url, _ = serve(one_page(rows))
    run = read(url, capsys, reports=report_of("country", "os"))
    assert [row["clicks"] for row in run.records] == [5, 20, 4]
    (warning,) = warnings_in(caplog)
    assert warning.endswith('the first one was {"country":"Total","clicks":29}')


def test_a_row_without_a_day_that_totals_no_rows_is_an_error(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise, the bookmark would move past days whose rows were left out."""

    def rows(day: str) -> list[Row]:
        if day <= "2026-09-07":
            return [{"day": day, "clicks": 1}]
        return [{"clicks": 50}] if day == "2026-09-08" else []

    url, _ = serve(paged(rows))
    error, out = fault_of(url, capsys, reports=report_of("day"))
    assert "2026-09-08 to 2026-09-14: 1 of 1 rows have no `day`" in error
    states = [json.loads(line) for line in out.splitlines() if '"STATE"' in line]
    bookmark = states[-1]["value"]["bookmarks"][NAME]
    assert bookmark["replication_key_value"] == "2026-09-07"


@pytest.mark.parametrize("size", [1000, 2])
def test_a_total_on_a_page_of_its_own_is_left_out(
    size: int, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(day: str) -> list[Row]:
        total = [{"clicks": 48}] if day == "2026-09-07" else []
        both = [row_of(day, 1), row_of(day, 2)] if day > "2026-09-05" else []
        return [*both, *total]

    url, _ = serve(paged(rows))
    run = read(url, capsys, report_page_size=size, end_date="2026-09-07")
    assert [row["campaign_id"] for row in run.records] == [1, 2, 1, 2]


@pytest.mark.parametrize(
    ("clicks", "kept"), [(1, 1), (9, 1), (11, 1), (12, 0), (30, 0)]
)
def test_the_row_with_omitted_nulls_can_be_the_largest(
    clicks: int, kept: int, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """A total has as much as all rows together, not only as each of them."""
    rows: list[Row] = [
        {"country": "DE", "clicks": 5},
        {"country": "US", "clicks": 7},
        {"clicks": clicks},
    ]
    url, _ = serve(one_page(rows))
    run = read(url, capsys, reports=report_of("country"))
    assert [row["clicks"] for row in run.records] == [5, 7, *[clicks] * kept]


@pytest.mark.parametrize(("clicks", "is_total"), [(11, 0), (12, 1), (23, 1), (24, 1)])
def test_a_total_without_a_day_need_not_add_up(
    clicks: int, is_total: int, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """A total may count unique values, such as installs, only once."""
    url, _ = serve(one_page([*two_rows("2026-09-20"), {"clicks": clicks}]))
    if is_total:
        days = {"start_date": "2026-09-20"}
        assert len(read(url, capsys, **days).records) == 2
    else:
        error, _ = fault_of(url, capsys)
        assert "1 of 3 rows have no `day`" in error


def test_a_total_without_a_day_can_lack_additive_metrics(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(one_page([{"day": "2026-09-20", "ctr": 0.1}, {"ctr": 0.05}]))
    (report,) = report_of("day")
    options = {"reports": [{**report, "metrics": ["ctr"]}], "start_date": "2026-09-20"}
    assert len(read(url, capsys, **options).records) == 1


def test_a_total_is_distinguished_from_a_row_of_nulls(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[Row] = [{"country": "DE", "clicks": 5}, {"clicks": 20}, {"clicks": 25}]
    url, _ = serve(one_page(rows))
    run = read(url, capsys, reports=report_of("country"))
    assert [row["clicks"] for row in run.records] == [5, 20]


def test_a_row_of_nulls_can_be_the_only_row(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        body = json.loads(call.body)
        row = {"country": "DE"} if body["advertiser_id"] == 1 else {}
        rows = [{**row, "clicks": 5}] if body["page"] == 1 else []
        return json_response({"headers": [], "data": rows})

    url, _ = serve(answer)
    run = read(url, capsys, reports=report_of("country"), advertiser_ids=[1, 2])
    assert [row["advertiser_id"] for row in run.records] == [1, 2]


def test_numbers_that_do_not_add_up_are_not_a_total(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(one_page([{"country": "DE", "ctr": 0.1}, {"ctr": 0.2}]))
    (report,) = report_of("country")
    run = read(url, capsys, reports=[{**report, "metrics": ["ctr"]}])
    assert len(run.records) == 2


def test_a_campaign_can_be_called_total(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    row = {"campaign_name": "Total", "clicks": 9}
    url, _ = serve(one_page([row, {"campaign_name": "x", "clicks": 1}]))
    run = read(url, capsys, reports=report_of("campaign_name"))
    assert len(run.records) == 2
    url, _ = serve(paged(lambda day: [row_of(day, campaign_name="Total")]))
    assert len(read(url, capsys).records) == 20
    assert warnings_in(caplog) == []


def test_formatted_amounts_are_kept_and_shown(
    faulty: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = read(faulty("amount-text"), capsys, **SANDBOX_DAYS)
    assert all(row["advertiser_spend"] is None for row in run.records)
    shown = run.records[0]["_extra"]["advertiser_spend"]
    assert shown.startswith("$")
    row = run.records[0]
    (warning,) = warnings_in(caplog)
    assert warning == (
        f"{NAME}: field 'advertiser_spend' has a value that does not fit its type, "
        f'such as "{shown}" (campaign_id {row["campaign_id"]}, day {row["day"]}); '
        "such values are kept in `_extra`"
    )


@pytest.mark.parametrize("state", [None, state_of("2024-09-15")])
def test_expired_days_are_named(
    state: Row | None, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = Dataset(campaigns=10, seed=1)
    options = ReportOptions(retention_days=180)
    app = create_app(dataset, Access(Credentials()), reports=options)
    days = {"start_date": "2024-01-01", "end_date": "2026-09-20", "state": state}
    with running(app) as url:
        error, _ = fault_of(url, capsys, **days)
        first, last = ("2024-01-01", "2024-01-07")
        if state:
            first, last = ("2024-09-08", "2024-09-14")
        assert f"campaign_performance, {first} to {last}, page 1: HTTP 400: " in error
        assert report_messages.CHECK_REPORT() in error
        assert report_messages.DAYS_DELETED(days=f"{first} to {last}") in error
        run = read(url, capsys, **{**days, "start_date": "2026-09-01"})
    assert bookmarks(run)[-1]["replication_key_value"] == "2026-09-20"


def test_the_unfinished_part_of_an_old_state_gives_way_to_the_start(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    cut = {"next_day": "2024-01-05", "end_date": "2024-02-01"}
    read(url, capsys, state=state_of("2024-01-04", unfinished=cut))
    assert asked(api)[0][0] == "2026-09-01"


def test_amounts_as_text_can_be_mapped_as_documented(
    faulty: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(stream_maps:\n.*?)```", page, re.DOTALL)
    maps = yaml.safe_load(block)["stream_maps"]
    for fault in ("amount-text", "unknown-field"):
        run = read(faulty(fault), capsys, **SANDBOX_DAYS, stream_maps=maps)
        good = read(faulty(), capsys, **SANDBOX_DAYS)
        assert [row["spend"] for row in run.records] == [
            pytest.approx(float(row["advertiser_spend"]), abs=0.01)
            for row in good.records
        ]
