"""No failure prints a secret, even at DEBUG and with the output of libraries."""

from __future__ import annotations

import base64
import html
import json
import os
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
from starlette.responses import RedirectResponse, Response
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    Run,
    page_response,
    selecting,
    token_response,
)
from watchdog import finished

from tap_kayzen.messages import bug_messages, network_messages
from tap_kayzen.sandbox.server import LOOPBACK, listen, url_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Serve
    from support import Call

TOKEN = "t0k3n+/=&%:@\"'\\7f3a"
SECRETS = {
    "password": "p4ss w+o&r=d%20:@ ü\"'\\/密9c1e",
    "api_key": "k3y+&=%@ ü\"'/41d8",
    "api_secret": "s3cr3t+&=%:@ ü\"'/b6e2",
    "audience_api_key": "4ud+&=%:@ ü\"'/8c57",
}
CONFIG: dict[str, Any] = {
    **SAMPLE_CONFIG,
    **SECRETS,
    "max_retries": 0,
    "request_timeout": 20,
}
HIDDEN = {
    **SECRETS,
    "token": TOKEN,
    "Basic": f"{SECRETS['api_key']}:{SECRETS['api_secret']}",
}

ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "URL": quote,
    "URL with slashes": lambda text: quote(text, ""),
    "form": quote_plus,
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "HTML": html.escape,
    "repr": lambda text: repr(text)[1:-1],
    "repr of bytes": lambda text: repr(text.encode())[2:-1],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}
FORMS = {
    (name, encoding): encode(secret)
    for name, secret in HIDDEN.items()
    for encoding, encode in ENCODINGS.items()
}


def echo(status: int = 200, *, html_page: bool = False, token: bool = True) -> Response:
    """Throw all secrets back, in all forms and in a header too.

    Args:
        status: Status of the answer.
        html_page: Whether it is a page, not JSON.
        token: Whether the token is among them.
    """
    said = [form for (name, _), form in FORMS.items() if token or name != "token"]
    header = " ".join(form for form in said if form.isascii())
    text = "\n".join(said)
    page = f"<html>Invalid login credentials {text} {html.escape(text)}"
    body = page if html_page else json.dumps({"error": text})
    return Response(body, status, {"X-Echo": header})


def redirect(*, token: bool = True) -> Response:
    answer = echo(302, token=token)
    secrets = " ".join(HIDDEN[name] for name in HIDDEN if token or name != "token")
    answer.headers["Location"] = f"https://else.test/{quote(secrets)}"
    return answer


DEBUGGING = """\
import http.client, sys
http.client.HTTPConnection.debuglevel = 1
from tap_kayzen.__main__ import main
"""


def tap(folder: Path, *arguments: str | Path, code: str = "", **changes: object) -> Run:
    """Run the tap at DEBUG, with the debug mode of `http.client`, as a process.

    Args:
        folder: Where to put its config file.
        arguments: Its arguments; by default, a sync of the campaigns.
        code: What to do to it before it starts.
        changes: Settings.
    """
    path = folder / "config.json"
    path.write_text(json.dumps({**CONFIG, **changes}), encoding="utf-8")
    arguments = arguments or ("--config", path, *selecting(folder, "campaigns"))
    script = f"{DEBUGGING}{code}\nmain()"
    done = finished(
        [sys.executable, "-W", "always", "-c", script, *arguments],
        env={**os.environ, "TAP_KAYZEN_LOGLEVEL": "DEBUG"},
    )
    return Run(done.returncode, done.stdout, done.stderr)


def leaks(text: str) -> list[tuple[str, str]]:
    return [which for which, form in FORMS.items() if form in text]


def check(run: Run, code: int = 1) -> None:
    assert run.code == code, run.stderr
    assert leaks(run.stdout) == []
    assert leaks(run.stderr) == []
    # Nothing but messages, however much is printed.
    assert all(message["type"] for message in run.messages)


@pytest.mark.parametrize("form", FORMS)
def test_the_search_finds_each_form_of_a_secret(form: tuple[str, str]) -> None:
    assert form in leaks(f"Header: {FORMS[form]}; and more")


def test_without_the_redactor_this_would_find_secrets(
    serve: Serve, tmp_path: Path
) -> None:
    url, _ = serve(lambda _: echo(403))
    code = (
        "from tap_kayzen.output.redaction import Redactor\n"
        "Redactor.redact = lambda self, text: text\n"
    )
    run = tap(tmp_path, code=code, api_url=url)
    found = leaks(run.stderr)
    assert ("Basic", "base64") in found
    assert ("password", "form") in found
    assert leaks(run.stdout) == []
    assert "http.client: send: b'POST /v1/authentication/token" in run.stderr


LOGINS: dict[str, Callable[[], Response]] = {
    "401": lambda: echo(401, token=False),
    "403": lambda: echo(403, html_page=True, token=False),
    "422": lambda: echo(422, html_page=True, token=False),
    "500": lambda: echo(500, token=False),
    "redirect": lambda: redirect(token=False),
    "not JSON": lambda: echo(html_page=True, token=False),
    "no token": lambda: echo(token=False),
    "unusable token": lambda: token_response(f"{SECRETS['password']}\n{TOKEN}"),
}
ANSWERS: dict[str, Callable[[bool], Response]] = {
    "401": lambda token: echo(401, token=token),
    "403": lambda token: echo(403, token=token),
    "404": lambda token: echo(404, html_page=True, token=token),
    "422": lambda token: echo(422, token=token),
    "429": lambda token: echo(429, token=token),
    "500": lambda token: echo(500, html_page=True, token=token),
    "redirect": lambda token: redirect(token=token),
    "not JSON": lambda token: echo(html_page=True, token=token),
    "no list": lambda token: echo(token=token),
}


@pytest.mark.parametrize("failure", LOGINS)
def test_a_failed_login_shows_no_secret(
    serve: Serve, tmp_path: Path, failure: str
) -> None:
    url, api = serve(lambda _: LOGINS[failure]())
    check(tap(tmp_path, api_url=url))
    assert len(api.calls) == 1


@pytest.mark.parametrize("stream", ["campaigns", "audiences"])
@pytest.mark.parametrize("failure", ANSWERS)
def test_a_failed_request_shows_no_secret(
    serve: Serve, tmp_path: Path, failure: str, stream: str
) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response(TOKEN)
        # The other host has not seen it, and the tap may not have got it yet.
        return ANSWERS[failure](stream == "campaigns")

    url, _ = serve(answer)
    check(
        tap(
            tmp_path,
            "--config",
            tmp_path / "config.json",
            *selecting(tmp_path, stream),
            api_url=url,
            audience_url=url,
        )
    )


def test_retries_show_no_secret(serve: Serve, tmp_path: Path) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response(TOKEN)
        return echo(500)

    url, api = serve(answer)
    check(tap(tmp_path, api_url=url, max_retries=1))
    assert len(api.to("/v1/campaigns")) == 2


def test_a_successful_run_shows_no_secret(serve: Serve, tmp_path: Path) -> None:
    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response(TOKEN)
        return page_response([{"id": 1}], total_pages=1, total_entries=1)

    url, _ = serve(answer)
    run = tap(tmp_path, api_url=url)
    check(run, code=0)
    assert run.records[0]["id"] == 1


def test_an_unreachable_server_shows_no_secret(tmp_path: Path) -> None:
    with listen(LOOPBACK, 0) as listener:
        url = url_of(listener)
        check(tap(tmp_path, api_url=url, request_timeout=0.2))
    check(tap(tmp_path, api_url=url))


@pytest.mark.parametrize(
    "changes",
    [
        {"api_secret": [SECRETS["api_secret"]]},
        {"api_key": HIDDEN["Basic"]},
        {"api_url": f"https://me:{quote(SECRETS['password'], '')}@api.kayzen.io"},
        {"api_url": f"https://api.kayzen.io/?key={quote(SECRETS['password'])}"},
        {"start_date": SECRETS["password"]},
        {"stream_maps": SECRETS["password"]},
        {"reports": [{"name": SECRETS["password"]}]},
        {"reports": [SECRETS["password"]]},
    ],
)
def test_bad_settings_show_no_secret(tmp_path: Path, changes: dict[str, Any]) -> None:
    check(tap(tmp_path, **changes))


@pytest.mark.parametrize("option", ["--config", "--state", "--catalog"])
@pytest.mark.parametrize(
    "content", ['{"x": "%s"', '["%s"]', '"%s"', '{"streams": "%s"}', '"%s": {']
)
def test_a_bad_file_shows_no_secret(tmp_path: Path, option: str, content: str) -> None:
    path = tmp_path / "bad.json"
    secret = json.dumps(SECRETS["password"])[1:-1]
    path.write_text(content % secret)
    config = () if option == "--config" else ("--config", tmp_path / "config.json")
    check(tap(tmp_path, *config, option, path, api_url="http://127.0.0.1:1"))


def test_json_instead_of_a_path_shows_no_secret(tmp_path: Path) -> None:
    check(tap(tmp_path, "--config", json.dumps(CONFIG)))


FAULT = f"""
from tap_kayzen.api.transport import Transport
def fetch(self, *args, **options):
    import gc, os, signal, threading, warnings
    secrets = {list(HIDDEN.values())!r}
    self._redactor.add([{TOKEN!r}])
    def fail():
        raise KeyError(*secrets)
    class Late:
        def __del__(self):
            fail()
    warnings.warn(str(secrets))
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    Late()
    gc.collect()
    {{}}
Transport.fetch = fetch
"""


def test_a_bug_in_the_tap_shows_no_secret(tmp_path: Path) -> None:
    run = tap(tmp_path, code=FAULT.format("fail()"))
    check(run)
    assert run.stderr.count("Traceback") >= 3
    assert bug_messages.REPORT_IT() in run.stderr
    assert "UserWarning" in run.stderr


def test_an_uncaught_error_shows_no_secret(tmp_path: Path) -> None:
    run = tap(tmp_path, code=FAULT.format("raise BaseException(*secrets)"))
    check(run)
    assert "Traceback" in run.stderr


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_shows_no_secret(tmp_path: Path, name: str, code: int) -> None:
    run = tap(tmp_path, code=FAULT.format(f"os.kill(os.getpid(), signal.{name})"))
    check(run, code)
    assert f"Stopped by {name}" in run.stderr


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_another_host_gets_no_request(
    serve: Serve, tmp_path: Path, status: int
) -> None:
    elsewhere, other = serve(lambda _: page_response([]))

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response(TOKEN)
        return RedirectResponse(f"{elsewhere}{call.path}", status)

    url, _ = serve(answer)
    run = tap(tmp_path, api_url=url)
    check(run)
    assert network_messages.REDIRECTED(status=status) in run.stderr
    assert other.calls == []
