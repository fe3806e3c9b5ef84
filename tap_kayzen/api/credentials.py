"""Describes rejected logins, and which settings to check."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_kayzen.api.gateway import denies_permission
from tap_kayzen.api.retries import is_redirect

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

KEY_PAIR = re.compile(
    rb"api[ _-]?key|client[ _-]?id|(?:invalid|unauthorized)[ _]?client",
    re.IGNORECASE,
)
"""Matches ``Invalid API Key`` (Kayzen), ``ClientId is Invalid`` (Apigee), etc."""

LOGIN_PAIR = re.compile(rb"login credentials|invalid_grant", re.IGNORECASE)
"""Matches ``Invalid login credentials`` (Kayzen) and ``invalid_grant`` (OAuth)."""

REJECTIONS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""HTTP statuses of a login with rejected credentials."""

LOGIN_SETTINGS = "`username` and `password` (the login of the Kayzen console)"
KEY_SETTINGS = "`api_key` and `api_secret` (made in the console)"


def rejection(
    response: requests.Response, body: bytes, excerpt: Callable[[bytes], str]
) -> str:
    """Describe why a login failed: which credentials, or what else.

    The texts "Invalid login credentials" and "Invalid API Key" are documented, but not
    the format of the body. The whole body is therefore searched as text.

    Args:
        response: The response to a login, without a token.
        body: Its body, decompressed.
        excerpt: Returns the beginning of a body, without secrets.
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
    """Return the rejected credentials and the settings to check.

    Returns:
        A tuple such as ``("the API key pair", "`api_key` and ...")``; None if the
        response is not about credentials.
    """
    is_rejection = status in REJECTIONS
    names_key = bool(KEY_PAIR.search(body)) or (
        is_rejection and denies_permission(body)
    )
    names_login = bool(LOGIN_PAIR.search(body))
    if names_key and not names_login:
        return "the API key pair", KEY_SETTINGS
    if names_login and not names_key:
        return "the login pair", LOGIN_SETTINGS
    if names_key or is_rejection:
        settings = f"{LOGIN_SETTINGS}, {KEY_SETTINGS}"
        return "the credentials without saying which", settings
    return None
