"""Faults on demand: what can go wrong between a client and Kayzen, from a seed."""

from __future__ import annotations

import random
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, RedirectResponse, Response

from tap_kayzen.sandbox.access import TOKEN_PATH
from tap_kayzen.sandbox.answers import json_object
from tap_kayzen.sandbox.clock import REAL_CLOCK, Clock
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.exchange import Exchange
from tap_kayzen.sandbox.fault_answers import PASSING, unauthorized
from tap_kayzen.sandbox.fault_data import ASKING, CHANGES, content_of, with_content

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

    from tap_kayzen.sandbox.access import Access
    from tap_kayzen.sandbox.data import Dataset
    from tap_kayzen.sandbox.exchange import Answer

ADMIN_PATH = "/sandbox/faults"

OF_TOKENS = ("token-revoked", "token-down")

TRANSIENT = (*PASSING, "stall", *OF_TOKENS)
"""The faults that a client survives by asking again; one a call at most."""

LASTING = (*CHANGES, *ASKING, "rows-move", "redirect", "forbidden-advertiser")
"""The faults that stay, whatever the client does; a call may have several."""

FAULTS = (*TRANSIENT, *LASTING)
"""The names of all faults."""

LISTS_OF_CAMPAIGNS = ("/v1/campaigns", "/v1/meta/campaigns")

LIMIT = 3
"""Transient faults that a request meets one after the other, at most."""

TOKEN_CALLS = 10
"""Calls that a token is good for before it may be revoked.

Nor is one revoked while a call that was refused has not come back with a new token:
refused twice, a client may well think that its login is worth nothing.
"""

STALL_SECONDS = 150.0
"""How long a stalled answer keeps a client waiting: past the tap's usual patience."""

LOGINS_DOWN = 2
"""Logins that fail, one after the other, while the token endpoint is down."""


class FaultPlan:
    """Decides which call meets which fault.

    The decision depends on the seed, the request and how often that has been made:
    it is the same in every run, in whichever order a client makes its calls.

    Attributes:
        injected: How often each fault has been injected.
        stall_seconds: How long a stalled answer keeps a client waiting.
        forbidden: The advertiser that gets 403.
        redirect_to: Where a redirect leads.
    """

    def __init__(
        self,
        seed: int = 1,
        rates: Mapping[str, float] | None = None,
        limit: int | None = LIMIT,
        *,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        """Make a plan.

        Args:
            seed: Where the random numbers start.
            rates: The probability of each fault, by the names in `FAULTS`.
            limit: Transient faults that the same request meets one after the other,
                at most, so that a client with more retries always gets through; None
                for no limit.
            stall_seconds: How long a stalled answer keeps a client waiting.

        Raises:
            ValueError: A fault or a probability does not exist.
        """
        self.injected: Counter[str] = Counter()
        self.stall_seconds = stall_seconds
        self.forbidden = DEFAULT_ADVERTISER + 1
        self.redirect_to = "http://elsewhere.invalid/"
        self.change(seed, rates or {}, limit)

    def change(self, seed: int, rates: Mapping[str, float], limit: int | None) -> None:
        """Start anew with another plan, counts included.

        Raises:
            ValueError: As in the making of a plan.
        """
        if unknown := rates.keys() - set(FAULTS):
            msg = f"no such fault: {min(unknown)}; there are {', '.join(FAULTS)}"
            raise ValueError(msg)
        if not all(0 <= rate <= 1 for rate in rates.values()):
            msg = "a probability is a number from 0 to 1"
            raise ValueError(msg)
        if sum(rates.get(name, 0) for name in TRANSIENT) > 1:
            msg = "a call meets one transient fault at most: more than 1 in total"
            raise ValueError(msg)
        self.seed, self.rates, self.limit = seed, dict(rates), limit
        self.injected.clear()
        self._calls: Counter[str] = Counter()
        self._row: Counter[str] = Counter()

    def dice(self, *what: object) -> random.Random:
        """Give the random numbers of one thing."""
        return random.Random(" ".join(map(str, (self.seed, *what))))  # noqa: S311

    def transient(self, key: str) -> tuple[str | None, random.Random]:
        """Decide on a call's transient fault; None for no fault.

        Args:
            key: The request.

        Returns:
            The fault, and random numbers for its details.
        """
        self._calls[key] += 1
        dice = self.dice(self._calls[key], key)
        drawn = dice.random()
        for name in TRANSIENT:
            drawn -= self.rates.get(name, 0)
            if drawn < 0 and (self.limit is None or self._row[key] < self.limit):
                self._row[key] += 1
                return name, dice
        self._row[key] = 0
        return None, dice

    def lasts(self, name: str, key: object) -> bool:
        """Decide whether a request or a list has a lasting fault."""
        return self.dice(name, key).random() < self.rates.get(name, 0)

    @property
    def report(self) -> dict[str, Any]:
        """The plan and what has become of it, for JSON."""
        return {
            "seed": self.seed,
            "rates": self.rates,
            "limit": self.limit,
            "injected": dict(self.injected),
        }


class Faults:
    """ASGI middleware that lets things go wrong as a plan says.

    Only data calls that would succeed meet a fault. The plan can be read and changed
    at `ADMIN_PATH`.
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
        self._logins_down = 0
        self._unauthorized: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or not."""
        path = scope.get("path")
        if path == ADMIN_PATH:
            exchange = await self._exchange(scope, receive, send)
            await exchange.respond(self._administer(exchange))
        elif path == TOKEN_PATH and self._logins_down:
            self._logins_down -= 1
            await JSONResponse({"error": "Down"}, 503)(scope, receive, send)
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
            self._logins_down = LOGINS_DOWN if name == "token-down" else 0
            await unauthorized(exchange)
        else:
            await PASSING[name](exchange, answer, dice)

    def _lasts(self, name: str, key: object) -> bool:
        """Decide whether something has a lasting fault, and count it."""
        lasts = self._plan.lasts(name, key)
        if lasts:
            self._plan.injected[name] += 1
        return lasts

    def _refusal(self, exchange: Exchange) -> Response | None:
        """Give the answer to a call that is not to be answered, ever."""
        plan = self._plan
        if self._lasts("redirect", exchange.path):
            return RedirectResponse(plan.redirect_to, 302)
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
