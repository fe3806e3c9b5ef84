"""Every stream against the sandbox, and the ways in which some are special."""

from __future__ import annotations

import inspect
import json
import logging
import os
from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import ConfigurationError, FatalAPIError
from support import (
    ALL_STREAMS,
    SAMPLE_CONFIG,
    TOKEN_PATH,
    catalog_of,
    json_response,
    page_response,
    regex,
    run_process,
    selecting,
    sync,
    token_response,
    truth,
)

from tap_kayzen.messages import selection_messages, stream_messages
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.fixed_lists import OWN_KEY
from tap_kayzen.streams.failures import IncompleteError
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Serve
    from starlette.responses import Response
    from support import Call, Run, Sandbox

PARTS = ["campaign_bid_multipliers", "campaign_changelogs", "campaign_details"]


@pytest.fixture
def campaigns() -> int:
    return 60


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_every_row_is_sent_once_with_its_key(
    stream: str,
    sandbox: Sandbox,
    everything: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = sync(everything, capsys, streams=[stream], catalog=catalog_of(stream))
    (schema,) = run.of_type("SCHEMA")
    keys = [tuple(row[key] for key in schema["key_properties"]) for row in run.records]
    expected = truth(sandbox.dataset, stream)
    assert len(keys) == len(set(keys)) == len(expected) > 0
    assert not any(None in key for key in keys)
    known = schema["schema"]["properties"].keys()
    assert all(row.keys() <= known for row in run.records)
    # Nothing is lost: each field of each row is in its column or in `_extra`.
    for ours, theirs in zip(run.records, expected, strict=True):
        for name, value in theirs.items():
            if str(value).startswith(OWN_KEY):
                continue
            place = ours if name in known else ours["_extra"]
            assert name in place
            if isinstance(value, bool) or value is None:
                assert place[name] is value


@pytest.mark.parametrize("stream", ALL_STREAMS)
def test_stream_maps_flattening_and_selection(
    stream: str, everything: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    plain = sync(everything, capsys, catalog=catalog_of(stream)).records
    maps = {stream: {"__alias__": "renamed", "source": "'kayzen'"}}
    mapped = sync(
        {**everything, "stream_maps": maps}, capsys, catalog=catalog_of(stream)
    )
    assert {each["stream"] for each in mapped.of_type("RECORD")} == {"renamed"}
    assert mapped.records == [{**row, "source": "kayzen"} for row in plain]

    flat_config = {**everything, "flattening_enabled": True, "flattening_max_depth": 2}
    flat = sync(flat_config, capsys, catalog=catalog_of(stream))
    assert len(flat.records) == len(plain)
    assert not any(isinstance(v, dict) for row in flat.records for v in row.values())

    catalog = catalog_of(stream)
    (entry,) = catalog["streams"]
    for each in entry["metadata"]:
        column = each["breadcrumb"][-1:]
        if column and column[0] not in entry["key_properties"]:
            each["metadata"]["selected"] = False
    keys_only = sync(everything, capsys, catalog=catalog)
    wanted = set(entry["key_properties"])
    # A replication key is always included.
    wanted |= {entry["replication_key"]} if "replication_key" in entry else set()
    assert all(row.keys() <= wanted for row in keys_only.records)
    assert len(keys_only.records) == len(plain)


def test_several_advertisers_in_one_run(
    sandbox: Sandbox, everything: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    advertisers = list(sandbox.dataset.campaigns)
    run = sync(
        {**everything, "advertiser_ids": advertisers}, capsys, streams=ALL_STREAMS
    )
    counts = Counter(
        (each["stream"], each["record"].get("advertiser_id"))
        for each in run.of_type("RECORD")
    )
    for stream in ("campaigns", "orders", "balance", "campaign_details"):
        for advertiser in advertisers:
            assert counts[stream, advertiser] > 0
    assert counts["countries", None] > 0
    schemas = Counter(each["stream"] for each in run.of_type("SCHEMA"))
    assert set(schemas.values()) == {1}
    assert set(schemas) == set(ALL_STREAMS)


# Parts of campaigns


def parts_server(
    part: Callable[[int], Response], campaigns: int
) -> Callable[[Call], Response]:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        if call.path == "/v1/campaigns":
            rows = [{"id": number} for number in range(1, campaigns + 1)]
            return page_response(rows, total_pages=1, total_entries=campaigns)
        return part(int(call.path.split("/")[3]))

    return answer


def test_a_deleted_campaign_is_left_out_with_a_warning(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    gone = json_response({}, 404)
    url, _ = serve(
        parts_server(lambda n: gone if n == 2 else json_response({"bid": n}), 40)
    )
    config = {**SAMPLE_CONFIG, "api_url": url, "emit_activate_version_messages": True}
    run = sync(config, capsys, streams=["campaign_details"])
    numbers = [row["campaign_id"] for row in run.records]
    assert numbers == [1, *range(3, 41)]
    assert run.records[0] == {"campaign_id": 1, "_extra": {"bid": 1}}
    assert stream_messages.CAMPAIGN_DELETED(id=2)[1:] in caplog.text
    assert len(run.of_type("ACTIVATE_VERSION")) == 1


def test_a_campaign_without_an_id_is_named(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(
        lambda call: (
            token_response()
            if call.path == TOKEN_PATH
            else page_response([{"name": "x"}], total_pages=1, total_entries=1)
        )
    )
    config = {**SAMPLE_CONFIG, "api_url": url}
    with pytest.raises(IncompleteError) as caught:
        sync(config, capsys, streams=["campaign_details"])
    assert f"campaigns: {stream_messages.NO_ID()}" in str(caught.value)


@pytest.mark.parametrize("stream", PARTS)
@pytest.mark.parametrize(("status", "campaigns"), [(404, 3), (404, 500), (403, 3)])
def test_a_part_missing_from_all_campaigns_fails_with_a_hint(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    stream: str,
    status: int,
    campaigns: int,
) -> None:
    url, api = serve(parts_server(lambda _: json_response({}, status), campaigns))
    with pytest.raises(FatalAPIError, match=rf"^{stream}.*select: \['!{stream}\.\*'\]"):
        sync({**SAMPLE_CONFIG, "api_url": url}, capsys, streams=[stream])
    assert len(api.calls) < 160


@pytest.mark.parametrize("streams", [PARTS, ["campaigns", *PARTS]])
def test_the_campaigns_are_listed_once_for_all_streams(
    streams: list[str],
    sandbox: Sandbox,
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    advertisers = list(sandbox.dataset.campaigns)
    config |= {"advertiser_ids": advertisers}
    run = sync(config, capsys, streams=streams)
    assert len(run.of_type("SCHEMA")) == len(streams)
    pages = sum(-(-len(each) // 100) for each in sandbox.dataset.campaigns.values())
    assert sandbox.requests.count("/v1/campaigns") == pages
    numbers = [
        each["record"]["campaign_id"]
        for each in run.of_type("RECORD")
        if each["stream"] == "campaign_details"
    ]
    assert numbers == [
        campaign["id"]
        for advertiser in advertisers
        for campaign in sandbox.dataset.campaigns[advertiser]
    ]


def test_nothing_is_requested_before_a_run(serve: Serve) -> None:
    url, api = serve(lambda _: json_response({}, 500))
    config = {**SAMPLE_CONFIG, "api_url": url, "report_ids": [1]}
    tap = TapKayzen(config=config)
    for stream in tap.streams.values():
        properties = inspect.getmembers(
            type(stream), lambda member: isinstance(member, (property, cached_property))
        )
        for name, _ in properties:
            getattr(stream, name)
    assert tap.catalog_dict
    assert api.calls == []


def test_the_campaigns_are_read_before_their_parts() -> None:
    tap = TapKayzen(config=SAMPLE_CONFIG)
    names = [*tap.streams]
    place = names.index("campaigns")
    assert names[place + 1 : place + 4] == PARTS
    others = [name for name in names if name not in PARTS]
    assert others == sorted(others)
    # What users see is in the order of names.
    catalog = [entry["tap_stream_id"] for entry in tap.catalog_dict["streams"]]
    assert catalog == sorted(names)


@pytest.mark.parametrize("advertisers", [[1, 2], [2, 1]])
def test_an_advertiser_whose_only_campaign_was_deleted_stops_nothing(
    serve: Serve, capsys: pytest.CaptureFixture[str], advertisers: list[int]
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        advertiser = 1 if "advertiser_id=1" in call.query else 2
        if call.path == "/v1/campaigns":
            # Advertiser 1 sees what 2 has, too.
            rows = [{"id": 9}] if advertiser == 2 else [{"id": 1}, {"id": 3}, {"id": 9}]
            return page_response(rows, total_pages=1, total_entries=len(rows))
        gone = call.path == "/v1/campaigns/9/detail"
        return json_response({}, 404) if gone else json_response({"bid": 1})

    url, api = serve(answer)
    config = {**SAMPLE_CONFIG, "api_url": url, "advertiser_ids": advertisers}
    run = sync(config, capsys, streams=["campaign_details"])
    assert [row["campaign_id"] for row in run.records] == [1, 3]
    assert len(api.to("/v1/campaigns/9/detail")) == 1


def test_a_part_names_itself_when_the_campaigns_are_refused(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(
        lambda call: (
            token_response() if call.path == TOKEN_PATH else json_response({}, 403)
        )
    )
    with pytest.raises(FatalAPIError, match=r"select: \['!campaign_details\.\*'\]"):
        sync({**SAMPLE_CONFIG, "api_url": url}, capsys, streams=["campaign_details"])


@pytest.mark.parametrize(
    "body",
    [
        [{"type": "app_id", "key_name": "1", "multiplier": 2}],
        {"data": [{"type": "app_id", "key_name": "1", "multiplier": 2}]},
        {"data": {"bid_multipliers": [{"type": "app_id", "key_name": "1"}]}},
        {"bid_multipliers_enabled": False, "bid_multipliers": None},
        {"bid_multipliers_enabled": False},
    ],
)
def test_bid_multipliers_can_have_any_likely_shape(
    serve: Serve, capsys: pytest.CaptureFixture[str], body: object
) -> None:
    url, _ = serve(parts_server(lambda _: json_response(body), 1))
    config = {**SAMPLE_CONFIG, "api_url": url}
    run = sync(config, capsys, streams=["campaign_bid_multipliers"])
    assert len(run.records) == json.dumps(body).count("key_name")


def test_change_logs_are_read_on_if_meta_announces_more(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if not call.path.endswith("/changelogs"):
            return parts_server(lambda _: json_response({}), 1)(call)
        start = 0 if "page=1&" in f"{call.query}&" else 20
        rows = [{"id": start + number} for number in range(20)]
        return page_response(rows, total_entries=40)

    url, _ = serve(answer)
    config = {**SAMPLE_CONFIG, "api_url": url}
    run = sync(config, capsys, streams=["campaign_changelogs"])
    assert [row["id"] for row in run.records] == list(range(40))


def test_change_logs_without_meta_are_read_on_only_if_long(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        if not call.path.endswith("/changelogs"):
            return parts_server(lambda _: json_response({}), 2)(call)
        campaign, page = int(call.path.split("/")[3]), "page=1&" in f"{call.query}&"
        if campaign == 1:
            return json_response({"data": [{"id": 1}, {"id": 2}]})
        start = 100 if page else 130
        rows = [{"id": number} for number in range(start, start + 30)]
        return json_response({"data": rows})

    url, api = serve(answer)
    run = sync(
        {**SAMPLE_CONFIG, "api_url": url}, capsys, streams=["campaign_changelogs"]
    )
    assert [row["id"] for row in run.records] == [1, 2, *range(100, 160)]
    assert len(api.to("/v1/campaigns/1/changelogs")) == 1


# Incremental


def incremental(stream: str = "campaigns", key: str = "updated_at") -> dict[str, Any]:
    catalog = catalog_of(stream)
    (entry,) = catalog["streams"]
    entry["replication_method"], entry["replication_key"] = "INCREMENTAL", key
    for each in entry["metadata"]:
        if not each["breadcrumb"]:
            each["metadata"]["replication-key"] = key
            each["metadata"]["forced-replication-method"] = "INCREMENTAL"
    return catalog


def bookmark_of(run: Run) -> dict[str, Any]:
    state: dict[str, Any] = run.of_type("STATE")[-1]["value"]
    return state


def test_only_changes_since_the_last_complete_run_are_sent(
    sandbox: Sandbox, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    campaigns = sandbox.dataset.campaigns[DEFAULT_ADVERTISER]
    first = sync(config, capsys, catalog=incremental())
    assert len(first.records) == len(campaigns)
    newest = max(campaign["updated_at"] for campaign in campaigns)
    state = bookmark_of(first)
    assert state["bookmarks"]["campaigns"]["replication_key_value"] == newest

    campaigns[7]["updated_at"] = "2026-11-01T00:00:00.000Z"
    campaigns[8]["updated_at"] = None
    second = sync(config, capsys, catalog=incremental(), state=state)
    numbers = {row["id"] for row in second.records}
    # The bookmark's own row comes again: others may have the same time.
    assert numbers >= {campaigns[7]["id"], campaigns[8]["id"]}
    assert len(numbers) <= 3
    moved = bookmark_of(second)["bookmarks"]["campaigns"]["replication_key_value"]
    assert moved == "2026-11-01T00:00:00.000Z"
    assert second.of_type("ACTIVATE_VERSION") == []


def test_the_start_date_of_reports_does_not_limit_campaigns(
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    state = bookmark_of(sync(config, capsys, catalog=incremental()))
    bookmark = state["bookmarks"]["campaigns"]["replication_key_value"]
    caplog.clear()
    caplog.set_level(logging.INFO)
    later = {**config, "start_date": "2999-01-01", "end_date": "2999-01-02"}
    sync(later, capsys, catalog=incremental(), state=state)
    assert f"campaigns: sending the records changed since {bookmark}" in caplog.messages


def test_the_bookmark_does_not_pass_the_start_of_the_run(
    sandbox: Sandbox, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    began = datetime.now(timezone.utc)
    campaigns = sandbox.dataset.campaigns[DEFAULT_ADVERTISER]
    campaigns[7]["updated_at"] = "2999-01-01T00:00:00.000Z"
    run = sync(config, capsys, catalog=incremental())
    bookmark = bookmark_of(run)["bookmarks"]["campaigns"]["replication_key_value"]
    assert datetime.fromisoformat(bookmark) < began
    again = sync(config, capsys, catalog=incremental(), state=bookmark_of(run))
    assert [row["id"] for row in again.records] == [campaigns[7]["id"]]


def test_a_change_during_the_run_is_not_lost_with_several_advertisers(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """Row 1 changes after it was read, row 2 later, but before it is read."""
    now = datetime.now(timezone.utc)
    early, later = (
        f"{now + timedelta(hours=h):%Y-%m-%dT%H:%M:%S}.000Z" for h in (1, 2)
    )
    times = {1: "2026-01-01T00:00:00.000Z", 2: later}

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        rows: list[dict[str, Any]] = [{"id": n, "updated_at": times[n]} for n in (1, 2)]
        times[1] = early
        return page_response(rows, total_pages=1, total_entries=2)

    url, _ = serve(answer)
    config = {**SAMPLE_CONFIG, "api_url": url, "advertiser_ids": [7]}
    first = sync(config, capsys, catalog=incremental())
    second = sync(config, capsys, catalog=incremental(), state=bookmark_of(first))
    assert [row["updated_at"] for row in second.records] == [early, later]


def test_rows_without_a_time_are_sent_with_one_warning(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"id": number} for number in range(50)]
    url, _ = serve(
        lambda call: (
            token_response()
            if call.path == TOKEN_PATH
            else page_response(rows, total_pages=1, total_entries=50)
        )
    )
    run = sync({**SAMPLE_CONFIG, "api_url": url}, capsys, catalog=incremental())
    assert run.records == rows
    warnings = [each for each in caplog.records if each.levelname == "WARNING"]
    assert [each.getMessage() for each in warnings] == [
        f"campaigns: s{stream_messages.NO_TIME(column='updated_at')[1:]}"
    ]


def test_the_bookmark_stays_when_rows_are_missing(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": 1, "updated_at": "2026-01-02T00:00:00.000Z"}]
    url, _ = serve(
        lambda call: (
            token_response()
            if call.path == TOKEN_PATH
            else page_response(rows, total_pages=1, total_entries=5)
        )
    )
    state = {
        "bookmarks": {
            "campaigns": {
                "replication_key": "updated_at",
                "replication_key_value": "2026-01-01T00:00:00.000Z",
            }
        }
    }
    run = sync(
        {**SAMPLE_CONFIG, "api_url": url}, capsys, catalog=incremental(), state=state
    )
    assert run.records == rows
    assert bookmark_of(run) == state


def test_a_replication_key_must_be_selected() -> None:
    catalog = incremental()
    for each in catalog["streams"][0]["metadata"]:
        if each["breadcrumb"] == ["properties", "updated_at"]:
            each["metadata"]["selected"] = False
    with pytest.raises(
        ConfigurationError, match=regex(selection_messages.REPLICATION_KEY_DESELECTED)
    ):
        _ = TapKayzen(config=dict(SAMPLE_CONFIG), catalog=catalog).streams


@pytest.mark.parametrize(
    ("stream", "key", "advice"),
    [
        ("campaigns", "name", "INCREMENTAL on `updated_at`, or FULL_TABLE"),
        ("orders", "updated_at", "this stream supports FULL_TABLE"),
    ],
)
def test_an_impossible_replication_in_a_catalog_is_refused(
    stream: str, key: str, advice: str
) -> None:
    config = dict(SAMPLE_CONFIG)
    with pytest.raises(ConfigurationError, match=advice):
        _ = TapKayzen(config=config, catalog=incremental(stream, key)).streams


# Balance and audiences


def test_the_balance_is_a_daily_decimal_that_nothing_deletes(
    everything: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    config = {**everything, "emit_activate_version_messages": True}
    run = sync(config, capsys, streams=["balance"])
    (row,) = run.records
    assert row["advertiser_id"] == 0
    assert len(row["date"]) == len("2026-11-24")
    assert isinstance(row["balance"], float)
    assert run.of_type("ACTIVATE_VERSION") == []


def test_a_wrong_audience_key_is_named(
    everything: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    config = {**everything, "audience_api_key": "wrong"}
    with pytest.raises(IncompleteError) as caught:
        sync(config, capsys, streams=["audiences"])
    (failure,) = caught.value.failures
    assert failure.cause == stream_messages.KEY_REJECTED()
    assert failure.hint == stream_messages.CHECK_AUDIENCE_KEY()


def test_the_audience_key_is_in_no_log_and_no_token_is_sent(
    serve: Serve, tmp_path: Path
) -> None:
    def answer(call: Call) -> Response:
        if "page=2" in call.query:
            return json_response({"error": f"bad {call.query}"}, 403)
        return page_response([{"id": 1}], total_pages=2)

    url, api = serve(answer)
    secret = "s3cret&k=y"
    config = {
        **SAMPLE_CONFIG,
        "api_url": url,
        "audience_url": url,
        "audience_api_key": secret,
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    only = selecting(tmp_path, "audiences")
    run = run_process(
        "--config", path, *only, env={**os.environ, "TAP_KAYZEN_LOGLEVEL": "DEBUG"}
    )
    assert run.code == 1
    assert "check `audience_api_key`" in run.stderr
    assert "/audiences" in run.stderr, "urllib3 logs its requests"
    for form in (secret, "s3cret"):
        assert form not in run.stderr + run.stdout
    assert len(api.calls) == 2
    assert all("authorization" not in call.headers for call in api.calls)
