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
    ValueError
    └── EnvelopeError        JSON, but not in a shape that was asked for
    Exception
    └── StoppedError         the read was aborted; its requests are not sent

A `TransientError` or a network error of `requests` becomes a `LoginError` or an
`UnavailableError` when the retries end, an `EnvelopeError` a `RefusedError`. Outside of
this package nothing but a `FatalAPIError` leaves a stream, except for configuration
errors of the SDK and what the operating system raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.exceptions import FatalAPIError, RetriableAPIError

if TYPE_CHECKING:
    import requests
    from typing_extensions import Self


class LoginError(FatalAPIError):
    """Kayzen returned no token: no stream can be read."""


class ReadError(FatalAPIError):
    """A read that failed for good.

    Attributes:
        cause: What happened, such as ``HTTP 403: Kayzen does not allow it``.
        what: What was read, such as ``campaigns, page 3``.
        hint: What the user can do.
        words: The beginning of Kayzen's response, without secrets.
    """

    def __init__(
        self, cause: str, *, what: str = "", hint: str = "", words: str = ""
    ) -> None:
        """Keep the parts; `str()` formats them."""
        super().__init__(cause)
        self.cause = cause
        self.what = what
        self.hint = hint
        self.words = words

    def __str__(self) -> str:
        """Format the error as one line."""
        text = f"{self.what}: {self.cause}" if self.what else self.cause
        text = f"{text}; {self.hint}" if self.hint else text
        return f"{text}. Kayzen's words: {self.words}" if self.words else text

    def within(self, what: str, hint: str) -> Self:
        """Return this error as part of a larger read, with that read's hint."""
        error = type(self).__new__(type(self))
        error.__dict__.update(self.__dict__)
        error.what = f"{what}: {self.what}" if self.what else what
        error.hint = hint
        error.args = self.args
        return error


class RefusedError(ReadError):
    """Kayzen rejected a request, or answered with something else.

    Attributes:
        status: HTTP status of the response.
    """

    def __init__(
        self,
        cause: str,
        status: int,
        *,
        what: str = "",
        hint: str = "",
        words: str = "",
    ) -> None:
        """Keep the status with the other parts."""
        super().__init__(cause, what=what, hint=hint, words=words)
        self.status = status


class UnavailableError(ReadError):
    """A request that still failed after all retries."""


class CutShortError(ReadError):
    """Kayzen may hold rows that it does not return."""


class TransientError(RetriableAPIError):
    """A response that may succeed if the request is repeated.

    Attributes:
        words: The beginning of its body, without secrets.
    """

    def __init__(
        self, message: str, response: requests.Response, words: str = ""
    ) -> None:
        """Keep the words apart from the message, which is short for the log."""
        super().__init__(message, response)
        self.words = words


class EnvelopeError(ValueError):
    """JSON in none of the shapes that were asked for."""


class StoppedError(Exception):
    """The read that a request was for has been aborted."""
