"""The sandbox's logins and tokens."""

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
"""Seconds a token lives, as documented."""


class AccessDeniedError(Exception):
    """The request proves no right to what it asks for."""


@dataclass(frozen=True)
class Credentials:
    """What the sandbox wants to see; sample_config.json has the same login.

    The first four make a login; the audience key is for the audiences alone.
    """

    username: str = "demo+sandbox@example.com"
    password: str = "correct horse & battery+staple=100%"  # noqa: S105
    api_key: str = "sandbox-api-key"
    api_secret: str = "sandbox-api-secret"  # noqa: S105
    audience_api_key: str = "sandbox-audience-key"


class Access:
    """Gives tokens for the right credentials and knows which are still good."""

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
            credentials: What a login must show.
            lifetime: Seconds that a token lives.
            clock: The time by which tokens expire.
            is_token_single: Whether a login ends all older tokens.
        """
        self.credentials = credentials
        self.lifetime = lifetime
        self.clock = clock
        self.is_token_single = is_token_single
        self._ends: dict[str, float] = {}

    def log_in(self, authorization: str, form: Mapping[str, str]) -> dict[str, str]:
        """Check a token call and make a token.

        Whether older tokens stay good with Kayzen is not known; here they do unless
        `is_token_single`.

        Args:
            authorization: The header's value.
            form: The body's fields.

        Returns:
            The answer's JSON object, `expires_in` being text as documented.

        Raises:
            AccessDeniedError: One of the pairs is wrong; the message says which.
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
        """Check the header of a data call.

        Raises:
            AccessDeniedError: It holds no token that is good now.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" or self._ends.get(token, 0) <= self.clock.now():
            msg = "Authentication error"
            raise AccessDeniedError(msg)

    def check_audience_key(self, key: str) -> None:
        """Check the key of an audience call.

        Raises:
            AccessDeniedError: It is another key, or none.
        """
        if key != self.credentials.audience_api_key:
            msg = "Invalid API Key"
            raise AccessDeniedError(msg)

    def revoke_all(self) -> None:
        """Make every token bad, as a server that lost its memory would."""
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
