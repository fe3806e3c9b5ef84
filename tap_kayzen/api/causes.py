"""Describes why a request failed, and tells kinds of failures apart."""

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
"""Also of a proxy that cannot be used, such as SOCKS without its library."""

NO_SERVER = (
    requests.exceptions.ConnectTimeout,
    requests.exceptions.ProxyError,
    *BAD_ADDRESS,
)

PROXY_LOGIN = "407"
"""HTTP status of a proxy that wants a login."""

NO_CONNECTION = "NewConnectionError"
"""Class of `urllib3` for: refused, no route, or a name that does not resolve.

`requests` has no class of its own for it, and the tap does not depend on `urllib3`.
"""


USABLE_HOST = re.compile(r"[\w.-]+(?::\d+)?|\[[\da-f:.]+\](?::\d+)?", re.IGNORECASE)


def lasting_hint(error: BaseException) -> str:
    """Return what to do about a failure that no retry changes; empty for others."""
    if isinstance(error, requests.exceptions.SSLError):
        return network_messages.CHECK_CERTIFICATE()
    if isinstance(error, requests.exceptions.ProxyError):
        needs_login = PROXY_LOGIN in reason(error)
        return network_messages.SET_PROXY_LOGIN() if needs_login else ""
    return network_messages.CHECK_ADDRESS() if isinstance(error, BAD_ADDRESS) else ""


def is_unreachable(error: BaseException) -> bool:
    """Return whether no server was found or reached, rather than one that failed.

    A proxy that refuses counts: Kayzen cannot be reached through it.
    """
    return any(
        isinstance(each, NO_SERVER)
        or any(cls.__name__ == NO_CONNECTION for cls in type(each).__mro__)
        for each in _chain(error)
    )


def reason_with_proxy(error: BaseException, session: requests.Session) -> str:
    """Return the reason, with the host of the proxy that was used, without its login.

    Else a proxy that refuses would read as if Kayzen did.
    """
    request = getattr(error, "request", None)
    proxy = proxy_of(request.url or "", session) if request is not None else ""
    if not proxy:
        return reason(error)
    if isinstance(error, requests.exceptions.ProxyError):
        return network_messages.PROXY_FAILED(proxy=proxy, reason=reason(error))
    return network_messages.THROUGH_PROXY(proxy=proxy, reason=reason(error))


def proxy_of(url: str, session: requests.Session) -> str:
    """Return host and port of the proxy that requests for an address go through.

    Empty without a proxy, or if no host can be made out, as what stands there may be a
    login.
    """
    environment = session.merge_environment_settings(url, {}, None, None, None)
    proxy = select_proxy(url, environment["proxies"]) or ""
    host = proxy.rpartition("@")[2].rpartition("://")[2].rstrip("/")
    return host if USABLE_HOST.fullmatch(host) else ""


def reason(error: BaseException) -> str:
    """Return in a few words why a request failed, without what libraries wrap around.

    Messages of `requests` and `urllib3` repeat the URL and the names of their own
    classes; the operating system's word at the bottom of the chain is what helps.
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
