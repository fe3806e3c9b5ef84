"""The tap against a server that allows few requests in any second, over a socket."""

from __future__ import annotations

from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING

import pytest
import requests
from manual_clock import ManualClock
from starlette.middleware import Middleware
from support import SAMPLE_CONFIG, TOKEN_PATH, sync

from tap_kayzen.api.throttle import Throttle
from tap_kayzen.sandbox.access import Access, Credentials
from tap_kayzen.sandbox.app import create_app
from tap_kayzen.sandbox.data import Dataset
from tap_kayzen.sandbox.network import RateLimit
from tap_kayzen.sandbox.server import running

if TYPE_CHECKING:
    from collections.abc import Generator

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

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


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """A time for tap and sandbox that passes only while no request is on its way."""
    clock = ManualClock()
    busy: set[int] = set()
    request, wait = Throttle.request, Throttle.wait

    @contextmanager
    def counted(throttle: Throttle) -> Generator[float]:
        busy.add(get_ident())
        with request(throttle) as started:
            try:
                yield started
            finally:
                # Before the others hear of the end.
                busy.discard(get_ident())

    def pass_time(throttle: Throttle, seconds: float | None) -> None:
        busy.discard(get_ident())
        if busy:
            # The end of their requests ends this wait.
            wait(throttle, None)
        else:
            assert seconds is not None
            clock.advance(seconds)
        busy.add(get_ident())

    monkeypatch.setattr(Throttle, "now", lambda _: clock.now())
    monkeypatch.setattr(Throttle, "request", counted)
    monkeypatch.setattr(Throttle, "wait", pass_time)
    return clock


@pytest.mark.parametrize(("status", "allowed"), [(429, 5), (500, 15)])
def test_few_calls_are_wasted_on_a_server_with_a_limit(
    clock: ManualClock, capsys: pytest.CaptureFixture[str], status: int, allowed: int
) -> None:
    answered: dict[int, int] = {}
    dataset = Dataset(campaigns=PAGES, seed=1)
    app = create_app(
        dataset,
        Access(Credentials()),
        middleware=[
            Middleware(Statuses, counts=answered),
            Middleware(RateLimit, per_second=allowed, status=status, clock=clock),
        ],
    )
    with running(app) as url:
        run = sync({**SAMPLE_CONFIG, "api_url": url, "page_size": 1}, capsys)
    truth = next(iter(dataset.campaigns.values()))
    assert [row["id"] for row in run.records] == [row["id"] for row in truth]
    assert answered.keys() == {200, status}
    assert answered[200] == PAGES
    assert answered[status] < 0.1 * sum(answered.values())
    assert PAGES / clock.now() > 0.6 * allowed


def test_the_sandbox_accepts_no_more_than_its_limit_in_any_second() -> None:
    clock = ManualClock()
    limit = Middleware(RateLimit, per_second=2, clock=clock)
    dataset = Dataset(campaigns=1, seed=1)
    app = create_app(dataset, Access(Credentials()), middleware=[limit])
    statuses = []
    with running(app) as url:
        for seconds in (0, 0.5, 0.25, 0.25, 0.25, 0.25, 1, 0):
            clock.advance(seconds)
            answer = requests.get(f"{url}/v1/campaigns", timeout=5)
            statuses.append(answer.status_code)
            if answer.status_code == 429:
                assert answer.headers["Retry-After"] == "1"
        # A login does not count.
        assert requests.post(url + TOKEN_PATH, timeout=5).status_code == 415
    # The limit lets a call through that has no token.
    assert statuses == [401, 401, 429, 401, 429, 401, 401, 401]
