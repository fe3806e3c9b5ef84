"""Sends one request: retries transient failures, turns refusals into errors."""

from __future__ import annotations

import logging
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from tap_kayzen.api.auth import KayzenAuthenticator
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

CHUNK_BYTES = 1 << 20
"""Bytes read at once from a body; the 10 KB that `requests` reads cost time."""

HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
"""Headers of every request: those that all known clients send, with GET too."""


BY_STATUS: Mapping[int, Message] = {
    HTTPStatus.UNAUTHORIZED: stream_messages.KEY_REJECTED,
    HTTPStatus.FORBIDDEN: stream_messages.FORBIDDEN,
    HTTPStatus.NOT_FOUND: stream_messages.NOT_FOUND,
}
"""Messages about rejected requests, by HTTP status."""


class Transport:
    """Sends the requests of a tap; one instance serves all threads.

    Attributes:
        on_response: Called with each response to a data call, good or not, and its
            body.
    """

    def __init__(self, wire: Wire) -> None:
        """Prepare; nothing is sent yet."""
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
        """Send a request and parse the response, with all retries.

        Args:
            request: What to send: method, address, query and JSON body.
            parse: Parses the body; raises ValueError if it is not JSON, and
                `EnvelopeError` if the JSON is not what was asked for.
            what: What is asked for, for messages.
            hint: What the user can do if Kayzen rejects it, for messages.
            with_token: Whether it needs the bearer token.
            no_content: What HTTP 204 stands for; without it, a broken response.

        Raises:
            RefusedError: Kayzen rejected the request, or answered something else.
            UnavailableError: It still failed after all retries.
            LoginError: Kayzen returned no token.
            StoppedError: The read was aborted.
        """
        request.headers = HEADERS
        # Else an entry of ~/.netrc would be sent.
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
        """Send a request, again with a new token if its token is rejected."""
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
        """Send a request when it is its turn, and read the response.

        Args:
            prepared: The request.
            refresh: Called at its turn, for which it may have waited long.
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
        # The library's own ends at the headers; a refusal counts from its start.
        response.elapsed = timedelta(seconds=self._throttle.now() - started)
        if self.on_response is not None:
            self.on_response(response, body)
        if not is_rate_limit(response.status_code, body):
            self._throttle.accepted()
        return response, body

    def _body(self, response: requests.Response) -> bytes:
        """Read a body, unpacked; refuse one larger than the settings allow."""
        chunks, size = [], 0
        for chunk in response.iter_content(CHUNK_BYTES):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_bytes:
                response.close()
                cause = network_messages.TOO_LARGE(limit=self._max_bytes // MB)
                hint = network_messages.REQUEST_LESS()
                raise RefusedError(cause, response.status_code, hint=hint)
        return b"".join(chunks)

    def _environment(self, url: str) -> dict[str, Any]:
        """What REQUESTS_CA_BUNDLE and the proxy variables say, which `send` skips.

        Looked up once for each host, which NO_PROXY may name: for each request anew,
        it takes a tenth of its time.
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
