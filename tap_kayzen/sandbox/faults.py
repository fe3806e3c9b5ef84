"""Faults on demand: what can go wrong between a client and Kayzen."""

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
from tap_kayzen.sandbox.fault_answers import PASSING, unauthorized
from tap_kayzen.sandbox.fault_data import ASKING, CHANGES, content_of, with_content
from tap_kayzen.sandbox.fault_plan import LIMIT, OF_TOKENS, FaultPlan
from tap_kayzen.sandbox.gateway_answers import invalid_client, no_right, too_many

if TYPE_CHECKING:
    import random

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tap_kayzen.sandbox.access import Access
    from tap_kayzen.sandbox.data import Dataset
    from tap_kayzen.sandbox.exchange import Answer

ADMIN_PATH = "/sandbox/faults"

NUMBER = re.compile(r"/\d+")
"""An ID in a path; calls that differ by it have lasting refusals in common."""

LISTS_OF_CAMPAIGNS = ("/v1/campaigns", "/v1/meta/campaigns")

TOKEN_CALLS = 10
"""Calls that a token is good for before it may be revoked.

Nor is one revoked while a call that was refused has not come back with a new token:
refused twice, a client may well think that its login is worth nothing.
"""

LOGINS_DOWN = 2
"""Logins that fail, one after the other, while the token endpoint is down."""


class Faults:
    """ASGI middleware that lets things go wrong as a plan says.

    Only data calls that would succeed meet a fault, and logins those of their own. The
    plan can be read and changed at `ADMIN_PATH`.
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
            app: The sandbox; served by `server_of`, which shows the connection.
            plan: What goes wrong.
            access: Where tokens are revoked.
            dataset: Where rows move.
            clock: The time that slow responses take.
        """
        self._app = app
        self._clock = clock
        self._plan = plan
        self._access = access
        self._dataset = dataset
        self._token_calls = 0
        self._to_logins: list[Response] = []
        self._unauthorized: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or not."""
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
            await self._meddle(await self._exchange(scope, receive, send))

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> Exchange:
        return await Exchange.begun(self._app, scope, receive, send, self._clock)

    def _administer(self, exchange: Exchange) -> Response:
        """Show the plan, after it has been changed by a PUT."""
        if exchange.scope["method"] == "PUT":
            wanted = json_object(exchange.request_body.decode())
            try:
                self._plan.change(
                    wanted.get("seed", self._plan.seed),
                    wanted.get("rates", {}),
                    wanted.get("limit", LIMIT),
                )
            except (AttributeError, TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 422)
        return JSONResponse(self._plan.report)

    async def _meddle(self, exchange: Exchange) -> None:
        """Let a data call meet its faults."""
        answer = await exchange.ask()
        if answer.status != HTTPStatus.OK:
            if answer.status == HTTPStatus.UNAUTHORIZED:
                self._unauthorized.add(exchange.key)
            await exchange.say(answer)
            return
        self._unauthorized.discard(exchange.key)
        if refusal := self._refusal(exchange):
            await exchange.respond(refusal)
            return
        answer = await self._changed(exchange, answer)
        name, dice = self._plan.transient(exchange.key)
        self._token_calls += exchange.path.startswith("/v1/")
        is_early = name in OF_TOKENS and (
            self._token_calls <= TOKEN_CALLS or self._unauthorized
        )
        if name is None or is_early:
            await exchange.say(answer)
            return
        self._plan.injected[name] += 1
        if name == "stall":
            await exchange.gone(self._plan.stall_seconds)
            await exchange.close()
        elif name in OF_TOKENS:
            self._access.revoke_all()
            self._unauthorized.add(exchange.key)
            self._token_calls = 0
            self._to_logins = self._in_trouble(name, dice)
            await exchange.respond(unauthorized())
        else:
            await PASSING[name](exchange, answer, dice)

    def _lasts(self, name: str, key: object) -> bool:
        """Decide whether something has a lasting fault, and count it."""
        lasts = self._plan.lasts(name, key)
        if lasts:
            self._plan.injected[name] += 1
        return lasts

    def _in_trouble(self, name: str, dice: random.Random) -> list[Response]:
        """Give the answers to the next logins, after tokens have been revoked."""
        if name == "token-down":
            return [JSONResponse({"error": "Down"}, 503) for _ in range(LOGINS_DOWN)]
        if name == "token-limit":
            return [too_many(dice, 500) for _ in range(LOGINS_DOWN)]
        return []

    def _login_refusal(self) -> Response | None:
        """Give the answer to a login that is not to succeed, now or ever."""
        if self._lasts("invalid-client", TOKEN_PATH):
            return invalid_client(self._plan.dice("invalid-client", "how"))
        return self._to_logins.pop() if self._to_logins else None

    def _refusal(self, exchange: Exchange) -> Response | None:
        """Give the answer to a call that is not to be answered, ever."""
        plan = self._plan
        if self._lasts("redirect", exchange.path):
            return RedirectResponse(plan.redirect_to, 302)
        path = NUMBER.sub("/#", exchange.path)
        if self._lasts("no-api-product", path):
            return no_right(plan.dice("no-api-product", "how", path), exchange.path)
        if self._lasts("unauthorized-path", path):
            return unauthorized()
        advertiser = exchange.parameters.get("advertiser_id")
        if str(advertiser) == str(plan.forbidden) and self._lasts(
            "forbidden-advertiser", advertiser
        ):
            return JSONResponse({"error": "Advertiser not allowed"}, 403)
        return None

    async def _changed(self, exchange: Exchange, answer: Answer) -> Answer:
        """Give the answer with its lasting faults."""
        content = content_of(answer)
        if content is None:
            return answer
        key, plan = exchange.key, self._plan
        for name, ask in ASKING.items():
            # These are of a whole list, not of one page of it.
            if self._lasts(name, exchange.path):
                await ask(exchange, content)
        for name, change in CHANGES.items():
            if self._lasts(name, key):
                change(content, plan.dice(name, "how", key))
        if exchange.path in LISTS_OF_CAMPAIGNS and self._lasts("rows-move", key):
            number = exchange.parameters.get("advertiser_id", DEFAULT_ADVERTISER)
            self._dataset.move_campaigns(int(number), plan.dice("move", key))
        return with_content(answer, content)
