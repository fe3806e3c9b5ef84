from __future__ import annotations

import json
import logging
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import WARNINGS, selecting
from watchdog import watched

from tap_kayzen.output.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger("test-progress")


@pytest.mark.parametrize(
    ("totals", "line"),
    [
        ([48_000], "campaigns: 12,300 of 48,000 rows (26%), 1,230/s"),
        ([40_000, 8_000], "campaigns: 12,300 of 48,000 rows (26%), 1,230/s"),
        ([48_000, None], "campaigns: 12,300 rows, 1,230/s"),
        ([0], "campaigns: 12,300 rows, 1,230/s"),
    ],
)
def test_a_line_every_ten_seconds_at_most(
    totals: list[int | None],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    now = [100.0]
    monkeypatch.setattr("tap_kayzen.output.progress.time.monotonic", lambda: now[0])
    progress = Progress("campaigns", "rows", LOGGER, None)
    for total in totals:
        progress.expect(total)
    for rows, moment in ((9_000, 109.9), (3_300, 110), (100, 119.9)):
        now[0] = moment
        progress.advance(rows)
    assert [record.getMessage() for record in caplog.records] == [line]


@pytest.mark.parametrize(
    ("seconds", "line"),
    [
        (10, "performance: 11 of 30 windows (37%), 1/s"),
        (12, "performance: 11 of 30 windows (37%), 55/min"),
        (1_200, "performance: 11 of 30 windows (37%), 33/h"),
        (90_000, "performance: 11 of 30 windows (37%)"),
    ],
)
def test_a_slow_stream_does_not_look_stuck(
    seconds: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A target that is busy, say, or days with many rows."""
    caplog.set_level(logging.INFO)
    now = [100.0]
    monkeypatch.setattr("tap_kayzen.output.progress.time.monotonic", lambda: now[0])
    progress = Progress("performance", "windows", LOGGER, None)
    progress.expect(30)
    now[0] += seconds
    progress.advance(11)
    assert caplog.messages == [line]


def run_on_a_terminal(config_file: Path, **env: str) -> tuple[str, str]:
    """Run the tap with a terminal as stderr; return stdout and what it showed."""
    ours, theirs = pty.openpty()
    with watched(
        [
            *(sys.executable, *WARNINGS, "-m", "tap_kayzen", "--config", config_file),
            *selecting(config_file.parent, "campaigns"),
        ],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120", **env},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        stdout, _ = process.communicate()
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # how Linux says that the other side is closed
        pass
    finally:
        os.close(ours)
    assert process.returncode == 0
    return stdout, shown.decode()


def test_a_terminal_shows_a_bar_and_whole_log_lines(config_file: Path) -> None:
    stdout, shown = run_on_a_terminal(config_file)
    assert all(json.loads(line) for line in stdout.splitlines())
    assert "250/250" in shown
    assert "100%" in shown
    # A line that was logged while the bar was there.
    assert "| Read 250 rows of 1 stream in " in shown
    # The cursor is hidden while a bar is drawn, and comes back.
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1


@pytest.mark.parametrize(
    "quiet", [{"TERM": "dumb"}, {"TAP_KAYZEN_LOGLEVEL": "WARNING"}]
)
def test_no_bar_is_shown_if_turned_off(
    quiet: dict[str, str], config_file: Path
) -> None:
    _, shown = run_on_a_terminal(config_file, **quiet)
    assert "250/250" not in shown
    assert "\x1b[?" not in shown
