"""Login: the OAuth password grant, with HTTP Basic made of the API key pair."""

from __future__ import annotations

import logging
import re
import threading
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk.authenticators import OAuthAuthenticator

from tap_kayzen.api.errors import LoginError, TransientError, UnavailableError
from tap_kayzen.api.retries import Retries, Wire, is_redirect, is_transient

if TYPE_CHECKING:
    from collections.abc import Generator

    import requests

DEFAULT_LIFETIME_SECONDS = 1799
"""Lifetime of a token whose response does not name it: what Kayzen documents."""

RENEWAL_MARGIN_SECONDS = 60
"""Time before its end at which a token is replaced."""

MAX_TOKENS = 6
"""Tokens that one request tries at most, where each was accepted from others."""

USABLE_TOKEN = re.compile(r"[\x21-\x7e]+")

REJECTIONS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""Status codes that are about the credentials."""

LOGIN_SETTINGS = "`username` and `password` (the login of the Kayzen console)"
KEY_SETTINGS = "`api_key` and `api_secret` (made in the console)"


class KayzenAuthenticator(OAuthAuthenticator):
    """Gets, shares and renews the one bearer token of a tap.

    Kayzen's token call is ``POST /v1/authentication/token`` with
    ``Authorization: Basic base64(api_key:api_secret)`` and the form
    ``grant_type=password&username=...&password=...``. It returns
    ``{"access_token": "...", "expires_in": "1799", "scope": ""}``; there is no
    refresh token, so renewal is the same call again. Source:
    docs/kayzen-api.md#authentication.

    One instance serves all threads. The first one that finds the token expired renews
    it; the others wait for that and use the result.
    """

    def __init__(self, wire: Wire) -> None:
        """Prepare for the first request; nothing is sent yet."""
        config = wire.config
        super().__init__(
            auth_endpoint=f"{config['api_url']}/v1/authentication/token",
            client_id=config["api_key"],
            client_secret=config["api_secret"],
            default_expiration=DEFAULT_LIFETIME_SECONDS,
        )
        self.logger = logging.getLogger("tap-kayzen.auth")
        self._wire = wire
        self._retries = Retries(wire, self.logger)
        self._lock = threading.Lock()
        self._failure: LoginError | None = None
        self._has_worked = False

    @property
    def oauth_request_body(self) -> dict[str, str]:
        """The form of the token call, not yet encoded.

        The HTTP library percent-encodes it, once. Kayzen's older page encodes the
        e-mail by hand only because it shows a raw ``curl -d`` body.
        """
        return {
            "grant_type": "password",
            "username": self._wire.config["username"],
            "password": self._wire.config["password"],
        }

    def auth_flow(
        self, request: requests.PreparedRequest
    ) -> Generator[requests.PreparedRequest, requests.Response]:
        """Authorize a request, again with a new token while its token is rejected.

        All that the tap does about HTTP 401 is here. The first 401 leads to a new
        token and the same request again. A second one is final, unless that token had
        worked for other requests: then Kayzen revoked it while this one waited for
        its turn.

        Yields:
            The request, each time that it is to be sent; expects the response.
        """
        for number in range(MAX_TOKENS):
            response = yield self.authenticate_request(request)
            token = request.headers["Authorization"]
            if response.status_code != HTTPStatus.UNAUTHORIZED:
                if self._is_current(token):
                    self._has_worked = True
                return
            had_worked = self._discard(token)
            if number and not had_worked:
                return

    def authenticate_request(
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        """Put the bearer token on a request; log in first if need be."""
        with self._lock:
            # Other threads that waited here must not log in again: a few more
            # rejected logins can lock an account.
            if self._failure:
                raise _copy(self._failure)
            if not self.is_token_valid():
                self.update_access_token()
            request.headers["Authorization"] = f"Bearer {self.access_token}"
        return request

    def is_token_valid(self) -> bool:
        """Return whether the token lives longer than `RENEWAL_MARGIN_SECONDS` from now.

        A token with a shorter lifetime is used for half of it.
        """
        if self.last_refreshed is None or self.expires_in is None:
            return False
        age = (datetime.now(timezone.utc) - self.last_refreshed).total_seconds()
        long_lived = self.expires_in > RENEWAL_MARGIN_SECONDS
        margin = RENEWAL_MARGIN_SECONDS if long_lived else self.expires_in / 2
        return 0 <= age < self.expires_in - margin

    def _discard(self, token: str) -> bool:
        """Forget a rejected token; return whether it had worked before.

        A token that another thread has renewed since counts as one that had worked,
        so that many rejections at once lead to one new login.
        """
        with self._lock:
            if self._is_current(token):
                self.last_refreshed = None
                return self._has_worked
        return True

    def _is_current(self, token: str) -> bool:
        return token == f"Bearer {self.access_token}"

    def update_access_token(self) -> None:
        """Log in and keep the token with its lifetime in seconds.

        Raises:
            LoginError: The credentials are rejected, or there was no usable response
                after all retries. The message names the settings to check and holds
                no secret.
        """
        requested = datetime.now(timezone.utc)
        try:
            token = self._retries.call(
                self._log_in,
                what=f"Login at {self.auth_endpoint}",
                hint="check `api_url` and the network, or try again later",
            )
        except LoginError as error:
            self._failure = _copy(error)
            raise
        except UnavailableError as error:
            self._failure = LoginError(
                f"Kayzen gave no token at {self.auth_endpoint}: "
                f"{error.cause}; {error.hint}",
                is_unreachable=error.is_unreachable,
            )
            raise _copy(self._failure) from error
        self.access_token = str(token["access_token"])
        self._wire.redactor.add([self.access_token])
        self.expires_in = _lifetime(token.get("expires_in"))
        self.last_refreshed = requested
        self._has_worked = False

    def _log_in(self) -> dict[str, Any]:
        """Make the token call once and return its JSON object."""
        with self._wire.throttle.request():
            response = self._wire.session.post(
                self.auth_endpoint,
                data=self.oauth_request_payload,
                headers={"Accept": "application/json"},
                # Given here and not as a header, which an entry in ~/.netrc would
                # replace.
                auth=(_utf8(str(self.client_id)), _utf8(str(self.client_secret))),
                timeout=self._wire.config["request_timeout"],
                allow_redirects=False,
            )
        status = response.status_code
        if is_transient(status):
            msg = f"HTTP {status}"
            raise TransientError(msg, response)
        if not response.ok or is_redirect(status):
            raise LoginError(_rejection(response))
        try:
            token = response.json()
        except (RecursionError, ValueError) as error:
            msg = f"HTTP {status} with a body that is not JSON"
            raise TransientError(msg, response) from error
        if not isinstance(token, dict) or not token.get("access_token"):
            raise LoginError(_rejection(response))
        if not USABLE_TOKEN.fullmatch(str(token["access_token"])):
            msg = "Kayzen gave a token that no header can carry; check `api_url`"
            raise LoginError(msg)
        return token


def _copy(error: LoginError) -> LoginError:
    """Return an error for another thread, whose traceback is not this one's."""
    return LoginError(str(error), is_unreachable=error.is_unreachable)


def _utf8(text: str) -> str:
    """Disguise text so that `requests`, which sends Basic as Latin-1, sends UTF-8."""
    return text.encode().decode("latin-1")


def _rejection(response: requests.Response) -> str:
    """Describe which credentials a rejected login is about, or what else is wrong.

    The texts "Invalid login credentials" and "Invalid API Key" are known, the
    shape of the body around them is not: hence the search in its plain text.
    """
    status = response.status_code
    if is_redirect(status):
        return (
            f"Kayzen's token address {response.url} redirects (HTTP {status}), which "
            "a login must not follow; set `api_url` to the final address"
        )
    body = response.text.casefold()
    if "api key" in body or "api_key" in body:
        rejected, settings = "the API key pair", KEY_SETTINGS
    elif "login credentials" in body:
        rejected, settings = "the login pair", LOGIN_SETTINGS
    elif status in REJECTIONS:
        rejected = "the credentials without saying which"
        settings = f"{LOGIN_SETTINGS}, {KEY_SETTINGS}"
    else:
        return (
            f"No Kayzen API at {response.url} (HTTP {status} without a token); check "
            "`api_url`: it is everything before /v1"
        )
    return f"Kayzen rejected {rejected} (HTTP {status}); check {settings}"


def _lifetime(value: object) -> int:
    """Read ``expires_in``: documented as a string of seconds, accepted as a number."""
    try:
        seconds = int(float(str(value)))
    except (ValueError, OverflowError):
        return DEFAULT_LIFETIME_SECONDS
    return seconds if seconds > 0 else DEFAULT_LIFETIME_SECONDS
