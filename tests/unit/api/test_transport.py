"""A request's way through throttle and login, over a real socket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import requests
from support import SAMPLE_CONFIG, TOKEN_PATH, json_response, token_response

from tap_kayzen.api.client import KayzenClient

if TYPE_CHECKING:
    import pytest
    from conftest import Serve
    from starlette.responses import Response
    from support import Call

SETTINGS = {
    **SAMPLE_CONFIG,
    "concurrency": 2,
    "max_response_mb": 1,
    "max_retries": 0,
    "max_retry_seconds": 0,
    "request_timeout": 5,
    "user_agent": "tap-kayzen/test",
}


def test_a_token_that_is_rejected_while_a_request_waits_is_not_sent(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response(f"token-{len(api.to(TOKEN_PATH))}")
        return json_response({"data": []})

    url, api = serve(answer)
    transport = KayzenClient({**SETTINGS, "api_url": url}).transport
    authenticator = transport.authenticator
    refresh = authenticator.refresh
    turns = []

    def turn(request: requests.PreparedRequest) -> None:
        turns.append(request)
        if len(turns) == 1:
            # As another request does that gets HTTP 401.
            authenticator.last_refreshed = None
        refresh(request)

    monkeypatch.setattr(authenticator, "refresh", turn)
    request = requests.Request("GET", f"{url}/v1/orders")
    assert transport.fetch(request, json.loads, what="orders") == {"data": []}
    (sent,) = api.to("/v1/orders")
    assert sent.headers["authorization"] == "Bearer token-2"
    assert len(turns) == len(api.to(TOKEN_PATH)) == 2
