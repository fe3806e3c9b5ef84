"""The tap against a server that allows five requests in any second, over a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.middleware import Middleware
from support import SAMPLE_CONFIG, sync

from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.network import RateLimit
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    import pytest
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALLOWED = 5
PAGES = 100


class Statuses:
    """ASGI middleware that counts how data calls are answered."""

    def __init__(self, app: ASGIApp, counts: dict[int, int]) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            if message["type"] == "http.response.start" and scope["method"] == "GET":
                status = message["status"]
                self._counts[status] = self._counts.get(status, 0) + 1
            await send(message)

        await self._app(scope, receive, count)


def test_few_calls_are_wasted_on_a_server_with_a_limit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answered: dict[int, int] = {}
    dataset = Dataset(campaigns=PAGES, seed=1)
    app = create_app(
        dataset,
        Access(Credentials()),
        middleware=[
            Middleware(Statuses, counts=answered),
            Middleware(RateLimit, per_second=ALLOWED),
        ],
    )
    with running(app) as url:
        run = sync({**SAMPLE_CONFIG, "api_url": url, "page_size": 1}, capsys)
    truth = next(iter(dataset.campaigns.values()))
    assert [row["id"] for row in run.records] == [row["id"] for row in truth]
    assert answered.keys() == {200, 429}
    assert answered[200] == PAGES
    assert answered[429] < 0.1 * (answered[200] + answered[429])
