"""Signals that come while the target does not read."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from support import (
    SAMPLE_CONFIG,
    TOKEN_PATH,
    page_response,
    selecting,
    token_response,
)
from watchdog import watched

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from conftest import Serve
    from starlette.responses import Response
    from support import Call

TAP = """
import sys
from tap_kayzen.output import writer
from tap_kayzen.__main__ import main
writer.GRACE_SECONDS = float(sys.argv.pop(1))
main()
"""

SIZE = 20
"""Rows of a page."""

SIGNALS = pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)


def endless(call: Call) -> Response:
    if call.path == TOKEN_PATH:
        return token_response()
    number = int(call.query.partition("page=")[2].partition("&")[0])
    # Few enough bytes for a socket: the server must not be left with half an answer.
    rows = [{"id": number * SIZE + each, "name": "x" * 2_000} for each in range(SIZE)]
    return page_response(rows, total_pages=1_000_000)


@pytest.fixture
def command(serve: Serve, tmp_path: Path) -> list[str | Path]:
    url, _ = serve(endless)
    config = tmp_path / "config.json"
    config.write_text(json.dumps({**SAMPLE_CONFIG, "api_url": url, "page_size": SIZE}))
    return ["--config", config, *selecting(tmp_path, "campaigns")]


@pytest.fixture
def pipe() -> Generator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with suppress(OSError):
            os.close(end)


def wait_until_full(write_end: int, process: subprocess.Popen[str]) -> None:
    while select.select((), (write_end,), (), 0)[1]:
        with suppress(subprocess.TimeoutExpired):
            pytest.fail(f"exit code {process.wait(0.01)}")


def drained(read_end: int) -> bytes:
    received = b""
    while chunk := os.read(read_end, 65_536):
        received += chunk
    return received


@SIGNALS
def test_a_line_is_finished_if_the_target_resumes_reading(
    command: list[str | Path], pipe: tuple[int, int], number: int, code: int
) -> None:
    read_end, write_end = pipe
    # More than the machine may be busy for; the tap waits for a second.
    arguments = [sys.executable, "-c", TAP, "30", *command]
    with watched(arguments, stdout=write_end, stderr=subprocess.PIPE) as process:
        wait_until_full(write_end, process)
        os.close(write_end)
        process.send_signal(number)
        assert process.stderr is not None
        assert any("Stopped by" in line for line in process.stderr)
        received = drained(read_end)
    assert process.returncode == code
    assert received.endswith(b"}\n")
    types = [json.loads(line)["type"] for line in received.splitlines()]
    assert types[0] == "SCHEMA"
    assert set(types[1:]) == {"RECORD"}


@SIGNALS
def test_a_target_that_stops_reading_does_not_block_the_exit(
    command: list[str | Path], pipe: tuple[int, int], number: int, code: int
) -> None:
    arguments = [sys.executable, "-m", "tap_kayzen", *command]
    with watched(arguments, stdout=pipe[1], stderr=subprocess.PIPE) as process:
        wait_until_full(pipe[1], process)
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == code
    assert errors.count("Stopped by") == 1
    assert "Traceback" not in errors


def test_a_second_signal_does_not_wait(
    command: list[str | Path], pipe: tuple[int, int]
) -> None:
    arguments = [sys.executable, "-c", TAP, "3600", *command]
    with watched(arguments, stdout=pipe[1], stderr=subprocess.PIPE) as process:
        wait_until_full(pipe[1], process)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert any("Stopped by" in line for line in process.stderr)
        # One may be lost: Python looks for signals, then starts to write, not at once.
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
    assert process.returncode == 143


def test_a_non_blocking_pipe_receives_everything(
    command: list[str | Path], pipe: tuple[int, int]
) -> None:
    read_end, write_end = pipe
    os.set_blocking(write_end, False)
    arguments = [sys.executable, "-c", TAP, "30", *command]
    with watched(arguments, stdout=write_end, stderr=subprocess.PIPE) as process:
        wait_until_full(write_end, process)
        os.close(write_end)
        received = b""
        while len(received) < 1_000_000:
            received += os.read(read_end, 65_536)
        process.send_signal(signal.SIGTERM)
        received += drained(read_end)
    assert process.returncode == 143
    records = [json.loads(line) for line in received.splitlines()]
    ids = [each["record"]["id"] for each in records if each["type"] == "RECORD"]
    assert ids == list(range(SIZE, SIZE + len(ids)))
