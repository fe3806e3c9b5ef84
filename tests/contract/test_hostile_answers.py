"""Answers that no server should give: the run ends with words, not with a fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from starlette.responses import Response
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    Run,
    contains,
    run_process,
    selecting,
    token_response,
)

from tap_kayzen.messages import network_messages, stream_messages

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Serve
    from support import Call

    from tap_kayzen.messages.message import Message

DIMENSIONS = b'{"day":"2026-09-01","campaign_id":1,"campaign_name":"x",'
STREAMS = ["campaigns", "campaign_performance"]
TOO_DEEP = (
    stream_messages.TOO_DEEP,
    stream_messages.NOT_DECODABLE,
    network_messages.NOT_JSON,
)


def run_on(row: bytes, stream: str, serve: Serve, folder: Path) -> Run:
    """Read a stream that has this one row, with what a report asks for."""
    row = DIMENSIONS + row.removeprefix(b"{")

    def answer(call: Call) -> Response:
        if call.path == TOKEN_PATH:
            return token_response()
        return Response(b'{"data":[' + row + b"]}", media_type="application/json")

    url, _ = serve(answer)
    days = {"start_date": "2026-09-01", "end_date": "2026-09-01"}
    config = {**SAMPLE_CONFIG, **days, "api_url": url, "max_retries": 0}
    path = folder / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return run_process("--config", path, *selecting(folder, stream))


def nested(depth: int) -> bytes:
    return b'{"id":1,"new":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    ("row", "message"),
    [
        (b'{"id":1,"name":"\xff"}', network_messages.NOT_JSON),
        (b'{"id":1,"new":' + b"9" * 4301 + b"}", stream_messages.NOT_DECODABLE),
        (b'{"id":1,"new":1e99999999999999999999}', stream_messages.NOT_DECODABLE),
        (b'{"id":1,"name":"\x00"}', network_messages.NOT_JSON),
        (nested(100_000), network_messages.NOT_JSON),
    ],
    ids=["no-utf8", "digits", "exponent", "control", "nested"],
)
def test_unreadable_responses_are_reported(
    row: bytes, message: Message, stream: str, serve: Serve, tmp_path: Path
) -> None:
    run = run_on(row, stream, serve, tmp_path)
    assert run.code == 1
    (error,) = run.errors
    assert error.startswith(stream)
    assert contains(error, message)
    assert run.records == []


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("depth", [500, 940, 970, 980, 985, 990])
def test_deep_nesting_is_kept_whole_or_reported(
    depth: int, stream: str, serve: Serve, tmp_path: Path
) -> None:
    run = run_on(nested(depth), stream, serve, tmp_path)
    if run.code:
        (error,) = run.errors
        # Where it fails depends on the version of Python.
        assert any(contains(error, message) for message in TOO_DEEP)
        assert '"RECORD"' not in run.stdout
    else:
        assert f'"new":{"[" * depth}{"]" * depth}}}' in run.stdout


@pytest.mark.parametrize("stream", STREAMS)
def test_odd_text_and_numbers_are_kept_whole(
    stream: str, serve: Serve, tmp_path: Path
) -> None:
    row = (
        rb'{"id":1,"day":"2026-09-01","campaign_id":1,"campaign_name":"x",'
        rb'"a":"\ud800\u0000","b":1e400,"c":NaN,"b":-1E-999,"\u0000":0}'
    )
    run = run_on(row, stream, serve, tmp_path)
    assert run.code == 0, run.stderr
    assert '"b":-1E-999' in run.stdout
    extra = run.records[0]["_extra"]
    assert (extra["a"], extra["c"], extra["\x00"]) == ("\ud800\x00", "NaN", 0)
