"""Logging in to Kayzen: the OAuth password grant, with HTTP Basic of the API key."""

from __future__ import annotations

import logging
import re
import threading
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk.authenticators import OAuthAuthenticator
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_kayzen.api.retries import (
    CERTIFICATE_ADVICE,
    TRANSIENT_ERRORS,
    Limits,
    is_redirect,
    is_transient,
    is_untrusted,
    reason,
    retrying,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from tap_kayzen.api.throttle import Throttle
    from tap_kayzen.output.redaction import Redactor

DEFAULT_LIFETIME = 1799
"""Seconds that a token lives when the answer does not say it."""

RENEWAL_MARGIN = 60
"""Seconds before its end at which a token is replaced."""

USABLE_TOKEN = re.compile(r"[\x21-\x7e]+")

REJECTIONS = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""Status codes that speak of the credentials."""

LOGIN_SETTINGS = "`username` and `password` (the login of the Kayzen console)"
KEY_SETTINGS = "`api_key` and `api_secret` (made in the console)"


class KayzenAuthenticator(OAuthAuthenticator):
    """Gets, shares and renews the one bearer token of a tap.

    Kayzen's token call is ``POST /v1/authentication/token`` with
    ``Authorization: Basic base64(api_key:api_secret)`` and the form
    ``grant_type=password&username=...&password=...``. It answers
    ``{"access_token": "...", "expires_in": "1799", "scope": ""}``; there is no
    refresh token, so renewal is the same call again. Source: Kayzen's reference,
    "Create Authentication Token", and the older hub's "Authentication".

    One instance serves all threads. Whoever finds the token worn out renews it;
    the others wait for that and use the result.
    """

    def __init__(
        self,
        *,
        config: Mapping[str, Any],
        session: requests.Session,
        throttle: Throttle,
        redactor: Redactor,
        url: str,
    ) -> None:
        """Prepare for the first request; nothing is sent yet.

        Args:
            config: The tap's settings: the two pairs of credentials, the user
                agent, timeout and number of retries.
            session: The tap's HTTP session.
            throttle: The gate that the tap's requests go through.
            redactor: Is told of each token.
            url: Where tokens are made.
        """
        super().__init__(
            auth_endpoint=url,
            client_id=config["api_key"],
            client_secret=config["api_secret"],
            default_expiration=DEFAULT_LIFETIME,
            oauth_headers={
                "Accept": "application/json",
                "User-Agent": config["user_agent"],
            },
        )
        self.logger = logging.getLogger("tap-kayzen.auth")
        self._username: str = config["username"]
        self._password: str = config["password"]
        self._timeout: float = config["request_timeout"]
        self._limits = Limits.of(config)
        self._http = session
        self._throttle = throttle
        self._redactor = redactor
        self._lock = threading.Lock()
        self._failure = ""
        self._has_worked = False

    @property
    def oauth_request_body(self) -> dict[str, str]:
        """The form of the token call, not yet encoded.

        The HTTP library percent-encodes it, once. Kayzen's older page encodes the
        e-mail by hand only because it shows a raw ``curl -d`` body.
        """
        return {
            "grant_type": "password",
            "username": self._username,
            "password": self._password,
        }

    def authenticate_request(
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        """Put the bearer token on a request, getting or renewing it first.

        Raises:
            FatalAPIError: Kayzen gives no token.
        """
        with self._lock:
            # Others that waited meanwhile must not try it all again: a few more
            # wrong logins can lock an account.
            if self._failure:
                raise FatalAPIError(self._failure)
            if not self.is_token_valid():
                self.update_access_token()
            request.headers["Authorization"] = f"Bearer {self.access_token}"
        return request

    def is_token_valid(self) -> bool:
        """Tell whether the token lives for more than `RENEWAL_MARGIN` from now.

        A token that is made for less than that is good for half its life.
        """
        if self.last_refreshed is None or self.expires_in is None:
            return False
        age = (datetime.now(timezone.utc) - self.last_refreshed).total_seconds()
        long_lived = self.expires_in > RENEWAL_MARGIN
        margin = RENEWAL_MARGIN if long_lived else self.expires_in / 2
        return 0 <= age < self.expires_in - margin

    def discard(self, rejected: requests.PreparedRequest) -> bool:
        """Forget the token that a request carried, after Kayzen refused it.

        Does nothing when another thread has renewed it since, so that many
        refusals at once lead to one new login.

        Returns:
            Whether the token had been good before.
        """
        with self._lock:
            if self._is_current(rejected):
                self.last_refreshed = None
                return self._has_worked
        return True

    def accepted(self, request: requests.PreparedRequest) -> None:
        """Take note that Kayzen took the token that a request carried."""
        if not self._has_worked and self._is_current(request):
            self._has_worked = True

    def _is_current(self, request: requests.PreparedRequest) -> bool:
        return request.headers["Authorization"] == f"Bearer {self.access_token}"

    def update_access_token(self) -> None:
        """Log in and keep the token with its lifetime in seconds.

        Raises:
            FatalAPIError: The credentials are rejected, or there was no usable
                answer after all retries. The message says which settings to look
                at and holds no secret.
        """
        log_in = retrying(
            self._log_in,
            what=f"Login at {self.auth_endpoint}",
            limits=self._limits,
            logger=self.logger,
            throttle=self._throttle,
        )
        requested = datetime.now(timezone.utc)
        try:
            token = log_in()
        except FatalAPIError as error:
            self._failure = str(error)
            raise
        except TRANSIENT_ERRORS as error:
            way_out = (
                f"; {CERTIFICATE_ADVICE}"
                if is_untrusted(error)
                else f" after {self._limits}; check `api_url` and the network, or try "
                "again later"
            )
            why = self._redactor.redact(reason(error))
            self._failure = (
                f"Kayzen gave no token at {self.auth_endpoint}: {why}{way_out}"
            )
            raise FatalAPIError(self._failure) from error
        self.access_token = str(token["access_token"])
        self._redactor.add([self.access_token])
        self.expires_in = _lifetime(token.get("expires_in"))
        self.last_refreshed = requested
        self._has_worked = False

    def _log_in(self) -> dict[str, Any]:
        """Make the token call once and return its JSON object."""
        with self._throttle.request():
            response = self._http.post(
                self.auth_endpoint,
                data=self.oauth_request_payload,
                headers=self._oauth_headers,
                # Given here and not as a header, which an entry in ~/.netrc would
                # replace.
                auth=(_utf8(str(self.client_id)), _utf8(str(self.client_secret))),
                timeout=self._timeout,
                allow_redirects=False,
            )
        status = response.status_code
        if is_transient(status):
            msg = f"HTTP {status}"
            raise RetriableAPIError(msg, response)
        if not response.ok or is_redirect(status):
            raise FatalAPIError(_rejection(response))
        try:
            token = response.json()
        except (RecursionError, ValueError) as error:
            msg = f"HTTP {status} with a body that is not JSON"
            raise RetriableAPIError(msg, response) from error
        if not isinstance(token, dict) or not token.get("access_token"):
            raise FatalAPIError(_rejection(response))
        if not USABLE_TOKEN.fullmatch(str(token["access_token"])):
            msg = "Kayzen gave a token that no header can carry; check `api_url`"
            raise FatalAPIError(msg)
        return token


def _utf8(text: str) -> str:
    """Disguise text so that `requests`, which sends Basic as Latin-1, sends UTF-8."""
    return text.encode().decode("latin-1")


def _rejection(response: requests.Response) -> str:
    """Say which credentials a refused login is about, or what else is wrong.

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
    """Read ``expires_in``: documented as a string of seconds, taken as a number too."""
    try:
        seconds = int(float(str(value)))
    except (ValueError, OverflowError):
        return DEFAULT_LIFETIME
    return seconds if seconds > 0 else DEFAULT_LIFETIME
