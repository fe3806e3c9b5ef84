"""A daily sync and a backfill by the Airflow project of examples/airflow."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import airflow_dev
import demo
import psycopg
import pytest
import yaml
from databases import without_schemas
from support import REFUSED, SAMPLE_CONFIG
from watchdog import finished, watched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conftest import Broken
    from starlette.requests import Request
    from starlette.responses import Response
    from support import Sandbox

LIMIT = 300.0
"""Seconds that a command of Airflow may take, with a few runs of Meltano in it."""

pytestmark = [
    pytest.mark.xdist_group("airflow"),
    pytest.mark.skipif(
        not airflow_dev.AIRFLOW.exists(),
        reason="Airflow is not installed, or cannot be: `make .cache/airflow/stamp`",
    ),
]

REPORT = "campaign_performance"
PIPELINE = "dev:tap-kayzen-to-target-postgres"
TODAY = datetime.now(timezone.utc).date()
DAYS = [str(TODAY - timedelta(days)) for days in range(5, 0, -1)]
AT_ONCE, BY_AIRFLOW = "kayzen_at_once", "kayzen_by_airflow"


@pytest.fixture
def database(server: str) -> str:
    return without_schemas(server, AT_ONCE, BY_AIRFLOW)


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an Airflow instance for the tests to copy."""
    home = tmp_path_factory.mktemp("airflow")
    environment = airflow_dev.variables("", "", home)
    for command in airflow_dev.INSTANCE:
        done = airflow(*command, environment=environment)
        assert done.returncode == 0, done.stdout
    return home


@pytest.fixture
def home(instance: Path, tmp_path: Path) -> Path:
    # The configuration has the paths of the instance; Airflow writes another one.
    skipped = shutil.ignore_patterns("airflow.cfg")
    return shutil.copytree(instance, tmp_path / "airflow", ignore=skipped)


def airflow(
    *arguments: str | Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return finished(
        [airflow_dev.AIRFLOW, *arguments],
        limit=LIMIT,
        env=environment,
        stderr=subprocess.STDOUT,
    )


def variables(api_url: str, database: str, home: Path) -> dict[str, str]:
    return {
        **airflow_dev.variables(api_url, database, home),
        "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": BY_AIRFLOW,
    }


def script(code: str, environment: Mapping[str, str]) -> list[Any]:
    """Run a script in Airflow's environment; return the JSON that it printed."""
    setup = f"""
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag({str(airflow_dev.DAGS)!r})
def tell(value):
    print("\\nTOLD", json.dumps(value), flush=True)
"""
    done = finished(
        [airflow_dev.AIRFLOW.with_name("python"), "-c", setup + code],
        limit=LIMIT,
        env=environment,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    return [json.loads(line[5:]) for line in lines if line.startswith("TOLD ")]


def tables(database: str, schema: str) -> dict[str, list[dict[str, Any]]]:
    with psycopg.connect(database) as connection:
        names = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s",
            [schema],
        ).fetchall()
        return {name: rows(connection, f"{schema}.{name}") for (name,) in names}


def rows(connection: psycopg.Connection[Any], table: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"SELECT * FROM {table}".encode())
    names = [column.name for column in cursor.description or ()]
    # Times of loading differ; deletions do not.
    moments = {name for name in names if name.startswith("_sdc_")}
    moments.discard("_sdc_deleted_at")
    found = [dict(zip(names, row, strict=True)) for row in cursor]
    kept = [{k: v for k, v in row.items() if k not in moments} for row in found]
    return sorted(kept, key=repr)


def test_a_daily_sync_and_a_backfill_load_what_one_run_does(
    sandbox: Sandbox, database: str, home: Path
) -> None:
    # Numbers of the last days change with the day on which they are looked at.
    sandbox.dataset.today = TODAY
    code = demo.meltano(
        "run",
        "tap-kayzen",
        "target-postgres",
        api_url=sandbox.url,
        database=database,
        environment={
            "TAP_KAYZEN_START_DATE": DAYS[0],
            "TAP_KAYZEN_END_DATE": DAYS[-1],
            "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": AT_ONCE,
            "MELTANO_DATABASE_URI": f"sqlite:///{home}/meltano.db",
        },
    )
    assert code == 0

    environment = variables(sandbox.url, database, home)
    first_sync = {**environment, "TAP_KAYZEN_START_DATE": DAYS[-2]}
    conf = {"first_day": DAYS[0], "last_day": DAYS[2], "days_per_task": 2}
    outputs = []
    for dag, settings, variant in (
        ("kayzen_daily", (), first_sync),
        ("kayzen_backfill", ("--conf", json.dumps(conf)), environment),
    ):
        done = airflow("dags", "test", dag, *settings, environment=variant)
        assert done.returncode == 0, done.stdout
        outputs.append(done.stdout)

    at_once = tables(database, AT_ONCE)
    assert {str(row["day"]) for row in at_once[REPORT]} == set(DAYS)
    assert tables(database, BY_AIRFLOW) == at_once
    assert {path.name for path in (home / "state").iterdir()} == {
        f"{PIPELINE}:lists",
        f"{PIPELINE}:{REPORT}",
        f"{PIPELINE}:{REPORT}-{DAYS[0]}--{DAYS[0]}",
        f"{PIPELINE}:{REPORT}-{DAYS[1]}--{DAYS[2]}",
    }
    # Meltano's log is in that of the task. Airflow keeps no secret anywhere.
    assert all(f"{REPORT}: beginning sync" in output for output in outputs)
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    for secret in ("password", "api_key", "api_secret"):
        value = SAMPLE_CONFIG[secret]
        assert not [content for content in kept if value.encode() in content]
        assert not [output for output in outputs if value in output]


BACKFILL = """
from datetime import timedelta
dag = bag.dags["kayzen_backfill"]
dag.get_task("days").partial_kwargs["retry_delay"] = timedelta(0)
def backfill(first_day, last_day):
    run = dag.test(run_conf={"first_day": first_day, "last_day": last_day})
    tasks = run.get_task_instances()
    tell([run.state, {each.task_id: [each.state, each.try_number] for each in tasks}])
"""


def test_a_range_is_resumed_by_a_retry_and_read_whole_by_the_next_backfill(
    broken: Broken, database: str, home: Path
) -> None:
    asked: list[str] = []
    refused: list[str] = []

    def fault(request: Request, body: bytes) -> Response | None:
        if request.url.path != "/v1/report_data":
            return None
        day = json.loads(body)["start_date"]
        if asked[-1:] != [day]:  # One more page, after the last.
            asked.append(day)
        if day == "2025-03-02" and not refused:
            refused.append(day)
            return REFUSED
        return None

    environment = {
        **variables(broken(fault)["api_url"], database, home),
        "TAP_KAYZEN_LOOKBACK_DAYS": "0",
        # A window each day, one after the other.
        "TAP_KAYZEN_CONCURRENCY": "1",
        "TAP_KAYZEN_REPORTS": json.dumps(
            [
                {
                    "name": REPORT,
                    "metrics": ["impressions"],
                    "group_by": ["day", "campaign_id"],
                    "window_days": 1,
                }
            ]
        ),
    }
    first, *rest = days = ["2025-03-01", "2025-03-02", "2025-03-03"]
    runs = 2 * f"backfill({first!r}, {days[-1]!r})\n"
    outcomes = script(BACKFILL + runs, environment)
    assert outcomes == [
        ["success", {"split": ["success", 1], "days": ["success", 2]}],
        ["success", {"split": ["success", 1], "days": ["success", 1]}],
    ]
    # The retry asks only for what is missing, the next backfill for everything.
    assert asked[:2] == [first, rest[0]]
    assert asked[-5:] == [*rest, *days]
    assert len(asked) <= 3 + 5
    loaded = {str(row["day"]) for row in tables(database, BY_AIRFLOW)[REPORT]}
    assert loaded == set(days)


FACTS = """
import kayzen
from datetime import date
tell(bag.import_errors)
daily, backfill = bag.dags["kayzen_daily"], bag.dags["kayzen_backfill"]
runs = [task for task in [*daily.tasks, *backfill.tasks] if task.task_id != "split"]
tell({
    "ids": sorted(task.task_id for task in runs),
    "pools": sorted({task.pool for task in runs}),
    "retries": sorted({task.retries for task in runs}),
    "backoff": sorted({task.retry_exponential_backoff for task in runs}),
})
tell([
    [str(first), str(last)]
    for first, last in kayzen.ranges(date(2026, 2, 26), date(2026, 3, 4), 3)
])
tell(kayzen.LISTS)
tell(kayzen.MELTANO_RUN)
day, earlier = "2026-03-04", "2026-03-03"
for conf in (
    {"first_day": day, "last_day": earlier},
    {"first_day": day, "last_day": day, "reports": ["unknown"]},
):
    tasks = backfill.test(run_conf=conf).get_task_instances()
    tell([[each.task_id, each.state, each.try_number] for each in tasks])
"""


def test_the_dags_match_the_readme(home: Path, tmp_path: Path) -> None:
    environment = {
        **airflow_dev.variables("", "", home),
        "PYTHONPATH": str(airflow_dev.DAGS),
    }
    errors, facts, ranges, lists, command, *failed = script(FACTS, environment)
    assert errors == {}
    (pool,) = json.loads((airflow_dev.DAGS / "pools.json").read_text())
    assert facts == {
        "ids": [REPORT, "days", "lists"],
        "pools": [pool],
        "retries": [3],
        "backoff": [2.0],
    }
    assert ranges == [
        ["2026-03-02", "2026-03-04"],
        ["2026-02-27", "2026-03-01"],
        ["2026-02-26", "2026-02-26"],
    ]
    project = yaml.safe_load((demo.ROOT / "meltano.yml").read_text())
    (tap,) = project["plugins"]["extractors"]
    assert sorted([*lists, REPORT]) == [each[:-2] for each in tap["select"]]
    for tasks in failed:
        assert ["split", "failed", 1] in tasks
        assert not [each for each in tasks if each[1] == "success"]

    stop(command, tmp_path)


def stop(command: str, folder: Path) -> None:
    """Stop the command of a task as Airflow does; nothing must be left."""
    programs, temporary = folder / "programs", folder / "temporary"
    for each in (programs, temporary):
        each.mkdir()
    (programs / "meltano").write_text("#!/bin/sh\necho started\nexec sleep 1000\n")
    (programs / "meltano").chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "TMPDIR": str(temporary),
    }
    with watched(
        ["bash", "-c", command], cwd=folder, env=environment, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        (directory,) = temporary.iterdir()
        assert {each.name for each in directory.iterdir()} == {"extractors", "loaders"}
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()
    assert list(temporary.iterdir()) == []
