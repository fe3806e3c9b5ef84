"""Why a request failed: in a few words, and of which kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests
from singer_sdk.exceptions import RetriableAPIError

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_SERVER = (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError)

NO_CONNECTION = "NewConnectionError"
"""Class of `urllib3` for: refused, no route, or a name that does not resolve.

`requests` has no class of its own for it, and the tap does not depend on `urllib3`.
"""


def is_untrusted(error: BaseException) -> bool:
    """Return whether TLS failed, which a retry would not change."""
    return isinstance(error, requests.exceptions.SSLError)


def is_unreachable(error: BaseException) -> bool:
    """Return whether no server was found or reached, rather than one that failed.

    A proxy that refuses counts: Kayzen cannot be reached through it.
    """
    return any(
        isinstance(each, NO_SERVER)
        or any(cls.__name__ == NO_CONNECTION for cls in type(each).__mro__)
        for each in _chain(error)
    )


def reason(error: BaseException) -> str:
    """Return in a few words why a request failed, without what libraries wrap around.

    Messages of `requests` and `urllib3` repeat the URL and the names of their own
    classes; the operating system's word at the bottom of the chain is what helps.
    """
    if isinstance(error, RetriableAPIError):
        return str(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, requests.exceptions.Timeout):
        return "no answer in time"
    *_, error = _chain(error)
    text = " ".join(str(error).split())
    return text.rsplit(">: ", 1)[-1] or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those inside it, outermost first."""
    inner: object = error
    while isinstance(inner, BaseException):
        error = inner
        yield error
        inner = (
            getattr(error, "reason", None)
            or error.__cause__
            or next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        )
