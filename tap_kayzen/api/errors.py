"""Errors raised while reading from Kayzen.

::

    FatalAPIError (SDK)      the read failed; one line says what the user can do
    ├── LoginError           no token, so no stream can be read
    └── ReadError            a request, or the read that it belongs to, failed
        ├── RefusedError     Kayzen rejected the request, or sent something else
        ├── UnavailableError the request still failed after all retries
        └── CutShortError    Kayzen may have rows that it does not return
    RetriableAPIError (SDK)
    └── TransientError       one attempt failed; a retry may succeed
        └── WebPageError     the response is a web page instead of JSON
    ValueError
    └── EnvelopeError        the response is JSON, but has an unexpected structure
    Exception
    ├── StoppedError         the read was aborted; the request is not sent
    └── StaleTokenError      the request needs a new token before it is sent

After the last retry, a `TransientError` or a network error of `requests` becomes an
`UnavailableError`, or a `LoginError` during login. An `EnvelopeError` becomes a
`RefusedError`. Streams raise a `FatalAPIError` or one of the SDK's errors:
`MissingKeyPropertiesError` for a record without a key, `ConfigurationError` for an
unusable state or catalog.
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
    """A failed login, without which no stream can be read.

    Attributes:
        is_unreachable: Whether no server could be found or reached.
    """

    def __init__(self, message: str, *, is_unreachable: bool = False) -> None:
        """Initialize the error with a one-line message for the user."""
        super().__init__(message)
        self.is_unreachable = is_unreachable

    def copy(self) -> LoginError:
        """Return a copy to raise in another thread, with its own traceback."""
        return LoginError(str(self), is_unreachable=self.is_unreachable)


class ReadError(FatalAPIError):
    """A read that failed permanently.

    Attributes:
        cause: What happened, such as ``HTTP 403: Kayzen denied access``.
        what: What was read, such as ``campaigns, page 3``.
        hint: What the user can do.
        words: The beginning of Kayzen's response, without secrets.
        status: HTTP status of the response; 0 without a response.
        is_unreachable: Whether no server could be found or reached, so that other
            requests will probably fail, too.
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
        """Initialize the error; `str()` joins its parts."""
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
        """Return a copy of this error that names the larger read it is part of.

        Args:
            what: The larger read, such as ``orders of advertiser 7``.
            hints: Replacements for hints.
        """
        error = copy(self)
        error.what = f"{what}: {self.what}" if self.what else what
        error.hint = hints.get(self.hint, self.hint)
        return error


class RefusedError(ReadError):
    """A request that Kayzen rejected, or answered with something unexpected."""


class UnavailableError(ReadError):
    """A request that still failed after all retries."""


class CutShortError(ReadError):
    """A read that may be incomplete: Kayzen may have rows that it does not return."""


class TransientError(RetriableAPIError):
    """A failed request that may succeed if it is repeated.

    Attributes:
        words: The beginning of the response, without secrets. Not part of the message,
            to keep log lines short.
        is_rate_limit: Whether the request was rate limited.
    """

    def __init__(
        self,
        message: str,
        response: requests.Response,
        words: str = "",
        *,
        is_rate_limit: bool = False,
    ) -> None:
        """Initialize the error."""
        super().__init__(message, response)
        self.words = words
        self.is_rate_limit = is_rate_limit


class WebPageError(TransientError):
    """A web page instead of JSON, such as the login page of a proxy."""


class EnvelopeError(ValueError):
    """JSON with an unexpected structure; the text names what was expected."""


class StoppedError(Exception):
    """A request that is not sent because its read was aborted."""


class StaleTokenError(Exception):
    """A request whose token was rejected while the request was queued."""
