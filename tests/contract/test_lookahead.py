"""Streams to come fetch their first pages while another one is read."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from support import (
    REFUSED,
    REPORT_DAYS,
    SAMPLE_CONFIG,
    TOKEN_PATH,
    json_response,
    page_response,
    refusing,
    run_process,
    selecting,
    sync,
    token_response,
)

from tap_kayzen.streams import lookahead

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    from conftest import Broken, Serve
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send
    from support import Call, Run, Sandbox

PATIENCE_SECONDS = 30.0
"""Time after which a response that is held counts as failed."""

STREAMS = ("app_lists", "campaign_performance", "campaigns", "orders", "tags")


def run_tap(config: dict[str, Any], folder: Path, *streams: str) -> Run:
    (folder / "config.json").write_text(json.dumps(config))
    return run_process("--config", folder / "config.json", *selecting(folder, *streams))


class Held:
    """A response that is sent once a request for another stream has come."""

    def __init__(self, until: asyncio.Event, response: Response) -> None:
        self._until = until
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.wait_for(self._until.wait(), PATIENCE_SECONDS)
        await self._response(scope, receive, send)


def told(run: Run) -> list[dict[str, Any]]:
    """Return the messages without what depends on the clock."""
    return [
        {name: each[name] for name in each if name not in {"time_extracted", "version"}}
        for each in run.messages
    ]


@pytest.mark.parametrize("advertisers", [None, [108993, 108994, 108995]])
def test_the_output_equals_that_of_sequential_requests(
    advertisers: list[int] | None, sandbox: Sandbox, tmp_path: Path
) -> None:
    config = {**SAMPLE_CONFIG, **REPORT_DAYS, "api_url": sandbox.url, "page_size": 40}
    config |= {"advertiser_ids": advertisers} if advertisers else {}
    config["emit_activate_version_messages"] = True
    one = run_tap({**config, "concurrency": 1}, tmp_path, *STREAMS)
    many = run_tap({**config, "concurrency": 8}, tmp_path, *STREAMS)
    assert (one.code, many.code) == (0, 0), many.stderr
    assert len(one.records) > 250
    assert told(many) == told(one)


def test_the_next_streams_are_requested_before_this_one_is_read(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    has_next = asyncio.Event()

    def answer(call: Call) -> Any:  # noqa: ANN401
        if call.path == TOKEN_PATH:
            return token_response()
        if call.path != "/v1/app_lists":
            has_next.set()
            return page_response([{"id": 1}], total_pages=1, total_entries=1)
        number = 1 if "page=1&" in call.query else 2
        page = page_response([{"id": number}], total_pages=2, total_entries=2)
        return Held(has_next, page)

    url, api = serve(answer)
    config = {**SAMPLE_CONFIG, "api_url": url}
    run = sync(config, capsys, streams=("app_lists", "orders", "tags"))
    assert [each["stream"] for each in run.of_type("RECORD")] == [
        *("app_lists", "app_lists", "orders", "tags")
    ]
    paths = [call.path for call in api.calls]
    assert sorted(paths) == [
        *("/v1/app_lists", "/v1/app_lists", TOKEN_PATH, "/v1/orders", "/v1/tags")
    ]


def test_the_failure_of_an_upcoming_stream_is_reported_in_turn(
    broken: Broken, requested: Counter[str], tmp_path: Path
) -> None:
    run = run_tap(broken(refusing("/v1/orders")), tmp_path, *STREAMS)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith("orders, page 1: HTTP 403")
    assert requested["/v1/orders"] == 1
    lines = run.stderr.splitlines()
    failure = next(i for i, line in enumerate(lines) if "orders, page 1" in line)
    begun = [i for i, line in enumerate(lines) if "beginning sync of 'orders'" in line]
    assert begun[0] < failure
    assert {each["stream"] for each in run.of_type("RECORD")} == {*STREAMS} - {"orders"}


def test_a_failed_stream_does_not_stop_upcoming_requests(
    broken: Broken, tmp_path: Path
) -> None:
    """The retries of the failed one are stopped, and nothing else is."""

    def answer(request: Request, _: bytes) -> Response | None:
        if request.url.path != "/v1/app_lists":
            return None
        is_first = request.query_params.get("page") == "1"
        return REFUSED if is_first else json_response({}, 500)

    config = {**broken(answer), "advertiser_ids": [108993, 108994], "page_size": 5}
    run = run_tap(config, tmp_path, *STREAMS)
    assert run.code == 1
    assert {each["stream"] for each in run.of_type("RECORD")} == {*STREAMS[1:]}


def test_a_run_that_stops_at_a_failure_waits_for_nothing(
    broken: Broken, tmp_path: Path
) -> None:
    def answer(request: Request, _: bytes) -> Response | None:
        down = request.url.path == "/v1/tags"
        refused = request.url.path == "/v1/app_lists"
        return json_response({}, 500) if down else REFUSED if refused else None

    config = {**broken(answer), "on_stream_error": "abort", "max_retries": 8}
    run = run_tap(config, tmp_path, *STREAMS)
    assert run.code == 1
    assert run.records == []
    assert [each.split(":")[0] for each in run.errors] == ["app_lists, page 1"]


def test_pages_that_waited_too_long_are_fetched_again(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has_next = asyncio.Event()

    def answer(call: Call) -> Any:  # noqa: ANN401
        if call.path == TOKEN_PATH:
            return token_response()
        number = len(api.to(call.path))
        page = page_response([{"id": number}], total_pages=1, total_entries=1)
        if call.path == "/v1/orders":
            return Held(has_next, page)
        has_next.set()
        return page

    monkeypatch.setattr(lookahead, "MAX_AGE_SECONDS", 0.0)
    url, api = serve(answer)
    run = sync({**SAMPLE_CONFIG, "api_url": url}, capsys, streams=("orders", "tags"))
    tags = [each for each in run.of_type("RECORD") if each["stream"] == "tags"]
    assert [each["record"]["id"] for each in tags] == [2]


def test_streams_that_are_not_selected_are_not_requested(
    broken: Broken, requested: Counter[str], tmp_path: Path
) -> None:
    run = run_tap(broken(lambda _, __: None), tmp_path, "app_lists", "tags")
    assert run.code == 0
    assert requested.keys() == {TOKEN_PATH, "/v1/app_lists", "/v1/tags"}
