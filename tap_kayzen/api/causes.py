"""Describes and classifies the causes of failed requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import requests
from requests.utils import select_proxy
from singer_sdk.exceptions import RetriableAPIError

from tap_kayzen.messages import network_messages

if TYPE_CHECKING:
    from collections.abc import Iterator

BAD_ADDRESS = (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL)
"""Raised for unusable proxies, too, such as SOCKS without PySocks."""

UNREACHABLE_ERRORS = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ProxyError,
    *BAD_ADDRESS,
)

PROXY_LOGIN_STATUS = "407"
"""HTTP status of a proxy that requires a login."""

CONNECTION_ERROR_CLASS = "NewConnectionError"
"""Class in `urllib3` for refused connections, missing routes, and DNS failures.

Compared by name: `requests` has no equivalent, and `urllib3` is no dependency of the
tap.
"""


USABLE_HOST = re.compile(r"[\w.-]+(?::\d+)?|\[[\da-f:.]+\](?::\d+)?", re.IGNORECASE)


def permanent_hint(error: BaseException) -> str:
    """Return a hint for a failure that retries cannot fix; empty for others."""
    if isinstance(error, requests.exceptions.SSLError):
        return network_messages.CHECK_CERTIFICATE()
    if isinstance(error, requests.exceptions.ProxyError):
        needs_login = PROXY_LOGIN_STATUS in reason(error)
        return network_messages.SET_PROXY_LOGIN() if needs_login else ""
    return network_messages.CHECK_ADDRESS() if isinstance(error, BAD_ADDRESS) else ""


def is_unreachable(error: BaseException) -> bool:
    """Return whether no server was found or reached.

    A proxy that rejects the request counts, because it makes Kayzen unreachable.
    """
    return any(
        isinstance(each, UNREACHABLE_ERRORS)
        or any(cls.__name__ == CONNECTION_ERROR_CLASS for cls in type(each).__mro__)
        for each in _chain(error)
    )


def reason_with_proxy(error: BaseException, session: requests.Session) -> str:
    """Return why a request failed, and the proxy it was sent through, if any.

    Otherwise, errors of a proxy would look like errors of Kayzen. The proxy's login is
    left out.
    """
    request = getattr(error, "request", None)
    proxy = proxy_of(request.url or "", session) if request is not None else ""
    if not proxy:
        return reason(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return network_messages.PROXY_FAILED(proxy=proxy, reason=reason(error))
    return network_messages.THROUGH_PROXY(proxy=proxy, reason=reason(error))


def proxy_of(url: str, session: requests.Session) -> str:
    """Return the host and port of the proxy for a URL; empty without one.

    Also empty if the proxy's URL has no recognizable host, because it may then contain
    a login.
    """
    environment = session.merge_environment_settings(url, {}, None, None, None)
    proxy = select_proxy(url, environment["proxies"]) or ""
    host = proxy.rpartition("@")[2].rpartition("://")[2].rstrip("/")
    return host if USABLE_HOST.fullmatch(host) else ""


def reason(error: BaseException) -> str:
    """Return a short reason why a request failed.

    Messages of `requests` and `urllib3` repeat the URL and their own class names. The
    innermost error, usually one of the operating system, is the most helpful.
    """
    if isinstance(error, RetriableAPIError):
        return str(error)
    if isinstance(error, requests.exceptions.ConnectTimeout):
        return network_messages.CONNECT_TIMEOUT()
    if isinstance(error, requests.exceptions.Timeout):
        return network_messages.RESPONSE_TIMEOUT()
    *_, error = _chain(error)
    text = " ".join(str(error).split())
    return text.rsplit(">: ", 1)[-1] or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, outermost first."""
    inner: object = error
    while isinstance(inner, BaseException):
        error = inner
        yield error
        inner = (
            getattr(error, "reason", None)
            or error.__cause__
            or next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        )
