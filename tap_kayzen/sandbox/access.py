"""Logins and tokens of the sandbox."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_kayzen.sandbox.clock import REAL_CLOCK, Clock

if TYPE_CHECKING:
    from collections.abc import Mapping

TOKEN_PATH = "/v1/authentication/token"  # noqa: S105

TOKEN_LIFETIME = 1799
"""Lifetime of a token in seconds; documented."""


class AccessDeniedError(Exception):
    """The credentials, token, or key of a request are invalid."""


@dataclass(frozen=True)
class Credentials:
    """Credentials that the sandbox accepts; sample_config.json has the same ones.

    The first four are for the login, the audience key only for the audiences.
    """

    username: str = "demo+sandbox@example.com"
    password: str = "correct horse & battery+staple=100%"  # noqa: S105
    api_key: str = "sandbox-api-key"
    api_secret: str = "sandbox-api-secret"  # noqa: S105
    audience_api_key: str = "sandbox-audience-key"


class Access:
    """Issues tokens for valid credentials and checks them."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        lifetime: int = TOKEN_LIFETIME,
        clock: Clock = REAL_CLOCK,
        is_token_single: bool = False,
    ) -> None:
        """Start without tokens.

        Args:
            credentials: Credentials that a login must have.
            lifetime: Lifetime of a token in seconds.
            clock: Clock for the expiry of tokens.
            is_token_single: Whether a login revokes all older tokens.
        """
        self.credentials = credentials
        self.lifetime = lifetime
        self.clock = clock
        self.is_token_single = is_token_single
        self._ends: dict[str, float] = {}

    def log_in(self, authorization: str, form: Mapping[str, str]) -> dict[str, str]:
        """Check the credentials of a login and issue a token.

        Whether Kayzen revokes older tokens is not documented; the sandbox does so only
        with `is_token_single`.

        Args:
            authorization: Value of the ``Authorization`` header.
            form: Fields of the body.

        Returns:
            The response body; `expires_in` is text, as documented.

        Raises:
            AccessDeniedError: The API key pair or the login is wrong.
        """
        ours = self.credentials
        if _basic(authorization) != (ours.api_key, ours.api_secret):
            msg = "Invalid API Key"
            raise AccessDeniedError(msg)
        login = {
            "grant_type": "password",
            "username": ours.username,
            "password": ours.password,
        }
        if any(form.get(name) != value for name, value in login.items()):
            msg = "Invalid login credentials"
            raise AccessDeniedError(msg)
        if self.is_token_single:
            self.revoke_all()
        token = secrets.token_urlsafe(32)
        self._ends[token] = self.clock.now() + self.lifetime
        return {"access_token": token, "expires_in": str(self.lifetime), "scope": ""}

    def check(self, authorization: str) -> None:
        """Check the ``Authorization`` header of a data call.

        Raises:
            AccessDeniedError: The token is missing, unknown, or expired.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or self._ends.get(token, 0) <= self.clock.now():
            msg = "Authentication error"
            raise AccessDeniedError(msg)

    def check_audience_key(self, key: str) -> None:
        """Check the key of an audience call.

        Raises:
            AccessDeniedError: The key is wrong or missing.
        """
        if key != self.credentials.audience_api_key:
            msg = "Invalid API Key"
            raise AccessDeniedError(msg)

    def revoke_all(self) -> None:
        """Revoke all tokens, as a restart of a server may."""
        self._ends.clear()


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, value = authorization.partition(" ")
    if scheme != "Basic":
        return "", ""
    try:
        pair = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    key, _, secret = pair.partition(":")
    return key, secret
