"""What is worth a second try against Kayzen, and how long to wait for it."""

from __future__ import annotations

import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

import backoff
import requests
from singer_sdk.exceptions import RetriableAPIError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Generator
    from typing import TypeVar

    from backoff.types import Details

    _Function = TypeVar("_Function", bound=Callable[..., object])

LONGEST_BACKOFF = 60.0
"""Seconds that the exponential wait never passes."""

LONGEST_RETRY_AFTER = 300.0
"""Seconds at most that a ``Retry-After`` is obeyed; beyond, it is not believed."""

TRANSIENT_ERRORS = (
    RetriableAPIError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.ConnectionError,
    requests.exceptions.ContentDecodingError,
    requests.exceptions.Timeout,
)


def is_transient(status: int) -> bool:
    """Tell whether the same request may succeed a little later.

    Kayzen publishes no advice on retries; this is the common reading of the
    status codes.
    """
    return (
        status == HTTPStatus.TOO_MANY_REQUESTS
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


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
        except ValueError:
            return 0.0
        seconds = (
            moment.astimezone(timezone.utc) - datetime.now(timezone.utc)
        ).total_seconds()
    # NaN fails both comparisons and so counts as "makes no sense".
    if seconds > LONGEST_RETRY_AFTER:
        return LONGEST_RETRY_AFTER
    return seconds if seconds > 0 else 0.0


def wait_times() -> Generator[float, Exception, None]:
    """Generate seconds to wait: exponential with jitter, on top of Retry-After.

    A generator in the form that ``backoff`` takes: primed with one ``send(None)``,
    then sent the exception that each wait follows.
    """
    longest = 1.0
    error = yield 0.0
    while True:
        # Jitter against herds, not a secret.
        jittered = random.uniform(longest / 2, longest)  # noqa: S311
        longest = min(longest * 2, LONGEST_BACKOFF)
        response = error.response if isinstance(error, RetriableAPIError) else None
        error = yield retry_after(response) + jittered


def retrying(
    function: _Function,
    *,
    what: str,
    max_retries: int,
    logger: logging.Logger,
) -> _Function:
    """Wrap a function so that it is called again after a transient failure.

    Args:
        function: What to call.
        what: The request in words, for the log.
        max_retries: Further calls at most; after them the last error is raised.
        logger: Gets one warning for each further call.
    """

    def announce(details: Details) -> None:
        logger.warning(
            "%s: %s; trying again in %.1f s (%d of %d)",
            what,
            reason(details["exception"]),
            details["wait"],
            details["tries"],
            max_retries,
        )

    return backoff.on_exception(
        wait_times,
        TRANSIENT_ERRORS,
        max_tries=max_retries + 1,
        jitter=None,
        on_backoff=announce,
        logger=None,
    )(function)


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
