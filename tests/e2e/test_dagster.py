"""A backfill by many processes: the Dagster project of examples/dagster."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
from contextlib import AbstractContextManager, ExitStack, closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster_dev
import demo
import psutil
import psycopg
import pytest
from databases import without_schemas
from support import SAMPLE_CONFIG
from watchdog import finished, watched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support import Sandbox

Process: TypeAlias = AbstractContextManager[subprocess.Popen[str]]

LIMIT = 300.0
"""Seconds that a command of Dagster may take, with a run of Meltano in it."""

pytestmark = pytest.mark.xdist_group("dagster")

REPORT = "campaign_performance"
TODAY = datetime.now(timezone.utc).date()
DAYS = [str(TODAY - timedelta(days)) for days in range(30, 0, -1)]
AT_ONCE, DAY_BY_DAY = "kayzen_at_once", "kayzen_day_by_day"


@pytest.fixture
def database(server: str) -> str:
    return without_schemas(server, AT_ONCE, DAY_BY_DAY)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "dagster"


@pytest.fixture
def environment(sandbox: Sandbox, database: str, home: Path) -> dict[str, str]:
    # Numbers of the last days change with the day on which they are looked at.
    sandbox.dataset.today = TODAY
    return {
        **dagster_dev.variables(sandbox.url, database, home),
        "KAYZEN_FIRST_DAY": DAYS[0],
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": DAY_BY_DAY,
    }


def rows(database: str, schema: str) -> list[dict[str, Any]]:
    with psycopg.connect(database) as connection:
        table = connection.execute(
            f"SELECT * FROM {schema}.{REPORT} ORDER BY _key".encode()
        )
        names = [column.name for column in table.description or ()]
        # Times and runs differ between loads of the same row.
        moments = {name for name in names if name.startswith("_sdc_")}
        moments.discard("_sdc_deleted_at")
        return [
            {k: v for k, v in zip(names, row, strict=True) if k not in moments}
            for row in table
        ]


def dagster(*arguments: str, environment: Mapping[str, str]) -> Process:
    """Start a command of Dagster on the definitions of the example."""
    return watched(
        [dagster_dev.DAGSTER, *arguments, "-f", dagster_dev.DEFINITIONS],
        limit=LIMIT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def materialize(asset: str, *arguments: str, environment: Mapping[str, str]) -> Process:
    return dagster(
        "asset", "materialize", "--select", asset, *arguments, environment=environment
    )


def end(*processes: Process) -> list[str]:
    """Run processes side by side, which must succeed; return what they printed."""
    outputs = []
    with ExitStack() as stack:
        for process in [stack.enter_context(each) for each in processes]:
            output, _ = process.communicate()
            assert process.returncode == 0, output
            outputs.append(output)
    return outputs


def script(code: str, environment: Mapping[str, str]) -> str:
    """Run a script with the definitions at hand; return what it printed."""
    done = finished(
        [dagster_dev.DAGSTER.with_name("python"), "-c", code],
        limit=LIMIT,
        cwd=dagster_dev.DEFINITIONS.parent,
        env=environment,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_days_in_separate_processes_equal_one_run(
    sandbox: Sandbox, database: str, home: Path, environment: dict[str, str]
) -> None:
    first, second, yesterday = DAYS[-3:]
    code = demo.meltano(
        "run",
        "tap-kayzen",
        "target-postgres",
        api_url=sandbox.url,
        database=database,
        environment={
            "TAP_KAYZEN__SELECT": json.dumps([f"{REPORT}.*"]),
            "TAP_KAYZEN_START_DATE": first,
            "TAP_KAYZEN_END_DATE": yesterday,
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": AT_ONCE,
            "MELTANO_DATABASE_URI": f"sqlite:///{home}/meltano.db",
        },
    )
    assert code == 0

    end(materialize("tables", environment=environment))
    outputs = end(
        *[
            materialize(REPORT, "--partition", day, environment=environment)
            for day in (first, second)
        ]
    )

    at_once = rows(database, AT_ONCE)
    assert {str(row["day"]) for row in at_once} == {first, second, yesterday}
    assert rows(database, DAY_BY_DAY) == at_once

    pipeline = "dev:tap-kayzen-to-target-postgres"
    assert {path.name for path in (home / "state").iterdir()} == {
        f"{pipeline}:tables",
        f"{pipeline}:{REPORT}-{first}",
        f"{pipeline}:{REPORT}-{second}",
    }
    # Meltano's log is in that of the run, and no secret in anything Dagster keeps.
    assert all(f"{REPORT}: beginning sync" in output for output in outputs)
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    line = f"{REPORT}: beginning sync".encode()
    assert any(line in content for content in kept)
    for secret in ("password", "api_key", "api_secret"):
        value = SAMPLE_CONFIG[secret]
        assert not [content for content in kept if value.encode() in content]
        assert not [output for output in outputs if value in output]


def test_a_backfill_queues_a_run_for_each_day(
    home: Path, environment: dict[str, str]
) -> None:
    days = ("--from", DAYS[0], "--to", DAYS[-1], "--noprompt")
    end(dagster("job", "backfill", "-j", "days", *days, environment=environment))
    with closing(sqlite3.connect(home / "history" / "runs.db")) as runs:
        queued = runs.execute(
            "SELECT partition FROM runs JOIN run_tags USING (run_id)"
            " WHERE status = 'QUEUED' AND key = '.dagster/pool/kayzen'"
            " ORDER BY partition"
        ).fetchall()
    assert queued == [(day,) for day in DAYS]


def test_the_schedule_reads_restated_days_again(environment: dict[str, str]) -> None:
    code = f"""
import datetime, json
import dagster, definitions
now = datetime.datetime.fromisoformat("{TODAY}T06:00:00+00:00")
context = dagster.build_schedule_context(scheduled_execution_time=now)
print(json.dumps([each.partition_key for each in definitions.refresh(context)]))
"""
    printed = script(code, environment)
    assert json.loads(printed.splitlines()[-1]) == DAYS[-8:]


def test_a_failure_of_meltano_fails_the_run(environment: dict[str, str]) -> None:
    code = """
import dagster, definitions
try:
    definitions.tables(dagster.build_asset_context())
except dagster.Failure as failure:
    print(failure.description)
"""
    printed = script(code, {**environment, "TAP_KAYZEN_PASSWORD": "wrong-password"})
    message = "meltano run ended with exit code 1; its log says why"
    assert printed.splitlines()[-1] == message
    assert "HTTP 401" in printed
    assert "wrong-password" not in printed


def test_a_terminated_run_terminates_meltano_too(environment: dict[str, str]) -> None:
    with materialize("tables", environment=environment) as process:
        assert process.stdout is not None
        # Long before the end, and Meltano is there.
        next(line for line in process.stdout if "Running job with name" in line)
        children = psutil.Process(process.pid).children(recursive=True)
        assert "meltano" in {child.name() for child in children}
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate()
        assert process.returncode != 0
        # Before the watchdog kills what is left.
        _, alive = psutil.wait_procs(children, timeout=30)
        assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    assert "Ended from outside" in output
    assert "STEP_UP_FOR_RETRY" not in output
