"""How Kayzen is spoken to: one request at a time, with all that can go wrong in one."""

from __future__ import annotations

import logging
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
from singer_sdk.exceptions import FatalAPIError

from tap_kayzen.api.retries import (
    CERTIFICATE_ADVICE,
    TRANSIENT_ERRORS,
    Limits,
    TransientError,
    is_redirect,
    is_refusal,
    is_transient,
    is_untrusted,
    reason,
    retrying,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from singer_sdk.streams.rest import HTTPRequest

    from tap_kayzen.api.auth import KayzenAuthenticator
    from tap_kayzen.api.throttle import Throttle
    from tap_kayzen.output.redaction import Redactor

    _Auth = Callable[[requests.PreparedRequest], requests.PreparedRequest]
    _Result = TypeVar("_Result")

NEW_TOKENS = 5
"""How often a request is looked at that is refused for its token.

A second refusal is the end, unless the token has been good for others: then Kayzen took
it back while the request waited for its turn.
"""

MB = 10**6

CHUNK = 1 << 20
"""Bytes read at once from a body; the default of `requests`, 10 KB, costs time."""


class RefusedError(FatalAPIError):
    """Kayzen refused a request, or answered with something else.

    Attributes:
        status: HTTP status of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        """Keep the status beside the message."""
        super().__init__(message)
        self.status = status


class EnvelopeError(ValueError):
    """The JSON is none of the shapes that an answer comes in."""


class Answer(NamedTuple):
    """What Kayzen sent: status and headers, and the body."""

    response: requests.Response
    body: bytes


class Transport:
    """Sends the requests of a tap and sees to it that they are answered.

    One instance serves all threads.
    """

    def __init__(
        self,
        *,
        config: Mapping[str, Any],
        session: requests.Session,
        authenticator: KayzenAuthenticator,
        throttle: Throttle,
        redactor: Redactor,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            config: The tap's settings: timeout and number of retries.
            session: The tap's HTTP session.
            authenticator: Puts the token on requests.
            throttle: The gate that the tap's requests go through.
            redactor: Knows what must not be shown.
        """
        self._timeout: float = config["request_timeout"]
        self._limits = Limits.of(config)
        self._most_bytes: int = config["max_response_mb"] * MB
        self._session = session
        self._authenticator = authenticator
        self._throttle = throttle
        self._redactor = redactor
        self._environments: dict[str, dict[str, Any]] = {}
        self._logger = logging.getLogger("tap-kayzen.transport")

    def fetch(
        self,
        request: HTTPRequest,
        parse: Callable[[bytes], _Result],
        *,
        what: str,
        hint: str = "",
        with_token: bool = True,
    ) -> Callable[[], _Result]:
        """Get the answer to a request, with all retries.

        Args:
            request: What to ask for.
            parse: Reads the body; raises ValueError if that is not JSON, and
                `EnvelopeError` if the JSON is not what was asked for.
            what: The request in words, for messages.
            hint: What to do if Kayzen refuses, for messages.
            with_token: Whether to log in for it.

        Returns:
            A function that parses the body. If it is not JSON, it gets another one,
            again with all retries. It raises what this method raises.

        Raises:
            RefusedError: Kayzen refused; the message says what to do.
            FatalAPIError: Kayzen could not be read after all retries; the message
                says what to do.
        """

        def ask() -> Answer:
            return self._ask(request, hint=hint, with_token=with_token)

        answers = iter([self._retried(ask, what)])

        def read() -> _Result:
            answer = next(answers, None) or ask()
            status = answer.response.status_code
            try:
                return parse(answer.body)
            except EnvelopeError as error:
                words = self._redactor.excerpt(answer.body)
                way_out = f"; {hint}" if hint else ""
                msg = f"the answer is {error}{way_out}. Kayzen's words: {words}"
                raise RefusedError(msg, status) from error
            except ValueError as error:
                msg = f"HTTP {status} with a body that is not JSON"
                words = self._redactor.excerpt(answer.body)
                raise TransientError(msg, answer.response, words) from error

        return lambda: self._retried(read, what)

    def _retried(self, function: Callable[[], _Result], what: str) -> _Result:
        """Call a function with all retries; its error says what failed."""
        try:
            return retrying(
                function,
                what=what,
                limits=self._limits,
                logger=self._logger,
                throttle=self._throttle,
            )()
        except TRANSIENT_ERRORS as error:
            way_out = (
                f"; {CERTIFICATE_ADVICE}"
                if is_untrusted(error)
                else f" after {self._limits}; try again later, or raise `max_retries`, "
                "`max_retry_seconds` or `request_timeout`"
            )
            words = (
                f". Kayzen's words: {error.words}"
                if isinstance(error, TransientError)
                else ""
            )
            msg = f"{what}: {self._redactor.redact(reason(error))}{way_out}{words}"
            raise FatalAPIError(msg) from error
        except RefusedError as error:
            msg = f"{what}: {error}"
            raise RefusedError(msg, error.status) from error

    def _ask(self, request: HTTPRequest, *, hint: str, with_token: bool) -> Answer:
        """Send a request, again with a new token if its token is refused."""
        auth = self._authenticator if with_token else _as_it_is
        answer = self._send(request, auth)
        for number in range(NEW_TOKENS if with_token else 0):
            used = answer.response.request
            if answer.response.status_code != HTTPStatus.UNAUTHORIZED:
                self._authenticator.accepted(used)
                break
            had_worked = self._authenticator.discard(used)
            if number and not had_worked:
                break
            answer = self._send(request, auth)
        response = answer.response
        status = response.status_code
        if response.ok and not is_redirect(status):
            return answer
        words = self._redactor.excerpt(answer.body)
        if is_transient(status):
            msg = f"HTTP {status}"
            raise TransientError(msg, response, words)
        msg = f"HTTP {status}: {_advice(status, hint)}. Kayzen's words: {words}"
        raise RefusedError(msg, status)

    def _send(self, request: HTTPRequest, auth: _Auth) -> Answer:
        prepared = self._session.prepare_request(
            requests.Request(
                request.method,
                request.url,
                params=request.encode_params(),
                headers=request.headers,
                json=request.data,
                auth=auth,
            )
        )
        with self._throttle.request() as started:
            response = self._session.send(
                prepared,
                timeout=self._timeout,
                allow_redirects=False,
                **self._environment(prepared.url or ""),
            )
            body = self._body(response)
        # The library's own ends at the headers; a refusal counts from its start.
        response.elapsed = timedelta(seconds=self._throttle.now() - started)
        if not is_refusal(response.status_code):
            self._throttle.accepted()
        return Answer(response, body)

    def _body(self, response: requests.Response) -> bytes:
        """Read a body, unpacked, as far as it may go.

        Raises:
            RefusedError: It is larger than the settings allow.
        """
        chunks, size = [], 0
        for chunk in response.iter_content(CHUNK):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._most_bytes:
                response.close()
                msg = (
                    f"the answer is larger than {self._most_bytes // MB} MB; lower "
                    "`page_size`, `report_page_size` or a report's `window_days`, or "
                    "raise `max_response_mb`"
                )
                raise RefusedError(msg, response.status_code)
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


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Authenticate a request by nothing, not even an entry of ~/.netrc."""
    return request


def _advice(status: int, hint: str) -> str:
    if is_redirect(status):
        return "redirects are not followed; set `api_url` to the final address"
    by_status: dict[int, str] = {
        HTTPStatus.UNAUTHORIZED: "Kayzen refused a fresh token or key",
        HTTPStatus.FORBIDDEN: "Kayzen does not allow it to this user",
        HTTPStatus.NOT_FOUND: "Kayzen has nothing there",
    }
    advice = by_status.get(status, "Kayzen does not accept the request")
    return "; ".join(filter(None, (advice, hint)))
