"""Retries: transient failures, waits, and limits."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

import backoff
import requests
from singer_sdk.exceptions import RetriableAPIError

from tap_kayzen.api.causes import (
    BAD_ADDRESS,
    is_unreachable,
    permanent_hint,
    reason_with_proxy,
)
from tap_kayzen.api.downloads import Downloads
from tap_kayzen.api.errors import TransientError, UnavailableError
from tap_kayzen.api.gateway import reports_rate_limit
from tap_kayzen.messages import network_messages

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from backoff.types import Details

    from tap_kayzen.api.throttle import Throttle
    from tap_kayzen.output.redaction import Redactor

Result = TypeVar("Result")

RNG = random.Random()  # noqa: S311
"""Separate from the global generator, which the program may have seeded."""

MAX_BACKOFF_SECONDS = 60.0
"""Upper bound of exponential backoff."""

MAX_CONNECT_SECONDS = 10.0
"""Maximum connect timeout, even if `request_timeout` is longer."""

FAIL_FAST_SECONDS = 4.0
"""Maximum connect timeout and retry time with `fail_fast`."""

MAX_RETRY_AFTER_SECONDS = 300.0
"""Maximum wait for a ``Retry-After``."""

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
    """Objects that all requests of a tap share.

    Attributes:
        config: The settings.
        session: The HTTP session.
        throttle: Limits the request rate.
        redactor: Masks secrets.
        fail_fast: Whether to give up within seconds on an unreachable server: a user
            is waiting for ``--test``, or the previous request found no server after
            all retries.
    """

    config: Mapping[str, Any]
    session: requests.Session
    throttle: Throttle
    redactor: Redactor
    fail_fast: bool = False

    @cached_property
    def downloads(self) -> Downloads:
        """Reader of response bodies."""
        return Downloads(self.config["request_timeout"])

    @property
    def timeouts(self) -> tuple[float, float]:
        """Connect and read timeouts in seconds."""
        longest: float = self.config["request_timeout"]
        connect = FAIL_FAST_SECONDS if self.fail_fast else MAX_CONNECT_SECONDS
        return min(connect, longest), longest

    def max_retry_seconds(self, error: BaseException) -> float:
        """Return the maximum time for retries after an error, in seconds."""
        longest: float = self.config["max_retry_seconds"]
        is_quick = self.fail_fast and is_unreachable(error)
        return min(FAIL_FAST_SECONDS, longest) if is_quick else longest


class Retries:
    """Retries calls after transient failures, within the limits of the settings."""

    def __init__(self, wire: Wire, logger: logging.Logger) -> None:
        """Initialize the retries; each one is logged as a warning."""
        self._max_retries: int = wire.config["max_retries"]
        self._wire = wire
        self._session = wire.session
        self._throttle = wire.throttle
        self._redactor = wire.redactor
        self._logger = logger

    def call(self, function: Callable[[], Result], *, what: str, hint: str) -> Result:
        """Call a function, and retry it after transient failures.

        Args:
            function: The function.
            what: What it requests, for messages.
            hint: What the user can do if all retries fail.

        Raises:
            UnavailableError: The function still failed after all retries.
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
            # The throttle waits instead, so that an abort ends the wait.
            interval=0,
            jitter=None,
            giveup=lambda error: (
                bool(permanent_hint(error)) or self._left(started, error) <= 0
            ),
            on_backoff=self._waiter(what, started),
            logger=None,
        )(attempt)
        try:
            return repeated()
        except FAILURES as error:
            cause = self._redactor.redact(reason_with_proxy(error, self._session))
            words = error.words if isinstance(error, TransientError) else ""
            if lasting := permanent_hint(error):
                hint = lasting
            else:
                cause = network_messages.GAVE_UP(
                    reason=cause,
                    retries=tries - 1,
                    max_retries=self._max_retries,
                    seconds=self._wire.max_retry_seconds(error),
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
            # The read may have been aborted during the request.
            self._throttle.check()
            error = details["exception"]
            response = error.response if isinstance(error, RetriableAPIError) else None
            left = self._left(started, error)
            seconds = min(wait_after(response, details["tries"]), left)
            text = network_messages.RETRYING(
                what=what,
                reason=reason_with_proxy(error, self._session),
                seconds=seconds,
                retry=details["tries"],
                max_retries=self._max_retries,
            )
            self._logger.warning(text)
            is_limit = isinstance(error, TransientError) and error.is_rate_limit
            if response is not None and is_limit:
                asked = self._throttle.now() - response.elapsed.total_seconds()
                self._throttle.refused(asked, seconds)
            else:
                self._throttle.sleep(seconds)

        return wait


def is_transient(status: int) -> bool:
    """Return whether the same request may succeed later.

    Kayzen does not document this; these are the usual HTTP semantics.
    """
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }


def is_redirect(status: int) -> bool:
    """Return whether a response is a redirect."""
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST


def is_rate_limit(status: int, body: bytes) -> bool:
    """Return whether a request was rate limited."""
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        return True
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR and reports_rate_limit(body)


def check_transient(
    response: requests.Response, body: bytes, excerpt: Callable[[bytes], str]
) -> None:
    """Raise an error if the same request may succeed later.

    Args:
        response: The response.
        body: Its decompressed body.
        excerpt: Returns the beginning of a body, without secrets.

    Raises:
        TransientError: The server has a problem, or rate limited the request.
        ProxyError: A proxy requires a login.
    """
    status = response.status_code
    message = f"HTTP {status}"
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise requests.exceptions.ProxyError(message, request=response.request)
    if not is_transient(status):
        return
    if reports_rate_limit(body):
        message += " (rate limit)"
    is_limit = is_rate_limit(status, body)
    raise TransientError(message, response, excerpt(body), is_rate_limit=is_limit)


def retry_after(response: requests.Response | None) -> float:
    """Parse ``Retry-After``, a number of seconds or an HTTP date.

    Returns:
        Seconds to wait, at most `MAX_RETRY_AFTER_SECONDS`; 0 if the header is missing
        or invalid.
    """
    value = "" if response is None else response.headers.get("Retry-After", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (OverflowError, ValueError):
            return 0.0
        # HTTP dates are in GMT, even without a time zone.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        seconds = (moment - datetime.now(timezone.utc)).total_seconds()
    # NaN fails both comparisons, so it counts as invalid.
    if seconds > MAX_RETRY_AFTER_SECONDS:
        return MAX_RETRY_AFTER_SECONDS
    return seconds if seconds > 0 else 0.0


def wait_after(response: requests.Response | None, tries: int) -> float:
    """Return the number of seconds to wait after a transient failure.

    This is ``Retry-After`` plus up to 10%, or exponential backoff without that header.
    Both have jitter, so that clients do not retry simultaneously.
    """
    asked = retry_after(response)
    # The maximum is reached at the 7th try; avoid computing 2 ** 100.
    bound = asked / 10 if asked else min(2.0 ** min(tries - 1, 6), MAX_BACKOFF_SECONDS)
    return asked + RNG.uniform(bound / 2, bound)
