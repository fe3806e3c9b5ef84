"""ASGI middleware for latency and rate limits."""

from __future__ import annotations

import random
from collections import deque
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from tap_kayzen.sandbox.access import TOKEN_PATH
from tap_kayzen.sandbox.clock import REAL_CLOCK, Clock
from tap_kayzen.sandbox.gateway_answers import too_many

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class Latency:
    """ASGI middleware that delays each response."""

    def __init__(self, app: ASGIApp, seconds: float, clock: Clock = REAL_CLOCK) -> None:
        """Wrap an app.

        Args:
            app: The app.
            seconds: Delay of each response.
            clock: Clock for the delay.
        """
        self._app = app
        self._seconds = seconds
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then call the app."""
        if scope["type"] == "http":
            await self._clock.sleep(self._seconds)
        await self._app(scope, receive, send)


class RateLimit:
    """ASGI middleware that limits the number of requests in any second.

    Logins are not counted. Kayzen's rate limits are not documented; HTTP 429 with
    ``Retry-After`` is the most common response, HTTP 500 that of an older gateway.
    """

    def __init__(
        self,
        app: ASGIApp,
        per_second: int,
        clock: Clock = REAL_CLOCK,
        *,
        status: int = HTTPStatus.TOO_MANY_REQUESTS,
    ) -> None:
        """Wrap an app.

        Args:
            app: The app.
            per_second: Maximum number of requests in any second.
            clock: Clock that measures the second.
            status: HTTP status of refusals: 429, or 500 with a gateway's text.
        """
        self._app = app
        self._clock = clock
        self._status = status
        self._dice = random.Random(per_second)  # noqa: S311
        self._accepted: deque[float] = deque(maxlen=per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or call the app."""
        app = self._app
        if scope["type"] == "http" and scope["path"] != TOKEN_PATH:
            now = self._clock.now()
            full = len(self._accepted) == self._accepted.maxlen
            if full and now - self._accepted[0] < 1:
                app = self._refusal()
            else:
                self._accepted.append(now)
        await app(scope, receive, send)

    def _refusal(self) -> JSONResponse:
        if self._status == HTTPStatus.TOO_MANY_REQUESTS:
            body = {"error": "Too Many Requests"}
            return JSONResponse(body, self._status, {"Retry-After": "1"})
        return too_many(self._dice, self._status)
