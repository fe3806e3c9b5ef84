"""The tap against a server that allows five requests in any second, over a socket."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    json_response,
    page_response,
    sync,
    token_response,
)

if TYPE_CHECKING:
    import pytest
    from conftest import Serve
    from starlette.responses import Response
    from support import Call

ALLOWED = 5
PAGES = 100


def test_few_calls_are_wasted_on_a_server_with_a_limit(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    last_second: deque[float] = deque()
    accepted: list[int] = []
    refused: list[int] = []

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        page = int(parse_qs(call.query)["page"][0])
        now = time.monotonic()
        while last_second and last_second[0] <= now - 1:
            last_second.popleft()
        if len(last_second) >= ALLOWED:
            refused.append(page)
            return json_response({}, 429, **{"Retry-After": "1"})
        last_second.append(now)
        accepted.append(page)
        return page_response([{"id": page}], total_pages=PAGES, total_entries=PAGES)

    url, _ = serve(answer)
    run = sync({**SAMPLE_CONFIG, "api_url": url}, capsys)
    assert [record["id"] for record in run.records] == list(range(1, PAGES + 1))
    assert sorted(accepted) == list(range(1, PAGES + 1))
    assert 0 < len(refused) < (len(accepted) + len(refused)) / 10
