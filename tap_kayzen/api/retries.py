"""What is worth a second try against Kayzen, and how long to wait for it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import backoff
import requests
from singer_sdk.exceptions import RetriableAPIError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from backoff.types import Details

    from tap_kayzen.api.throttle import Throttle

    _Function = TypeVar("_Function", bound=Callable[..., object])

LONGEST_BACKOFF = 60.0
"""Seconds that the exponential wait never passes."""

LONGEST_RETRY_AFTER = 300.0
"""Seconds of a ``Retry-After`` that are obeyed at most."""

CERTIFICATE_ADVICE = (
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


class TransientError(RetriableAPIError):
    """An answer that is no good, but another one may be.

    Attributes:
        words: The beginning of its body, without secrets.
    """

    def __init__(self, message: str, response: requests.Response, words: str) -> None:
        """Keep the words beside the message, which is short for the log."""
        super().__init__(message, response)
        self.words = words


@dataclass(frozen=True)
class Limits:
    """When to stop trying.

    Attributes:
        retries: Further calls after the first one, at most.
        seconds: Time after which there is no further call.
    """

    retries: int
    seconds: float

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Limits:
        """Take them from the settings."""
        return cls(config["max_retries"], config["max_retry_seconds"])

    def __str__(self) -> str:
        """Say it in a message."""
        return f"all retries (at most {self.retries}, within {self.seconds:g} s)"


def is_transient(status: int) -> bool:
    """Tell whether the same request may succeed a little later.

    Kayzen publishes no advice on retries; this is the common reading of the
    status codes.
    """
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }


def is_redirect(status: int) -> bool:
    """Tell whether the server names another address instead of an answer."""
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST


def is_refusal(status: int) -> bool:
    """Tell whether the server asks for fewer requests, not just for another try."""
    return status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}


def retry_after(response: requests.Response | None) -> float:
    """Read ``Retry-After``, given in seconds or as an HTTP date.

    Returns:
        Seconds to wait, from 0 (also when the header is missing or makes no
        sense) to `LONGEST_RETRY_AFTER`.
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
    # NaN fails both comparisons and so counts as "makes no sense".
    if seconds > LONGEST_RETRY_AFTER:
        return LONGEST_RETRY_AFTER
    return seconds if seconds > 0 else 0.0


def wait_after(response: requests.Response | None, tries: int) -> float:
    """Choose how long to wait after a transient failure.

    Args:
        response: The answer, if there was one.
        tries: How many times the request has been made.

    Returns:
        Seconds: what ``Retry-After`` asks for and up to a tenth more, else up to a
        bound that doubles with each try. Either is spread at random, against herds.
    """
    asked = retry_after(response)
    # The bound is reached at the 7th try; no need for 2 ** 100.
    bound = asked / 10 if asked else min(2.0 ** min(tries - 1, 6), LONGEST_BACKOFF)
    return asked + random.uniform(bound / 2, bound)  # noqa: S311


def retrying(
    function: _Function,
    *,
    what: str,
    limits: Limits,
    logger: logging.Logger,
    throttle: Throttle,
) -> _Function:
    """Wrap a function so that it is called again after a transient failure.

    Args:
        function: What to call.
        what: The request in words, for the log.
        limits: When to stop; the last error is raised then.
        logger: Gets one warning for each further call.
        throttle: Does the waiting; told of refusals, which hold all requests back.
    """
    started = throttle.now()

    def left() -> float:
        return limits.seconds - (throttle.now() - started)

    def wait(details: Details) -> None:
        error = details["exception"]
        response = error.response if isinstance(error, RetriableAPIError) else None
        seconds = min(wait_after(response, details["tries"]), left())
        logger.warning(
            "%s: %s; trying again in %.1f s (%d of %d)",
            what,
            reason(error),
            seconds,
            details["tries"],
            limits.retries,
        )
        if response is not None and is_refusal(response.status_code):
            asked = throttle.now() - response.elapsed.total_seconds()
            throttle.refused(asked, seconds)
        else:
            throttle.sleep(seconds)

    return backoff.on_exception(
        backoff.constant,
        TRANSIENT_ERRORS,
        max_tries=limits.retries + 1,
        # The throttle waits instead, so that the end of a run can cut it short.
        interval=0,
        jitter=None,
        # A wrong certificate is not going to be right a minute later.
        giveup=lambda error: is_untrusted(error) or left() <= 0,
        on_backoff=wait,
        logger=None,
    )(function)


def is_untrusted(error: BaseException) -> bool:
    """Tell whether TLS failed, which another try would not change."""
    return isinstance(error, requests.exceptions.SSLError)


def reason(error: BaseException) -> str:
    """Say in a few words why a request failed, without what libraries wrap around.

    Messages of `requests` and `urllib3` repeat the URL and the names of their own
    classes; the operating system's word at the bottom of the chain is what helps.
    """
    if isinstance(error, RetriableAPIError):
        return str(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    while (
        inner := getattr(error, "reason", None)
        or error.__cause__
        or next((arg for arg in error.args if isinstance(arg, BaseException)), None)
    ) and isinstance(inner, BaseException):
        error = inner
    text = " ".join(str(error).split())
    return text.rsplit(">: ", 1)[-1] or type(error).__name__
