"""Errors of reading from Kayzen.

::

    FatalAPIError (SDK)      the read fails; one line tells the user what to do
    ├── LoginError           no token: no stream can be read
    └── ReadError            one request, or what it is part of, cannot be read
        ├── RefusedError     Kayzen rejected it, or sent something else
        ├── UnavailableError it still failed after all retries
        └── CutShortError    Kayzen may hold rows that it does not return
    RetriableAPIError (SDK)
    └── TransientError       one attempt failed; the next one may succeed
        └── WebPageError     it brought a web page where JSON was asked for
    ValueError
    └── EnvelopeError        JSON, but not in a shape that was asked for
    Exception
    ├── StoppedError         the read was aborted; its requests are not sent
    └── StaleTokenError      a request needs a new token before it is sent

A `TransientError` or a network error of `requests` becomes a `LoginError` or an
`UnavailableError` when the retries end, an `EnvelopeError` a `RefusedError`. A stream
raises a `FatalAPIError`, or one of the SDK's own: `MissingKeyPropertiesError` for a
record without a key, `ConfigurationError` for an unusable state or catalog.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from typing_extensions import Self


class LoginError(FatalAPIError):
    """Kayzen returned no token: no stream can be read.

    Attributes:
        is_unreachable: As for `ReadError`.
    """

    def __init__(self, message: str, *, is_unreachable: bool = False) -> None:
        """Keep the message, which is one line for the user."""
        super().__init__(message)
        self.is_unreachable = is_unreachable

    def copy(self) -> LoginError:
        """Return the same error for another thread, which has its own traceback."""
        return LoginError(str(self), is_unreachable=self.is_unreachable)


class ReadError(FatalAPIError):
    """A read that failed for good.

    Attributes:
        cause: What happened, such as ``HTTP 403: Kayzen denied access``.
        what: What was read, such as ``campaigns, page 3``.
        hint: What the user can do.
        words: The beginning of Kayzen's response, without secrets.
        status: HTTP status of the response, 0 without one.
        is_unreachable: Whether no server was found or reached at all, so that no
            other request is likely to fare better.
    """

    def __init__(  # noqa: PLR0913
        self,
        cause: str,
        status: int = 0,
        *,
        what: str = "",
        hint: str = "",
        words: str = "",
        is_unreachable: bool = False,
    ) -> None:
        """Keep the parts; `str()` formats them."""
        super().__init__(cause)
        self.cause = cause
        self.what = what
        self.hint = hint
        self.words = words
        self.status = status
        self.is_unreachable = is_unreachable

    def __str__(self) -> str:
        """Format the error as one line."""
        text = f"{self.what}: {self.cause}" if self.what else self.cause
        text = f"{text}; {self.hint}" if self.hint else text
        return f"{text}. Kayzen's response: {self.words}" if self.words else text

    def within(self, what: str, hints: Mapping[str, str]) -> Self:
        """Return this error as one of a larger read, with other hints."""
        error = copy(self)
        error.what = f"{what}: {self.what}" if self.what else what
        error.hint = hints.get(self.hint, self.hint)
        return error


class RefusedError(ReadError):
    """Kayzen rejected a request, or answered with something else."""


class UnavailableError(ReadError):
    """A request that still failed after all retries."""


class CutShortError(ReadError):
    """Kayzen may hold rows that it does not return."""


class TransientError(RetriableAPIError):
    """A response that may succeed if the request is repeated.

    Attributes:
        words: The beginning of the response, without secrets; apart from the message,
            which is short for the log.
        is_rate_limit: Whether the server asks for fewer requests.
    """

    def __init__(
        self,
        message: str,
        response: requests.Response,
        words: str = "",
        *,
        is_rate_limit: bool = False,
    ) -> None:
        """Keep the parts."""
        super().__init__(message, response)
        self.words = words
        self.is_rate_limit = is_rate_limit


class WebPageError(TransientError):
    """A web page in place of JSON, such as the login page of a proxy."""


class EnvelopeError(ValueError):
    """JSON in none of the expected shapes; its text names what was expected."""


class StoppedError(Exception):
    """The read that a request was for has been aborted."""


class StaleTokenError(Exception):
    """The token of a request was rejected while the request waited for its turn."""
