"""A failed stream, or a failed advertiser of one, does not affect the others."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import FatalAPIError
from starlette.responses import PlainTextResponse
from support import (
    LAST,
    REFUSED,
    REPORT_DAYS,
    Run,
    catalog_of,
    contains,
    json_response,
    page_response,
    refusing,
    run_process,
    selecting,
    sync,
    whole,
)

from tap_kayzen.messages import (
    bug_messages,
    network_messages,
    report_messages,
    stream_messages,
)
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.streams.failures import IncompleteError
from tap_kayzen.streams.lists import ListStream
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping
    from pathlib import Path

    from conftest import Broken
    from starlette.requests import Request
    from starlette.responses import Response

ADVERTISERS = [DEFAULT_ADVERTISER, DEFAULT_ADVERTISER + 1, DEFAULT_ADVERTISER + 2]
STREAMS = ("app_lists", "campaign_performance", "campaigns", "orders", "tags")


def run_tap(
    config: Mapping[str, Any], folder: Path, *streams: str, state: object = None
) -> Run:
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "state.json").write_text(json.dumps(state or {}))
    return run_process(
        *("--config", folder / "config.json", "--state", folder / "state.json"),
        *selecting(folder, *(streams or STREAMS)),
    )


def rows_of(run: Run) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for message in run.of_type("RECORD"):
        rows.setdefault(message["stream"], []).append(message["record"])
    return rows


def bookmarks(run: Run) -> dict[str, Any]:
    states = run.of_type("STATE")
    found: dict[str, Any] = states[-1]["value"]["bookmarks"]
    return found


NOT_JSON = PlainTextResponse("<html>maintenance</html>")
NO_KEY = page_response([{"name": "x"}], total_pages=1, total_entries=1)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (REFUSED, stream_messages.FORBIDDEN()),
        (json_response({}, 404), stream_messages.NOT_FOUND()),
        (json_response({}, 401), "HTTP 401"),
        (json_response({}, 500), "HTTP 500; gave up after 0 of 0 retries"),
        (NOT_JSON, f"{network_messages.WEB_PAGE(status=200)}; gave up after 0 of 0"),
        (NO_KEY, "Kayzen sent a record without a usable key"),
    ],
    ids=["403", "404", "401", "500", "not JSON", "no key"],
)
def test_the_other_streams_are_read(
    answer: Response, cause: str, broken: Broken, tmp_path: Path
) -> None:
    settings = {"emit_activate_version_messages": True}
    good = run_tap({**broken(whole), **settings}, tmp_path)
    config = broken(refusing("/v1/app_lists", answer))
    run = run_tap({**config, **settings}, tmp_path)
    assert (good.code, run.code) == (0, 1)
    expected = rows_of(good)
    assert expected.pop("app_lists")
    assert rows_of(run) == expected
    deleting = {message["stream"] for message in run.of_type("ACTIVATE_VERSION")}
    assert deleting == {"campaigns", "orders", "tags"}
    assert (
        bookmarks(run)["campaign_performance"]["replication_key_value"]
        == (REPORT_DAYS["end_date"])
    )
    (error,) = run.errors
    assert error.startswith("app_lists")
    assert cause in error
    title, head, line = run.table
    assert title == stream_messages.INCOMPLETE(failed=1, streams=5)
    assert head.split() == ["Failed", "Why", "What", "to", "do"]
    assert line.startswith("app_lists ")
    assert cause in line


def test_an_unwritable_record_fails_only_its_stream(
    broken: Broken, tmp_path: Path
) -> None:
    good = run_tap(broken(whole), tmp_path)
    maps = {"app_lists": {"nothing": "1 / (id - id)"}}
    run = run_tap({**broken(whole), "stream_maps": maps}, tmp_path)
    assert run.code == 1
    expected = rows_of(good)
    assert expected.pop("app_lists")
    assert rows_of(run) == expected
    (error,) = run.errors
    assert error.startswith("app_lists")


def test_a_record_without_a_key_is_described_by_its_fields(
    broken: Broken, capsys: pytest.CaptureFixture[str]
) -> None:
    page = page_response([{"name": "x", "odd": 1}], total_pages=1, total_entries=1)
    text = stream_messages.NO_KEY(keys="id", fields="'name', 'odd'")
    with pytest.raises(IncompleteError, match=f"{re.escape(text)}$"):
        sync(broken(refusing("/v1/app_lists", page)), capsys, streams=["app_lists"])


def of_advertiser(request: Request, number: int) -> bool:
    return request.query_params.get("advertiser_id") == str(number)


def test_the_other_advertisers_are_read(broken: Broken, tmp_path: Path) -> None:
    second = ADVERTISERS[1]
    settings = {"advertiser_ids": ADVERTISERS, "emit_activate_version_messages": True}
    lists = ("app_lists", "campaigns", "campaign_details", "orders", "tags")
    good = run_tap({**broken(whole), **settings}, tmp_path, *lists)

    def answer(request: Request, _: bytes) -> Response | None:
        return REFUSED if of_advertiser(request, second) else None

    config = broken(answer)
    run = run_tap({**config, **settings}, tmp_path, *lists)
    assert (good.code, run.code) == (0, 1)
    assert rows_of(run) == {
        stream: [row for row in rows if row["advertiser_id"] != second]
        for stream, rows in rows_of(good).items()
    }
    assert not run.of_type("ACTIVATE_VERSION")
    assert len(run.errors) == len(lists)
    assert run.table[0].startswith("Incomplete: 5 of 5 streams failed")
    parts = [line.split("  ")[0] for line in run.table[2:]]
    assert parts == [
        f"{stream} of advertiser {second}"
        for stream in ("app_lists", "campaigns", "campaign_details", "orders", "tags")
    ]


def test_the_bookmark_of_a_failed_part_stays(broken: Broken, tmp_path: Path) -> None:
    days = {"start_date": "2025-03-01", "end_date": "2025-03-21"}
    settings = {**days, "advertiser_ids": ADVERTISERS, "concurrency": 1}

    def answer(_: Request, body: bytes) -> Response | None:
        if not body.startswith(b"{"):
            return None
        asked = json.loads(body)
        window = asked["advertiser_id"], asked["start_date"]
        return REFUSED if window == (second, "2025-03-08") else None

    second = ADVERTISERS[1]
    run = run_tap({**broken(answer), **settings}, tmp_path, "campaign_performance")
    assert run.code == 1
    partitions = bookmarks(run)["campaign_performance"]["partitions"]
    assert [each["replication_key_value"] for each in partitions] == [
        "2025-03-21",
        "2025-03-07",
        "2025-03-21",
    ]
    (error,) = run.errors
    assert error.startswith(f"campaign_performance of advertiser {second}, 2025-03-08")


def test_a_failed_list_keeps_its_bookmark(
    broken: Broken, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = catalog_of("campaigns")
    (entry,) = catalog["streams"]
    entry["replication_method"] = "INCREMENTAL"
    entry["replication_key"] = "updated_at"
    old = {
        "replication_key": "updated_at",
        "replication_key_value": "2020-01-01T00:00:00Z",
    }
    config = broken(
        lambda request, _: REFUSED if request.query_params.get("page") == "2" else None
    )
    tap = TapKayzen(
        config={**config, "page_size": 5},
        catalog=catalog,
        state={"bookmarks": {"campaigns": {**old}}},
    )
    with pytest.raises(IncompleteError, match="campaigns, page 2: HTTP 403"):
        tap.sync_all()
    run = Run(1, capsys.readouterr().out, "")
    assert len(run.records) == 5
    assert bookmarks(run)["campaigns"] == old


def test_a_campaign_that_cannot_be_read_is_left_out(
    broken: Broken, tmp_path: Path
) -> None:
    good = run_tap(broken(whole), tmp_path, "campaign_details")
    _, second, *_ = (row["campaign_id"] for row in good.records)
    path = f"/v1/campaigns/{second}/detail"
    config = broken(refusing(path, json_response({}, 500)))
    run = run_tap(config, tmp_path, "campaign_details")
    assert run.code == 1
    assert run.records == [row for row in good.records if row["campaign_id"] != second]
    (line,) = run.table[2:]
    assert line.startswith(f"campaign_details of campaign {second}  HTTP 500")


@pytest.mark.parametrize(("status", "calls"), [(500, 3), (403, 1)])
def test_the_tap_gives_up_if_no_campaign_can_be_read(
    status: int,
    calls: int,
    broken: Broken,
    requested: Counter[str],
    tmp_path: Path,
) -> None:
    def answer(request: Request, _: bytes) -> Response | None:
        is_detail = request.url.path.endswith("/detail")
        return json_response({}, status) if is_detail else None

    config = {**broken(answer), "concurrency": 1}
    run = run_tap(config, tmp_path, "campaign_details", "orders")
    assert run.code == 1
    assert rows_of(run).keys() == {"orders"}
    made = [path for path in requested.elements() if path.endswith("/detail")]
    assert calls <= len(made) <= calls + 1, "one more may be on its way"
    assert len(run.errors) == calls


def test_refused_campaigns_fail_their_parts_without_another_request(
    broken: Broken, requested: Counter[str], tmp_path: Path
) -> None:
    parts = ("campaign_bid_multipliers", "campaign_changelogs", "campaign_details")
    config = broken(refusing("/v1/campaigns"))
    run = run_tap(config, tmp_path, "campaigns", "orders", *parts)
    assert rows_of(run).keys() == {"orders"}
    assert requested["/v1/campaigns"] == 1
    for part in parts:
        (error,) = (error for error in run.errors if error.startswith(part))
        text = stream_messages.NEEDS_CAMPAIGNS(stream=part)
        assert error.startswith(f"{text}: campaigns, page 1: HTTP 403")
        assert error.count("needs the list") == 1
        assert f"select: ['!{part}.*']" in error


def test_an_expression_about_campaigns_fails_no_other_stream(
    broken: Broken, tmp_path: Path
) -> None:
    good = run_tap(broken(whole), tmp_path, "campaign_details")
    maps = {"campaigns": {"nothing": "1 / (id - id)"}}
    config = {**broken(whole), "stream_maps": maps, "page_size": 5}
    run = run_tap(config, tmp_path, "campaigns", "campaign_details")
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith("campaigns: ")
    assert good.records
    assert rows_of(run)["campaign_details"] == good.records


def test_requests_of_a_failed_stream_are_not_sent_again(
    broken: Broken, requested: Counter[str], tmp_path: Path
) -> None:
    """One that is on its way when its stream fails would hold a worker for minutes."""
    config = broken(refusing("/v1/report_data", json_response({}, 500)))
    config |= {"max_retries": 1, "concurrency": 1, "start_date": "2025-01-01"}
    run = run_tap(config, tmp_path, "campaign_performance", "orders")
    assert run.code == 1
    assert rows_of(run).keys() == {"orders"}
    assert requested["/v1/report_data"] <= 3, "of the next window, one at most"


def test_an_unexpected_error_fails_only_its_stream(
    broken: Broken,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = ListStream.check

    def fail(stream: ListStream, *arguments: Any) -> None:
        if stream.name == "orders":
            raise KeyError(stream.name)
        check(stream, *arguments)

    monkeypatch.setattr(ListStream, "check", fail)
    with pytest.raises(IncompleteError) as caught:
        sync(broken(whole), capsys, streams=("campaigns", "orders", "tags"))
    (failure,) = caught.value.failures
    assert (failure.stream, failure.cause) == ("orders", "KeyError: 'orders'")
    assert failure.hint == bug_messages.REPORT_IT()
    assert f"orders: KeyError: 'orders'; {failure.hint}" in caplog.text
    assert rows_of(Run(1, capsys.readouterr().out, "")).keys() == {"campaigns", "tags"}


def test_the_run_can_end_at_the_first_failure(broken: Broken, tmp_path: Path) -> None:
    config = {**broken(refusing("/v1/campaigns")), "on_stream_error": "abort"}
    run = run_tap(config, tmp_path)
    assert run.code == 1
    assert rows_of(run).keys() == {"app_lists", "campaign_performance"}
    (error,) = run.errors
    assert error.startswith("campaigns, page 1: HTTP 403")
    assert run.table == []


def test_rejected_credentials_end_the_run(
    broken: Broken, requested: Counter[str], tmp_path: Path
) -> None:
    rejected = json_response({"error": "Invalid login credentials"}, 401)
    config = broken(refusing("/v1/authentication/token", rejected))
    run = run_tap(config, tmp_path)
    assert run.code == 1
    assert len(run.errors) == 1
    assert run.table == []
    assert requested == {"/v1/authentication/token": 1}


def test_the_run_ends_if_no_server_is_reachable(broken: Broken, tmp_path: Path) -> None:
    config = {**broken(refusing("/v1/app_lists", LAST)), "concurrency": 1}
    run = run_tap(config, tmp_path, *STREAMS, "asset_files", "countries")
    assert run.code == 1
    assert [error.partition(",")[0] for error in run.errors] == [
        "app_lists",
        "asset_files",
        "campaign_performance",
        "campaigns",
    ]
    assert all("Connection refused" in error for error in run.errors[1:])
    assert contains(run.errors[-1], network_messages.UNREACHABLE)


def test_an_unreachable_server_costs_all_retries_only_once(
    broken: Broken, capsys: pytest.CaptureFixture[str]
) -> None:
    config = {**broken(refusing("/v1/app_lists", LAST)), "concurrency": 1}
    tap = TapKayzen(config=config, catalog=catalog_of("app_lists", "orders"))
    wire = tap.services.client.wire
    with pytest.raises(IncompleteError, match="Connection refused"):
        tap.sync_all()
    assert wire.fail_fast
    capsys.readouterr()


def test_available_saved_reports_are_read(broken: Broken, tmp_path: Path) -> None:
    good = run_tap(broken(whole), tmp_path, "report_results")
    found = sorted({row["report_id"] for row in good.records})
    config = {**broken(whole), "report_ids": [*found, 99_999]}
    run = run_tap(config, tmp_path, "report_results")
    assert run.code == 1
    assert run.records == good.records
    (error,) = run.errors
    text = report_messages.NO_SAVED_REPORT(ids="99999")
    assert error == f"report_results: {text}; {report_messages.CORRECT_IDS()}"


def test_the_connection_test_of_the_sdk_sees_a_failure(broken: Broken) -> None:
    """It asks for no failures at the end, as a sync does."""
    tap = TapKayzen(config=broken(refusing("/v1/orders")))
    with pytest.raises(FatalAPIError, match="orders, page 1: HTTP 403"):
        tap.run_connection_test()


@pytest.mark.parametrize("concurrency", [1, 8])
def test_test_has_a_row_for_each_refused_stream(
    concurrency: int, broken: Broken, tmp_path: Path
) -> None:
    """A stream that fails must not stop the requests of the next one."""
    second = ADVERTISERS[1]
    config = broken(
        lambda request, _: None if request.url.path.endswith("/token") else REFUSED
    )
    settings = {"advertiser_ids": [second], "concurrency": concurrency}
    (tmp_path / "config.json").write_text(json.dumps({**config, **settings}))
    run = run_process("--config", tmp_path / "config.json", "--test")
    assert run.code == 1
    table = [line for line in run.stderr.splitlines() if " | " not in line][1:]
    lists = {line.split()[0] for line in table if line.startswith("  ")}
    assert lists == {"campaigns", "meta/campaigns"}
    names = {line.split()[0] for line in table if not line.startswith("  ")}
    assert names == {*TapKayzen(config=config).streams}
    assert all(" no " in line and "HTTP 403" in line for line in table), run.stderr


@pytest.mark.parametrize("status", [401, 403])
def test_a_forbidden_report_is_not_blamed_on_its_settings(
    status: int, broken: Broken, tmp_path: Path
) -> None:
    product = {"fault": {"faultstring": "no apiproduct match found"}}
    config = broken(refusing("/v1/report_data", json_response(product, status)))
    run = run_tap(config, tmp_path, "campaign_performance")
    (error,) = run.errors
    assert "select: ['!campaign_performance.*']" in error
    assert "metrics" not in error
