"""Retried failures and their delays; on raw sockets where HTTP itself breaks."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
import requests
import time_machine
from singer_sdk.exceptions import FatalAPIError
from support import SAMPLE_CONFIG, sync

from tap_kayzen.api.errors import TransientError, UnavailableError
from tap_kayzen.api.retries import (
    MAX_BACKOFF_SECONDS,
    MAX_RETRY_AFTER_SECONDS,
    Retries,
    Wire,
    check_transient,
    is_rate_limit,
    is_transient,
    retry_after,
    wait_after,
)
from tap_kayzen.api.throttle import Throttle
from tap_kayzen.messages import network_messages
from tap_kayzen.output.redaction import Redactor

if TYPE_CHECKING:
    from collections.abc import Generator


def answer(retry: str | None) -> requests.Response:
    response = requests.Response()
    if retry is not None:
        response.headers["Retry-After"] = retry
    return response


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("soon", 0),
        ("17", 17),
        ("1.5", 1.5),
        ("-5", 0),
        ("nan", 0),
        ("inf", MAX_RETRY_AFTER_SECONDS),
        ("86400", MAX_RETRY_AFTER_SECONDS),
        ("Fri, 31 Dec 9999 23:59:59 -1200", 300),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ],
)
def test_retry_after_in_all_forms(header: str | None, seconds: float) -> None:
    assert retry_after(answer(header)) == seconds


def test_retry_after_as_a_date() -> None:
    moment = datetime(2026, 11, 10, 12, tzinfo=timezone.utc)
    later = format_datetime(moment + timedelta(seconds=100), usegmt=True)
    with time_machine.travel(moment, tick=False):
        assert retry_after(answer(later)) == 100


@pytest.mark.parametrize(
    ("tries", "bound"), [(1, 1), (2, 2), (6, 32), (7, 60), (100, MAX_BACKOFF_SECONDS)]
)
def test_waits_grow_to_a_bound(tries: int, bound: float) -> None:
    waits = [wait_after(None, tries) for _ in range(200)]
    assert bound / 2 <= min(waits) < max(waits) <= bound


def test_only_transient_statuses_are_retried() -> None:
    transient = {status for status in range(100, 600) if is_transient(status)}
    assert transient == {408, 425, 429, *range(500, 600)}


LIMIT = b'{"fault": {"detail": {"errorcode": "policies.ratelimit.QuotaViolation"}}}'


def test_a_rate_limit_is_recognized_by_its_status_or_body() -> None:
    limits = {status for status in range(100, 600) if is_rate_limit(status, b"")}
    assert limits == {429, 503}
    limits = {status for status in range(100, 600) if is_rate_limit(status, LIMIT)}
    assert limits == {429, *range(500, 600)}
    assert is_rate_limit(500, LIMIT.upper())
    assert not is_rate_limit(500, b"Internal Server Error")


@pytest.mark.parametrize(
    ("status", "body", "message", "is_limit"),
    [
        (500, LIMIT, "HTTP 500 (rate limit)", True),
        (429, LIMIT, "HTTP 429 (rate limit)", True),
        (429, b"", "HTTP 429", True),
        (503, b"", "HTTP 503", True),
        (500, b"", "HTTP 500", False),
    ],
)
def test_a_transient_error_knows_whether_it_is_a_rate_limit(
    status: int, body: bytes, message: str, is_limit: object
) -> None:
    response = answer(None)
    response.status_code = status
    with pytest.raises(TransientError) as caught:
        check_transient(response, body, bytes.decode)
    assert str(caught.value) == message
    assert caught.value.is_rate_limit is is_limit
    assert caught.value.words == body.decode()


HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
TOKEN = b'{"access_token": "t", "expires_in": "1799"}'
PAGE = b'{"data": [{"id": 1}], "meta": {"total_pages": 1, "total_entries": 1}}'


def whole(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


CUT = HEAD + b"Content-Length: 500\r\n\r\n" + PAGE
CUT_CHUNK = HEAD + b"Transfer-Encoding: chunked\r\n\r\n40\r\n" + PAGE[:20]
BROKEN_GZIP = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"
NOT_HTTP = b"SSH-2.0-OpenSSH\r\n"
NOTHING = b""


@contextmanager
def raw_server(answers: list[bytes]) -> Generator[str]:
    """Answer each connection with its bytes and close it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for each in answers:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(each)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("broken", [CUT, CUT_CHUNK, BROKEN_GZIP, NOT_HTTP, NOTHING])
def test_broken_responses_are_requested_again(
    broken: bytes, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    answers = [broken, whole(TOKEN), broken, broken, whole(PAGE)]
    with raw_server(answers) as url:
        run = sync({**SAMPLE_CONFIG, "api_url": url}, capsys)
    assert run.records == [{"id": 1}]
    assert len(waits) == 3


def test_the_tap_gives_up_on_a_server_that_never_responds(
    capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = {**SAMPLE_CONFIG, "api_url": url}
        with pytest.raises(
            FatalAPIError, match="response timed out; gave up after 1 of 1"
        ):
            sync({**config, "request_timeout": 0.1, "max_retries": 1}, capsys)
    assert len(waits) == 1


class Clock(Throttle):
    """A throttle whose time passes only by waiting."""

    time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


def calls_until_the_end(retries: int, seconds: float, clock: Clock) -> int:
    """Return how many calls are made; check that the error counts the retries."""
    made = 0

    def fail() -> None:
        nonlocal made
        made += 1
        raise requests.exceptions.ConnectionError

    config = {"max_retries": retries, "max_retry_seconds": seconds}
    wire = Wire(config, requests.Session(), clock, Redactor(SAMPLE_CONFIG))
    again = Retries(wire, logging.getLogger("x"))
    with pytest.raises(UnavailableError) as caught:
        again.call(fail, what="the call", hint="do something")
    cause = network_messages.GAVE_UP(
        reason="ConnectionError", retries=made - 1, max_retries=retries, seconds=seconds
    )
    assert str(caught.value) == f"the call: {cause}; do something"
    return made


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_retries_are_limited_in_number(retries: int) -> None:
    assert calls_until_the_end(retries, 900, Clock(concurrency=1)) == retries + 1


def test_retries_are_limited_in_time() -> None:
    clock = Clock(concurrency=1)
    # The last wait is cut short, for a last try at the end.
    assert 7 <= calls_until_the_end(1000, 100, clock) <= 10
    assert clock.time == pytest.approx(100)
    assert calls_until_the_end(1000, 0, Clock(concurrency=1)) == 1
