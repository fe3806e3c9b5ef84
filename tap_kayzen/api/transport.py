"""Sends one request: retries transient failures, turns refusals into errors."""

from __future__ import annotations

import logging
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_kayzen.api.auth import KayzenAuthenticator
from tap_kayzen.api.downloads import TooLargeError
from tap_kayzen.api.errors import (
    EnvelopeError,
    RefusedError,
    StaleTokenError,
    TransientError,
    UnavailableError,
    WebPageError,
)
from tap_kayzen.api.retries import (
    Retries,
    Wire,
    check_transient,
    is_rate_limit,
    is_redirect,
)
from tap_kayzen.messages import network_messages, stream_messages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import requests

    from tap_kayzen.api.retries import Result
    from tap_kayzen.messages.message import Message

MB = 10**6

HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
"""Headers of every request. All known clients send both, even with GET."""


BY_STATUS: Mapping[int, Message] = {
    HTTPStatus.UNAUTHORIZED: stream_messages.KEY_REJECTED,
    HTTPStatus.FORBIDDEN: stream_messages.FORBIDDEN,
    HTTPStatus.NOT_FOUND: stream_messages.NOT_FOUND,
}
"""Messages about rejected requests, by HTTP status."""


class Transport:
    """Sends the requests of a tap; one instance serves all threads.

    Attributes:
        authenticator: Manages the bearer token.
        on_response: Called with each response except logins, and its body.
    """

    def __init__(self, wire: Wire) -> None:
        """Initialize the transport without sending anything."""
        self._wire = wire
        self._max_bytes: int = wire.config["max_response_mb"] * MB
        self._session = wire.session
        self.authenticator = KayzenAuthenticator(wire)
        self._throttle = wire.throttle
        self._redactor = wire.redactor
        self._retries = Retries(wire, logging.getLogger("tap-kayzen.transport"))
        self._environments: dict[str, dict[str, Any]] = {}
        self.on_response: Callable[[requests.Response, bytes], None] | None = None

    def fetch(  # noqa: PLR0913
        self,
        request: requests.Request,
        parse: Callable[[bytes], Result],
        *,
        what: str,
        hint: str = "",
        with_token: bool = True,
        no_content: Result | None = None,
    ) -> Result:
        """Send a request with retries, and return the parsed response.

        Args:
            request: Method, URL, query, and JSON body.
            parse: Parses the body; raises ValueError if it is not JSON, and
                `EnvelopeError` if the JSON has an unexpected structure.
            what: What is requested, for messages.
            hint: What the user can do if Kayzen rejects the request.
            with_token: Whether the request needs the bearer token.
            no_content: Result for HTTP 204; by default, HTTP 204 is an error.

        Raises:
            RefusedError: Kayzen rejected the request or returned something unexpected.
            UnavailableError: The request still failed after all retries.
            LoginError: Kayzen returned no token.
            StoppedError: The read was aborted.
        """
        request.headers = HEADERS
        # Otherwise, `requests` would send credentials from ~/.netrc.
        request.auth = lambda unchanged: unchanged

        def attempt() -> Result:
            prepared = self._session.prepare_request(request)
            send = self._send_authorized if with_token else self._send
            response, body = send(prepared)
            status = response.status_code
            words = self._redactor.excerpt
            check_transient(response, body, words)
            if not response.ok or is_redirect(status):
                raise _rejection(status, hint, words(body))
            if status == HTTPStatus.NO_CONTENT and no_content is not None:
                return no_content
            try:
                return parse(body)
            except EnvelopeError as error:
                cause = stream_messages.NOT_EXPECTED(expected=error)
                excerpt = words(body, may_have_rows=True)
                raise RefusedError(cause, status, hint=hint, words=excerpt) from error
            except ValueError as error:
                excerpt = words(body, may_have_rows=True)
                if body.lstrip().startswith(b"<"):
                    msg = network_messages.WEB_PAGE(status=status)
                    raise WebPageError(msg, response, excerpt) from error
                msg = network_messages.NOT_JSON(status=status)
                raise TransientError(msg, response, excerpt) from error

        try:
            hint_later = network_messages.RETRY_LATER()
            return self._retries.call(attempt, what=what, hint=hint_later)
        except RefusedError as error:
            error.what = what
            error.hint = error.hint or hint
            raise
        except UnavailableError as error:
            if isinstance(error.__cause__, WebPageError):
                error.hint = network_messages.CHECK_PROXY()
            raise

    def _send_authorized(
        self, prepared: requests.PreparedRequest
    ) -> tuple[requests.Response, bytes]:
        """Send a request; repeat it with a new token if the token is rejected."""
        flow = self.authenticator.auth_flow(prepared)
        next(flow)
        while True:
            try:
                response, body = self._send(prepared, self.authenticator.refresh)
            except StaleTokenError:
                self.authenticator.authenticate_request(prepared)
                continue
            try:
                flow.send((response, body))
            except StopIteration:
                return response, body

    def _send(
        self,
        prepared: requests.PreparedRequest,
        refresh: Callable[[requests.PreparedRequest], None] | None = None,
    ) -> tuple[requests.Response, bytes]:
        """Send a request when the throttle allows it, and read the response.

        Args:
            prepared: The request.
            refresh: Called with the request just before it is sent.
        """
        with self._throttle.request() as started:
            if refresh:
                refresh(prepared)
            response = self._session.send(
                prepared,
                timeout=self._wire.timeouts,
                allow_redirects=False,
                **self._environment(prepared.url or ""),
            )
            body = self._body(response)
        # `requests` measures only until the headers arrive.
        response.elapsed = timedelta(seconds=self._throttle.now() - started)
        if self.on_response is not None:
            self.on_response(response, body)
        if not is_rate_limit(response.status_code, body):
            self._throttle.accepted()
        return response, body

    def _body(self, response: requests.Response) -> bytes:
        """Read and decompress a body; reject it if larger than `max_response_mb`."""
        try:
            return self._wire.downloads.read(response, self._max_bytes)
        except TooLargeError as error:
            cause = network_messages.TOO_LARGE(limit=self._max_bytes // MB)
            hint = network_messages.REQUEST_LESS()
            raise RefusedError(cause, response.status_code, hint=hint) from error

    def _environment(self, url: str) -> dict[str, Any]:
        """Return the settings from REQUESTS_CA_BUNDLE and the proxy variables.

        `Session.send` ignores these variables. The result is cached per host, because
        NO_PROXY is per host, and the lookup takes 10% of the time of a request.
        """
        host = "/".join(url.split("/", 3)[:3])
        if host not in self._environments:
            self._environments[host] = {
                **self._session.merge_environment_settings(
                    host, {}, stream=True, verify=None, cert=None
                )
            }
        return self._environments[host]


def _rejection(status: int, hint: str, words: str) -> RefusedError:
    message = BY_STATUS.get(status, stream_messages.REQUEST_REJECTED)
    if is_redirect(status):
        message, hint = network_messages.REDIRECTED, network_messages.SET_API_URL()
    return RefusedError(message(status=status), status, hint=hint, words=words)
