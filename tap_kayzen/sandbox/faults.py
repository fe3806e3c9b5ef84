"""Fault injection: ASGI middleware with a plan of failures."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, RedirectResponse, Response

from tap_kayzen.sandbox.access import TOKEN_PATH
from tap_kayzen.sandbox.answers import json_object
from tap_kayzen.sandbox.clock import REAL_CLOCK, Clock
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.exchange import Exchange
from tap_kayzen.sandbox.fault_answers import RESPONSE_FAULTS, unauthorized
from tap_kayzen.sandbox.fault_data import (
    CHANGES,
    LIST_CHANGES,
    content_of,
    with_content,
)
from tap_kayzen.sandbox.fault_plan import DEFAULT_LIMIT, TOKEN_FAULTS, FaultPlan
from tap_kayzen.sandbox.gateway_answers import invalid_client, no_access, too_many

if TYPE_CHECKING:
    import random

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tap_kayzen.sandbox.access import Access
    from tap_kayzen.sandbox.data import Dataset
    from tap_kayzen.sandbox.exchange import Answer

ADMIN_PATH = "/sandbox/faults"

PATH_ID = re.compile(r"/\d+")
"""An ID in a path; lasting refusals are the same for all IDs."""

CAMPAIGN_LISTS = ("/v1/campaigns", "/v1/meta/campaigns")

MIN_TOKEN_CALLS = 10
"""Minimum number of calls before a token may be revoked.

Tokens are not revoked either while a refused call has not been repeated with a new
token: a client may treat a second HTTP 401 in a row as a permanent error.
"""

FAILED_LOGINS = 2
"""Number of consecutive logins that fail while the token endpoint is down."""


class Faults:
    """ASGI middleware that injects faults according to a plan.

    Data calls get faults only if they would succeed; logins have their own faults.
    ``GET`` and ``PUT`` of `ADMIN_PATH` return and change the plan.
    """

    def __init__(
        self,
        app: ASGIApp,
        plan: FaultPlan,
        access: Access,
        dataset: Dataset,
        clock: Clock = REAL_CLOCK,
    ) -> None:
        """Wrap an app.

        Args:
            app: The sandbox; `server_of` must serve it, for access to connections.
            plan: The plan of faults.
            access: Revokes tokens.
            dataset: Data whose rows move.
            clock: Clock for delays.
        """
        self._app = app
        self._clock = clock
        self._plan = plan
        self._access = access
        self._dataset = dataset
        self._token_calls = 0
        self._login_queue: list[Response] = []
        self._unauthorized: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, possibly with a fault."""
        path = scope.get("path")
        if path == ADMIN_PATH:
            exchange = await self._exchange(scope, receive, send)
            await exchange.respond(self._administer(exchange))
        elif path == TOKEN_PATH and (refusal := self._login_refusal()):
            await refusal(scope, receive, send)
        elif (
            not self._plan.rates
            or path is None
            or path == TOKEN_PATH
            or path.startswith("/sandbox/")
        ):
            await self._app(scope, receive, send)
        else:
            await self._inject(await self._exchange(scope, receive, send))

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        return await Exchange.read(self._app, scope, receive, send, self._clock)

    def _administer(self, exchange: Exchange) -> Response:
        """Return the plan, changed first if the method is PUT."""
        if exchange.scope["method"] == "PUT":
            wanted = json_object(exchange.request_body.decode())
            try:
                self._plan.change(
                    wanted.get("seed", self._plan.seed),
                    wanted.get("rates", {}),
                    wanted.get("limit", DEFAULT_LIMIT),
                )
            except (AttributeError, TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 422)
        return JSONResponse(self._plan.report)

    async def _inject(self, exchange: Exchange) -> None:
        """Respond to a data call with its faults."""
        answer = await exchange.call_app()
        if answer.status != HTTPStatus.OK:
            if answer.status == HTTPStatus.UNAUTHORIZED:
                self._unauthorized.add(exchange.key)
            await exchange.forward(answer)
            return
        self._unauthorized.discard(exchange.key)
        if refusal := self._refusal(exchange):
            await exchange.respond(refusal)
            return
        answer = await self._changed(exchange, answer)
        name, rng = self._plan.transient(exchange.key)
        self._token_calls += exchange.path.startswith("/v1/")
        is_early = name in TOKEN_FAULTS and (
            self._token_calls <= MIN_TOKEN_CALLS or self._unauthorized
        )
        if name is None or is_early:
            await exchange.forward(answer)
            return
        self._plan.injected[name] += 1
        if name == "stall":
            await exchange.wait_for_disconnect(self._plan.stall_seconds)
            await exchange.close()
        elif name in TOKEN_FAULTS:
            self._access.revoke_all()
            self._unauthorized.add(exchange.key)
            self._token_calls = 0
            self._login_queue = self._login_failures(name, rng)
            await exchange.respond(unauthorized())
        else:
            await RESPONSE_FAULTS[name](exchange, answer, rng)

    def _has_fault(self, name: str, key: object) -> bool:
        """Return whether a request or a list has a lasting fault, and count it."""
        has_fault = self._plan.has_fault(name, key)
        if has_fault:
            self._plan.injected[name] += 1
        return has_fault

    def _login_failures(self, name: str, rng: random.Random) -> list[Response]:
        """Return the responses to the next logins after a token fault."""
        if name == "token-down":
            return [JSONResponse({"error": "Down"}, 503) for _ in range(FAILED_LOGINS)]
        if name == "token-limit":
            return [too_many(rng, 500) for _ in range(FAILED_LOGINS)]
        return []

    def _login_refusal(self) -> Response | None:
        """Return the response to a login that must fail; otherwise None."""
        if self._has_fault("invalid-client", TOKEN_PATH):
            return invalid_client(self._plan.rng("invalid-client", "how"))
        return self._login_queue.pop() if self._login_queue else None

    def _refusal(self, exchange: Exchange) -> Response | None:
        """Return the response to a permanently refused call; otherwise None."""
        plan = self._plan
        if self._has_fault("redirect", exchange.path):
            return RedirectResponse(plan.redirect_to, 302)
        path = PATH_ID.sub("/#", exchange.path)
        if self._has_fault("no-api-product", path):
            return no_access(plan.rng("no-api-product", "how", path), exchange.path)
        if self._has_fault("unauthorized-path", path):
            return unauthorized()
        advertiser = exchange.parameters.get("advertiser_id")
        if str(advertiser) == str(plan.forbidden) and self._has_fault(
            "forbidden-advertiser", advertiser
        ):
            return JSONResponse({"error": "Advertiser not allowed"}, 403)
        return None

    async def _changed(self, exchange: Exchange, answer: Answer) -> Answer:
        """Return a response with its lasting faults."""
        content = content_of(answer)
        if content is None:
            return answer
        key, plan = exchange.key, self._plan
        for name, change_list in LIST_CHANGES.items():
            # These affect the whole list, not single pages.
            if self._has_fault(name, exchange.path):
                await change_list(exchange, content)
        for name, change in CHANGES.items():
            if self._has_fault(name, key):
                change(content, plan.rng(name, "how", key))
        if exchange.path in CAMPAIGN_LISTS and self._has_fault("rows-move", key):
            advertiser = exchange.parameters.get("advertiser_id", DEFAULT_ADVERTISER)
            self._dataset.move_campaigns(int(advertiser), plan.rng("move", key))
        return with_content(answer, content)
