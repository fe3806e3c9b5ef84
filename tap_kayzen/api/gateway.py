"""What a refusal says in words: those of an API gateway, and Kayzen's own.

Kayzen's API ran behind Apigee once; see docs/kayzen-api.md#gateway for the words and
their sources. They are looked for in the whole body, whose shape may differ.
"""

from __future__ import annotations

import re
from http import HTTPStatus

RATE_LIMIT = re.compile(rb"policies\.ratelimit", re.IGNORECASE)

NO_RIGHT = re.compile(rb"api[ _-]?(?:product|resource)", re.IGNORECASE)

KEY_PAIR = re.compile(
    rb"api[ _-]?key|client[ _-]?id|(?:invalid|unauthorized)[ _]?client",
    re.IGNORECASE,
)
"""``Invalid API Key`` (Kayzen), ``ClientId is Invalid`` (Apigee), and the like."""

LOGIN_PAIR = re.compile(rb"login credentials|invalid_grant", re.IGNORECASE)
"""``Invalid login credentials`` (Kayzen), ``invalid_grant`` (OAuth)."""

REJECTIONS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""Status codes of a login that are about the credentials."""

LOGIN_SETTINGS = "`username` and `password` (the login of the Kayzen console)"
KEY_SETTINGS = "`api_key` and `api_secret` (made in the console)"


def names_rate_limit(body: bytes) -> bool:
    """Return whether a refusal comes from a quota or a spike arrest.

    Such as ``policies.ratelimit.QuotaViolation``, which older set-ups send with HTTP
    500.
    """
    return bool(RATE_LIMIT.search(body))


def names_no_right(body: bytes) -> bool:
    """Return whether an HTTP 401 is about the path, and the token is good.

    Such as ``keymanagement.service.InvalidAPICallAsNoApiProductMatchFound``.
    """
    return bool(NO_RIGHT.search(body))


def rejected_credentials(status: int, body: bytes) -> tuple[str, str] | None:
    """Return which credentials a login was rejected for, and the settings to check.

    None if the response is about something else.
    """
    is_rejection = status in REJECTIONS
    names_key = bool(KEY_PAIR.search(body)) or (is_rejection and names_no_right(body))
    names_login = bool(LOGIN_PAIR.search(body))
    if names_key and not names_login:
        return "the API key pair", KEY_SETTINGS
    if names_login and not names_key:
        return "the login pair", LOGIN_SETTINGS
    if names_key or is_rejection:
        settings = f"{LOGIN_SETTINGS}, {KEY_SETTINGS}"
        return "the credentials without saying which", settings
    return None
