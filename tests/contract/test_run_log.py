"""The log of a successful run on stderr: a few lines, the last with totals."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from support import (
    REPORT_DAYS,
    Run,
    refusing,
    run_process,
    selecting,
    sync,
    truth,
)

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Broken
    from support import Sandbox

STREAMS = ("campaigns", "campaign_performance", "orders")
TOTAL = re.compile(r"Read ([\d,]+) rows? of (\d+) streams? in ([\d,.]+) s: (.*)")
LOG_CONFIG = """
version: 1
disable_existing_loggers: false
formatters: {plain: {format: "%(message)s"}}
handlers: {err: {class: logging.StreamHandler, formatter: plain}}
root: {level: INFO, handlers: [err]}
"""


def info(run: Run) -> list[str]:
    lines = [line.split(" | ", 3) for line in run.stderr.splitlines()]
    return [line[3] for line in lines if line[1].strip() == "INFO"]


def run_tap(config: dict[str, Any], folder: Path, *streams: str, **env: str) -> Run:
    path = folder / "config.json"
    path.write_text(json.dumps({**config, **REPORT_DAYS}))
    arguments = ("--config", path, *selecting(folder, *streams))
    return run_process(*arguments, env={**os.environ, **env})


@pytest.fixture
def campaigns() -> int:
    return 1200


def test_the_last_line_of_a_run_counts_rows_by_stream(
    sandbox: Sandbox, config: dict[str, Any], tmp_path: Path
) -> None:
    run = run_tap(config, tmp_path, *STREAMS)
    assert run.code == 0, run.stderr
    counts = {name: len(truth(sandbox.dataset, name)) for name in sorted(STREAMS)}
    assert sum(counts.values()) == len(run.records)
    total = TOTAL.fullmatch(info(run)[-1])
    assert total
    assert total[1] == f"{len(run.records):,}"
    assert total[2] == "3"
    assert total[4] == ", ".join(f"{name} {n:,}" for name, n in counts.items())
    assert run.stderr.splitlines()[-1].endswith(total[0])


def test_a_single_row_is_counted_in_the_singular(
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    sync(config, capsys, streams=["balance"])
    assert re.fullmatch(
        r"Read 1 row of 1 stream in \d\.\d s: balance 1", caplog.messages[-1]
    )


def test_rows_in_batch_files_count(
    sandbox: Sandbox,
    config: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    batches = {
        "encoding": {"format": "jsonl", "compression": "gzip"},
        "storage": {"root": f"file://{tmp_path}"},
    }
    sync({**config, "batch_config": batches}, capsys, streams=["campaigns"])
    rows = len(truth(sandbox.dataset, "campaigns"))
    assert caplog.messages[-1].startswith(f"Read {rows:,} rows of 1 stream in ")


def test_rows_are_counted_although_a_stream_failed(
    broken: Broken, tmp_path: Path
) -> None:
    run = run_tap(broken(refusing("/v1/orders")), tmp_path, *STREAMS)
    assert run.code == 1
    total = TOTAL.fullmatch(info(run)[-1])
    assert total
    assert total[1] == f"{len(run.records):,}"
    assert total[4].endswith(", orders 0")


def test_a_run_that_stops_counts_nothing(
    config: dict[str, Any], tmp_path: Path
) -> None:
    run = run_tap({**config, "password": "wrong"}, tmp_path, "orders")
    assert run.code == 1
    assert "Read " not in run.stderr


def test_a_plain_run_shows_no_metrics(config: dict[str, Any], tmp_path: Path) -> None:
    run = run_tap(config, tmp_path, "tags")
    assert "METRIC" not in run.stderr
    assert len(run.stderr.splitlines()) <= 6


def test_metrics_are_logged_at_debug(config: dict[str, Any], tmp_path: Path) -> None:
    run = run_tap(config, tmp_path, "tags", TAP_KAYZEN_LOGLEVEL="DEBUG")
    assert '"metric":"http_request_count","value":1' in run.stderr


def test_a_log_configuration_gets_all_metrics(
    config: dict[str, Any], tmp_path: Path
) -> None:
    """Such as that of Meltano, which reads them."""
    path = tmp_path / "log.yml"
    path.write_text(LOG_CONFIG)
    run = run_tap(config, tmp_path, "tags", SINGER_SDK_LOG_CONFIG=str(path))
    assert run.stderr.count("METRIC") == 3


def test_another_tap_in_the_process_keeps_its_metrics(
    config: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    sync(config, capsys, streams=["tags"])
    assert sum("METRIC" in message for message in caplog.messages) == 3
