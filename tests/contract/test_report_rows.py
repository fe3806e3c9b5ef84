"""Report rows over a real socket: keys and values, and all of the sandbox's rows."""

from __future__ import annotations

import gzip
import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
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
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from starlette.responses import Response
from support import (
    TOKEN_PATH,
    catalog_of,
    token_response,
)

from tap_kayzen.messages import report_messages, selection_messages
from tap_kayzen.reports.definition import Report
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.report_calls import ReportOptions, request_of
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve
    from support import Call

    Row = dict[str, Any]
    Config = dict[str, Any]


def test_a_key_column_that_is_null_loads_and_stays_null(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(day: str) -> list[Row]:
        some = {"day": day, "clicks": 1}
        return [
            {**some, "country": "DE", "os": None},
            {**some, "country": None, "os": "ios"},
            {**some, "country": None, "os": None},
            {**some, "country": "", "os": ""},
            {**some, "country": "null", "os": "None"},
        ]

    url, _ = serve(paged(rows))
    report = {"name": NAME, "metrics": ["clicks"], "group_by": ["day", "country", "os"]}
    run = read(url, capsys, reports=[report], end_date="2026-09-01")
    assert [(row["country"], row["os"]) for row in run.records] == [
        ("DE", None),
        (None, "ios"),
        (None, None),
        ("", ""),
        ("null", "None"),
    ]
    assert len({row["_key"] for row in run.records}) == 5


def test_a_campaign_that_is_renamed_keeps_its_keys(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    before = read(url, capsys).records
    api.answer = paged(
        lambda day: [row_of(day, 1, campaign_name="New"), row_of(day, 2)]
    )
    after = read(url, capsys).records
    assert [row["_key"] for row in before] == [row["_key"] for row in after]
    assert {row["campaign_name"] for row in after} == {"New", "Campaign 2"}


def test_both_names_of_a_campaign_load_in_any_order(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["Old", "New"]

    def rows(day: str) -> list[Row]:
        return [row_of(day, campaign_name=name) for name in names]

    url, _ = serve(paged(rows))
    before = read(url, capsys).records
    names.reverse()
    after = read(url, capsys).records
    assert len(before) == len(after) == 40
    # The same rows of the table are written, so no spend counts twice.
    keys = {row["_key"] for row in before}
    assert keys == {row["_key"] for row in after}
    assert len(keys) == 40


def test_keys_do_not_depend_on_what_is_selected_or_how_numbers_are_written(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    keys = [row["_key"] for row in read(url, capsys).records]
    api.answer = paged(lambda day: [row_of(day, campaign_id=str(n)) for n in (1, 2)])
    assert [row["_key"] for row in read(url, capsys).records] == keys

    catalog = catalog_of(NAME)
    (entry,) = catalog["streams"]
    for each in entry["metadata"]:
        if each["breadcrumb"][-1:] in (["campaign_id"], ["campaign_name"], ["_extra"]):
            each["metadata"]["selected"] = False
    run = read(url, capsys, catalog=catalog)
    assert [row["_key"] for row in run.records] == keys
    assert not any({"campaign_id", "campaign_name"} & row.keys() for row in run.records)


def test_money_is_exact_and_unfit_values_are_kept(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        '{"headers": [], "data": [{"day": "2026-09-01T00:00:00.000Z", '
        '"campaign_id": "5", "campaign_name": 7, "impressions": "1000", '
        '"advertiser_spend": 12345678901234567890.123456789, "revenue_ltv": "0.10", '
        '"clicks": 1.5, "installs": NaN, "bids": 9}]}'
    )

    def answer(call: Call) -> Response:
        return token_response() if call.path == TOKEN_PATH else Response(text)

    url, _ = serve(answer)
    run = read(url, capsys, end_date="2026-09-01")
    assert '"advertiser_spend":12345678901234567890.123456789' in run.stdout
    assert '"revenue_ltv":0.10' in run.stdout
    (row,) = run.records
    assert row.pop("_key")
    del row["advertiser_spend"], row["revenue_ltv"]
    assert row == {
        "day": "2026-09-01",
        "campaign_id": 5,
        "campaign_name": "7",
        "impressions": 1000,
        "clicks": None,
        "installs": None,
        "_extra": {"clicks": 1.5, "installs": "NaN", "bids": 9},
    }


def test_undocumented_names_are_accepted_with_one_warning(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def rows(day: str) -> list[Row]:
        return [{"day": day, "Brand New": "x", "D7 ROAS": "1.5"}]

    url, _ = serve(paged(rows))
    report = {"name": NAME, "metrics": ["D7 ROAS"], "group_by": ["day", "Brand New"]}
    run = read(url, capsys, reports=[report], advertiser_ids=[1, 2])
    (warning,) = warnings_in(caplog)
    assert "not in Kayzen's public documentation: Brand New, D7 ROAS;" in warning
    assert run.records[0]["brand_new"] == "x"
    assert run.records[0]["d7_roas"] == 1.5


def test_a_report_without_days_is_read_in_one_request(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(
        one_page([{"country": "DE", "clicks": 5}, {"country": None, "clicks": 6}])
    )
    report = {"name": NAME, "metrics": ["clicks"], "group_by": ["country"]}
    run = read(url, capsys, reports=[report])
    assert asked(api) == [("2026-09-01", "2026-09-20")]
    assert [row["clicks"] for row in run.records] == [5, 6]
    assert bookmarks(run)[-1] == {}


def test_full_table_reads_the_range_and_keeps_no_bookmark(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    catalog = catalog_of(NAME)
    (entry,) = catalog["streams"]
    entry["replication_method"] = "FULL_TABLE"
    run = read(
        url,
        capsys,
        catalog=catalog,
        state=state_of("2026-09-15"),
        emit_activate_version_messages=True,
    )
    assert asked(api)[0] == ("2026-09-01", "2026-09-07")
    assert len(run.records) == 40
    # Rows of other days are still true.
    assert run.of_type("ACTIVATE_VERSION") == []


def test_batch_files_never_follow_their_state(
    serve: Serve, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    url, _ = serve(paged(two_rows))
    batch = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": f"file://{tmp_path}"},
        "batch_size": 9,
    }
    run = read(url, capsys, batch_config=batch)
    sent = ""
    for message in run.messages:
        if message["type"] == "BATCH":
            for url_of_file in message["manifest"]:
                path = url_of_file.removeprefix("file://")
                with gzip.open(path, "rt", encoding="utf-8") as lines:
                    sent = max(json.loads(line)["day"] for line in lines)
        elif message["type"] == "STATE":
            state = message["value"]["bookmarks"].get(NAME, {})
            assert (state.get("replication_key_value") or "") <= sent
    assert bookmarks(run)[-1]["replication_key_value"] == sent == "2026-09-20"


@pytest.mark.parametrize(
    "options",
    [
        ReportOptions(),
        ReportOptions(paging="meta"),
        ReportOptions(max_rows=70),
        ReportOptions(paging="meta", max_rows=70),
        ReportOptions(paging="ignored"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
def test_all_rows_of_the_sandbox_are_exact(
    options: ReportOptions, zone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = Dataset(campaigns=60, seed=3)
    report = {
        "name": NAME,
        "metrics": ["impressions", "installs", "advertiser_spend", "advertiser_ecpi"],
        "group_by": ["day", "campaign_id", "os"],
        "time_zone": zone,
        # So that no window has a multiple of 100 rows, which might be a limit.
        "window_days": 2 if options.paging == "ignored" else 3,
    }
    # Clocks go forward within these days.
    days = {"start_date": "2024-03-25", "end_date": "2024-04-05"}
    app = create_app(dataset, Access(Credentials()), reports=options)
    with running(app) as url:
        run = read(url, capsys, reports=[report], **days)
    request = request_of({**Report.from_config(report).body, **days})
    truth = dataset.report_rows(DEFAULT_ADVERTISER, request)
    records = [
        message["record"]
        for line in run.stdout.splitlines()
        if (message := json.loads(line, parse_float=Decimal))["type"] == "RECORD"
    ]
    assert len(truth) > 300
    assert len({row.pop("_key") for row in records}) == len(truth)
    assert records == truth


def test_a_range_that_is_too_long_is_refused_with_a_hint(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ReportOptions(max_days=5)
    app = create_app(
        Dataset(campaigns=1, seed=1), Access(Credentials()), reports=options
    )
    with running(app) as url:
        with pytest.raises(FatalAPIError, match="a smaller `window_days` req"):
            read(url, capsys)
        report = {**DEFAULT_REPORTS[0], "window_days": 5}
        assert read(url, capsys, reports=[report]).of_type("STATE")


def test_rows_with_equal_dimensions_all_load(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(day: str) -> list[Row]:
        return [row_of(day, advertiser_spend=spend) for spend in (10, 32)]

    url, _ = serve(paged(rows))
    for size in (2, 1):
        run = read(url, capsys, end_date="2026-09-02", report_page_size=size)
        assert sorted(row["advertiser_spend"] for row in run.records) == [
            10,
            10,
            32,
            32,
        ]
        assert len({row["_key"] for row in run.records}) == 4


def test_rows_with_equal_columns_load_once(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    url, _ = serve(one_page([row_of("2026-09-01"), row_of("2026-09-01")]))
    run = read(url, capsys, end_date="2026-09-01")
    assert len(run.records) == 1
    (warning,) = warnings_in(caplog)
    text = report_messages.IDENTICAL_ROWS(days="2026-09-01")
    assert warning == f"{NAME}: {text}"


def test_the_order_of_dimensions_does_not_affect_keys(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))
    report = {"name": NAME, "metrics": ["clicks"], "group_by": ["day", "campaign_id"]}
    one = read(url, capsys, reports=[report]).records
    report["group_by"] = ["campaign_id", "day"]
    other = read(url, capsys, reports=[report]).records
    assert [row["_key"] for row in one] == [row["_key"] for row in other]


def test_a_month_is_read_whole_and_logged(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(one_page([{"month": "2026-08"}]))
    report = {"name": NAME, "metrics": ["clicks"], "group_by": ["month"]}
    run = read(url, capsys, reports=[report], start_date="2026-08-17")
    assert asked(api) == [("2026-08-01", "2026-09-20")]
    (row,) = run.records
    assert (row["range_start"], row["range_end"]) == ("2026-08-01", "2026-09-20")


def test_a_catalog_without_the_columns_of_keys_is_refused(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))
    catalog = catalog_of(NAME)
    (entry,) = catalog["streams"]
    del entry["schema"]["properties"]["campaign_id"]
    text = selection_messages.KEY_PARTS_NOT_IN_CATALOG(columns="`campaign_id`")
    with pytest.raises(ConfigurationError, match=re.escape(text)):
        read(url, capsys, catalog=catalog)
