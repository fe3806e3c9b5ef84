"""What a failed request is taken for, over real sockets."""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests
from support import SAMPLE_CONFIG

from tap_kayzen.api.causes import is_unreachable
from tap_kayzen.api.errors import LoginError, UnavailableError
from tap_kayzen.api.retries import Retries, Wire
from tap_kayzen.api.throttle import Throttle
from tap_kayzen.api.transport import Transport
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


def wire(url: str) -> Wire:
    config = {
        **SAMPLE_CONFIG,
        "api_url": url,
        "max_retries": 0,
        "max_retry_seconds": 0,
        "request_timeout": 5,
        "max_response_mb": 1,
    }
    throttle = Throttle(concurrency=1)
    return Wire(config, requests.Session(), throttle, Redactor(config))


def failure(url: str) -> UnavailableError:
    """Get an address without any retry; return the error."""
    request = requests.Request("GET", url)
    with pytest.raises(UnavailableError) as caught:
        Transport(wire(url)).fetch(request, json.loads, what="a page", with_token=False)
    return caught.value


def test_a_refused_connection_reaches_no_server() -> None:
    assert failure(f"http://127.0.0.1:{closed_port()}/").is_unreachable


def test_a_name_that_does_not_resolve_reaches_no_server() -> None:
    assert failure("http://kayzen.invalid/").is_unreachable


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_reaches_no_server(
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
def test_a_server_that_says_something_or_breaks_off_was_reached(words: bytes) -> None:
    with saying(words) as port:
        assert not failure(f"http://127.0.0.1:{port}/").is_unreachable


def test_a_server_without_tls_was_reached() -> None:
    with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert not failure(f"https://127.0.0.1:{port}/").is_unreachable


def test_a_server_that_does_not_answer_in_time_was_reached() -> None:
    assert not is_unreachable(requests.exceptions.ReadTimeout())
    assert is_unreachable(requests.exceptions.ConnectTimeout())


def test_an_interrupted_connection_says_nothing_of_the_server() -> None:
    def fail() -> None:
        raise requests.exceptions.ConnectionError

    again = Retries(wire("http://kayzen.test"), logging.getLogger("x"))
    with pytest.raises(UnavailableError) as caught:
        again.call(fail, what="the call", hint="do something")
    assert not caught.value.is_unreachable


def test_a_login_knows_it_too_and_so_do_those_that_find_it_failed() -> None:
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
