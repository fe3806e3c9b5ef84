"""Taps that use one login at the same time, where a login ends older tokens."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from starlette.middleware import Middleware
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    json_response,
    page_response,
    run_process,
    selecting,
    sync,
    token_response,
)

from tap_kayzen.messages import stream_messages
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER, Dataset
from tap_kayzen.sandbox.network import Latency
from tap_kayzen.sandbox.server import running
from tap_kayzen.streams.failures import IncompleteError

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send
    from support import Call, Run

CAMPAIGNS = 200


@pytest.mark.parametrize("pair", range(3))
def test_two_taps_with_one_login_both_read_everything(
    tmp_path: Path, pair: int
) -> None:
    dataset = Dataset(campaigns=CAMPAIGNS, seed=pair)
    access = Access(Credentials(), is_token_single=True)
    refused: list[str] = []

    class Start:
        """Lets data calls wait for two logins; notes those whose token is refused."""

        def __init__(self, app: ASGIApp) -> None:
            self._app = app
            self._logins = 0
            self._both = asyncio.Event()

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            async def note(message: Any) -> None:  # noqa: ANN401
                if message.get("status") == 401:
                    refused.append(scope["path"])
                await send(message)

            path = scope.get("path")
            if path and path != TOKEN_PATH:
                await self._both.wait()
            await self._app(scope, receive, note)
            self._logins += path == TOKEN_PATH
            if self._logins == 2:
                self._both.set()

    layers = [Middleware(Start), Middleware(Latency, seconds=0.02)]
    config = tmp_path / "config.json"
    catalog = selecting(tmp_path, "campaigns", "countries", "orders")
    with running(create_app(dataset, access, middleware=layers)) as url:
        settings = {**SAMPLE_CONFIG, "api_url": url, "page_size": 4}
        config.write_text(json.dumps(settings), encoding="utf-8")

        def run(_: int) -> Run:
            return run_process("--config", config, *catalog)

        with ThreadPoolExecutor(2) as pool:
            runs = list(pool.map(run, range(2)))
    campaigns = {row["id"] for row in dataset.campaigns[DEFAULT_ADVERTISER]}
    for each in runs:
        assert each.code == 0, each.stderr
        ids = [
            message["record"]["id"]
            for message in each.of_type("RECORD")
            if message["stream"] == "campaigns"
        ]
        assert len(ids) == len(set(ids))
        assert set(ids) == campaigns
    assert runs[0].records == runs[1].records
    assert refused


def test_a_rival_that_never_stops_is_named(
    serve: Serve, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    """Each new token ends before it is used, once a first page was read."""

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response(f"token-{len(api.to(TOKEN_PATH))}")
        if "page=1&" in f"{call.query}&":
            return page_response([{"id": 1}], total_pages=2)
        return json_response({"error": "Authentication error"}, 401)

    url, api = serve(answer)
    with pytest.raises(IncompleteError, match="process with the same login") as caught:
        sync({**SAMPLE_CONFIG, "api_url": url}, capsys)
    (failure,) = caught.value.failures
    assert failure.hint == stream_messages.ONE_PROCESS()
    assert len(api.to(TOKEN_PATH)) == 6
    assert waits
