"""Causes that are reported for failed requests, on real sockets."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests
from support import SAMPLE_CONFIG

from tap_kayzen.api.causes import is_unreachable, proxy_of, reason
from tap_kayzen.api.errors import LoginError, UnavailableError
from tap_kayzen.api.retries import Retries, Wire
from tap_kayzen.api.throttle import Throttle
from tap_kayzen.api.transport import Transport
from tap_kayzen.messages import network_messages
from tap_kayzen.output.redaction import Redactor
from tap_kayzen.sandbox.server import LOOPBACK, listen

if TYPE_CHECKING:
    from collections.abc import Generator


def closed_port() -> int:
    with listen(LOOPBACK, 0) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextmanager
def saying(words: bytes) -> Generator[int]:
    """Serve one connection with these bytes and close it; gives the port."""
    with listen(LOOPBACK, 0) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(words)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def wire(url: str, **changes: object) -> Wire:
    config = {
        **SAMPLE_CONFIG,
        "api_url": url,
        "max_retries": 0,
        "max_retry_seconds": 900,
        "request_timeout": 5,
        "max_response_mb": 1,
        **changes,
    }
    throttle = Throttle(concurrency=1)
    return Wire(config, requests.Session(), throttle, Redactor(config))


def failure(url: str, **changes: object) -> UnavailableError:
    """Get an address, without any retry unless `max_retries` says so."""
    request = requests.Request("GET", url)
    with pytest.raises(UnavailableError) as caught:
        Transport(wire(url, **changes)).fetch(
            request, json.loads, what="a page", with_token=False
        )
    return caught.value


def test_a_refused_connection_reaches_no_server() -> None:
    assert failure(f"http://127.0.0.1:{closed_port()}/").is_unreachable


def test_a_name_that_does_not_resolve_reaches_no_server() -> None:
    assert failure("http://kayzen.invalid/").is_unreachable


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_unreachable_proxy_reaches_no_server(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{closed_port()}")
    assert failure(f"{scheme}://kayzen.test/").is_unreachable


def test_a_proxy_that_opens_no_tunnel_reaches_no_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with saying(b"HTTP/1.1 403 Forbidden\r\n\r\n") as port:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
        assert failure("https://kayzen.test/").is_unreachable


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\n\r\n<html>",
        b"HTTP/1.1 503 Unavailable\r\n\r\n",
    ],
)
def test_a_server_that_responds_or_disconnects_was_reached(words: bytes) -> None:
    with saying(words) as port:
        assert not failure(f"http://127.0.0.1:{port}/").is_unreachable


def test_a_server_without_tls_was_reached() -> None:
    with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert not failure(f"https://127.0.0.1:{port}/").is_unreachable


def test_a_server_that_does_not_answer_in_time_was_reached() -> None:
    assert not is_unreachable(requests.exceptions.ReadTimeout())
    error = requests.exceptions.ConnectTimeout()
    assert is_unreachable(error)
    assert reason(error) == network_messages.CONNECT_TIMEOUT()


def test_an_interrupted_connection_proves_nothing_about_the_server() -> None:
    def fail() -> None:
        raise requests.exceptions.ConnectionError

    again = Retries(wire("http://kayzen.test"), logging.getLogger("x"))
    with pytest.raises(UnavailableError) as caught:
        again.call(fail, what="the call", hint="do something")
    assert not caught.value.is_unreachable


def test_a_login_error_knows_whether_a_server_was_reached() -> None:
    auth = Transport(wire(f"http://127.0.0.1:{closed_port()}")).authenticator
    for _ in range(2):
        with pytest.raises(LoginError) as caught:
            auth(requests.Request("GET", "http://kayzen.test/").prepare())
        assert caught.value.is_unreachable
    with saying(b"HTTP/1.1 401 Unauthorized\r\n\r\n") as port:
        auth = Transport(wire(f"http://127.0.0.1:{port}")).authenticator
        with pytest.raises(LoginError) as caught:
            auth(requests.Request("GET", "http://kayzen.test/").prepare())
    assert not caught.value.is_unreachable


@pytest.mark.parametrize(
    ("variable", "proxy"),
    [
        ("https", "http://127.0.0.1:PORT"),
        ("https", "http://someone:hunter%40two@127.0.0.1:PORT/"),
        ("https", "127.0.0.1:PORT"),
        ("all", "http://127.0.0.1:PORT"),
    ],
)
def test_a_proxy_that_refuses_is_named_without_its_login(
    variable: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = closed_port()
    monkeypatch.setenv(f"{variable}_proxy", proxy.replace("PORT", str(port)))
    refused = network_messages.PROXY_FAILED(
        proxy=f"127.0.0.1:{port}", reason="[Errno 111] Connection refused"
    )
    assert failure("https://kayzen.test/").cause == network_messages.GAVE_UP(
        reason=refused, retries=0, max_retries=0, seconds=900
    )


def test_a_proxy_is_named_even_if_it_is_not_at_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with listen(LOOPBACK, 0) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        error = failure("http://kayzen.test/", request_timeout=0.1)
    late = network_messages.THROUGH_PROXY(
        proxy=f"127.0.0.1:{port}", reason=network_messages.RESPONSE_TIMEOUT()
    )
    assert error.cause.startswith(late)
    assert not error.is_unreachable


def test_a_proxy_that_is_not_used_is_not_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert "proxy" not in failure(f"http://127.0.0.1:{closed_port()}/").cause


@pytest.mark.parametrize(
    ("proxy", "host"),
    [
        ("http://proxy.example.com:3128", "proxy.example.com:3128"),
        ("http://a:b@proxy", "proxy"),
        ("http://[::1]:3128", "[::1]:3128"),
        ("proxy:3128", "proxy:3128"),
        # A login and no host.
        ("http://someone:hunter2", ""),
        ("http://someone:hunter/2", ""),
        ("http://someone:hunter#2", ""),
        ("", ""),
    ],
)
def test_no_part_of_a_proxy_that_may_be_its_login_is_shown(
    proxy: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    assert proxy_of("https://kayzen.test/", requests.Session()) == host


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_requires_a_login_ends_retries_at_once(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with saying(reply) as port:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{port}")
        error = failure(f"{scheme}://kayzen.test/", max_retries=9)
    assert error.cause.startswith(f"proxy 127.0.0.1:{port}: ")
    assert "407" in error.cause
    assert error.hint == network_messages.SET_PROXY_LOGIN()
    assert error.is_unreachable


@pytest.mark.parametrize("proxy", [":::", "socks5://127.0.0.1:9", "ftp://127.0.0.1:9"])
def test_an_unusable_proxy_ends_retries_at_once(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    error = failure("https://kayzen.test/", max_retries=9)
    assert error.hint == network_messages.CHECK_ADDRESS()
    assert error.is_unreachable
