from __future__ import annotations

import logging

import pytest

from tap_kayzen.progress import Progress

LOGGER = logging.getLogger("test-progress")


@pytest.mark.parametrize(
    ("total", "line"),
    [
        (48_000, "12,300 of 48,000 (26%) read, 1,230/s"),
        (None, "12,300 read, 1,230/s"),
        (0, "12,300 read, 1,230/s"),
    ],
)
def test_a_line_every_ten_seconds_at_most(
    total: int | None,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    now = [100.0]
    monkeypatch.setattr("tap_kayzen.progress.time.monotonic", lambda: now[0])
    progress = Progress(total, LOGGER)
    for done, moment in ((9_000, 109.9), (12_300, 110), (12_400, 119.9)):
        now[0] = moment
        progress.report(done)
    assert [record.getMessage() for record in caplog.records] == [line]
