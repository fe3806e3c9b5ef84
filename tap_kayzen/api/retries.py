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

from tap_kayzen.api.causes import is_unreachable, is_untrusted, reason
from tap_kayzen.api.errors import TransientError, UnavailableError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from backoff.types import Details

    from tap_kayzen.api.throttle import Throttle
    from tap_kayzen.output.redaction import Redactor

Result = TypeVar("Result")

MAX_BACKOFF_SECONDS = 60.0
"""The longest exponential wait."""

MAX_RETRY_AFTER_SECONDS = 300.0
"""The longest ``Retry-After`` that is obeyed."""

CERTIFICATE_HINT = (
    "check the address; if the network has a CA of its own, set REQUESTS_CA_BUNDLE to "
    "the file of its certificates"
)

TRANSIENT_ERRORS = (
    RetriableAPIError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.Timeout,
)


@dataclass(frozen=True)
class Wire:
    """What all requests of a tap share: settings, session, throttle, and redactor."""

    config: Mapping[str, Any]
    session: requests.Session
    throttle: Throttle
    redactor: Redactor


class Retries:
    """Repeats calls after transient failures, until they succeed or a limit is met."""

    def __init__(self, wire: Wire, logger: logging.Logger) -> None:
        """Prepare; nothing is called yet. The logger gets a line for each retry."""
        self._max_retries: int = wire.config["max_retries"]
        self._max_seconds: float = wire.config["max_retry_seconds"]
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
        attempt = backoff.on_exception(
            backoff.constant,
            TRANSIENT_ERRORS,
            max_tries=self._max_retries + 1,
            # The throttle waits instead, so that an aborted read need not.
            interval=0,
            jitter=None,
            # A wrong certificate is still wrong a minute later.
            giveup=lambda error: is_untrusted(error) or self._left(started) <= 0,
            on_backoff=self._waiter(what, started, self._throttle.stops),
            logger=None,
        )(function)
        try:
            return attempt()
        except TRANSIENT_ERRORS as error:
            cause = self._redactor.redact(reason(error))
            words = error.words if isinstance(error, TransientError) else ""
            if is_untrusted(error):
                hint = CERTIFICATE_HINT
            else:
                cause += (
                    f" after all retries (at most {self._max_retries}, "
                    f"within {self._max_seconds:g} s)"
                )
            raise UnavailableError(
                cause,
                what=what,
                hint=hint,
                words=words,
                is_unreachable=is_unreachable(error),
            ) from error

    def _left(self, started: float) -> float:
        return self._max_seconds - (self._throttle.now() - started)

    def _waiter(
        self, what: str, started: float, stops: int
    ) -> Callable[[Details], None]:
        def wait(details: Details) -> None:
            # The read may have been aborted, and another begun, during the request.
            self._throttle.check(stops)
            error = details["exception"]
            response = error.response if isinstance(error, RetriableAPIError) else None
            left = self._left(started)
            seconds = min(wait_after(response, details["tries"]), left)
            self._logger.warning(
                "%s: %s; trying again in %.1f s (%d of %d)",
                what,
                reason(error),
                seconds,
                details["tries"],
                self._max_retries,
            )
            if response is not None and is_rate_limit(response.status_code):
                asked = self._throttle.now() - response.elapsed.total_seconds()
                self._throttle.refused(asked, seconds)
            else:
                self._throttle.sleep(seconds)

        return wait


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


def is_rate_limit(status: int) -> bool:
    """Return whether the server asks for fewer requests, not just for a retry."""
    return status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


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
    return asked + random.uniform(bound / 2, bound)  # noqa: S311
