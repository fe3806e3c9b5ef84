"""Checks the proxy settings in the environment."""

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
    """Check that the proxy for a URL, if any, is usable. Nothing is sent.

    Raises:
        ConfigurationError: The proxy is unusable. The message names the environment
            variable but not its value, which can contain a login.
    """
    settings = session.merge_environment_settings(url, {}, None, None, None)
    proxies = settings["proxies"]
    request = session.prepare_request(requests.Request("GET", url))
    try:
        adapter.get_connection_with_tls_context(request, verify=True, proxies=proxies)
    except (TypeError, ValueError) as error:
        # `requests` and `urllib3` raise subclasses of ValueError, or a TypeError for a
        # login without a host.
        proxy = select_proxy(url, proxies) or ""
        scheme = next(name for name, value in proxies.items() if value == proxy)
        if proxy.lower().startswith("socks"):
            message = network_messages.SOCKS_PROXY
        else:
            message = network_messages.BAD_PROXY
        msg = message(variable=_variable(scheme))
        raise ConfigurationError(msg) from error


def _variable(scheme: str) -> str:
    """Return the name of the environment variable for a scheme, such as ``all``."""
    name = f"{scheme}_proxy"
    return name if name in os.environ else name.upper()
