"""Attacks by hostile servers, settings, and records."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
import tracemalloc
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from report_api import warnings_in
from singer_sdk.exceptions import FatalAPIError
from starlette.responses import RedirectResponse, Response
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    catalog_of,
    contains,
    json_response,
    page_response,
    regex,
    run_process,
    selecting,
    sync,
    token_response,
)

from tap_kayzen.messages import login_messages, network_messages
from tap_kayzen.output.redaction import BODY_SHOWN
from tap_kayzen.sandbox.server import LOOPBACK
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Serve
    from support import Call, Run

LIST_PATH = "/v1/campaigns"
PLACES = {"list": LIST_PATH, "login": TOKEN_PATH}
"""Paths on which a server may attack: a page of a list, or the login."""

TOO_MUCH = {
    "list": network_messages.TOO_LARGE,
    "login": login_messages.OVERSIZED_TOKEN,
}
"""The error for a body that is too large, by place."""

MB = 10**6


def only(place: str, attack: Callable[[], Response]) -> Callable[[Call], Response]:
    """Play a server that answers well, except in one place."""

    def answer(call: Call) -> Response:
        if call.path == PLACES[place]:
            return attack()
        if call.path == TOKEN_PATH:
            return token_response()
        return page_response([{"id": 1}], total_pages=1, total_entries=1)

    return answer


def config_for(url: str, **changes: object) -> dict[str, Any]:
    return {**SAMPLE_CONFIG, "api_url": url, "max_retries": 0, **changes}


def run(folder: Path, url: str, **changes: object) -> Run:
    path = folder / "config.json"
    path.write_text(json.dumps(config_for(url, **changes)), encoding="utf-8")
    return run_process("--config", path, *selecting(folder, "campaigns"))


def bomb(megabytes: int) -> bytes:
    """Pack that many megabytes of spaces."""
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    parts = [packer.compress(b" " * MB) for _ in range(megabytes)]
    return b"".join([*parts, packer.flush()])


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    """Return bodies of 200 MB, by their encoding."""
    once = bomb(200)
    return {"gzip": once, "gzip, gzip": gzip.compress(once)}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
def test_a_compression_bomb_does_not_fill_the_memory(
    place: str,
    encoding: str,
    bombs: dict[str, bytes],
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = bombs[encoding]
    headers = {"Content-Encoding": encoding}
    url, _ = serve(only(place, lambda: Response(body, headers=headers)))
    tracemalloc.start()
    try:
        with pytest.raises(FatalAPIError, match=regex(TOO_MUCH[place])):
            sync(config_for(url, max_response_mb=1), capsys)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 30 * MB


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "headers",
    [
        {f"X-{number}": "x" for number in range(200)},
        {"X-Long": "x" * 100_000},
    ],
    ids=["many", "long"],
)
def test_endless_headers_are_not_read(
    place: str, headers: dict[str, str], serve: Serve, tmp_path: Path
) -> None:
    url, _ = serve(only(place, lambda: Response(headers=headers)))
    done = run(tmp_path, url)
    assert done.code == 1
    (error,) = done.errors
    assert "got more than" in error


class Dripping(socketserver.StreamRequestHandler):
    """Answers in one place with a body that never ends, byte by byte."""

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, DrippingServer)
        path = self.rfile.readline().split()[1].decode().partition("?")[0]
        size = 0
        for line in iter(self.rfile.readline, b"\r\n"):
            name, _, value = line.partition(b":")
            size = int(value) if name.lower() == b"content-length" else size
        self.rfile.read(size)
        if path != server.path:
            token = b'{"access_token": "token"}'
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d" % len(token))
            self.wfile.write(b"\r\nConnection: close\r\n\r\n" + token)
            return
        self.wfile.write(b"HTTP/1.1 200 OK\r\n" + server.header + b"\r\n\r\n")
        # Until the client disconnects.
        with suppress(OSError):
            while True:
                self.wfile.write(server.drop)


class DrippingServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, path: str, header: bytes, drop: bytes) -> None:
        super().__init__((LOOPBACK, 0), Dripping)
        self.path = path
        self.header = header
        self.drop = drop


CHUNKS = (b"Transfer-Encoding: chunked", b"1\r\n \r\n")
LENGTH = (b"Content-Length: 1000000000", b" ")
CLOSE = (b"Connection: close", b" ")


@pytest.mark.parametrize(
    ("place", "header", "drop"),
    [("list", *CHUNKS), ("list", *LENGTH), ("list", *CLOSE), ("login", *LENGTH)],
    ids=["chunks", "length", "close", "login"],
)
def test_the_tap_gives_up_on_an_endless_body(
    place: str, header: bytes, drop: bytes, tmp_path: Path
) -> None:
    with DrippingServer(PLACES[place], header, drop) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"http://{LOOPBACK}:{server.server_address[1]}"
            done = run(tmp_path, url, request_timeout=0.2)
        finally:
            server.shutdown()
            thread.join()
    assert done.code == 1
    (error,) = done.errors
    # On a busy machine, the server may fall silent for so long.
    assert "no answer in time" in error or "timed out" in error


@pytest.mark.parametrize("status", [302, 307])
def test_a_login_is_not_sent_to_another_host(
    status: int, serve: Serve, tmp_path: Path
) -> None:
    elsewhere, other = serve(lambda _: token_response())
    redirect = RedirectResponse(f"{elsewhere}{TOKEN_PATH}", status)
    url, _ = serve(only("login", lambda: redirect))
    done = run(tmp_path, url)
    assert done.code == 1
    assert contains(done.errors[0], login_messages.LOGIN_REDIRECTED)
    assert other.calls == []


def test_cookies_of_a_server_are_not_kept(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(call: Call) -> Response:
        good = only("list", lambda: page_response([{"id": 1}], total_pages=2))(call)
        good.set_cookie("session", "theirs")
        return good

    url, api = serve(answer)
    sync(config_for(url), capsys)
    assert len(api.calls) > 2
    assert not any("cookie" in call.headers for call in api.calls)


FORGED = "x\x1b[2J\x1b]0;owned\x07\x00\x9b1m"
"""Text that clears a terminal and renames its window."""


def unshowable(text: str) -> set[str]:
    return {each for each in text if not each.isprintable()} - {"\n"}


@pytest.mark.parametrize("place", PLACES)
def test_text_from_a_server_cannot_control_a_terminal(
    place: str, serve: Serve, tmp_path: Path
) -> None:
    words = f"{FORGED}\r\n2026-11-26 00:00:00 | ERROR | tap | forged\u2028more"
    url, _ = serve(only(place, lambda: Response(words, 403)))
    done = run(tmp_path, url)
    assert done.code == 1
    (error,) = done.errors
    assert "owned" in error
    assert "forged" in error
    assert unshowable(done.stderr) == set()


def test_names_and_values_of_rows_cannot_control_a_terminal(
    serve: Serve, tmp_path: Path
) -> None:
    line = f"{FORGED}\n2026-11-26 00:00:00 | ERROR | tap | forged"
    row = {"id": 1, line: 1, "day_budget": line, "deep": {line: 1, "api_key": 1}}
    page = page_response([row], total_pages=1, total_entries=1)
    url, _ = serve(only("list", lambda: page))
    done = run(tmp_path, url)
    assert done.code == 0
    assert done.records[0]["_extra"]["day_budget"] == line
    assert done.stderr.count("owned") >= 2
    assert unshowable(done.stderr) == set()
    assert all(len(each.split(" | ")) >= 4 for each in done.stderr.splitlines())


def test_a_long_refusal_is_searched_for_secrets_quickly(
    serve: Serve, tmp_path: Path
) -> None:
    """Some bodies would be searched for hours if patterns had no bounds."""
    secret = '&+"\\=%@ 7f3a'
    url, _ = serve(only("list", lambda: Response("\\" * 5 * MB, 403)))
    done = run(tmp_path, url, password=secret, api_secret=secret)
    assert done.code == 1
    assert "\\" * BODY_SHOWN in done.errors[0]


def test_a_secret_cut_off_in_a_long_refusal_is_hidden(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    """The cut falls before, inside, and after the secret; only spaces precede it."""
    secret = SAMPLE_CONFIG["password"]
    for length in range(29_900, 30_101, 10):
        body = " " * length + secret + " " * 30_000
        url, _ = serve(only("list", lambda body=body: Response(body, 403)))  # type: ignore[misc]
        with pytest.raises(FatalAPIError) as caught:
            sync(config_for(url), capsys)
        assert secret[:8] not in str(caught.value)


ESCAPES = (
    "__import__('os').system('touch {}')",
    "open('{}', 'w')",
    'exec(\'open("{}", "w")\')',
    'eval(\'open("{}", "w")\')',
    "().__class__.__base__.__subclasses__()",
    "name.__class__.__mro__",
    "'{{0.__class__}}'.format(name)",
    "'{{x.__class__}}'.format_map({{'x': name}})",
    "json.codecs.open('{}', 'w')",
    "json.decoder.scanner",
    "json.loads.__globals__",
    "datetime.sys.modules",
    "md5.__globals__['__builtins__']",
    "getattr(name, '__class__')",
    "(lambda: 1)()",
    "[each for each in ().__class__.__base__.__subclasses__()]",
)
"""Expressions that reach for files and the interpreter; `{}` is a file's path."""

WASTES = (
    "'x' * 10 ** 10",
    "[0] * 10 ** 10",
    "9 ** 9 ** 9",
    "1 << 10 ** 10",
    "[x for x in [0] * 50000 for y in [0] * 50000]",
)
"""Expressions that want more time or memory than there is."""


def mapped(expression: str, serve: Serve, **more: object) -> dict[str, Any]:
    """Serve a campaign; return the settings that map it to an expression."""
    page = page_response([{"id": 1, "name": "x"}], total_pages=1, total_entries=1)
    url, _ = serve(only("list", lambda: page))
    return config_for(url, stream_maps={"campaigns": {"new": expression}}, **more)


@pytest.mark.parametrize("expression", ESCAPES)
def test_a_stream_map_cannot_leave_its_row(
    expression: str, serve: Serve, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = tmp_path / "written"
    config = mapped(expression.format(target), serve)
    with pytest.raises(FatalAPIError, match=r"stream_maps\.campaigns\.new"):
        sync(config, capsys)
    assert '"RECORD"' not in capsys.readouterr().out
    assert not target.exists()


@pytest.mark.parametrize("more", [{}, {"stream_map_config": {"salt": "a salt"}}])
@pytest.mark.parametrize("name", ["password", "api_key", "api_secret"])
def test_a_stream_map_cannot_read_the_credentials(
    name: str,
    more: dict[str, Any],
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = mapped(f"config['{name}']", serve, **more)
    with pytest.raises(FatalAPIError) as caught:
        sync(config, capsys)
    captured = capsys.readouterr()
    assert '"RECORD"' not in captured.out
    assert SAMPLE_CONFIG[name] not in f"{caught.value}{captured}"


@pytest.mark.parametrize("expression", WASTES)
def test_a_stream_map_cannot_compute_endlessly(
    expression: str, serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    config = mapped(expression, serve)
    with pytest.raises(FatalAPIError, match=r"stream_maps\.campaigns\.new"):
        sync(config, capsys)


def test_ids_of_rows_do_not_change_the_address(
    serve: Serve,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Details are requested by the IDs of campaigns, which the server chooses."""
    path = "../../evil?x=#"

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        if call.path == LIST_PATH:
            rows: list[dict[str, Any]] = [{"id": 1}, {"id": path}]
            return page_response(rows, total_pages=1, total_entries=2)
        return json_response({"id": 1})

    url, api = serve(answer)
    with pytest.raises(Exception, match="without a usable") as caught:
        sync(config_for(url), capsys, catalog=catalog_of("campaign_details"))
    assert "evil" not in f"{caught.value}{caplog.text}"
    assert {call.path for call in api.calls} <= {TOKEN_PATH, LIST_PATH}
    assert not any("evil" in each for each in warnings_in(caplog))


def test_no_stream_makes_a_call_that_changes_data() -> None:
    tap = TapKayzen(config={**SAMPLE_CONFIG, "audience_api_key": "key"})
    calls = {(each.http_method, each.path) for each in tap.streams.values()}
    assert len(calls) > 20
    assert {path for method, path in calls if method != "GET"} == {"/report_data"}
