"""The token call, over a real socket."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
import requests
import time_machine
from singer_sdk.exceptions import FatalAPIError
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from support import TOKEN_PATH, json_response, token_response

from tap_kayzen.api.auth import MAX_TOKENS, KayzenAuthenticator
from tap_kayzen.api.retries import Wire
from tap_kayzen.api.throttle import Throttle
from tap_kayzen.output.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Serve
    from support import Call

NASTY = "p&a+s%20s=w@o:rd /?#\"' ünïcödé 密码 🔑"


def config_of(**changes: object) -> dict[str, Any]:
    return {
        "username": "api+reporting@kayzen.io",
        "password": "secret-password",
        "api_key": "aaa",
        "api_secret": "bbb",
        "api_url": "",
        "user_agent": "tap-kayzen/test",
        "request_timeout": 5,
        "max_retries": 2,
        "max_retry_seconds": 900,
        **changes,
    }


def session_of(config: dict[str, Any]) -> requests.Session:
    session = requests.Session()
    session.headers["User-Agent"] = config["user_agent"]
    return session


def authenticator(
    url: str, *, redactor: Redactor | None = None, **changes: object
) -> KayzenAuthenticator:
    config = config_of(api_url=url, **changes)
    throttle, redactor = Throttle(concurrency=16), redactor or Redactor(config)
    return KayzenAuthenticator(Wire(config, session_of(config), throttle, redactor))


def response_of(status: int) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    return response


class Sent:
    """A request that is on its way, with the token that it was given."""

    def __init__(self, auth: KayzenAuthenticator) -> None:
        self.request = requests.Request("GET", "http://kayzen.test/v1/orders").prepare()
        self._flow = auth.auth_flow(self.request)
        next(self._flow)

    @property
    def token(self) -> str:
        return str(self.request.headers["Authorization"]).removeprefix("Bearer ")

    def answered(self, status: int) -> bool:
        """Answer the request; return whether it is to be sent again."""
        try:
            self._flow.send(response_of(status))
        except StopIteration:
            return False
        return True


def use(auth: KayzenAuthenticator) -> requests.PreparedRequest:
    """Authenticate a request that is never sent."""
    return auth(requests.Request("GET", "http://kayzen.test/v1/campaigns").prepare())


def answers(*responses: Response) -> Callable[[Call], Response]:
    """Answer with one after the other, and with the last from then on."""
    script: Iterator[Response] = iter(responses)
    last = responses[-1]
    return lambda _: next(script, last)


def test_the_token_call_is_the_documented_one_to_the_byte(serve: Serve) -> None:
    url, api = serve(answers(token_response("opaque")))
    request = use(authenticator(url))
    assert request.headers["Authorization"] == "Bearer opaque"
    (call,) = api.calls
    assert (call.method, call.path, call.query) == ("POST", TOKEN_PATH, "")
    assert call.headers["authorization"] == "Basic YWFhOmJiYg=="
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert call.headers["accept"] == "application/json"
    assert call.headers["user-agent"] == "tap-kayzen/test"
    assert call.body == (
        b"grant_type=password&username=api%2Breporting%40kayzen.io"
        b"&password=secret-password"
    )


def test_special_characters_arrive_as_they_are(serve: Serve) -> None:
    url, api = serve(answers(token_response()))
    use(authenticator(url, username=NASTY, password=NASTY, api_secret=NASTY))
    (call,) = api.calls
    assert parse_qsl(call.body.decode(), strict_parsing=True) == [
        ("grant_type", "password"),
        ("username", NASTY),
        ("password", NASTY),
    ]
    pair = base64.b64decode(call.headers["authorization"].removeprefix("Basic "))
    assert pair.decode() == f"aaa:{NASTY}"


def test_a_netrc_entry_does_not_replace_the_key_pair(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))
    url, api = serve(answers(token_response()))
    use(authenticator(url))
    assert api.calls[0].headers["authorization"] == "Basic YWFhOmJiYg=="


@pytest.mark.parametrize(
    ("expires_in", "good", "worn"),
    [
        ("1799", 1738, 1740),
        (1799, 1738, 1740),
        ("1799.5", 1738, 1740),
        ("soon", 1738, 1740),
        (None, 1738, 1740),
        ("-5", 1738, 1740),
        ("0", 1738, 1740),
        ("Infinity", 1738, 1740),
        ("3600", 3539, 3541),
        ("30", 14, 16),
    ],
)
def test_a_token_is_renewed_a_minute_before_its_end(
    serve: Serve, expires_in: object, good: int, worn: int
) -> None:
    first = token_response("first", expires_in=expires_in)
    url, api = serve(answers(first, token_response("second")))
    auth = authenticator(url)
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        for _ in range(2):
            assert use(auth).headers["Authorization"] == "Bearer first"
        clock.shift(good)
        assert use(auth).headers["Authorization"] == "Bearer first"
        clock.shift(worn - good)
        assert use(auth).headers["Authorization"] == "Bearer second"
    assert len(api.calls) == 2


def test_a_clock_set_back_makes_no_token_immortal(serve: Serve) -> None:
    url, api = serve(answers(token_response("first"), token_response("second")))
    auth = authenticator(url)
    with time_machine.travel(1_800_000_000, tick=False) as clock:
        use(auth)
        clock.shift(-1)
        assert use(auth).headers["Authorization"] == "Bearer second"
    assert len(api.calls) == 2


def test_threads_share_one_login(serve: Serve) -> None:
    url, api = serve(answers(token_response()))
    auth, ready = authenticator(url), threading.Barrier(16)

    def work(_: int) -> str:
        ready.wait()
        return str(use(auth).headers["Authorization"])

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(work, range(16))) == {"Bearer token-1"}
    assert len(api.calls) == 1


def test_many_refusals_of_one_token_lead_to_one_new_login(serve: Serve) -> None:
    url, api = serve(answers(token_response("first"), token_response("second")))
    auth = authenticator(url)
    refused = [Sent(auth) for _ in range(16)]
    ready = threading.Barrier(16)

    def work(sent: Sent) -> str:
        ready.wait()
        assert sent.answered(401)
        return sent.token

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(work, refused)) == {"second"}
    assert len(api.calls) == 2


@pytest.mark.parametrize(
    "hiccup",
    [
        PlainTextResponse("busy", 429),
        PlainTextResponse("", 500),
        PlainTextResponse("<html>", 502),
        json_response({}, 503),
        PlainTextResponse("<html>a proxy's page", 200),
    ],
)
def test_passing_failures_are_tried_again(
    serve: Serve, waits: list[float], hiccup: Response
) -> None:
    url, api = serve(answers(hiccup, hiccup, token_response()))
    assert use(authenticator(url)).headers["Authorization"] == "Bearer token-1"
    assert len(api.calls) == 3
    assert len(waits) == 2
    assert 0.5 <= waits[0] <= 1
    assert 1 <= waits[1] <= 2


def test_retry_after_is_waited_for(serve: Serve, waits: list[float]) -> None:
    busy = PlainTextResponse("", 429, {"Retry-After": "17"})
    url, _ = serve(answers(busy, token_response()))
    use(authenticator(url))
    assert 17 <= waits[0] <= 17 * 1.1


def test_lasting_failures_end_with_advice(serve: Serve, waits: list[float]) -> None:
    url, api = serve(answers(PlainTextResponse("", 503)))
    auth = authenticator(url)
    with pytest.raises(FatalAPIError) as caught:
        use(auth)
    assert str(caught.value) == (
        f"Kayzen gave no token at {url}{TOKEN_PATH}: HTTP 503 after all retries "
        "(at most 2, within 900 s); "
        "check `api_url` and the network, or try again later"
    )
    assert len(api.calls) == 3
    assert len(waits) == 2


def test_a_login_that_is_no_json_says_so(
    serve: Serve, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    url, _ = serve(answers(PlainTextResponse("<html>a proxy's page", 200)))
    with pytest.raises(FatalAPIError) as caught:
        use(authenticator(url))
    fault = "HTTP 200 with a body that is not JSON"
    assert f"{TOKEN_PATH}: {fault} after all retries" in str(caught.value)
    assert len(caplog.messages) == len(waits) == 2
    assert caplog.messages[0].startswith(f"Login at {url}{TOKEN_PATH}: {fault}; trying")


def test_no_server_at_all_ends_with_advice(waits: list[float]) -> None:
    auth = authenticator("http://127.0.0.1:9")
    with pytest.raises(FatalAPIError, match="Connection refused after all retries"):
        use(auth)
    assert len(waits) == 2


LOGIN = "`username` and `password` (the login of the Kayzen console)"
KEYS = "`api_key` and `api_secret` (made in the console)"


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (
            json_response({"error": "Invalid login credentials"}, 401),
            f"Kayzen rejected the login pair (HTTP 401); check {LOGIN}",
        ),
        (
            json_response({"errors": [{"message": "Invalid API Key"}]}, 401),
            f"Kayzen rejected the API key pair (HTTP 401); check {KEYS}",
        ),
        (
            json_response({"api_key": "is invalid"}, 401),
            f"Kayzen rejected the API key pair (HTTP 401); check {KEYS}",
        ),
        (
            PlainTextResponse("", 401),
            (
                "Kayzen rejected the credentials without saying which (HTTP 401); "
                f"check {LOGIN}, {KEYS}"
            ),
        ),
        (
            json_response({"error": "Invalid login credentials"}, 200),
            f"Kayzen rejected the login pair (HTTP 200); check {LOGIN}",
        ),
        (
            json_response([], 422),
            (
                "Kayzen rejected the credentials without saying which (HTTP 422); "
                f"check {LOGIN}, {KEYS}"
            ),
        ),
    ],
)
def test_rejected_credentials_are_named_and_never_sent_again(
    serve: Serve, waits: list[float], response: Response, message: str
) -> None:
    url, api = serve(answers(response))
    auth = authenticator(url)
    for _ in range(3):
        with pytest.raises(FatalAPIError) as caught:
            use(auth)
        assert str(caught.value) == message
    assert len(api.calls) == 1
    assert waits == []


def test_a_wrong_address_is_told_from_wrong_credentials(serve: Serve) -> None:
    url, _ = serve(answers(json_response({}, 404)))
    with pytest.raises(FatalAPIError, match=r"No Kayzen API at .* check `api_url`"):
        use(authenticator(url))


def test_a_login_follows_no_redirect(serve: Serve) -> None:
    elsewhere, thief = serve(answers(token_response()))
    url, _ = serve(answers(RedirectResponse(elsewhere + TOKEN_PATH, 307)))
    with pytest.raises(FatalAPIError, match=r"redirects .HTTP 307.*set `api_url`"):
        use(authenticator(url))
    assert thief.calls == []


@pytest.mark.parametrize("status", [201, 202])
def test_any_success_with_a_token_is_one(serve: Serve, status: int) -> None:
    body = {"access_token": "made", "expires_in": "1799"}
    url, _ = serve(answers(json_response(body, status)))
    assert use(authenticator(url)).headers["Authorization"] == "Bearer made"


@pytest.mark.parametrize("status", [200, 405, 410])
def test_a_stranger_is_not_taken_for_a_refusal(serve: Serve, status: int) -> None:
    url, _ = serve(answers(json_response({"hello": "world"}, status)))
    with pytest.raises(FatalAPIError, match=r"No Kayzen API at .*without a token"):
        use(authenticator(url))


def test_a_token_that_no_header_can_carry_is_not_shown(serve: Serve) -> None:
    url, _ = serve(answers(token_response("S3CRET\nX")))
    with pytest.raises(FatalAPIError, match="no header can carry") as caught:
        use(authenticator(url))
    assert "S3CRET" not in str(caught.value)


def test_every_token_of_the_run_is_blotted_out(serve: Serve) -> None:
    url, _ = serve(answers(token_response("old-token"), token_response("new-token")))
    redactor = Redactor(config_of())
    auth = authenticator(url, redactor=redactor)
    assert Sent(auth).answered(401)
    assert redactor.redact("old-token new-token") == "*** ***"


def test_a_lasting_failure_is_not_gone_through_again(
    serve: Serve, waits: list[float]
) -> None:
    url, api = serve(answers(PlainTextResponse("", 503)))
    auth = authenticator(url)
    for _ in range(3):
        with pytest.raises(FatalAPIError, match="HTTP 503"):
            use(auth)
    assert len(api.calls) == 3
    assert len(waits) == 2


def numbered_tokens(serve: Serve) -> KayzenAuthenticator:
    numbers = iter(range(1, 100))
    url, _ = serve(lambda _: token_response(f"token-{next(numbers)}"))
    return authenticator(url)


def test_a_second_401_is_final(serve: Serve) -> None:
    sent = Sent(numbered_tokens(serve))
    assert sent.answered(401)
    assert sent.token == "token-2"
    assert not sent.answered(401)


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_anything_but_a_401_is_no_matter_of_the_token(
    serve: Serve, status: int
) -> None:
    sent = Sent(numbered_tokens(serve))
    assert not sent.answered(status)
    assert sent.token == "token-1"


def test_a_token_that_worked_for_others_may_be_revoked_again(serve: Serve) -> None:
    auth = numbered_tokens(serve)
    waiting, other = Sent(auth), Sent(auth)
    assert not other.answered(200)
    assert waiting.answered(401)
    # The new token works for another request, and is then revoked too.
    other = Sent(auth)
    assert not other.answered(200)
    assert waiting.answered(401)
    assert waiting.token == "token-3"
    assert not waiting.answered(401)


def test_an_old_token_says_nothing_of_the_new_one(serve: Serve) -> None:
    auth = numbered_tokens(serve)
    first, second = Sent(auth), Sent(auth)
    assert first.answered(401)
    assert not second.answered(200)
    # The first token was accepted late; the second one has not worked yet.
    assert not first.answered(401)


def test_a_request_that_is_rejected_for_ever_ends(serve: Serve) -> None:
    auth = numbered_tokens(serve)
    sent = Sent(auth)
    tries = 0
    while sent.answered(401):
        tries += 1
        assert not Sent(auth).answered(200)
    assert tries == MAX_TOKENS - 1
