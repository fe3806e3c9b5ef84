"""TLS and proxies, as companies have them."""

from __future__ import annotations

import base64
import json
import os
import socket
import socketserver
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import uvicorn
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    ScriptedApi,
    page_response,
    run_process,
    selecting,
    token_response,
)

from tap_kayzen.config.settings import SETTINGS
from tap_kayzen.messages import network_messages
from tap_kayzen.sandbox.server import LOOPBACK, listen

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

    from conftest import Serve
    from starlette.responses import Response
    from support import Call, Run

ADVICE = f"; {network_messages.CHECK_CERTIFICATE()}"


def answer(call: Call) -> Response:
    """Answer as Kayzen; the path is a whole address where this is a proxy."""
    if call.path.endswith(TOKEN_PATH):
        return token_response()
    return page_response([{"id": 1}], total_pages=1, total_entries=1)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def secure(authority: trustme.CA, tmp_path: Path) -> Generator[tuple[int, ScriptedApi]]:
    """Serve over TLS; gives the port and what has been asked."""
    api = ScriptedApi(answer)
    certificate = authority.issue_cert(LOOPBACK, "kayzen.test")
    path = tmp_path / "server.pem"
    certificate.private_key_and_cert_chain_pem.write_to_path(path)
    server = uvicorn.Server(
        uvicorn.Config(
            api, log_level="critical", ssl_certfile=path, timeout_graceful_shutdown=1
        )
    )
    with listen(LOOPBACK, 0) as listener:
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, daemon=True
        )
        thread.start()
        try:
            yield listener.getsockname()[1], api
        finally:
            server.should_exit = True
            thread.join()


class Tunnels(socketserver.ThreadingTCPServer):
    """A CONNECT proxy that connects all hosts to one port of this machine."""

    daemon_threads = True

    def __init__(self, port: int, reply: bytes) -> None:
        super().__init__((LOOPBACK, 0), Tunnel)
        self.upstream = (LOOPBACK, port)
        self.reply = reply
        self.heads: list[str] = []


class Tunnel(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Tunnels)
        lines = iter(self.rfile.readline, b"\r\n")
        server.heads.append(b"".join(lines).decode())
        self.wfile.write(server.reply + b"\r\n\r\n")
        if b"200" not in server.reply:
            return
        with socket.create_connection(server.upstream) as upstream:
            back = threading.Thread(
                target=pump, args=(upstream.recv, self.connection.sendall)
            )
            back.start()
            pump(self.connection.recv, upstream.sendall)
            with suppress(OSError):
                upstream.shutdown(socket.SHUT_RDWR)
            back.join()


def pump(read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
    with suppress(OSError):
        while data := read(1 << 16):
            write(data)


@contextmanager
def tunnels(port: int, reply: bytes = b"HTTP/1.1 200 OK") -> Generator[Tunnels]:
    with Tunnels(port, reply) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def tap(
    folder: Path,
    url: str,
    environment: dict[str, str] | None = None,
    *,
    streams: Iterable[str] = ("campaigns",),
    **changes: object,
) -> Run:
    path = folder / "config.json"
    config: dict[str, Any] = {**SAMPLE_CONFIG, "max_retries": 0, "api_url": url}
    path.write_text(json.dumps({**config, **changes}), encoding="utf-8")
    return run_process(
        "--config",
        path,
        *selecting(folder, *streams),
        env={**os.environ, **(environment or {})},
    )


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"CURL_CA_BUNDLE": ""},
        {"REQUESTS_CA_BUNDLE": ""},
        {"PYTHONHTTPSVERIFY": "0"},
        {"SSL_CERT_FILE": "", "SSL_CERT_DIR": ""},
    ],
)
def test_an_unknown_ca_ends_the_run_at_once(
    secure: tuple[int, ScriptedApi], tmp_path: Path, environment: dict[str, str]
) -> None:
    port, api = secure
    # Retries would outlast the process's time.
    run = tap(tmp_path, f"https://127.0.0.1:{port}", environment, max_retries=100)
    assert run.code == 1
    (error,) = run.errors
    assert "certificate verify failed" in error
    assert error.endswith(ADVICE)
    assert api.calls == []


@pytest.mark.parametrize("value", ["0", "False", "/no/such/file"])
def test_a_missing_ca_file_is_named(
    secure: tuple[int, ScriptedApi], tmp_path: Path, value: str
) -> None:
    port, api = secure
    run = tap(tmp_path, f"https://127.0.0.1:{port}", {"REQUESTS_CA_BUNDLE": value})
    assert run.code == 1
    (error,) = run.errors
    assert error.endswith(f"invalid path: {value}")
    assert api.calls == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_company_ca_is_trusted_if_its_file_is_set(
    secure: tuple[int, ScriptedApi], bundle: Path, tmp_path: Path, variable: str
) -> None:
    port, _ = secure
    run = tap(tmp_path, f"https://127.0.0.1:{port}", {variable: str(bundle)})
    assert run.code == 0, run.stderr
    assert len(run.records) == 1


def test_a_certificate_of_another_host_is_not_trusted(
    secure: tuple[int, ScriptedApi], bundle: Path, tmp_path: Path
) -> None:
    port, api = secure
    run = tap(
        tmp_path, f"https://localhost:{port}", {"REQUESTS_CA_BUNDLE": str(bundle)}
    )
    assert run.code == 1
    (error,) = run.errors
    assert "Hostname mismatch" in error
    assert error.endswith(ADVICE)
    assert api.calls == []


def test_the_audience_api_is_verified_too(
    secure: tuple[int, ScriptedApi], serve: Serve, tmp_path: Path
) -> None:
    url, _ = serve(answer)
    port, api = secure
    run = tap(
        tmp_path,
        url,
        streams=["audiences"],
        audience_api_key="audience-key",
        audience_url=f"https://127.0.0.1:{port}",
    )
    assert run.code == 1
    (error,) = run.errors
    assert error.endswith(ADVICE)
    assert api.calls == []


def test_no_setting_turns_verification_off() -> None:
    words = ("verify", "ssl", "tls", "cert")
    names = SETTINGS["properties"]
    assert not [name for name in names if any(word in name for word in words)]


LOGIN = "someone:hunter%40two7"
PROXY_SECRETS = (
    "someone",
    "hunter",
    base64.b64encode(b"someone:hunter@two7").decode(),
)
DEBUG = {"TAP_KAYZEN_LOGLEVEL": "DEBUG"}


def assert_hidden(run: Run) -> None:
    for secret in PROXY_SECRETS:
        assert secret not in run.stdout + run.stderr


def test_https_goes_through_the_proxy_of_the_environment(
    secure: tuple[int, ScriptedApi], bundle: Path, tmp_path: Path
) -> None:
    port, api = secure
    with tunnels(port) as proxy:
        url = f"http://{LOGIN}@127.0.0.1:{proxy.server_address[1]}"
        environment = {"HTTPS_PROXY": url, "REQUESTS_CA_BUNDLE": str(bundle), **DEBUG}
        run = tap(tmp_path, "https://kayzen.test", environment)
    assert run.code == 0, run.stderr
    assert len(run.records) == 1
    assert len(api.calls) == 2
    assert all(head.startswith("CONNECT kayzen.test:443 ") for head in proxy.heads)
    assert f"Proxy-Authorization: Basic {PROXY_SECRETS[2]}" in proxy.heads[0]
    # Kayzen's credentials are not sent to the proxy.
    assert "\nAuthorization" not in proxy.heads[0]
    assert_hidden(run)


def test_a_proxy_does_not_replace_verification(
    secure: tuple[int, ScriptedApi], tmp_path: Path
) -> None:
    port, api = secure
    with tunnels(port) as proxy:
        url = f"http://127.0.0.1:{proxy.server_address[1]}"
        run = tap(tmp_path, "https://kayzen.test", {"HTTPS_PROXY": url})
    assert run.code == 1
    assert run.errors[0].endswith(ADVICE)
    assert api.calls == []


@pytest.mark.parametrize("login", [LOGIN, "someone:hunter#two7", "someone:hunter/two7"])
def test_a_refusal_by_a_proxy_does_not_reveal_its_login(
    tmp_path: Path, login: str
) -> None:
    reply = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0"
    with tunnels(0, reply) as proxy:
        url = f"http://{login}@127.0.0.1:{proxy.server_address[1]}"
        run = tap(tmp_path, "https://kayzen.test", {"HTTPS_PROXY": url, **DEBUG})
    assert run.code == 1
    assert_hidden(run)


def test_an_unreachable_proxy_does_not_reveal_its_login(tmp_path: Path) -> None:
    with listen(LOOPBACK, 0) as listener:
        port = listener.getsockname()[1]
    url = f"http://{LOGIN}@127.0.0.1:{port}"
    run = tap(tmp_path, "https://kayzen.test", {"HTTPS_PROXY": url, **DEBUG})
    assert run.code == 1
    assert_hidden(run)


def test_no_proxy_is_looked_up_for_each_host(serve: Serve, tmp_path: Path) -> None:
    direct, api = serve(answer)
    proxy, through = serve(answer)
    run = tap(
        tmp_path,
        direct,
        {"HTTP_PROXY": proxy, "NO_PROXY": "127.0.0.1"},
        streams=["audiences", "campaigns"],
        audience_api_key="audience-key",
        audience_url="http://audience.test",
        allow_insecure_http=True,
    )
    assert run.code == 0, run.stderr
    assert [call.path for call in api.calls] == [TOKEN_PATH, "/v1/campaigns"]
    assert {call.path for call in through.calls} == {"http://audience.test/audiences"}
    assert "authorization" not in through.calls[0].headers


def test_http_goes_through_the_proxy_of_the_environment(
    serve: Serve, tmp_path: Path
) -> None:
    proxy, api = serve(answer)
    run = tap(
        tmp_path, "http://kayzen.test", {"HTTP_PROXY": proxy}, allow_insecure_http=True
    )
    assert run.code == 0, run.stderr
    assert all(call.path.startswith("http://kayzen.test/v1/") for call in api.calls)
