"""Faults that pass: each replaces or damages one answer, the next may be good."""

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
"""Values of ``Retry-After`` that nobody can obey."""

DATE_SECONDS = 2
"""How far in the future a ``Retry-After`` date is; it has no fractions of seconds."""

PIECES = 20
PIECE_SECONDS = 0.005
"""Into how many pieces a slow answer is cut, and the time before each."""

DOWN_SECONDS = 0.3
"""How long new connections are refused."""

MIDDLE_SECONDS = 0.02
"""How long a client gets to read the first half of what it never gets whole."""


def busy(retry_after: Callable[[Exchange, random.Random], str | None]) -> Damage:
    """Make a fault: HTTP 429, with ``Retry-After`` or without."""

    async def damage(exchange: Exchange, _: Answer, dice: random.Random) -> None:
        value = retry_after(exchange, dice)
        headers = {} if value is None else {"Retry-After": value}
        body = {"error": "Too Many Requests"}
        await exchange.respond(JSONResponse(body, 429, headers))

    return damage


def broken_server(status: HTTPStatus) -> Damage:
    """Make a fault: a 5xx, whose body is JSON, HTML or empty."""

    async def damage(exchange: Exchange, _: Answer, dice: random.Random) -> None:
        bodies = (
            JSONResponse({"error": status.phrase}, status),
            Response(HTML.format(status.phrase), status, media_type="text/html"),
            Response(status_code=status),
        )
        await exchange.respond(dice.choice(bodies))

    return damage


async def reset_before(exchange: Exchange, _: Answer, __: random.Random) -> None:
    """Reset the connection instead of answering."""
    await exchange.reset()


async def reset_middle(exchange: Exchange, answer: Answer, dice: random.Random) -> None:
    """Reset the connection in the middle of the body."""
    cut = _place(answer.body, dice)
    exchange.transport.write(answer.head + b"\r\n\r\n" + answer.body[:cut])
    await exchange.clock.sleep(MIDDLE_SECONDS)
    await exchange.reset()


async def refused(exchange: Exchange, _: Answer, __: random.Random) -> None:
    """Reset the connection, and for a moment refuse all new ones."""
    await exchange.scope["extensions"][SERVER].go_down(DOWN_SECONDS)
    await exchange.reset()


async def truncated(exchange: Exchange, answer: Answer, dice: random.Random) -> None:
    """End the connection before the body is complete, by its length or by chunks."""
    part = answer.body[: _place(answer.body, dice)]
    if dice.random() < 1 / 2:
        await exchange.close(answer.head + b"\r\n\r\n" + part)
        return
    answer.headers.pop("content-length", None)
    answer.headers["transfer-encoding"] = "chunked"
    chunk = b"%x\r\n%b\r\n" % (len(part), part)
    await exchange.close(answer.head + b"\r\n\r\n" + chunk)


async def not_json(exchange: Exchange, _: Answer, __: random.Random) -> None:
    """Say 200 with HTML, as the page of a proxy or of a login may."""
    await exchange.respond(Response(HTML.format("Welcome"), media_type="text/html"))


async def half_json(exchange: Exchange, answer: Answer, dice: random.Random) -> None:
    """Say 200 with JSON that ends too early, though HTTP finds nothing wrong."""
    await exchange.say(answer, body=answer.body[: _place(answer.body, dice)])


async def wrong_length(exchange: Exchange, answer: Answer, dice: random.Random) -> None:
    """Announce some bytes more or less than the body has."""
    length = len(answer.body) + dice.choice((-10, 10))
    answer.headers["content-length"] = str(max(1, length))
    await exchange.close(answer.head + b"\r\n\r\n" + answer.body)


async def broken_gzip(exchange: Exchange, answer: Answer, dice: random.Random) -> None:
    """Say that the body is gzip: it is none, or cut off, or its checksum is wrong."""
    packed = gzip.compress(answer.body)
    bodies = (answer.body, packed[: _place(packed, dice)], packed[:-8] + b"checksum")
    answer.headers["content-encoding"] = "gzip"
    await exchange.say(answer, body=dice.choice(bodies))


async def slow_drip(exchange: Exchange, answer: Answer, _: random.Random) -> None:
    """Send all of the body, but little by little."""
    await exchange.send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(k.encode(), v.encode()) for k, v in answer.headers.items()],
        }
    )
    cuts = [len(answer.body) * index // PIECES for index in range(PIECES + 1)]
    for start, end in pairwise(cuts):
        await exchange.clock.sleep(PIECE_SECONDS)
        piece = answer.body[start:end]
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        await exchange.send(message)
    await exchange.send({"type": "http.response.body"})


async def gateway_limit(exchange: Exchange, _: Answer, dice: random.Random) -> None:
    """Refuse as an API gateway that counts: HTTP 429, or 500 with older set-ups."""
    await exchange.respond(too_many(dice, dice.choice((429, 500))))


def unauthorized() -> JSONResponse:
    """Refuse the token."""
    return JSONResponse({"error": "Authentication error"}, 401)


def _place(body: bytes, dice: random.Random) -> int:
    """Choose a place in the middle half of a body."""
    return int(len(body) * dice.uniform(0.25, 0.75))


def _date(exchange: Exchange, _: random.Random) -> str:
    """Return a moment in the near future as an HTTP date."""
    return formatdate(exchange.clock.unix_time() + DATE_SECONDS, usegmt=True)


BUSY: Mapping[str, Damage] = {
    "http-429-seconds": busy(lambda _, __: "1"),
    "http-429-date": busy(_date),
    "http-429-absurd": busy(lambda _, dice: dice.choice(ABSURD)),
    "http-429-missing": busy(lambda _, __: None),
}

PASSING: Mapping[str, Damage] = {
    **BUSY,
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
