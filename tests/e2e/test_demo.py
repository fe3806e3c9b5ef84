"""Output and files of `make demo`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import demo
import psutil
import pytest
from watchdog import finished, watched

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.xdist_group("dbt")

STEPS = [
    r"1/4  start the sandbox and PostgreSQL +60 campaigns +",
    r"2/4  meltano run tap-kayzen target-postgres +[\d,]+ rows in 9 tables +",
    r"3/4  dbt build +\d+ models, \d+ tests passed +",
    r"4/4  draw the chart +",
]
COLUMNS = ["campaign", "impressions", "installs", "spend", "revenue", "cpi", "roas"]


@pytest.fixture
def output(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Make the demo small, with an output folder per test."""
    monkeypatch.setenv("DATABASE_URL", server)
    monkeypatch.setenv("MELTANO_DATABASE_URI", f"sqlite:///{tmp_path}/meltano.db")
    monkeypatch.setattr(demo, "CAMPAIGNS", 60)
    folder = tmp_path / "output"
    monkeypatch.setattr(demo, "LOG", folder / "demo.log")
    monkeypatch.setattr(demo, "CHART", folder / "chart.svg")
    return folder


def test_the_demo_shows_a_line_for_each_step(
    output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert demo.demonstrate(date(2026, 11, 2)) == 0
    shown, errors = capfd.readouterr()
    assert errors == ""
    intro, steps, table, last = shown.split("\n\n")
    assert "60 made-up campaigns" in intro
    assert "Log: output/demo.log" in intro
    for line, step in zip(steps.splitlines(), STEPS, strict=True):
        assert re.fullmatch(step + r"[\d.]+ s", line), line
    head, *rows = table.splitlines()
    assert head.split() == COLUMNS
    assert len(rows) == 5
    assert last == "Chart of spend, installs, and ROAS by day: output/chart.svg\n"
    assert "2026-10-03 to 2026-11-01" in (output / "chart.svg").read_text()
    log = (output / "demo.log").read_text()
    assert log.count("tap-kayzen") > 20


def test_a_failure_shows_the_end_of_the_log_and_its_path(
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(demo, "LOAD", ("run", "no-such-tap", "target-postgres"))
    assert demo.demonstrate() == 1
    shown, errors = capfd.readouterr()
    assert re.search(r"^2/4  meltano run .* failed$", shown, re.MULTILINE)
    assert "3/4" not in shown
    title, end, path = errors.strip().split("\n\n")
    assert title.startswith("meltano run tap-kayzen target-postgres: exit code 1.")
    assert "no-such-tap" in end
    log = (output / "demo.log").read_text().splitlines()
    assert [line.strip() for line in end.splitlines()] == [
        line.strip() for line in log[-15:]
    ]
    assert path == "The whole log: output/demo.log"


def test_a_missing_database_is_an_error_with_a_message() -> None:
    address = "postgresql://somebody:secret@127.0.0.1:1/none"
    done = finished(
        [sys.executable, demo.__file__], env={**os.environ, "DATABASE_URL": address}
    )
    assert done.returncode == 1
    assert re.search(r"^1/4 .* failed$", done.stdout, re.MULTILINE)
    assert done.stderr.startswith("DATABASE_URL: ")
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def short_path() -> Generator[Path]:
    """Provide a folder for sockets, whose paths have room for 100 bytes or so."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_a_demo_that_is_stopped_leaves_nothing_behind(
    number: int, code: int, short_path: Path
) -> None:
    with watched(
        [sys.executable, demo.__file__],
        limit=120,
        env={**os.environ, "TMPDIR": str(short_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        shown = ""
        while not shown.endswith("2/4"):
            shown += process.stdout.read(1)
        children: list[psutil.Process] = []
        while not children:
            children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        assert process.wait() == code
        assert process.stdout.read().endswith("stopped\n")
        names = [folder.name for folder in short_path.iterdir()]
        assert not [name for name in names if "postgres" in name]
        # Before the watchdog kills what is left.
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
