"""Retries: which failures are transient, how long to wait, and when to give up."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import backoff
import requests
from singer_sdk.exceptions import RetriableAPIError

from tap_kayzen.api.causes import (
    BAD_ADDRESS,
    is_unreachable,
    lasting_hint,
    reason_with_proxy,
)
from tap_kayzen.api.errors import TransientError, UnavailableError
from tap_kayzen.api.gateway import names_rate_limit

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from backoff.types import Details

    from tap_kayzen.api.throttle import Throttle
    from tap_kayzen.output.redaction import Redactor

Result = TypeVar("Result")

DICE = random.Random()  # noqa: S311
"""Not the one of the module `random`, which a program may have seeded."""

MAX_BACKOFF_SECONDS = 60.0
"""The longest exponential wait."""

MAX_CONNECT_SECONDS = 10.0
"""The longest time to wait for a connection, whatever `request_timeout` says."""

QUICK_SECONDS = 4.0
"""The same, and the time for which it is tried again, if somebody waits for it."""

MAX_RETRY_AFTER_SECONDS = 300.0
"""The longest ``Retry-After`` that is obeyed."""

FAILURES = (
    *BAD_ADDRESS,
    RetriableAPIError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.Timeout,
)


@dataclass
class Wire:
    """What all requests of a tap share: settings, session, throttle, and redactor.

    Attributes:
        is_impatient: Whether to give up within seconds on a server that cannot be
            reached: somebody waits for ``--test``, or all retries have found no server
            just before.
    """

    config: Mapping[str, Any]
    session: requests.Session
    throttle: Throttle
    redactor: Redactor
    is_impatient: bool = False

    @property
    def timeouts(self) -> tuple[float, float]:
        """Maximum seconds to connect, and to wait for a response."""
        longest: float = self.config["request_timeout"]
        connect = QUICK_SECONDS if self.is_impatient else MAX_CONNECT_SECONDS
        return min(connect, longest), longest

    def max_retry_seconds(self, error: BaseException) -> float:
        """Return for how long a request is repeated after an error."""
        longest: float = self.config["max_retry_seconds"]
        is_quick = self.is_impatient and is_unreachable(error)
        return min(QUICK_SECONDS, longest) if is_quick else longest


class Retries:
    """Repeats calls after transient failures, until they succeed or a limit is met."""

    def __init__(self, wire: Wire, logger: logging.Logger) -> None:
        """Prepare; nothing is called yet. The logger gets a line for each retry."""
        self._max_retries: int = wire.config["max_retries"]
        self._wire = wire
        self._session = wire.session
        self._throttle = wire.throttle
        self._redactor = wire.redactor
        self._logger = logger

    def call(self, function: Callable[[], Result], *, what: str, hint: str) -> Result:
        """Call a function, again after each transient failure.

        Raises:
            UnavailableError: It still failed when a limit was met.
            StoppedError: The read was aborted.
        """
        started = self._throttle.now()
        tries = 0

        def attempt() -> Result:
            nonlocal tries
            tries += 1
            return function()

        repeated = backoff.on_exception(
            backoff.constant,
            FAILURES,
            max_tries=self._max_retries + 1,
            # The throttle waits instead, so that an aborted read need not.
            interval=0,
            jitter=None,
            giveup=lambda error: (
                bool(lasting_hint(error)) or self._left(started, error) <= 0
            ),
            on_backoff=self._waiter(what, started),
            logger=None,
        )(attempt)
        try:
            return repeated()
        except FAILURES as error:
            cause = self._redactor.redact(reason_with_proxy(error, self._session))
            words = error.words if isinstance(error, TransientError) else ""
            if lasting := lasting_hint(error):
                hint = lasting
            else:
                seconds = self._wire.max_retry_seconds(error)
                cause += (
                    f" after {_retries(tries - 1)} (limits: "
                    f"{_retries(self._max_retries)}, {seconds:g} s)"
                )
            raise UnavailableError(
                cause,
                what=what,
                hint=hint,
                words=words,
                is_unreachable=is_unreachable(error),
            ) from error

    def _left(self, started: float, error: BaseException) -> float:
        passed = self._throttle.now() - started
        return self._wire.max_retry_seconds(error) - passed

    def _waiter(self, what: str, started: float) -> Callable[[Details], None]:
        def wait(details: Details) -> None:
            # The read may have been stopped during the request.
            self._throttle.check()
            error = details["exception"]
            response = error.response if isinstance(error, RetriableAPIError) else None
            left = self._left(started, error)
            seconds = min(wait_after(response, details["tries"]), left)
            self._logger.warning(
                "%s: %s; trying again in %.1f s (retry %d of at most %d, within %g s)",
                what,
                reason_with_proxy(error, self._session),
                seconds,
                details["tries"],
                self._max_retries,
                self._wire.max_retry_seconds(error),
            )
            is_limit = isinstance(error, TransientError) and error.is_rate_limit
            if response is not None and is_limit:
                asked = self._throttle.now() - response.elapsed.total_seconds()
                self._throttle.refused(asked, seconds)
            else:
                self._throttle.sleep(seconds)

        return wait


def _retries(count: int) -> str:
    return f"{count} {'retry' if count == 1 else 'retries'}"


def is_transient(status: int) -> bool:
    """Return whether the same request may succeed a little later.

    Kayzen publishes no advice; this is the common reading of the status codes.
    """
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }


def is_redirect(status: int) -> bool:
    """Return whether the server names another address instead of answering."""
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST


def is_rate_limit(status: int, body: bytes) -> bool:
    """Return whether the server asks for fewer requests, not just for a retry."""
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return True
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR and names_rate_limit(body)


def check_transient(
    response: requests.Response, body: bytes, excerpt: Callable[[bytes], str]
) -> None:
    """Raise the error of a response that may be another one when asked for again.

    Args:
        response: The response.
        body: Its body, unpacked.
        excerpt: Quotes the beginning of a body, without secrets.

    Raises:
        TransientError: The server is in trouble, or asks for fewer requests.
        ProxyError: It is a proxy's, which wants a login.
    """
    status = response.status_code
    message = f"HTTP {status}"
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise requests.exceptions.ProxyError(message, request=response.request)
    if not is_transient(status):
        return
    if names_rate_limit(body):
        message += " (rate limit)"
    is_limit = is_rate_limit(status, body)
    raise TransientError(message, response, excerpt(body), is_rate_limit=is_limit)


def retry_after(response: requests.Response | None) -> float:
    """Read ``Retry-After``, seconds or an HTTP date, as seconds.

    0 if it is missing or invalid, `MAX_RETRY_AFTER_SECONDS` at most.
    """
    value = "" if response is None else response.headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (OverflowError, ValueError):
            return 0.0
        # HTTP's dates are GMT, said or not.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        seconds = (moment - datetime.now(timezone.utc)).total_seconds()
    # NaN fails both comparisons and so counts as invalid.
    if seconds > MAX_RETRY_AFTER_SECONDS:
        return MAX_RETRY_AFTER_SECONDS
    return seconds if seconds > 0 else 0.0


def wait_after(response: requests.Response | None, tries: int) -> float:
    """Choose how many seconds to wait after a transient failure.

    What ``Retry-After`` asks for and up to a tenth more, else up to a bound that
    doubles with each try. Either is random, against herds.
    """
    asked = retry_after(response)
    # The bound is reached at the 7th try; no need for 2 ** 100.
    bound = asked / 10 if asked else min(2.0 ** min(tries - 1, 6), MAX_BACKOFF_SECONDS)
    return asked + DICE.uniform(bound / 2, bound)
