"""The campaigns stream against the sandbox and stranger servers, on real sockets."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from singer_sdk.exceptions import FatalAPIError
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    catalog_of,
    json_response,
    page_response,
    run_process,
    selecting,
    sync,
    token_response,
)
from watchdog import watched

from tap_kayzen.messages import network_messages, stream_messages
from tap_kayzen.sandbox.clock import Clock
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.streams.failures import IncompleteError
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Serve
    from support import Call, Sandbox

PATH = "/v1/campaigns"
MESSAGES = {"emit_activate_version_messages": True}
DESELECT = stream_messages.DESELECT(stream="campaigns")


def api(pages: Callable[[int], Response]) -> Callable[[Call], Response]:
    """Answer logins, and each page as the test says."""

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return pages(int(parse_qs(call.query)["page"][0]))

    return answer


def config_for(url: str, **changes: object) -> dict[str, Any]:
    return {**SAMPLE_CONFIG, "api_url": url, **changes}


def test_every_campaign_is_sent_once_and_unchanged(
    sandbox: Sandbox, config_file: Path, tmp_path: Path
) -> None:
    run = run_process("--config", config_file, *selecting(tmp_path, "campaigns"))
    assert run.code == 0
    truth = next(iter(sandbox.dataset.campaigns.values()))
    assert len(truth) == 250
    assert run.records == truth
    assert [message["type"] for message in run.messages] == [
        "SCHEMA",
        *["RECORD"] * 250,
        "STATE",
    ]


def test_the_lookup_list_suggests_the_full_list_once(
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = sync({**config, "campaigns_endpoint": "meta/campaigns"}, capsys)
    assert len(run.records) == 250
    assert all(record.keys() == {"id", "name"} for record in run.records)
    assert caplog.text.count("set `campaigns_endpoint` to `campaigns`") == 1


def test_the_full_list_suggests_nothing(
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    sync(config, capsys)
    assert "campaigns_endpoint" not in caplog.text


def test_requests_are_the_documented_ones(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, server = serve(api(lambda _: page_response([], total_pages=1)))
    sync(config_for(url, page_size=7, advertiser_ids=[5]), capsys)
    (call,) = server.to(PATH)
    assert (call.method, call.body) == ("GET", b"")
    assert parse_qs(call.query) == {
        "page": ["1"],
        "per_page": ["7"],
        "advertiser_id": ["5"],
    }
    assert call.headers["authorization"] == "Bearer token-1"
    assert call.headers["accept"] == "application/json"
    assert call.headers["user-agent"].startswith("tap-kayzen/")


def test_a_host_with_a_path_before_v1(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == f"/api{TOKEN_PATH}":
            return token_response()
        assert call.path == "/api/v1/campaigns"
        return page_response([{"id": 1}], total_pages=1)

    url, _ = serve(answer)
    assert sync(config_for(f"{url}/api/"), capsys).records == [{"id": 1}]


def test_uneven_pages_and_numbers_as_text(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    pages: dict[int, list[dict[str, Any]]] = {
        1: [{"id": "1", "day_budget": "200"}, {"id": 2}, {"id": 3}],
        2: [],
        3: [{"id": 4, "is_active": "true"}],
    }
    url, server = serve(
        api(
            lambda number: page_response(
                pages[number],
                current_page=str(number),
                total_pages="3",
                total_entries="4",
            )
        )
    )
    run = sync(config_for(url, **MESSAGES), capsys)
    assert run.records == [
        {"id": 1, "day_budget": 200},
        {"id": 2},
        {"id": 3},
        {"id": 4, "is_active": True},
    ]
    assert len(server.to(PATH)) == 3
    assert len(run.of_type("ACTIVATE_VERSION")) == 1


def test_decimals_are_exact_from_response_to_message(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    body = (
        '{"data": [{"id": 1, "target_bid": 0.10, "billing_price": '
        '123456789012345678.123456789, "unknown": 1.10}], "meta": {"total_pages": 1}}'
    )
    url, _ = serve(api(lambda _: Response(body)))
    run = sync(config_for(url), capsys)
    (line,) = [line for line in run.stdout.splitlines() if '"RECORD"' in line]
    assert '"target_bid":0.10,' in line
    assert '"billing_price":123456789012345678.123456789,' in line
    assert '"_extra":{"unknown":1.10}' in line


def test_unknown_fields_and_wrong_types_are_kept(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    record = {"id": 1, "pacing": 9, "day_budget": 20.5, "tags": [{"id": 3}]}
    url, _ = serve(
        api(lambda _: page_response([record, {**record, "id": 2}], total_pages=1))
    )
    run = sync(config_for(url), capsys)
    extra = {"pacing": 9, "day_budget": 20.5}
    assert run.records == [
        {"id": number, "day_budget": None, "tags": [{"id": 3}], "_extra": extra}
        for number in (1, 2)
    ]
    assert caplog.text.count("'pacing'") == caplog.text.count("'day_budget'") == 1


def test_a_duplicate_key_is_sent_once(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = {1: [{"id": 1}, {"id": 2}], 2: [{"id": 2}, {"id": 3}]}
    url, _ = serve(api(lambda number: page_response(pages[number], total_pages=2)))
    run = sync(config_for(url), capsys)
    assert [record["id"] for record in run.records] == [1, 2, 3]


@pytest.mark.parametrize("record", [{"name": "x"}, {"id": None}, {"id": "abc"}])
def test_a_record_without_key_is_an_error(
    serve: Serve, capsys: pytest.CaptureFixture[str], record: dict[str, Any]
) -> None:
    url, _ = serve(api(lambda _: page_response([record], total_pages=1)))
    with pytest.raises(IncompleteError, match=r"campaigns: .*\(id\)"):
        sync(config_for(url), capsys)


# Advertisers


def test_each_advertiser_is_read_and_named(
    sandbox: Sandbox, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    own, second, third = sandbox.dataset.campaigns
    run = sync({**config, "advertiser_ids": [third, second, third]}, capsys)
    assert [(record["advertiser_id"], record["id"]) for record in run.records] == [
        (advertiser, campaign["id"])
        for advertiser in (third, second)
        for campaign in sandbox.dataset.campaigns[advertiser]
    ]
    assert own not in {record["advertiser_id"] for record in run.records}


def test_advertisers_of_an_old_state_are_not_read(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    state = {
        "bookmarks": {
            "campaigns": {"partitions": [{"context": {"advertiser_id": 108994}}]}
        }
    }
    assert len(sync(config, capsys, state=state).records) == 250


def test_a_forbidden_advertiser_is_named(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        FatalAPIError,
        match=r"campaigns of advertiser 7, page 1: HTTP 403: .*`advertiser_ids`",
    ):
        sync({**config, "advertiser_ids": [7]}, capsys)


# Tokens on the way


def test_a_token_revoked_during_a_sync_is_replaced_once(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    tokens = iter(("first", "second"))

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response(next(tokens))
        number = int(parse_qs(call.query)["page"][0])
        if number > 1 and call.headers["authorization"] == "Bearer first":
            return json_response({}, 401)
        return page_response([{"id": number}], total_pages=3)

    url, server = serve(answer)
    run = sync(config_for(url), capsys)
    assert [record["id"] for record in run.records] == [1, 2, 3]
    # Pages 2 and 3 are requested at once: one of them or both are refused.
    assert 4 <= len(server.to(PATH)) <= 5
    assert len(server.to(TOKEN_PATH)) == 2


def test_a_path_that_rejects_every_token_fails_after_three(
    serve: Serve, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    url, server = serve(api(lambda _: json_response({"error": "no"}, 401)))
    with pytest.raises(IncompleteError) as caught:
        sync(config_for(url), capsys)
    assert str(caught.value).startswith(
        f"campaigns, page 1: {stream_messages.TOKENS_REJECTED()}; check "
        "`advertiser_ids`"
    )
    assert len(server.to(PATH)) == len(server.to(TOKEN_PATH)) == 3
    assert len(waits) == 2


def test_a_path_without_an_api_product_is_requested_once(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "keymanagement.service.InvalidAPICallAsNoApiProductMatchFound"
    fault = {"fault": {"faultstring": "Invalid", "detail": {"errorcode": code}}}
    url, server = serve(api(lambda _: json_response(fault, 401)))
    with pytest.raises(IncompleteError) as caught:
        sync(config_for(url), capsys)
    assert str(caught.value).startswith(
        f"campaigns, page 1: {stream_messages.NO_ACCESS_FOR_KEY()}; check "
        "`advertiser_ids`"
    )
    assert code in str(caught.value)
    assert len(server.to(PATH)) == len(server.to(TOKEN_PATH)) == 1


@pytest.mark.usefixtures("waits")
def test_tokens_that_keep_expiring_do_not_stop_a_sync(
    sandbox: Sandbox, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    class Ticking(Clock):
        """A clock on which a second passes whenever somebody looks at it."""

        ticks = count()

        def now(self) -> float:
            return float(next(self.ticks))

    sandbox.access.clock = Ticking()
    sandbox.access.lifetime = 40
    run = sync({**config, "page_size": 10}, capsys)
    assert len(run.records) == 250


# Failures


@pytest.mark.parametrize(
    "hiccup",
    [
        PlainTextResponse("busy", 429, {"Retry-After": "1"}),
        PlainTextResponse("", 500),
        PlainTextResponse("<html>", 503),
        PlainTextResponse("<html>a proxy's page", 200),
        PlainTextResponse('{"data": [{"id": 1}', 200),
        PlainTextResponse("", 200),
    ],
)
def test_transient_failures_cost_nothing_but_time(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    waits: list[float],
    hiccup: Response,
) -> None:
    troubles = iter([hiccup, hiccup])
    url, _ = serve(
        api(
            lambda number: (
                (number == 2 and next(troubles, None))
                or page_response([{"id": number}], total_pages=3)
            )
        )
    )
    run = sync(config_for(url, **MESSAGES), capsys)
    assert [record["id"] for record in run.records] == [1, 2, 3]
    assert len(run.of_type("ACTIVATE_VERSION")) == 1
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("response", "requests_made", "message"),
    [
        (
            PlainTextResponse("", 503),
            3,
            (
                "HTTP 503; gave up after 2 of 2 retries (time limit 900 s); retry "
                "later, or raise `max_retries`, `max_retry_seconds`, or "
                "`request_timeout`. "
                "Kayzen's response: (empty body)"
            ),
        ),
        (
            json_response({"error": "no " * 100}, 422),
            1,
            (
                f"{stream_messages.REQUEST_REJECTED(status=422)}; {DESELECT}. "
                f'Kayzen\'s response: {{"error": "{"no " * 63}'
            ),
        ),
        (
            json_response({"error": "Not Found"}, 404),
            1,
            (
                f"{stream_messages.NOT_FOUND()}; {DESELECT}. "
                'Kayzen\'s response: {"error": "Not Found"}'
            ),
        ),
        (
            RedirectResponse("http://elsewhere.test/", 302),
            1,
            (
                f"{network_messages.REDIRECTED(status=302)}; set `api_url` to the "
                "final address. Kayzen's response: (empty body)"
            ),
        ),
        (
            json_response("all well", 200),
            1,
            (
                f"{stream_messages.NOT_EXPECTED(expected='a list of records')}; "
                f'{DESELECT}. Kayzen\'s response: "all well"'
            ),
        ),
    ],
)
def test_permanent_failures_end_the_run_and_delete_nothing(  # noqa: PLR0913, PLR0917
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    waits: list[float],
    response: Response,
    requests_made: int,
    message: str,
) -> None:
    url, server = serve(
        api(
            lambda number: (
                response
                if number == 2
                else page_response([{"id": number}], total_pages=3)
            )
        )
    )
    with pytest.raises(FatalAPIError) as caught:
        sync(config_for(url, max_retries=2, **MESSAGES), capsys)
    assert str(caught.value) == f"campaigns, page 2: {message.strip()}"
    page_2 = [call for call in server.to(PATH) if "page=2" in call.query]
    assert len(page_2) == requests_made
    assert len(waits) == requests_made - 1
    assert "ACTIVATE_VERSION" not in capsys.readouterr().out


def test_error_bodies_show_no_secret(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(
        api(
            lambda _: json_response(
                {"error": "bad token-1", "seen": SAMPLE_CONFIG}, 400
            )
        )
    )
    with pytest.raises(FatalAPIError) as caught:
        sync(config_for(url), capsys)
    text = str(caught.value)
    assert "HTTP 400" in text
    assert "token-1" not in text
    assert not any(
        SAMPLE_CONFIG[name] in text for name in ("password", "api_key", "api_secret")
    )


# ACTIVATE_VERSION


def test_the_version_is_activated_after_the_last_record(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run = sync({**config, **MESSAGES}, capsys)
    kinds = [message["type"] for message in run.messages]
    assert kinds.count("ACTIVATE_VERSION") == 1
    assert kinds.index("ACTIVATE_VERSION") > len(kinds) - 1 - kinds[::-1].index(
        "RECORD"
    )
    (activation,) = run.of_type("ACTIVATE_VERSION")
    assert {record["version"] for record in run.of_type("RECORD")} == {
        activation["version"]
    }


def test_one_activation_for_all_advertisers(
    sandbox: Sandbox, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    advertisers = list(sandbox.dataset.campaigns)
    run = sync({**config, **MESSAGES, "advertiser_ids": advertisers}, capsys)
    kinds = [message["type"] for message in run.messages]
    assert kinds.count("ACTIVATE_VERSION") == 1
    assert "RECORD" not in kinds[kinds.index("ACTIVATE_VERSION") :]


def test_no_activation_without_the_setting(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sync(config, capsys).of_type("ACTIVATE_VERSION") == []


def test_no_activation_with_fewer_rows_than_announced(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    url, _ = serve(api(lambda _: page_response([], total_pages=1, total_entries=58)))
    run = sync(config_for(url, **MESSAGES), capsys)
    assert run.of_type("ACTIVATE_VERSION") == []
    warnings = [each for each in caplog.records if each.levelname == "WARNING"]
    assert [each.getMessage() for each in warnings] == [
        stream_messages.MAY_BE_MORE(list="campaigns", received="0 of 58 records"),
        f"campaigns: t{stream_messages.NO_DELETIONS()[1:]}",
    ]


# Catalogs


def catalog_without(column: str, *, how: str) -> dict[str, Any]:
    catalog = catalog_of("campaigns")
    (entry,) = catalog["streams"]
    if how == "deselected":
        for each in entry["metadata"]:
            if each["breadcrumb"] == ["properties", column]:
                each["metadata"]["selected"] = False
            if each["breadcrumb"] == []:
                each["metadata"]["selected"] = True
    else:
        del entry["schema"]["properties"][column]
        entry["metadata"] = [{"breadcrumb": [], "metadata": {"selected": True}}]
    return catalog


def test_a_deselected_column_is_left_out(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = catalog_without("tags", how="deselected")
    run = sync(config, capsys, catalog=catalog)
    assert len(run.records) == 250
    assert not any("tags" in record or "_extra" in record for record in run.records)


def test_a_column_missing_from_an_older_catalog_is_kept_in_extra(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = catalog_without("tags", how="missing")
    run = sync(config, capsys, catalog=catalog)
    assert all(record["_extra"].keys() == {"tags"} for record in run.records)


# What a review found


@pytest.mark.parametrize(
    "body",
    [
        {"data": None, "error": "temporarily unavailable"},
        {"error": "temporarily unavailable"},
    ],
)
def test_an_error_message_is_not_an_empty_list(
    serve: Serve, capsys: pytest.CaptureFixture[str], body: dict[str, Any]
) -> None:
    url, _ = serve(api(lambda _: json_response(body)))
    with pytest.raises(FatalAPIError, match=r"not a list of records.*unavailable"):
        sync(config_for(url, **MESSAGES), capsys)
    assert "ACTIVATE_VERSION" not in capsys.readouterr().out


def test_an_empty_response_without_meta_deletes_nothing(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(api(lambda _: page_response([])))
    assert sync(config_for(url, **MESSAGES), capsys).of_type("ACTIVATE_VERSION") == []


def test_an_empty_list_with_a_total_of_zero_is_complete(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(api(lambda _: page_response([], total_pages=1, total_entries=0)))
    assert sync(config_for(url, **MESSAGES), capsys).of_type("ACTIVATE_VERSION")


@pytest.mark.parametrize("keys", [None, ["name"]])
def test_a_catalog_with_other_keys_loses_no_row(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str], keys: list[str] | None
) -> None:
    catalog = catalog_of("campaigns")
    (entry,) = catalog["streams"]
    del entry["key_properties"]
    entry["metadata"] = [{"breadcrumb": [], "metadata": {"selected": True}}]
    if keys:
        entry["key_properties"] = keys
    run = sync({**config, "campaigns_endpoint": "campaigns"}, capsys, catalog=catalog)
    assert len(run.records) == 250


def test_a_deselected_advertiser_id_is_left_out(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    run = sync(
        {**config, "advertiser_ids": [DEFAULT_ADVERTISER]},
        capsys,
        catalog=catalog_without("advertiser_id", how="deselected"),
    )
    assert len(run.records) == 250
    assert not any("advertiser_id" in record for record in run.records)


def test_the_lookup_list_is_judged_by_its_rows(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    row = {"id": 1, **{f"field{n}": n for n in range(9)}}
    url, _ = serve(
        lambda call: (
            token_response()
            if call.path == TOKEN_PATH
            else page_response([row], total_pages=1, total_entries=1)
        )
    )
    sync(config_for(url, campaigns_endpoint="meta/campaigns"), capsys)
    assert "little more than id and name" not in caplog.text


def test_a_tap_can_be_used_twice(
    config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    tap = TapKayzen(config=config)
    tap.run_connection_test()
    capsys.readouterr()
    stream = tap.streams["campaigns"]
    for each in tap.streams.values():
        each.selected = each is stream
    for _ in range(2):
        assert len(list(stream.get_records(None))) == 250


def test_a_missing_advertiser_id_is_filled_in(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "advertiser_id": None},
        {"id": 2, "advertiser_id": 9},
        {"id": 3},
    ]
    url, _ = serve(api(lambda _: page_response(rows, total_pages=1)))
    run = sync(config_for(url, advertiser_ids=[5]), capsys)
    assert [record["advertiser_id"] for record in run.records] == [5, 9, 5]


def test_a_deselected_column_is_not_in_the_output(
    config: dict[str, Any],
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    next(iter(sandbox.dataset.campaigns.values()))[0]["day_budget"] = "of no number"
    catalog = catalog_without("day_budget", how="deselected")
    assert "of no number" not in sync(config, capsys, catalog=catalog).stdout
    batch = {
        "encoding": {"format": "jsonl", "compression": "none"},
        "storage": {"root": tmp_path.as_uri()},
    }
    sync({**config, "batch_config": batch}, capsys, catalog=catalog)
    (file,) = tmp_path.glob("*campaigns*")
    content = file.read_bytes()
    text = (
        gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    ).decode()
    assert text.count("\n") >= 249
    assert "day_budget" not in text


def test_a_stalled_server_does_not_delay_the_exit(serve: Serve, tmp_path: Path) -> None:
    """Page 2 never arrives; on a signal, the tap still exits at once."""
    asked, never = threading.Event(), threading.Event()

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        if "page=2" in call.query:
            asked.set()
            never.wait(60)
        return page_response([{"id": 1}], total_pages=3)

    url, _ = serve(answer)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config_for(url)))
    with watched(
        [
            sys.executable,
            "-m",
            "tap_kayzen",
            "--config",
            path,
            *selecting(tmp_path, "campaigns"),
        ],
        limit=30,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert asked.wait(30)
        process.terminate()
        process.communicate()
        never.set()
    assert process.returncode == 143


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_response_that_is_too_large_ends_the_run(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    is_packed: bool,  # noqa: FBT001
) -> None:
    body = json.dumps({"data": [{"id": 1, "name": "x" * 2_000_000}]}).encode()
    headers = {"Content-Encoding": "gzip"} if is_packed else {}
    answer = Response(gzip.compress(body) if is_packed else body, headers=headers)
    url, _ = serve(api(lambda _: answer))
    with pytest.raises(FatalAPIError) as caught:
        sync(config_for(url, max_response_mb=1), capsys)
    assert str(caught.value) == (
        f"campaigns, page 1: {network_messages.TOO_LARGE(limit=1)}; "
        f"{network_messages.REQUEST_LESS()}"
    )
    assert len(sync(config_for(url, max_response_mb=3), capsys).records) == 1
