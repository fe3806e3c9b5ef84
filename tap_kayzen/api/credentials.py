"""Describes rejected logins, and which settings to check."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_kayzen.api.gateway import denies_permission
from tap_kayzen.api.retries import is_redirect
from tap_kayzen.messages import login_messages

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from tap_kayzen.messages.message import Message

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
        return login_messages.LOGIN_REDIRECTED(url=response.url, status=status)
    message = rejected_credentials(status, body)
    if message is None:
        return login_messages.NO_API(url=response.url, status=status)
    return message(status=status, response=excerpt(body))


def rejected_credentials(status: int, body: bytes) -> Message | None:
    """Return the message for rejected credentials; None for other responses."""
    is_rejection = status in REJECTIONS
    names_key = bool(KEY_PAIR.search(body)) or (
        is_rejection and denies_permission(body)
    )
    names_login = bool(LOGIN_PAIR.search(body))
    if names_key and not names_login:
        return login_messages.REJECTED_KEY
    if names_login and not names_key:
        return login_messages.REJECTED_LOGIN
    if names_key or is_rejection:
        return login_messages.REJECTED_CREDENTIALS
    return None
