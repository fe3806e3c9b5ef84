"""Secrets that Kayzen's records hold: not a value of them leaves the tap."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from report_api import warnings_in
from singer_sdk.exceptions import FatalAPIError
from starlette.responses import Response
from support import (
    REPORT_DAYS,
    SAMPLE_CONFIG,
    TOKEN_PATH,
    catalog_of,
    json_response,
    page_response,
    run_process,
    selecting,
    sync,
    token_response,
    truth,
)

from tap_kayzen.sandbox.fixed_lists import OWN_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve
    from support import Call, Sandbox

OF_APPS = ("app_objects", "website_objects", "app_lookups", "site_lookups")
VALUE = "s3cr3t-of-an-app"


def test_no_app_key_is_in_the_output(sandbox: Sandbox, tmp_path: Path) -> None:
    for stream in OF_APPS:
        assert OWN_KEY in json.dumps(truth(sandbox.dataset, stream))
    config = tmp_path / "config.json"
    settings = {**SAMPLE_CONFIG, "api_url": sandbox.url, **REPORT_DAYS, "page_size": 25}
    config.write_text(json.dumps(settings), encoding="utf-8")
    run = run_process(
        *("--config", config, *selecting(tmp_path, *OF_APPS)),
        env={**os.environ, "TAP_KAYZEN_LOGLEVEL": "DEBUG"},
    )
    assert run.code == 0
    assert OWN_KEY not in run.stdout + run.stderr
    assert len(run.records) == sum(
        len(truth(sandbox.dataset, stream)) for stream in OF_APPS
    )
    for field in (
        "'api_key'",
        "'token' in 'postbacks'",
        "'key' in 'tracking'",
        # On the second page.
        "'apiKey'",
        "'key'",
    ):
        warning = f"field {field} is named like a secret; removing it"
        assert run.stderr.count(warning) == 1
    extras = [row["_extra"] for row in run.records if "_extra" in row]
    assert {"event": "install", "settings": {}} in extras[0]["postbacks"]


def listing(*pages: list[dict[str, Any]]) -> Any:  # noqa: ANN401
    """Play a list of some pages."""

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        number = int(call.query.split("page=")[1].split("&")[0])
        rows = sum(map(len, pages))
        return page_response(
            pages[number - 1], total_pages=len(pages), total_entries=rows
        )

    return answer


@pytest.mark.parametrize("stream", ["creatives", "campaigns", "asset_files", "orders"])
def test_secrets_on_a_late_page_of_any_list_are_withheld(
    stream: str,
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    odd = {
        "clientSecret": VALUE,
        "tags": [{"name": "ua", "token": VALUE}],
        "processing": {"steps": [{"api-key": VALUE, "type": "x"}]},
        "new": [[{"deep": {"PASSWORD": VALUE, "kept": 1}}]],
        "name": {"access_token": VALUE},
    }
    usual = {"new": "x", "tags": ["ua"], "processing": {"type": "mk_compress"}}
    pages = [[{"id": number, **usual}] for number in range(1, 7)]
    last = [{"id": 7, **odd}, {"id": 8, **usual}]
    url, _ = serve(listing(*pages, last, [{"id": 9, **odd}]))
    config = {**SAMPLE_CONFIG, "api_url": url}
    run = sync(config, capsys, catalog=catalog_of(stream))
    assert [row["id"] for row in run.records] == [*range(1, 10)]
    assert VALUE not in run.stdout + run.stderr + caplog.text
    for row in (run.records[6], run.records[8]):
        extra = row["_extra"]
        assert {**extra, **row}["tags"] == [{"name": "ua"}]
        assert {**extra, **row}["processing"] == {"steps": [{"type": "x"}]}
        assert extra["new"] == [[{"deep": {"kept": 1}}]]
        assert row.get("name") is None
    words = "is named like a secret; removing it"
    assert sorted(each for each in warnings_in(caplog) if words in each) == [
        f"{stream}: field 'PASSWORD' in 'new' {words}",
        f"{stream}: field 'access_token' in 'name' {words}",
        f"{stream}: field 'api-key' in 'processing' {words}",
        f"{stream}: field 'clientSecret' {words}",
        f"{stream}: field 'token' in 'tags' {words}",
    ]


def test_an_unspecific_key_is_kept_except_for_apps(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = serve(listing([{"id": 1, "key": "k", "targeting": {"event_key": "e"}}]))
    config = {**SAMPLE_CONFIG, "api_url": url}
    run = sync(config, capsys, streams=["orders"])
    assert run.records[0]["_extra"] == {"key": "k", "targeting": {"event_key": "e"}}
    run = sync(config, capsys, streams=["app_objects"])
    assert run.records[0]["_extra"] == {"targeting": {}}


@pytest.mark.parametrize("stream", ["app_objects", "orders"])
def test_a_secret_named_by_a_sibling_field_is_withheld(
    stream: str,
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    parameters = [
        {"name": "apiKey", "value": VALUE},
        {"key": "api_secret", "value": [VALUE]},
        {"name": "os", "value": "ios"},
        {"name": ["api_key"], "value": 1},
    ]
    url, _ = serve(listing([{"id": 1, "parameters": parameters}]))
    run = sync({**SAMPLE_CONFIG, "api_url": url}, capsys, catalog=catalog_of(stream))
    assert VALUE not in run.stdout + run.stderr + caplog.text
    first, _, *others = run.records[0]["_extra"]["parameters"]
    assert first == {"name": "apiKey"}
    assert others == parameters[2:]
    words = "named like a secret; removing it"
    assert f"{stream}: field 'value' of 'apiKey' in 'parameters' is {words}" in (
        warnings_in(caplog)
    )


def test_a_refusal_that_quotes_an_app_shows_no_secret(
    serve: Serve, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    refusal = {"error": "name is taken", "app": {"id": 1, "api_key": VALUE}}

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return json_response(refusal, 422)

    url, _ = serve(answer)
    with pytest.raises(FatalAPIError, match="name is taken") as caught:
        sync({**SAMPLE_CONFIG, "api_url": url}, capsys, streams=["app_objects"])
    assert VALUE not in f"{caught.value}{caplog.text}{capsys.readouterr()}"


def test_a_url_with_a_secret_is_masked_only_in_the_log(
    serve: Serve, tmp_path: Path
) -> None:
    url = f"https://t.example/c?a=1&apiKey={VALUE}&b=2"
    shown = "https://t.example/c?a=1&apiKey=***&b=2"

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        if call.path == "/v1/orders":
            return json_response({"error": "no such tracker", "url": url}, 422)
        # A text that the column cannot hold.
        return page_response(
            [{"id": 1, "tracking_url": url, "updated_at": url}],
            total_pages=1,
            total_entries=1,
        )

    address, _ = serve(answer)
    config = tmp_path / "config.json"
    maps = {"tags": {"name": "int(_extra['tracking_url'])"}}
    settings = {**SAMPLE_CONFIG, "api_url": address, "stream_maps": maps}
    config.write_text(json.dumps(settings), encoding="utf-8")
    streams = ("campaigns", "orders", "tags")
    run = run_process(
        *("--config", config, *selecting(tmp_path, *streams)),
        env={**os.environ, "TAP_KAYZEN_LOGLEVEL": "DEBUG"},
    )
    assert run.code == 1
    assert VALUE not in run.stderr
    assert f'such as "{shown}"' in run.stderr
    assert f"with base 10: '{shown}'" in run.stderr
    assert f'"url": "{shown}"' in run.stderr
    (campaign,) = run.records
    assert campaign["_extra"]["tracking_url"] == url
    assert campaign["_extra"]["updated_at"] == url
    tested = run_process("--config", config, "--test", *selecting(tmp_path, "orders"))
    assert VALUE not in tested.stderr
    assert f'"url": "{shown}"' in tested.stderr


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"app": {"api_key": VALUE}}),
        json.dumps({"data": None, "secrets": [1, {"x": VALUE}]}),
        f'{{"data": [{{"name": "x", "key": "{VALUE}", "id',
        f'{{"data": [{{"name": "x", "app_token" : "{VALUE}',
    ],
)
def test_text_quoted_by_an_error_contains_no_secret(
    body: str,
    serve: Serve,
    waits: list[float],  # noqa: ARG001
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return Response(body, media_type="application/json")

    url, _ = serve(answer)
    config = {**SAMPLE_CONFIG, "api_url": url, "max_retries": 1}
    with pytest.raises(FatalAPIError, match=r"Kayzen's response: .*\*\*\*") as caught:
        sync(config, capsys, streams=["app_objects"])
    assert VALUE not in f"{caught.value}{caplog.text}{capsys.readouterr()}"
