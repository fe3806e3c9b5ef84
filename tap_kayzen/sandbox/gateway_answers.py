"""What an API gateway says in Kayzen's place, in the shapes that Apigee documents.

Whether Kayzen still has one is not known; see docs/kayzen-api.md#gateway.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    import random

LIMITS = (
    ("Rate limit quota violation. Quota limit exceeded.", "QuotaViolation"),
    ("Spike arrest violation. Allowed rate : 15ps", "SpikeArrestViolation"),
)
"""The message and the kind of each rate limit."""

SAID = {
    "no right": "Invalid API call as no apiproduct match found",
    "rate limit": "policies.ratelimit.QuotaViolation: Rate limit quota violation",
}
"""Words for each ``says`` of an account report."""


def _fault(status: int, message: str, code: str) -> JSONResponse:
    fault = {"faultstring": message, "detail": {"errorcode": code}}
    return JSONResponse({"fault": fault}, status)


def too_many(dice: random.Random, status: int) -> JSONResponse:
    """Refuse because of a rate limit; 500 is the status of older set-ups."""
    message, kind = dice.choice(LIMITS)
    return _fault(status, message, f"policies.ratelimit.{kind}")


def no_right(dice: random.Random, path: str) -> JSONResponse:
    """Refuse a path that the API key's product does not have."""
    service = "keymanagement.service."
    message, code = dice.choice(
        (
            (
                "Invalid API call as no apiproduct match found",
                f"{service}InvalidAPICallAsNoApiProductMatchFound",
            ),
            (
                f"APIResource {path} does not exist",
                f"{service}apiresource_doesnot_exist",
            ),
        )
    )
    return _fault(HTTPStatus.UNAUTHORIZED, message, code)


def invalid_client(dice: random.Random) -> JSONResponse:
    """Refuse a login because of its API key pair."""
    body, status = dice.choice(
        (
            (
                {
                    "ErrorCode": "invalid_request",
                    "Error": "Invalid client id : sandbox. ClientId is Invalid",
                },
                HTTPStatus.BAD_REQUEST,
            ),
            (
                {"ErrorCode": "invalid_client", "Error": "ClientId is Invalid"},
                HTTPStatus.UNAUTHORIZED,
            ),
            ({"error": "invalid_client"}, HTTPStatus.UNAUTHORIZED),
        )
    )
    return JSONResponse(body, status)
