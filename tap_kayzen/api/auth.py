"""Login: the OAuth password grant, with HTTP Basic made of the API key pair."""

from __future__ import annotations

import logging
import re
import threading
from datetime import datetime, timezone
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from singer_sdk.authenticators import OAuthAuthenticator

from tap_kayzen.api.credentials import rejection
from tap_kayzen.api.errors import (
    LoginError,
    RefusedError,
    StaleTokenError,
    TransientError,
    UnavailableError,
)
from tap_kayzen.api.gateway import names_no_right
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
"""Lifetime of a token whose response does not name it: what Kayzen documents."""

RENEWAL_MARGIN_SECONDS = 60
"""Time before its end at which a token is replaced."""

USABLE_TOKEN = re.compile(r"[\x21-\x7e]+")


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
        self._rejections = Rejections()
        self._has_worked = False
        self._issued_at = self._renew_at = float("-inf")
        self._login_seconds = 0.0

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
    ) -> Generator[requests.PreparedRequest, tuple[requests.Response, bytes]]:
        """Authorize a request, again with a new token while its token is rejected.

        All that the tap does about HTTP 401 is here. If the body says that the API key
        has no right to the path, that is final. Else a new token is tried, at once for
        the first rejection and after a wait for later ones, as often as `Rejections`
        allows.

        Yields:
            The request, each time that it is to be sent; expects the response and its
            body.

        Raises:
            RefusedError: The request is rejected whatever its token.
        """
        subject, tokens = subject_of(request), 0
        while True:
            response, body = yield self.authenticate_request(request)
            status = response.status_code
            if status != HTTPStatus.UNAUTHORIZED:
                # A server in trouble may not have looked at the token.
                if not is_transient(status):
                    self._rejections.accept(subject)
                    self._has_worked |= self._is_current(request)
                return
            words = self._wire.redactor.excerpt(body)
            if names_no_right(body):
                cause = stream_messages.NO_ACCESS_FOR_KEY()
                raise RefusedError(cause, status, words=words)
            tokens += 1
            if self._rejections.is_final(subject, tokens):
                raise self._refusal(subject, words)
            self._discard(request)

    def _refusal(self, subject: Subject, words: str) -> RefusedError:
        cause, hint = stream_messages.TOKENS_REJECTED(), ""
        if self._rejections.is_proven(subject):
            cause = stream_messages.TOKENS_REVOKED()
            hint = stream_messages.ONE_PROCESS()
        return RefusedError(cause, HTTPStatus.UNAUTHORIZED, hint=hint, words=words)

    def authenticate_request(
        self, request: requests.PreparedRequest
    ) -> requests.PreparedRequest:
        """Put the bearer token on a request; log in first if need be."""
        with self._lock:
            # Other threads that waited here must not log in again: a few more
            # rejected logins can lock an account.
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
        """Give a request the newest token just before it is sent.

        Raises:
            StaleTokenError: The token was rejected, and there is no new one yet.
        """
        if self.last_refreshed is None:
            raise StaleTokenError
        request.headers["Authorization"] = f"Bearer {self.access_token}"

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

    def _is_current(self, request: requests.PreparedRequest) -> bool:
        return request.headers["Authorization"] == f"Bearer {self.access_token}"

    def _discard(self, request: requests.PreparedRequest) -> None:
        """Forget a rejected token, unless another thread has done so."""
        with self._lock:
            if self.last_refreshed is None or not self._is_current(request):
                return
            self.last_refreshed = None
            now = self._wire.throttle.now()
            age = now - self._issued_at
            wait = self._rejections.lose(
                age,
                had_worked=self._has_worked,
                turn_seconds=max(self._login_seconds, self._wire.throttle.interval),
            )
            self._renew_at = now + wait
            if wait:
                self.logger.warning(login_messages.TOKEN_REVOKED(age=age, wait=wait))

    def update_access_token(self) -> None:
        """Log in and keep the token with its lifetime in seconds.

        Raises:
            LoginError: The credentials are rejected, or there was no usable response
                after all retries. The message names the settings to check and holds
                no secret.
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
        """Make the token call once and return its JSON object."""
        with self._wire.throttle.request():
            response = self._wire.session.post(
                self.auth_endpoint,
                data=self.oauth_request_payload,
                headers={"Accept": "application/json"},
                # Given here and not as a header, which an entry in ~/.netrc would
                # replace.
                auth=(_utf8(str(self.client_id)), _utf8(str(self.client_secret))),
                timeout=self._wire.timeouts,
                allow_redirects=False,
            )
        status = response.status_code
        check_transient(response, response.content, self._wire.redactor.excerpt)
        if not response.ok or is_redirect(status):
            raise LoginError(rejection(response, self._wire.redactor.excerpt))
        try:
            token = response.json()
        except (RecursionError, ValueError) as error:
            msg = network_messages.NOT_JSON(status=status)
            raise TransientError(msg, response) from error
        if not isinstance(token, dict) or not token.get("access_token"):
            raise LoginError(rejection(response, self._wire.redactor.excerpt))
        if not USABLE_TOKEN.fullmatch(str(token["access_token"])):
            raise LoginError(login_messages.UNUSABLE_TOKEN())
        return token


def _utf8(text: str) -> str:
    """Disguise text so that `requests`, which sends Basic as Latin-1, sends UTF-8."""
    return text.encode().decode("latin-1")


def _lifetime(value: object) -> int:
    """Read ``expires_in``: documented as a string of seconds, accepted as a number."""
    try:
        seconds = int(float(str(value)))
    except (ValueError, OverflowError):
        return DEFAULT_LIFETIME_SECONDS
    return seconds if seconds > 0 else DEFAULT_LIFETIME_SECONDS
