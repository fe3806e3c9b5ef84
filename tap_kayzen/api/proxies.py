"""Proxies of the environment: whether they can be used at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import requests
from requests.utils import select_proxy
from singer_sdk.exceptions import ConfigurationError

from tap_kayzen.messages import network_messages

if TYPE_CHECKING:
    from requests.adapters import HTTPAdapter


def check_proxy(url: str, session: requests.Session, adapter: HTTPAdapter) -> None:
    """Check the proxy for an address, if there is one; nothing is sent.

    Raises:
        ConfigurationError: No request can go through it. Names the variable, but not
            its value, which may hold a login.
    """
    settings = session.merge_environment_settings(url, {}, None, None, None)
    proxies = settings["proxies"]
    request = session.prepare_request(requests.Request("GET", url))
    try:
        adapter.get_connection_with_tls_context(request, verify=True, proxies=proxies)
    except (TypeError, ValueError) as error:
        # ValueError is the base of all that `requests` and `urllib3` have for it;
        # TypeError is one of their faults, for a login without a host.
        proxy = select_proxy(url, proxies) or ""
        scheme = next(name for name, value in proxies.items() if value == proxy)
        if proxy.lower().startswith("socks"):
            message = network_messages.SOCKS_PROXY
        else:
            message = network_messages.BAD_PROXY
        msg = message(variable=_variable(scheme))
        raise ConfigurationError(msg) from error


def _variable(scheme: str) -> str:
    """Return the variable with the proxy of a scheme, such as ``all``."""
    name = f"{scheme}_proxy"
    return name if name in os.environ else name.upper()
