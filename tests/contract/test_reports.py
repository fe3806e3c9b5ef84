"""Report rows over a real socket: windows, bookmarks, keys, and what can go wrong."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from starlette.responses import Response
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    WARNINGS,
    ScriptedApi,
    catalog_of,
    json_response,
    run_process,
    selecting,
    sync,
    token_response,
)

from tap_kayzen.reports.definition import DEFAULT_REPORTS, Report
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.report_calls import ReportOptions, request_of
from tap_kayzen.sandbox.server import running
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Serve
    from starlette.types import Receive, Scope, Send
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
    """Give the days that were asked for, in order, each pair once."""
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


def test_a_report_is_asked_for_as_documented(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    report = {
        "name": "Spend by Country",
        "metrics": ["advertiser_spend", "impressions"],
        "group_by": ["day", "campaign_id"],
        "filters": {"campaign_id": [1, 2]},
        "time_zone": "America/New_York",
        "window_days": 30,
        "options": {"attribution_source": "skan", "time_zone": "Eastern Time"},
    }
    config = {**SAMPLE_CONFIG, "api_url": url, **DAYS, "reports": [report]}
    run = sync({**config, "advertiser_ids": [7]}, capsys, streams=["spend_by_country"])
    call = api.to(PATH)[0]
    assert call.method == "POST"
    assert call.query == ""
    assert call.headers["content-type"] == "application/json"
    assert call.headers["authorization"] == "Bearer token-1"
    assert json.loads(call.body) == {
        "advertiser_id": 7,
        "start_date": "2026-09-01",
        "end_date": "2026-09-20",
        "metrics": ["advertiser_spend", "impressions"],
        "group_by": ["day", "campaign_id"],
        "filters": {"campaign_id": [1, 2]},
        "attribution_source": "skan",
        "time_zone": "Eastern Time",
        "page": 1,
        "per_page": 1000,
    }
    assert len(run.records) == 40
    assert all(row["advertiser_id"] == 7 for row in run.records)


def test_windows_come_in_order_and_each_is_followed_by_its_state(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    run = read(url, capsys)
    assert asked(api) == [
        ("2026-09-01", "2026-09-07"),
        ("2026-09-08", "2026-09-14"),
        ("2026-09-15", "2026-09-20"),
    ]
    seen = ""
    ends = []
    for message in run.messages:
        if message["type"] == "RECORD":
            assert message["record"]["day"] >= seen
            seen = message["record"]["day"]
        elif message["type"] == "STATE":
            bookmark = message["value"]["bookmarks"][NAME]
            assert bookmark["replication_key_value"] == seen
            assert bookmark["replication_key"] == "day"
            ends.append(seen)
    assert ends[:3] == ["2026-09-07", "2026-09-14", "2026-09-20"]
    assert "unfinished" in bookmarks(run)[0]
    assert bookmarks(run)[-1].keys() == {
        "replication_key",
        "replication_key_value",
        "fingerprint",
    }


def test_a_window_without_rows_moves_the_bookmark_too(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(lambda _: []))
    run = read(url, capsys)
    assert run.records == []
    values = [each["replication_key_value"] for each in bookmarks(run)]
    assert values[:3] == ["2026-09-07", "2026-09-14", "2026-09-20"]
    # An empty page says enough: a call for each window.
    assert len(api.to(PATH)) == 3


def test_states_of_many_partitions_are_no_flood(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))
    advertisers = [*range(1, 61)]
    run = read(url, capsys, advertiser_ids=advertisers, start_date="2026-09-15")
    assert len(run.records) == 60 * 12
    # Each window has 12 records: a STATE for every 60 of them.
    assert len(run.of_type("STATE")) == 12
    partitions = bookmarks(run)[-1]["partitions"]
    assert {each["replication_key_value"] for each in partitions} == {"2026-09-20"}


def test_however_many_requests_at_once_the_output_is_the_same(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))

    def output(**changes: Any) -> list[Any]:
        run = read(url, capsys, **changes)
        return [message.get("record") or message["type"] for message in run.messages]

    one = output(concurrency=1)
    assert output(concurrency=16) == one
    assert output(concurrency=16, report_page_size=3) == one


class Together:
    """Lets the first report calls wait for each other."""

    def __init__(self, app: ScriptedApi, count: int) -> None:
        self.app = app
        self.missing = count
        self.all_here = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == PATH:
            self.missing -= 1
            if self.missing == 0:
                self.all_here.set()
            await self.all_here.wait()
        await self.app(scope, receive, send)


def test_windows_and_advertisers_are_read_at_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = ScriptedApi(paged(two_rows))
    with running(Together(api, 6)) as url:
        run = read(
            url,
            capsys,
            concurrency=6,
            advertiser_ids=[1, 2],
            request_timeout=20,
            max_retries=0,
        )
    assert [row["advertiser_id"] for row in run.records] == [1] * 40 + [2] * 40


def test_each_advertiser_has_a_bookmark_of_its_own(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    run = read(url, capsys, advertiser_ids=[1, 2])
    state = run.of_type("STATE")[-1]["value"]
    partitions = state["bookmarks"][NAME]["partitions"]
    assert [
        (each["context"], each["replication_key_value"]) for each in partitions
    ] == [({"advertiser_id": 1}, "2026-09-20"), ({"advertiser_id": 2}, "2026-09-20")]
    assert len({row["_key"] for row in run.records}) == 80

    api.calls.clear()
    partitions[0]["replication_key_value"] = "2026-09-10"
    read(url, capsys, advertiser_ids=[1, 2], state=state, lookback_days=2)
    first = {
        number: min(
            days_of(call)[0]
            for call in api.to(PATH)
            if json.loads(call.body)["advertiser_id"] == number
        )
        for number in (1, 2)
    }
    assert first == {1: "2026-09-08", 2: "2026-09-18"}


@pytest.mark.parametrize(
    ("state", "changes", "first"),
    [
        (state_of("2026-09-15"), {}, "2026-09-08"),
        (state_of("2026-09-15"), {"lookback_days": 0}, "2026-09-15"),
        (state_of("2026-09-15"), {"start_date": "2026-09-12"}, "2026-09-12"),
        (state_of("2026-09-20"), {}, "2026-09-13"),
    ],
)
def test_a_run_begins_before_the_bookmark(
    state: dict[str, Any],
    changes: Config,
    first: str,
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, api = serve(paged(two_rows))
    run = read(url, capsys, state=state, **{"start_date": "2026-01-01", **changes})
    assert asked(api)[0][0] == first
    assert bookmarks(run)[-1]["replication_key_value"] == "2026-09-20"


def test_nothing_is_read_beyond_the_end(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    url, api = serve(paged(two_rows))
    caplog.set_level("INFO")
    run = read(url, capsys, state=state_of("2026-10-20"))
    assert api.to(PATH) == []
    assert run.records == []
    assert "Nothing to read: the first day would be 2026-10-13" in caplog.text
    assert bookmarks(run)[-1]["replication_key_value"] == "2026-10-20"


def test_a_state_that_is_broken_is_refused(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))
    with pytest.raises(ConfigurationError, match=f"{NAME}: the state has no bookmark"):
        read(url, capsys, state=state_of("yesterday"))


@pytest.mark.parametrize("lines", [1, 3, 40, 90, 130])
def test_a_run_that_is_killed_goes_on_without_a_gap(
    lines: int, serve: Serve, tmp_path: Path
) -> None:
    def rows(day: str) -> list[Row]:
        return [row_of(day, number) for number in range(4)]

    url, api = serve(paged(rows))
    config = tmp_path / "config.json"
    days = {"start_date": "2026-08-01", "end_date": "2026-09-20"}
    config.write_text(json.dumps({**SAMPLE_CONFIG, "api_url": url, **days}))
    command = [sys.executable, *WARNINGS, "-m", "tap_kayzen", "--config", str(config)]
    with subprocess.Popen(
        [*command, *map(str, selecting(tmp_path, NAME))],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        first = [process.stdout.readline() for _ in range(lines)]
        process.kill()
    messages = [json.loads(line) for line in first]
    states = [each["value"] for each in messages if each["type"] == "STATE"]
    state = tmp_path / "state.json"
    state.write_text(json.dumps(states[-1] if states else {}))
    api.calls.clear()
    second = run_process(
        "--config", config, *selecting(tmp_path, NAME), "--state", state
    )
    assert second.code == 0
    sent = [each["record"] for each in messages if each["type"] == "RECORD"]
    every = [row for day in between("2026-08-01", "2026-09-20") for row in rows(day)]
    came = {(row["day"], row["campaign_id"]) for row in [*sent, *second.records]}
    assert came == {(row["day"], row["campaign_id"]) for row in every}
    # Of what had come before the last STATE, nothing is read again.
    if states:
        done = states[-1]["bookmarks"][NAME]["replication_key_value"]
        assert asked(api)[0][0] == str(date.fromisoformat(done) + timedelta(days=1))


def test_a_change_of_the_report_is_said_once(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    url, _ = serve(paged(two_rows))
    state = read(url, capsys).of_type("STATE")[-1]["value"]
    report = {
        "name": NAME,
        "metrics": ["impressions", "wins"],
        "group_by": ["day", "campaign_id", "country"],
    }
    run = read(url, capsys, state=state, reports=[report])
    warning = warnings_in(caplog)[0]
    assert "The report has changed (`metrics`, `group_by`): rows of days before" in (
        warning
    )
    assert "before 2026-09-13 stay as they were loaded" in warning
    assert "once without the state, with `start_date` set" in warning
    state = run.of_type("STATE")[-1]["value"]
    caplog.clear()
    read(url, capsys, state=state, reports=[report])
    assert "has changed" not in caplog.text


# Keys


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


def test_both_names_of_a_campaign_load_in_whatever_order(
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


# Values


def test_money_is_exact_and_what_does_not_fit_is_kept(
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


def test_names_that_no_documentation_has_are_accepted_with_one_warning(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def rows(day: str) -> list[Row]:
        return [{"day": day, "Brand New": "x", "D7 ROAS": "1.5"}]

    url, _ = serve(paged(rows))
    report = {"name": NAME, "metrics": ["D7 ROAS"], "group_by": ["day", "Brand New"]}
    run = read(url, capsys, reports=[report], advertiser_ids=[1, 2])
    (warning,) = warnings_in(caplog)
    assert "Not in Kayzen's public documentation: Brand New, D7 ROAS;" in warning
    assert run.records[0]["brand_new"] == "x"
    assert run.records[0]["d7_roas"] == 1.5


def test_a_report_without_days_is_read_at_once(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        page = json.loads(call.body)["page"]
        rows = [{"country": "DE", "clicks": 5}, {"country": None, "clicks": 6}]
        return json_response({"headers": [], "data": rows if page == 1 else []})

    url, api = serve(answer)
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


def test_batch_files_never_come_after_their_state(
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
            assert state.get("replication_key_value", "") <= sent
    assert bookmarks(run)[-1]["replication_key_value"] == sent == "2026-09-20"


# What can go wrong


def test_a_refusal_names_the_report_the_days_and_the_way_out(
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
        "campaign_performance, 2026-09-01 to 2026-09-07, page 1 of advertiser 5: "
        "HTTP 422: Kayzen does not accept the request; check the report's `metrics`, "
        "`group_by`, `filters` and `options`, and `advertiser_ids`; a smaller "
        "`window_days` asks for fewer days at once. Kayzen's words: "
        '{"error": "Unknown metric: installs"}'
    )


def test_what_came_before_an_error_is_kept(
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
    assert str(caught.value) == (
        "campaign_performance, 2026-09-01 to 2026-09-07: page 2 has the same 10 rows "
        "as an earlier one, so that there may be more rows than Kayzen gives; raise "
        "`report_page_size`, or lower the report's `window_days`"
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
        "2026-09-08 to 2026-09-14: 1 of 3 records came, and there may be more",
        "The bookmark stays where it is",
    ]


# Against the sandbox


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
def test_all_rows_of_the_sandbox_come_exactly(
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
    request = request_of({**Report.of(report).body, **days})
    truth = dataset.report_rows(DEFAULT_ADVERTISER, request)
    records = [
        message["record"]
        for line in run.stdout.splitlines()
        if (message := json.loads(line, parse_float=Decimal))["type"] == "RECORD"
    ]
    assert len(truth) > 300
    assert len({row.pop("_key") for row in records}) == len(truth)
    assert records == truth


def test_a_range_that_is_too_long_is_refused_with_the_way_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ReportOptions(max_days=5)
    app = create_app(
        Dataset(campaigns=1, seed=1), Access(Credentials()), reports=options
    )
    with running(app) as url:
        with pytest.raises(FatalAPIError, match="a smaller `window_days` asks for"):
            read(url, capsys)
        report = {**DEFAULT_REPORTS[0], "window_days": 5}
        assert read(url, capsys, reports=[report]).of_type("STATE")


# Found by review


def test_rows_alike_in_all_dimensions_all_load(
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


def test_the_order_of_dimensions_is_of_no_matter_to_keys(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))
    report = {"name": NAME, "metrics": ["clicks"], "group_by": ["day", "campaign_id"]}
    one = read(url, capsys, reports=[report]).records
    report["group_by"] = ["campaign_id", "day"]
    other = read(url, capsys, reports=[report]).records
    assert [row["_key"] for row in one] == [row["_key"] for row in other]


def test_days_to_come_never_count_as_read(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    days = {"start_date": "2026-11-01", "end_date": "2030-12-31"}
    with time_machine.travel(datetime(2026, 11, 10, 12, tzinfo=timezone.utc)):
        run = read(url, capsys, **days)
        assert bookmarks(run)[-1]["replication_key_value"] == "2026-11-10"
        api.calls.clear()
        run = read(url, capsys, **days, state=state_of("2030-12-31"))
        assert asked(api)[0][0] == "2026-11-03"
        assert bookmarks(run)[-1]["replication_key_value"] == "2026-11-10"


def test_a_month_is_read_whole_and_says_so(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        page = json.loads(call.body)["page"]
        return json_response({"data": [{"month": "2026-08"}] if page == 1 else []})

    url, api = serve(answer)
    report = {"name": NAME, "metrics": ["clicks"], "group_by": ["month"]}
    run = read(url, capsys, reports=[report], start_date="2026-08-17")
    assert asked(api) == [("2026-08-01", "2026-09-20")]
    (row,) = run.records
    assert (row["range_start"], row["range_end"]) == ("2026-08-01", "2026-09-20")


def test_a_catalog_without_what_keys_are_made_of_is_refused(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(two_rows))
    catalog = catalog_of(NAME)
    (entry,) = catalog["streams"]
    del entry["schema"]["properties"]["campaign_id"]
    with pytest.raises(ConfigurationError, match="made of: campaign_id; deselect them"):
        read(url, capsys, catalog=catalog)


def test_a_bookmark_without_advertiser_is_spoken_of(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    url, _ = serve(paged(two_rows))
    state = read(url, capsys).of_type("STATE")[-1]["value"]
    read(url, capsys, state=state, advertiser_ids=[1])
    (warning,) = warnings_in(caplog)
    assert warning.startswith("The state has a bookmark without an advertiser")


def test_a_run_that_goes_less_far_leaves_the_rest_to_the_next(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, api = serve(paged(two_rows))
    cut = {"next_day": "2026-09-05", "end_date": "2026-09-20"}
    state = state_of("2026-09-15", unfinished=cut)
    run = read(url, capsys, state=state, end_date="2026-09-08")
    state = run.of_type("STATE")[-1]["value"]
    assert bookmarks(run)[-1]["unfinished"]["next_day"] == "2026-09-09"
    api.calls.clear()
    read(url, capsys, state=state)
    assert asked(api)[0][0] == "2026-09-09"


def test_days_that_nobody_asked_for_are_spoken_of(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        page = json.loads(call.body)["page"]
        return json_response({"data": two_rows("2026-09-01") if page == 1 else []})

    url, _ = serve(answer)
    read(url, capsys)
    (warning,) = warnings_in(caplog)
    assert "a row of 2026-09-01 when asked for 2026-09-08 to 2026-09-14" in warning


def test_empty_windows_of_several_advertisers_leave_a_state_too(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(paged(lambda _: []))
    run = read(url, capsys, advertiser_ids=[1, 2], start_date="2026-06-01")
    assert len(run.of_type("STATE")) > 20


@pytest.mark.parametrize("bookmarks", [{NAME: None}, {NAME: "2026-09-01"}, []])
def test_a_state_that_is_none_is_refused_in_one_line(
    bookmarks: object, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"bookmarks": bookmarks}))
    config = tmp_path / "config.json"
    config.write_text(json.dumps(SAMPLE_CONFIG))
    run = run_process("--config", config, "--state", state)
    (error,) = run.errors
    assert run.code == 1
    assert error.startswith(f"--state {state}: must be a file with one JSON object")
