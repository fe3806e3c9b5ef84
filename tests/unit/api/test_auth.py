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
from support import TOKEN_PATH, contains, json_response, regex, token_response

from tap_kayzen.api.auth import KayzenAuthenticator
from tap_kayzen.api.errors import RefusedError, StaleTokenError, StoppedError
from tap_kayzen.api.rejections import (
    CALM_SECONDS,
    MAX_TOKENS,
    MAX_UNLIKELY_TOKENS,
    MAX_UNPROVEN_TOKENS,
    MIN_WAIT_SECONDS,
    WAIT_FACTORS,
    Rejections,
    Subject,
    subject_of,
)
from tap_kayzen.api.retries import Wire
from tap_kayzen.api.throttle import Read, Throttle
from tap_kayzen.messages import login_messages, network_messages, stream_messages
from tap_kayzen.messages.login_messages import (
    REJECTED_CREDENTIALS,
    REJECTED_KEY,
    REJECTED_LOGIN,
    UNUSABLE_TOKEN,
)
from tap_kayzen.output.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from conftest import Serve
    from support import Call

    from tap_kayzen.messages.message import Message

NASTY = "p&a+s%20s=w@o:rd /?#\"' ünïcödé 密码 🔑"


DOCUMENTED_PAIR: dict[str, Any] = {"api_key": "aaa", "api_secret": "bbb"}


def config_of(**changes: object) -> dict[str, Any]:
    return {
        "username": "api+reporting@kayzen.io",
        "password": "secret-password",
        "api_key": "key-of-a-test",
        "api_secret": "secret-of-a-test",
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

    def __init__(self, auth: KayzenAuthenticator, path: str = "orders") -> None:
        url = f"http://kayzen.test/v1/{path}"
        self.request = requests.Request("GET", url).prepare()
        self._flow = auth.auth_flow(self.request)
        next(self._flow)

    @property
    def token(self) -> str:
        return str(self.request.headers["Authorization"]).removeprefix("Bearer ")

    def answered(self, status: int, body: bytes = b"") -> bool:
        """Answer the request; return whether it is to be sent again."""
        try:
            self._flow.send((response_of(status), body))
        except StopIteration:
            return False
        return True

    def refused(self, body: bytes = b"") -> RefusedError:
        """Reject the token; return the error that comes of it."""
        with pytest.raises(RefusedError) as caught:
            self.answered(401, body)
        assert caught.value.status == 401
        return caught.value

    def rejected(self) -> int:
        """Reject all tokens; return how many there were."""
        tokens = {self.token}
        while True:
            try:
                assert self.answered(401)
            except RefusedError:
                return len(tokens)
            tokens.add(self.token)


def accept(auth: KayzenAuthenticator, path: str = "orders") -> None:
    assert not Sent(auth, path).answered(200)


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
    request = use(authenticator(url, **DOCUMENTED_PAIR))
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


def test_special_characters_arrive_unchanged(serve: Serve) -> None:
    url, api = serve(answers(token_response()))
    use(authenticator(url, username=NASTY, password=NASTY, api_secret=NASTY))
    (call,) = api.calls
    assert parse_qsl(call.body.decode(), strict_parsing=True) == [
        ("grant_type", "password"),
        ("username", NASTY),
        ("password", NASTY),
    ]
    pair = base64.b64decode(call.headers["authorization"].removeprefix("Basic "))
    assert pair.decode() == f"key-of-a-test:{NASTY}"


def test_a_netrc_entry_does_not_replace_the_key_pair(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password wrong\n")
    monkeypatch.setenv("NETRC", str(netrc))
    url, api = serve(answers(token_response()))
    use(authenticator(url, **DOCUMENTED_PAIR))
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
def test_a_token_is_renewed_a_minute_before_it_expires(
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


def test_a_clock_set_back_does_not_extend_a_token(serve: Serve) -> None:
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


@pytest.mark.usefixtures("waits")
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
def test_transient_failures_are_retried(
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


def test_permanent_failures_end_with_a_hint(serve: Serve, waits: list[float]) -> None:
    url, api = serve(answers(PlainTextResponse("", 503)))
    auth = authenticator(url)
    with pytest.raises(FatalAPIError) as caught:
        use(auth)
    assert str(caught.value) == login_messages.LOGIN_FAILED(
        url=f"{url}{TOKEN_PATH}",
        cause=network_messages.GAVE_UP(
            reason="HTTP 503", retries=2, max_retries=2, seconds=900
        ),
        hint=login_messages.RETRY_LOGIN(),
    )
    assert len(api.calls) == 3
    assert len(waits) == 2


def test_a_login_response_that_is_not_json_is_reported(
    serve: Serve, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    url, _ = serve(answers(PlainTextResponse("<html>a proxy's page", 200)))
    with pytest.raises(FatalAPIError) as caught:
        use(authenticator(url))
    fault = network_messages.NOT_JSON(status=200)
    assert f"{TOKEN_PATH} failed: {fault}; gave up after 2 of 2" in str(caught.value)
    assert len(caplog.messages) == len(waits) == 2
    assert caplog.messages[0].startswith(f"Login at {url}{TOKEN_PATH}: {fault}; ")
    assert contains(caplog.messages[0], network_messages.RETRYING)
    assert caplog.messages[0].endswith(" s (retry 1 of 2)")


def test_an_unreachable_server_ends_with_a_hint(waits: list[float]) -> None:
    auth = authenticator("http://127.0.0.1:9")
    with pytest.raises(FatalAPIError, match="Connection refused; gave up after 2 of 2"):
        use(auth)
    assert len(waits) == 2


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, '{"error": "Invalid login credentials"}', REJECTED_LOGIN),
        (200, '{"error": "Invalid login credentials"}', REJECTED_LOGIN),
        (400, '{"error": "invalid_grant"}', REJECTED_LOGIN),
        (401, '{"errors": [{"msg": "Invalid API Key"}]}', REJECTED_KEY),
        (401, '{"error": "api_key is invalid"}', REJECTED_KEY),
        (400, '{"Error": "Invalid client id : x. ClientId is Invalid"}', REJECTED_KEY),
        (401, '{"ErrorCode": "invalid_client"}', REJECTED_KEY),
        (401, "Invalid Client Identifier", REJECTED_KEY),
        (401, "no apiproduct match found", REJECTED_KEY),
        (401, "Invalid login credentials or API key", REJECTED_CREDENTIALS),
        (401, "", REJECTED_CREDENTIALS),
        (422, "[]", REJECTED_CREDENTIALS),
    ],
)
def test_rejected_credentials_are_named_and_never_sent_again(
    serve: Serve, waits: list[float], status: int, body: str, message: Message
) -> None:
    url, api = serve(answers(PlainTextResponse(body, status)))
    auth = authenticator(url)
    for _ in range(3):
        with pytest.raises(FatalAPIError) as caught:
            use(auth)
        expected = message(status=status, response=body or "(empty body)")
        assert str(caught.value) == expected
    assert len(api.calls) == 1
    assert waits == []


def test_a_rejected_login_is_quoted_without_its_secrets(serve: Serve) -> None:
    body = {"Error": "Invalid client id : key-of-a-test. ClientId is Invalid"}
    url, _ = serve(answers(json_response(body, 400)))
    with pytest.raises(FatalAPIError, match=r"Invalid client id : \*\*\*. ClientId"):
        use(authenticator(url))


@pytest.mark.parametrize("status", [429, 500])
def test_a_rate_limit_of_logins_slows_all_requests(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    held: list[float] = []
    monkeypatch.setattr(Throttle, "refused", lambda _, __, wait: held.append(wait))
    code = "policies.ratelimit.SpikeArrestViolation"
    limit = json_response({"fault": {"detail": {"errorcode": code}}}, status)
    url, api = serve(answers(limit, token_response()))
    assert use(authenticator(url)).headers["Authorization"] == "Bearer token-1"
    assert len(api.calls) == 2
    assert len(held) == 1


def test_a_wrong_address_is_not_taken_for_wrong_credentials(serve: Serve) -> None:
    url, _ = serve(answers(json_response({}, 404)))
    with pytest.raises(FatalAPIError, match=regex(login_messages.NO_API)):
        use(authenticator(url))


def test_a_login_follows_no_redirect(serve: Serve) -> None:
    elsewhere, thief = serve(answers(token_response()))
    url, _ = serve(answers(RedirectResponse(elsewhere + TOKEN_PATH, 307)))
    with pytest.raises(FatalAPIError, match=regex(login_messages.LOGIN_REDIRECTED)):
        use(authenticator(url))
    assert thief.calls == []


@pytest.mark.parametrize("status", [201, 202])
def test_any_success_status_with_a_token_is_a_login(serve: Serve, status: int) -> None:
    body = {"access_token": "made", "expires_in": "1799"}
    url, _ = serve(answers(json_response(body, status)))
    assert use(authenticator(url)).headers["Authorization"] == "Bearer made"


@pytest.mark.parametrize("status", [200, 405, 410])
def test_another_server_is_not_taken_for_a_refusal(serve: Serve, status: int) -> None:
    url, _ = serve(answers(json_response({"hello": "world"}, status)))
    with pytest.raises(FatalAPIError, match=regex(login_messages.NO_API)):
        use(authenticator(url))


def test_a_token_that_no_header_can_carry_is_not_shown(serve: Serve) -> None:
    url, _ = serve(answers(token_response("S3CRET\nX")))
    with pytest.raises(FatalAPIError, match=regex(UNUSABLE_TOKEN)) as caught:
        use(authenticator(url))
    assert "S3CRET" not in str(caught.value)


@pytest.mark.usefixtures("waits")
def test_every_token_of_the_run_is_masked(serve: Serve) -> None:
    url, _ = serve(answers(token_response("old-token"), token_response("new-token")))
    redactor = Redactor(config_of())
    auth = authenticator(url, redactor=redactor)
    assert Sent(auth).answered(401)
    assert redactor.redact("old-token new-token") == "*** ***"


def test_a_permanent_failure_is_not_retried_by_later_calls(
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


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_only_http_401_replaces_the_token(serve: Serve, status: int) -> None:
    sent = Sent(numbered_tokens(serve))
    assert not sent.answered(status)
    assert sent.token == "token-1"


NO_RIGHT = (
    b'{"fault": {"faultstring": "Invalid API call as no apiproduct match found"}}',
    b'{"errorcode": "keymanagement.service.InvalidAPICallAsNoApiProductMatchFound"}',
    b"APIResource /v1/orders does not exist",
    b"no API PRODUCT has this",
)


@pytest.mark.parametrize("body", NO_RIGHT)
def test_a_key_without_the_right_to_a_path_keeps_its_token(
    serve: Serve, body: bytes
) -> None:
    auth = numbered_tokens(serve)
    for _ in range(3):
        error = Sent(auth).refused(body)
        assert error.cause == stream_messages.NO_ACCESS_FOR_KEY()
        # That of the stream is put there by who has it.
        assert error.hint == ""
        assert error.words
    accept(auth, "campaigns")
    assert Sent(auth).token == "token-1"


@pytest.mark.parametrize(
    "errorcode", ["invalid_access_token", "access_token_expired", "none"]
)
def test_an_expired_token_is_replaced_at_once(
    serve: Serve, waits: list[float], errorcode: str
) -> None:
    auth = numbered_tokens(serve)
    accept(auth, "campaigns")
    sent = Sent(auth)
    assert sent.answered(401, f"keymanagement.service.{errorcode}".encode())
    assert sent.token == "token-2"
    assert not sent.answered(200)
    assert waits == []


def test_a_forbidden_path_costs_three_logins_once(
    serve: Serve, waits: list[float]
) -> None:
    auth = numbered_tokens(serve)
    accept(auth, "campaigns")
    sent = Sent(auth)
    assert sent.rejected() == MAX_UNPROVEN_TOKENS == 3
    # The first had worked for others. The second may be one that another process ended.
    assert len(waits) == 1
    assert 1 <= waits[0] <= 3
    # What follows is refused with the same token, which is good for others.
    assert Sent(auth).refused().cause == stream_messages.TOKENS_REJECTED()
    accept(auth, "campaigns")
    assert Sent(auth).token == sent.token == "token-3"


def test_a_refusal_names_its_possible_causes(serve: Serve, waits: list[float]) -> None:
    sent = Sent(numbered_tokens(serve))
    while sent.token != "token-3":
        assert sent.answered(401)
    error = sent.refused(b"Authentication error")
    assert error.cause == stream_messages.TOKENS_REJECTED()
    assert error.hint == ""
    assert error.words == "Authentication error"
    assert waits


def test_a_path_accepted_after_a_refusal_is_retried_as_usual(
    serve: Serve, waits: list[float]
) -> None:
    auth = numbered_tokens(serve)
    accept(auth, "campaigns")
    assert Sent(auth).rejected() == MAX_UNPROVEN_TOKENS
    accept(auth)
    assert Sent(auth).rejected() == MAX_TOKENS
    assert waits


def test_fewer_tokens_are_tried_if_nothing_is_accepted(
    serve: Serve, waits: list[float]
) -> None:
    auth = numbered_tokens(serve)
    assert Sent(auth, "app_lists").rejected() == MAX_UNPROVEN_TOKENS
    waits.clear()
    assert Sent(auth, "campaigns").rejected() == MAX_UNLIKELY_TOKENS
    assert Sent(auth, "creatives").rejected() == MAX_UNLIKELY_TOKENS
    assert len(waits) == 2
    assert all(1 <= wait <= 3 for wait in waits)


def test_a_path_that_is_refused_for_all_advertisers_costs_few_logins(
    serve: Serve, waits: list[float]
) -> None:
    auth = numbered_tokens(serve)
    accept(auth, "campaigns")
    tokens = [Sent(auth, f"orders?advertiser_id={n}").rejected() for n in (1, 2, 3)]
    assert tokens == [MAX_UNPROVEN_TOKENS, MAX_UNLIKELY_TOKENS, MAX_UNLIKELY_TOKENS]
    accept(auth, "orders?advertiser_id=4")
    assert Sent(auth, "orders?advertiser_id=5").rejected() == MAX_UNPROVEN_TOKENS
    assert waits


def test_a_shared_login_is_named_eventually(serve: Serve, waits: list[float]) -> None:
    auth = numbered_tokens(serve)
    accept(auth, "orders?page=1")
    sent = Sent(auth, "orders?page=2")
    for _ in range(MAX_TOKENS - 1):
        assert sent.answered(401)
    error = sent.refused()
    assert error.cause == stream_messages.TOKENS_REVOKED()
    assert error.hint == stream_messages.ONE_PROCESS()
    # At once, and then ever later, since no token was of any use.
    assert len(waits) == len(WAIT_FACTORS)
    for wait, spread in zip(waits, WAIT_FACTORS, strict=True):
        assert MIN_WAIT_SECONDS <= wait <= spread * MIN_WAIT_SECONDS


@pytest.mark.parametrize(("turn", "shortest"), [(0.1, 1), (2, 4), (10, 20), (99, 20)])
def test_waits_are_longer_if_turns_are_rare(turn: float, shortest: float) -> None:
    """Otherwise, a token would end before its process has had its turn."""
    rejections = Rejections()
    waits = [
        rejections.record_rejected(1, had_worked=True, turn_seconds=turn)
        for _ in range(20)
    ]
    assert waits[0] == 0
    assert all(shortest <= wait <= 3 * shortest for wait in waits[1:])
    waits = [
        rejections.record_rejected(1, had_worked=False, turn_seconds=turn)
        for _ in range(20)
    ]
    assert all(shortest <= wait <= min(60, 16 * shortest) for wait in waits)


def test_a_request_is_sent_with_the_newest_token(serve: Serve) -> None:
    auth = numbered_tokens(serve)
    accept(auth)
    waiting, other = Sent(auth), Sent(auth)
    assert other.answered(401)
    auth.refresh(waiting.request)
    assert waiting.token == "token-2"


def test_a_request_is_not_sent_with_a_token_that_was_rejected(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    auth = numbered_tokens(serve)
    accept(auth)
    waiting, other = Sent(auth), Sent(auth)
    monkeypatch.setattr(auth, "update_access_token", lambda: None)
    assert other.answered(401)
    with pytest.raises(StaleTokenError):
        auth.refresh(waiting.request)


def test_waits_do_not_grow_while_tokens_are_used(
    serve: Serve, waits: list[float]
) -> None:
    auth = numbered_tokens(serve)
    for _ in range(20):
        accept(auth)
        sent = Sent(auth)
        assert sent.answered(401)
        assert not sent.answered(200)
    assert len(waits) == 19
    assert all(1 <= wait <= 3 for wait in waits)


def test_a_token_rejected_from_the_start_causes_a_wait(
    serve: Serve, waits: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Other processes may have started at the same time."""
    sent = Sent(numbered_tokens(serve))
    assert sent.answered(401)
    assert sent.answered(401)
    first, second = caplog.messages
    assert contains(first, login_messages.TOKEN_REVOKED)
    assert contains(second, login_messages.TOKEN_REVOKED)
    assert sent.token == "token-3"
    assert len(waits) == 2
    assert 1 <= waits[0] <= 3
    assert 1 <= waits[1] <= 6


def test_a_token_that_lived_for_long_is_replaced_at_once(
    serve: Serve, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    auth, now = numbered_tokens(serve), [0.0]
    monkeypatch.setattr(Throttle, "now", lambda _: now[0])
    accept(auth)
    for age, waited in [(1, 0), (1, 1), (CALM_SECONDS, 1), (1, 2)]:
        sent = Sent(auth)
        now[0] += age
        assert sent.answered(401)
        assert not sent.answered(200)
        assert len(waits) == waited


def test_many_rejections_of_one_token_wait_once(
    serve: Serve, waits: list[float]
) -> None:
    auth = numbered_tokens(serve)
    accept(auth)
    for number in (1, 2):
        on_the_way = [Sent(auth) for _ in range(8)]
        assert {sent.token for sent in on_the_way} == {f"token-{number}"}
        assert all(sent.answered(401) for sent in on_the_way)
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("others", "tokens"),
    [
        ("orders?page=7", MAX_TOKENS),
        ("orders?page=7&advertiser_id=8", MAX_UNPROVEN_TOKENS),
        ("campaigns/3/detail", MAX_UNPROVEN_TOKENS),
    ],
)
def test_only_similar_requests_prove_access(
    serve: Serve, waits: list[float], others: str, tokens: int
) -> None:
    auth = numbered_tokens(serve)
    accept(auth, others)
    assert Sent(auth).rejected() == tokens
    assert waits


def test_requests_that_differ_only_in_ids_are_similar(
    serve: Serve, waits: list[float]
) -> None:
    auth = numbered_tokens(serve)
    accept(auth, "campaigns/3/detail?advertiser_id=7")
    sent = Sent(auth, "campaigns/44/detail?advertiser_id=7")
    assert sent.rejected() == MAX_TOKENS
    assert waits


def test_a_report_is_identified_by_the_advertiser_in_its_body() -> None:
    def subject(**body: object) -> Subject:
        url = "http://kayzen.test/v1/report_data"
        return subject_of(requests.Request("POST", url, json=body).prepare())

    assert subject(advertiser_id=7, page=1) == subject(page=2, advertiser_id=7)
    assert subject(advertiser_id=7) != subject(advertiser_id=8) != subject()


def test_stop_ends_the_wait_for_a_new_login(serve: Serve) -> None:
    auth = numbered_tokens(serve)
    sent = Sent(auth)
    throttle, read = auth._wire.throttle, Read()  # noqa: SLF001
    throttle.stop(read)
    with pytest.raises(StoppedError), throttle.assigned_to(read):
        sent.answered(401)
