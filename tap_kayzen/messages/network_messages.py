"""Messages about connections, proxies, and responses, and about the process."""

from __future__ import annotations

import logging

from tap_kayzen.messages.message import Message, Text

RETRY_LATER = Text(
    "retry later, or raise `max_retries`, `max_retry_seconds`, or `request_timeout`"
)

CHECK_PROXY = Text("check `api_url` and the proxy")

SET_API_URL = Text("set `api_url` to the final address")

REQUEST_LESS = Text(
    "lower `page_size`, `report_page_size`, or a report's `window_days`, or raise "
    "`max_response_mb`"
)

RETRYING = Message(
    "{what}: {reason}; retrying in {seconds:.1f} s (retry {retry} of {max_retries})",
    cause="HTTP 429 or 5xx, a lost connection, or a broken response",
    action="None. If it is always HTTP 429 or `(rate limit)`, lower `concurrency` or "
    "set `requests_per_second`",
    level=logging.WARNING,
)

GAVE_UP = Message(
    "{reason}; gave up after {retries} of {max_retries} retries (time limit "
    "{seconds:g} s)",
    cause="The problem persisted",
    action="Follow the rest of the message. A slow report needs a longer "
    "`request_timeout` or a smaller `window_days`",
)

CONNECT_TIMEOUT = Message(
    "connection timed out",
    cause="The server, or a firewall in between, does not respond",
    action="Check the network, the proxy, and `api_url`",
)

RESPONSE_TIMEOUT = Message(
    "response timed out",
    cause="The response took longer than `request_timeout`",
    action="Raise `request_timeout`, or lower `page_size` or `window_days`",
)

UNREACHABLE = Message(
    "{error}. No server was reachable {count} times in a row; stopping the sync",
    cause="The network is down, or the address is wrong",
    action="Check the network, the proxy, and `api_url`",
)

PROXY_FAILED = Message(
    "proxy {proxy}: {reason}",
    cause="The proxy is unreachable, or does not open a connection",
    action="Check the proxy variables; [NO_PROXY](security.md) exempts hosts",
)

THROUGH_PROXY = Message(
    "{reason}, through proxy {proxy}",
    cause="The request failed behind the proxy",
    action="Follow the rest of the message, or check the proxy",
)

SET_PROXY_LOGIN = Message(
    "set the proxy's login in HTTPS_PROXY, like http://user:password@proxy:3128",
    cause="The proxy responded with HTTP 407",
    action="Add the login to the variable",
)

CHECK_ADDRESS = Message(
    "check `api_url` and the variables HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, and "
    "NO_PROXY",
    cause="The address is invalid",
    action="Correct `api_url` or the variable",
)

CHECK_CERTIFICATE = Message(
    "check the address; if your network has its own certificate authority, set "
    "REQUESTS_CA_BUNDLE to the path of its certificate file",
    cause="The certificate is not trusted",
    action="Set the variable. No setting turns the check off",
)

SOCKS_PROXY = Message(
    "{variable} names a SOCKS proxy; install PySocks in the tap's environment",
    cause="SOCKS needs a library",
    action="Install it; with Meltano, add it to the tap's `pip_url`",
)

BAD_PROXY = Message(
    "{variable} is not a usable proxy address; write it like http://proxy:3128",
    cause="The variable has no host, or names an unsupported kind of proxy",
    action="Correct it",
)

NOT_JSON = Message(
    "HTTP {status}, but the body is not JSON",
    cause="The response was cut off",
    action="Read Kayzen's response; check the proxy and `api_url`",
)

WEB_PAGE = Message(
    "HTTP {status}, but the body is a web page instead of JSON",
    cause="The login page of a proxy or network, or `api_url` points to a website",
    action="Log in to the network, or correct `api_url`",
)

REDIRECTED = Message(
    "HTTP {status}: the tap does not follow redirects",
    cause="The address has moved",
    action="Set `api_url` to the final address",
)

TOO_LARGE = Message(
    "the response is larger than {limit} MB",
    cause="One response exceeds `max_response_mb`",
    action="Request less at once, or raise the limit",
)

STDOUT_CLOSED = Message(
    "stdout is closed; connect it to a target or a file",
    cause="The tap was started with a closed stdout",
    action="Pipe the tap into a target, or redirect stdout to a file",
)

STOPPED = Message(
    "Stopped by {signal}",
    cause="A signal ended the run: exit code 143 for SIGTERM, 130 for Ctrl-C",
    action="Run it again: reports continue after the last STATE",
    level=logging.WARNING,
)
