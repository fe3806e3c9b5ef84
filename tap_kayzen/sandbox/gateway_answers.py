"""Error responses of an API gateway, in the formats documented by Apigee.

Whether Kayzen still uses a gateway is unknown; see docs/kayzen-api.md#gateway.
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
"""Messages and codes of rate limits."""

MESSAGES = {
    "no right": "Invalid API call as no apiproduct match found",
    "rate limit": "policies.ratelimit.QuotaViolation: Rate limit quota violation",
}
"""Message for each value of ``says`` in an account report."""


def _fault(status: int, message: str, code: str) -> JSONResponse:
    fault = {"faultstring": message, "detail": {"errorcode": code}}
    return JSONResponse({"fault": fault}, status)


def too_many(rng: random.Random, status: int) -> JSONResponse:
    """Return the error of an exceeded rate limit; older gateways use status 500."""
    message, kind = rng.choice(LIMITS)
    return _fault(status, message, f"policies.ratelimit.{kind}")


def no_access(rng: random.Random, path: str) -> JSONResponse:
    """Return the error for a path outside the API key's products."""
    service = "keymanagement.service."
    message, code = rng.choice(
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


def invalid_client(rng: random.Random) -> JSONResponse:
    """Return the error for a login with a wrong API key pair."""
    body, status = rng.choice(
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
