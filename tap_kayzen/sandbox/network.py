"""What lies between a client and a distant, busy API: ASGI layers for the sandbox."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from tap_kayzen.sandbox.access import TOKEN_PATH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class Latency:
    """ASGI middleware that answers late, as a distant server does."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """Wrap an app, to answer after so many seconds."""
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait, then let the app answer."""
        await asyncio.sleep(self._seconds)
        await self._app(scope, receive, send)


class RateLimit:
    """ASGI middleware that refuses what exceeds a number of requests in any second.

    The login is not counted. Kayzen's limits are not known; HTTP 429 with
    ``Retry-After`` is the common way to say so.
    """

    def __init__(self, app: ASGIApp, per_second: int) -> None:
        """Wrap an app, to let so many requests a second through."""
        self._app = app
        self._accepted: deque[float] = deque(maxlen=per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or let the app answer."""
        app = self._app
        if scope["type"] == "http" and scope["path"] != TOKEN_PATH:
            now = time.monotonic()
            full = len(self._accepted) == self._accepted.maxlen
            if full and now - self._accepted[0] < 1:
                app = JSONResponse(
                    {"error": "Too Many Requests"}, 429, {"Retry-After": "1"}
                )
            else:
                self._accepted.append(now)
        await app(scope, receive, send)
