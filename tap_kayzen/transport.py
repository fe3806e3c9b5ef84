"""How Kayzen is spoken to: one request at a time, with all that can go wrong in one."""

from __future__ import annotations

import logging
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

import requests
from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

from tap_kayzen.retries import (
    TRANSIENT_ERRORS,
    is_redirect,
    is_refusal,
    is_transient,
    reason,
    retrying,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from singer_sdk.streams.rest import HTTPRequest

    from tap_kayzen.auth import KayzenAuthenticator
    from tap_kayzen.throttle import Throttle

    _Result = TypeVar("_Result")

BODY_SHOWN = 200
"""Characters of an error's body that its message quotes."""

CHUNK = 1 << 20
"""Bytes read at once from a body; the default of `requests`, 10 KB, costs time."""


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
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            config: The tap's settings: address, timeout and number of retries.
            session: The tap's HTTP session.
            authenticator: Puts the token on requests.
            throttle: The gate that the tap's requests go through.
        """
        self._url: str = config["api_url"]
        self._timeout: float = config["request_timeout"]
        self._max_retries: int = config["max_retries"]
        self._session = session
        self._authenticator = authenticator
        self._throttle = throttle
        self._logger = logging.getLogger("tap-kayzen.transport")

    def fetch(
        self, request: HTTPRequest, parse: Callable[[bytes], _Result], *, what: str
    ) -> Callable[[], _Result]:
        """Get the answer to a request, with all retries.

        Args:
            request: What to ask for.
            parse: Reads the body; raises ValueError if that is not JSON, and
                `EnvelopeError` if the JSON is not what was asked for.
            what: The request in words, for messages.

        Returns:
            A function that parses the body. If it is not JSON, it gets another one,
            again with all retries. It raises what this method raises.

        Raises:
            FatalAPIError: Kayzen refused, or could not be read after all retries.
                The message says what to do.
        """
        answers = iter([self._retried(lambda: self._ask(request), what)])

        def read() -> _Result:
            answer = next(answers, None) or self._ask(request)
            try:
                return parse(answer.body)
            except EnvelopeError as error:
                words = self._excerpt(answer.body)
                msg = f"the answer is {error}: {words}"
                raise _RefusedError(msg) from error
            except ValueError as error:
                status = answer.response.status_code
                msg = f"HTTP {status} with a body that is not JSON"
                raise RetriableAPIError(msg, answer.response) from error

        return lambda: self._retried(read, what)

    def _retried(self, function: Callable[[], _Result], what: str) -> _Result:
        """Call a function with all retries; its error says what failed."""
        try:
            return retrying(
                function,
                what=what,
                max_retries=self._max_retries,
                logger=self._logger,
                throttle=self._throttle,
            )()
        except TRANSIENT_ERRORS as error:
            msg = (
                f"{what}: {reason(error)}, {self._max_retries} retries included; try "
                "again later, or raise `max_retries` or `request_timeout`"
            )
            raise FatalAPIError(msg) from error
        except _RefusedError as error:
            msg = f"{what}: {error}"
            raise FatalAPIError(msg) from error

    def _ask(self, request: HTTPRequest) -> Answer:
        """Send a request, once more with a new token if its token is refused."""
        answer = self._send(request)
        if answer.response.status_code == HTTPStatus.UNAUTHORIZED:
            self._authenticator.discard(answer.response.request)
            answer = self._send(request)
        response = answer.response
        status = response.status_code
        if response.ok and not is_redirect(status):
            return answer
        if is_transient(status):
            msg = f"HTTP {status}"
            raise RetriableAPIError(msg, response)
        msg = f"{_advice(status)}. Kayzen's words: {self._excerpt(answer.body)}"
        raise _RefusedError(msg)

    def _send(self, request: HTTPRequest) -> Answer:
        prepared = self._session.prepare_request(
            requests.Request(
                request.method,
                request.url,
                params=request.encode_params(),
                headers=request.headers,
                json=request.data,
                auth=self._authenticator,
            )
        )
        with self._throttle.request():
            response = self._session.send(
                prepared,
                timeout=self._timeout,
                allow_redirects=False,
                **self._environment,
            )
            body = b"".join(response.iter_content(CHUNK))
        if not is_refusal(response.status_code):
            self._throttle.accepted()
        return Answer(response, body)

    @cached_property
    def _environment(self) -> dict[str, Any]:
        """What REQUESTS_CA_BUNDLE and the proxy variables say, which `send` skips.

        Looked up once: for each request anew, it takes a tenth of its time.
        """
        return {
            **self._session.merge_environment_settings(
                self._url, {}, stream=True, verify=None, cert=None
            )
        }

    def _excerpt(self, body: bytes) -> str:
        text = self._authenticator.redact(body.decode(errors="replace"))
        return " ".join(text.split())[:BODY_SHOWN] or "(empty body)"


class _RefusedError(FatalAPIError):
    """Kayzen refused a request, or answered with something else."""


def _advice(status: int) -> str:
    by_status: dict[int, str] = {
        HTTPStatus.UNAUTHORIZED: (
            "Kayzen refused a fresh token; check that the API key may read this"
        ),
        HTTPStatus.FORBIDDEN: (
            "Kayzen does not allow it to this user; deselect the stream, or check "
            "`advertiser_ids`"
        ),
        HTTPStatus.NOT_FOUND: (
            "there is no such address; check `api_url`, or deselect the stream"
        ),
    }
    advice = by_status.get(status, "Kayzen does not accept the request")
    if is_redirect(status):
        advice = "redirects are not followed; set `api_url` to the final address"
    return f"HTTP {status}: {advice}"
