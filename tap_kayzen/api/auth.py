"""Login: OAuth password grant, with the API key pair as HTTP Basic credentials."""

from __future__ import annotations

import json
import logging
import re
import threading
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk.authenticators import OAuthAuthenticator

from tap_kayzen.api.credentials import rejection
from tap_kayzen.api.downloads import TooLargeError
from tap_kayzen.api.errors import (
    LoginError,
    RefusedError,
    StaleTokenError,
    TransientError,
    UnavailableError,
)
from tap_kayzen.api.gateway import denies_permission
from tap_kayzen.api.rejections import Rejections, Subject, subject_of
from tap_kayzen.api.retries import (
    Retries,
    Wire,
    check_transient,
    is_redirect,
    is_transient,
)
from tap_kayzen.messages import login_messages, network_messages, stream_messages

if TYPE_CHECKING:
    from collections.abc import Generator

    import requests

DEFAULT_LIFETIME_SECONDS = 1799
"""Lifetime of a token if the response lacks it: the documented one."""

RENEWAL_MARGIN_SECONDS = 60
"""Time before expiry at which a token is renewed."""

MAX_TOKEN_BYTES = 10**6
"""A response with a token has some 100 bytes, a web page in its place some 100 KB."""

USABLE_TOKEN = re.compile(r"[\x21-\x7e]+")
"""Tokens that are valid in a header: printable ASCII without spaces."""


class KayzenAuthenticator(OAuthAuthenticator):
    """OAuth authenticator that shares one bearer token among all threads.

    Kayzen issues tokens at ``POST /v1/authentication/token``, with
    ``Authorization: Basic base64(api_key:api_secret)`` and the form
    ``grant_type=password&username=...&password=...``. The response is
    ``{"access_token": "...", "expires_in": "1799", "scope": ""}``. There is no refresh
    token, so renewing means logging in again. Source:
    docs/kayzen-api.md#authentication.

    The first thread that finds the token expired renews it. The others wait and use
    the new token.
    """

    def __init__(self, wire: Wire) -> None:
        """Initialize the authenticator without logging in."""
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
        self._rejections = Rejections()
        self._has_worked = False
        self._issued_at = self._renew_at = float("-inf")
        self._login_seconds = 0.0

    @property
    def oauth_request_body(self) -> dict[str, str]:
        """Form fields of the token request, not yet percent-encoded.

        The HTTP library encodes them. Kayzen's older documentation encodes the email
        address by hand only because it shows a raw ``curl -d`` body.
        """
        return {
            "grant_type": "password",
            "username": self._wire.config["username"],
            "password": self._wire.config["password"],
        }

    def auth_flow(
        self, request: requests.PreparedRequest
    ) -> Generator[requests.PreparedRequest, tuple[requests.Response, bytes]]:
        """Authorize a request, and retry it with new tokens after HTTP 401.

        All handling of HTTP 401 is here. If the body says that the API key has no
        access to the path, the request fails. Otherwise, it is sent again with a new
        token: at once after the first rejection, then after a wait, as often as
        `Rejections` allows.

        Yields:
            The request to send. Expects the response and its body in return.

        Raises:
            RefusedError: The request is rejected with every token.
        """
        subject, tokens = subject_of(request), 0
        while True:
            response, body = yield self.authenticate_request(request)
            status = response.status_code
            if status != HTTPStatus.UNAUTHORIZED:
                # A failing server may not have checked the token.
                if not is_transient(status):
                    self._rejections.record_accepted(subject)
                    self._has_worked |= self._is_current(request)
                return
            words = self._wire.redactor.excerpt(body)
            if denies_permission(body):
                cause = stream_messages.NO_ACCESS_FOR_KEY()
                raise RefusedError(cause, status, words=words)
            tokens += 1
            if self._rejections.should_give_up(subject, tokens):
                raise self._refusal(subject, words)
            self._discard(request)

    def _refusal(self, subject: Subject, words: str) -> RefusedError:
        cause, hint = stream_messages.TOKENS_REJECTED(), ""
        if self._rejections.was_accepted(subject):
            cause = stream_messages.TOKENS_REVOKED()
            hint = stream_messages.ONE_PROCESS()
        return RefusedError(cause, HTTPStatus.UNAUTHORIZED, hint=hint, words=words)

    def authenticate_request(
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        """Set the bearer token of a request; log in first if necessary."""
        with self._lock:
            # Threads that waited here must not log in again: a few more rejected logins
            # can lock the account.
            if self._failure:
                raise self._failure.copy()
            if not self.is_token_valid():
                wait = self._renew_at - self._wire.throttle.now()
                if wait > 0:
                    self._wire.throttle.sleep(wait)
                self.update_access_token()
            request.headers["Authorization"] = f"Bearer {self.access_token}"
        return request

    def refresh(self, request: requests.PreparedRequest) -> None:
        """Set the latest token of a request just before it is sent.

        Raises:
            StaleTokenError: The token was rejected and not yet replaced.
        """
        if self.last_refreshed is None:
            raise StaleTokenError
        request.headers["Authorization"] = f"Bearer {self.access_token}"

    def is_token_valid(self) -> bool:
        """Return whether the token is valid for `RENEWAL_MARGIN_SECONDS` or more.

        A token with a shorter lifetime is used for half of its lifetime.
        """
        if self.last_refreshed is None or self.expires_in is None:
            return False
        age = (datetime.now(timezone.utc) - self.last_refreshed).total_seconds()
        long_lived = self.expires_in > RENEWAL_MARGIN_SECONDS
        margin = RENEWAL_MARGIN_SECONDS if long_lived else self.expires_in / 2
        return 0 <= age < self.expires_in - margin

    def _is_current(self, request: requests.PreparedRequest) -> bool:
        return request.headers["Authorization"] == f"Bearer {self.access_token}"

    def _discard(self, request: requests.PreparedRequest) -> None:
        """Discard a rejected token, unless another thread has already replaced it."""
        with self._lock:
            if self.last_refreshed is None or not self._is_current(request):
                return
            self.last_refreshed = None
            now = self._wire.throttle.now()
            age = now - self._issued_at
            wait = self._rejections.record_rejected(
                age,
                had_worked=self._has_worked,
                turn_seconds=max(self._login_seconds, self._wire.throttle.interval),
            )
            self._renew_at = now + wait
            if wait:
                self.logger.warning(login_messages.TOKEN_REVOKED(age=age, wait=wait))

    def update_access_token(self) -> None:
        """Log in, and store the token and its lifetime in seconds.

        Raises:
            LoginError: The credentials were rejected, or there was no usable response
                after all retries. The message names the settings to check and contains
                no secrets.
        """
        requested = datetime.now(timezone.utc)
        started = self._wire.throttle.now()
        try:
            token = self._retries.call(
                self._log_in,
                what=f"Login at {self.auth_endpoint}",
                hint=login_messages.RETRY_LOGIN(),
            )
        except LoginError as error:
            self._failure = error.copy()
            raise
        except UnavailableError as error:
            self._failure = LoginError(
                login_messages.LOGIN_FAILED(
                    url=self.auth_endpoint, cause=error.cause, hint=error.hint
                ),
                is_unreachable=error.is_unreachable,
            )
            raise self._failure.copy() from error
        self.access_token = str(token["access_token"])
        self._wire.redactor.add([self.access_token])
        self.expires_in = _lifetime(token.get("expires_in"))
        self.last_refreshed = requested
        self._issued_at = self._wire.throttle.now()
        self._login_seconds = self._issued_at - started
        self._has_worked = False

    def _log_in(self) -> dict[str, Any]:
        """Send one token request and return its JSON object."""
        with self._wire.throttle.request():
            response = self._wire.session.post(
                self.auth_endpoint,
                data=self.oauth_request_payload,
                headers={"Accept": "application/json"},
                # Not as a header, which an entry in ~/.netrc would override.
                auth=(_utf8(str(self.client_id)), _utf8(str(self.client_secret))),
                timeout=self._wire.timeouts,
                allow_redirects=False,
                stream=True,
            )
            body = self._body(response)
        status = response.status_code
        check_transient(response, body, self._wire.redactor.excerpt)
        if not response.ok or is_redirect(status):
            raise LoginError(rejection(response, body, self._wire.redactor.excerpt))
        try:
            token = json.loads(body)
        except (RecursionError, ValueError) as error:
            msg = network_messages.NOT_JSON(status=status)
            raise TransientError(msg, response) from error
        if not isinstance(token, dict) or not token.get("access_token"):
            raise LoginError(rejection(response, body, self._wire.redactor.excerpt))
        if not USABLE_TOKEN.fullmatch(str(token["access_token"])):
            raise LoginError(login_messages.UNUSABLE_TOKEN())
        return token

    def _body(self, response: requests.Response) -> bytes:
        try:
            return self._wire.downloads.read(response, MAX_TOKEN_BYTES)
        except TooLargeError as error:
            text = login_messages.OVERSIZED_TOKEN(url=response.url)
            raise LoginError(text) from error


def _utf8(text: str) -> str:
    """Make `requests`, which encodes Basic credentials as Latin-1, send UTF-8."""
    return text.encode().decode("latin-1")


def _lifetime(value: object) -> int:
    """Parse ``expires_in``: seconds, documented as a string."""
    try:
        seconds = int(float(str(value)))
    except (ValueError, OverflowError):
        return DEFAULT_LIFETIME_SECONDS
    return seconds if seconds > 0 else DEFAULT_LIFETIME_SECONDS
