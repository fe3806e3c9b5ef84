"""Transient faults, which replace or damage a single response."""

from __future__ import annotations

import gzip
from email.utils import formatdate
from http import HTTPStatus
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from starlette.responses import JSONResponse, Response

from tap_kayzen.sandbox.exchange import SERVER
from tap_kayzen.sandbox.gateway_answers import too_many

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Mapping

    from tap_kayzen.sandbox.exchange import Answer, Exchange

    Damage: TypeAlias = Callable[[Exchange, Answer, random.Random], Awaitable[None]]

HTML = "<!DOCTYPE html>\n<html><body><h1>{}</h1></body></html>\n"

ABSURD = ("999999999999", "-5", "1e400", "nan", "soon", "Thu, 99 Foo 2026 25:61:00 GMT")
"""Invalid or unreasonable values of ``Retry-After``."""

DATE_SECONDS = 2
"""Seconds until a ``Retry-After`` date, which has no fractions of seconds."""

DRIP_PIECES = 20
DRIP_SECONDS = 0.005
"""Number of pieces of a slow response, and the delay before each."""

DOWN_SECONDS = 0.3
"""Time for which new connections are refused."""

RESET_DELAY_SECONDS = 0.02
"""Time for the client to read the first part of a body before a reset."""


def too_many_requests(
    retry_after: Callable[[Exchange, random.Random], str | None],
) -> Damage:
    """Return a fault that responds with HTTP 429, with or without ``Retry-After``."""

    async def damage(exchange: Exchange, _: Answer, rng: random.Random) -> None:
        value = retry_after(exchange, rng)
        headers = {} if value is None else {"Retry-After": value}
        body = {"error": "Too Many Requests"}
        await exchange.respond(JSONResponse(body, 429, headers))

    return damage


def broken_server(status: HTTPStatus) -> Damage:
    """Return a fault that responds with HTTP 5xx and a JSON, HTML, or empty body."""

    async def damage(exchange: Exchange, _: Answer, rng: random.Random) -> None:
        bodies = (
            JSONResponse({"error": status.phrase}, status),
            Response(HTML.format(status.phrase), status, media_type="text/html"),
            Response(status_code=status),
        )
        await exchange.respond(rng.choice(bodies))

    return damage


async def reset_before(exchange: Exchange, _: Answer, __: random.Random) -> None:
    """Reset the connection instead of responding."""
    await exchange.reset()


async def reset_middle(exchange: Exchange, answer: Answer, rng: random.Random) -> None:
    """Reset the connection in the middle of the body."""
    cut = _cut(answer.body, rng)
    exchange.transport.write(answer.head + b"\r\n\r\n" + answer.body[:cut])
    await exchange.clock.sleep(RESET_DELAY_SECONDS)
    await exchange.reset()


async def refused(exchange: Exchange, _: Answer, __: random.Random) -> None:
    """Reset the connection and refuse new ones for `DOWN_SECONDS`."""
    await exchange.scope["extensions"][SERVER].go_down(DOWN_SECONDS)
    await exchange.reset()


async def truncated(exchange: Exchange, answer: Answer, rng: random.Random) -> None:
    """Close the connection before the end of a body, with a length or in chunks."""
    part = answer.body[: _cut(answer.body, rng)]
    if rng.random() < 1 / 2:
        await exchange.close(answer.head + b"\r\n\r\n" + part)
        return
    answer.headers.pop("content-length", None)
    answer.headers["transfer-encoding"] = "chunked"
    chunk = b"%x\r\n%b\r\n" % (len(part), part)
    await exchange.close(answer.head + b"\r\n\r\n" + chunk)


async def not_json(exchange: Exchange, _: Answer, __: random.Random) -> None:
    """Respond with HTTP 200 and HTML, like a proxy or a login page."""
    await exchange.respond(Response(HTML.format("Welcome"), media_type="text/html"))


async def half_json(exchange: Exchange, answer: Answer, rng: random.Random) -> None:
    """Respond with HTTP 200 and incomplete JSON of matching length."""
    await exchange.forward(answer, body=answer.body[: _cut(answer.body, rng)])


async def wrong_length(exchange: Exchange, answer: Answer, rng: random.Random) -> None:
    """Announce a length that is 10 bytes too long or too short."""
    length = len(answer.body) + rng.choice((-10, 10))
    answer.headers["content-length"] = str(max(1, length))
    await exchange.close(answer.head + b"\r\n\r\n" + answer.body)


async def broken_gzip(exchange: Exchange, answer: Answer, rng: random.Random) -> None:
    """Announce a gzip body that is plain, cut off, or has a wrong checksum."""
    packed = gzip.compress(answer.body)
    bodies = (answer.body, packed[: _cut(packed, rng)], packed[:-8] + b"checksum")
    answer.headers["content-encoding"] = "gzip"
    await exchange.forward(answer, body=rng.choice(bodies))


async def slow_drip(exchange: Exchange, answer: Answer, _: random.Random) -> None:
    """Send the body in small pieces."""
    await exchange.send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(k.encode(), v.encode()) for k, v in answer.headers.items()],
        }
    )
    cuts = [len(answer.body) * index // DRIP_PIECES for index in range(DRIP_PIECES + 1)]
    for start, end in pairwise(cuts):
        await exchange.clock.sleep(DRIP_SECONDS)
        piece = answer.body[start:end]
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        await exchange.send(message)
    await exchange.send({"type": "http.response.body"})


async def gateway_limit(exchange: Exchange, _: Answer, rng: random.Random) -> None:
    """Respond with an API gateway's rate limit error, as HTTP 429 or 500."""
    await exchange.respond(too_many(rng, rng.choice((429, 500))))


def unauthorized() -> JSONResponse:
    """Return the response to an invalid token."""
    return JSONResponse({"error": "Authentication error"}, 401)


def _cut(body: bytes, rng: random.Random) -> int:
    """Return a random position in the middle half of a body."""
    return int(len(body) * rng.uniform(0.25, 0.75))


def _date(exchange: Exchange, _: random.Random) -> str:
    """Return an HTTP date `DATE_SECONDS` from now."""
    return formatdate(exchange.clock.unix_time() + DATE_SECONDS, usegmt=True)


RATE_LIMITED: Mapping[str, Damage] = {
    "http-429-seconds": too_many_requests(lambda _, __: "1"),
    "http-429-date": too_many_requests(_date),
    "http-429-absurd": too_many_requests(lambda _, rng: rng.choice(ABSURD)),
    "http-429-missing": too_many_requests(lambda _, __: None),
}

RESPONSE_FAULTS: Mapping[str, Damage] = {
    **RATE_LIMITED,
    "gateway-limit": gateway_limit,
    **{
        f"http-{status}": broken_server(HTTPStatus(status))
        for status in (500, 502, 503, 504)
    },
    "refused": refused,
    "reset-before": reset_before,
    "reset-middle": reset_middle,
    "truncated": truncated,
    "not-json": not_json,
    "half-json": half_json,
    "wrong-length": wrong_length,
    "broken-gzip": broken_gzip,
    "slow-drip": slow_drip,
}
