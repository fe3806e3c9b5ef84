"""What a login was rejected for, and which settings to check."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_kayzen.api.gateway import names_no_right
from tap_kayzen.api.retries import is_redirect

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

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


def rejection(
    response: requests.Response, body: bytes, excerpt: Callable[[bytes], str]
) -> str:
    """Describe which credentials a rejected login is about, or what else is wrong.

    The texts "Invalid login credentials" and "Invalid API Key" are known, the shape of
    the body around them is not: hence the search in its plain text.

    Args:
        response: The response to a login, without a token.
        body: Its body, unpacked.
        excerpt: Quotes the beginning of a body, without secrets.
    """
    status = response.status_code
    if is_redirect(status):
        return (
            f"Kayzen's token address {response.url} redirects (HTTP {status}), which "
            "a login must not follow; set `api_url` to the final address"
        )
    found = rejected_credentials(status, body)
    if found is None:
        return (
            f"No Kayzen API at {response.url} (HTTP {status} without a token); check "
            "`api_url`: it is everything before /v1"
        )
    rejected, settings = found
    words = excerpt(body)
    return (
        f"Kayzen rejected {rejected} (HTTP {status}); check {settings}. "
        f"Kayzen's words: {words}"
    )


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
