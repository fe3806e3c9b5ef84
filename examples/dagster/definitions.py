"""Kayzen's reports, day by day, by a Dagster that may have many machines.

One run of `meltano run` for each report and day, each with its own state, so
that none waits for another. README.md says how to use it.
"""

import json
import logging
import os
import signal
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

PROJECT = Path(
    os.environ.get("MELTANO_PROJECT_ROOT") or Path(__file__).resolve().parents[2]
).resolve()
"""The Meltano project: its meltano.yml, and its plugins in `.meltano`."""

REPORTS = ["campaign_performance"]
"""Streams that read reports, each as its own asset."""

DAYS = dg.DailyPartitionsDefinition(
    # The time zone is that of the reports: the last partition is their yesterday.
    start_date=os.environ.get("KAYZEN_FIRST_DAY", "2026-01-01"),
    timezone="UTC",
)

RESTATED = 7
"""Days before yesterday that the schedule reads again, as Kayzen corrects them."""

POOL = "kayzen"
"""All runs share Kayzen's patience; dagster.yaml says how many go at once."""

RETRIES = dg.RetryPolicy(
    max_retries=3,
    delay=30,
    backoff=dg.Backoff.EXPONENTIAL,
    jitter=dg.Jitter.PLUS_MINUS,
)


@contextmanager
def system_directory() -> Generator[str]:
    """Yield a separate system directory with all plugins for a run of Meltano.

    Meltano keeps the catalog and the state of a run there, in files that are named
    after the tap only, and a database of runs. Runs at once in one directory fail, as
    one finds the catalog that another is writing, or read the state of another.
    """
    with tempfile.TemporaryDirectory(prefix="meltano-") as folder:
        for kind in ("extractors", "loaders"):
            Path(folder, kind).symlink_to(PROJECT / ".meltano" / kind)
        yield folder


def log(context: dg.AssetExecutionContext, line: str) -> None:
    """Put a line that Meltano logged into the log of the run, at its level."""
    try:
        entry = json.loads(line)
        level, text = getattr(logging, entry["level"].upper()), entry["event"]
    except (ValueError, LookupError, TypeError, AttributeError):
        level, text = logging.INFO, line.rstrip()
    else:
        parts = [entry.get("name"), text, entry.get("metric_info")]
        text = " ".join(str(part) for part in parts if part)
    context.log.log(level, text)


def meltano_run(
    context: dg.AssetExecutionContext,
    streams: list[str],
    window: dg.PartitionKeyRange,
    state: str,
) -> None:
    """Read a window of days with Meltano.

    Args:
        context: Where to log.
        streams: What to read.
        window: First and last day.
        state: What is added to Meltano's state ID.

    Raises:
        dagster.Failure: Meltano has failed.
    """
    command = [
        "meltano",
        "--log-format=json",
        "run",
        # Two runs at once must not both install: `meltano install` did.
        "--no-install",
        f"--state-id-suffix={state}",
        "tap-kayzen",
        "target-postgres",
    ]
    # Secrets are in here, or in the project's `.env`: never in the configuration of a
    # run, which Dagster keeps and shows.
    environment = {
        "MELTANO_STATE_BACKEND_URI": f"file://{PROJECT}/.meltano/state",
        **os.environ,
        "TAP_KAYZEN__SELECT": json.dumps([f"{name}.*" for name in streams]),
        "TAP_KAYZEN_START_DATE": window.start,
        "TAP_KAYZEN_END_DATE": window.end,
    }
    with (
        system_directory() as folder,
        subprocess.Popen(  # noqa: S603
            command,
            cwd=PROJECT,
            env={**environment, "MELTANO_SYS_DIR_ROOT": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            # So that the tap and the target can be ended with Meltano.
            start_new_session=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                log(context, line)
            code = process.wait()
        except dg.DagsterExecutionInterruptedError as error:
            # Somebody ended the run: the retry policy would start it again.
            message = "Ended from outside"
            raise dg.Failure(message, allow_retries=False) from error
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()
    if code:
        message = f"meltano run ended with exit code {code}; its log says why"
        raise dg.Failure(message, metadata={"exit_code": code})


@dg.asset(pool=POOL, retry_policy=RETRIES, kinds={"postgres"})
def tables(context: dg.AssetExecutionContext) -> None:
    """Tables with all columns, by a run that is alone: yesterday's.

    The target looks whether a table is there and then creates it; of two runs at
    once, one would fail. So this comes before the first backfill, and after an update
    of the tap, which may bring new columns.
    """
    day = DAYS.get_partition_keys()[-1]
    meltano_run(context, REPORTS, dg.PartitionKeyRange(day, day), "tables")


def report(name: str) -> dg.AssetsDefinition:
    """Make the asset of a report, whose partitions are days.

    A backfill reads each day in its own run, which fails and is repeated alone;
    with a `backfill_policy`, a run takes several days.
    """

    @dg.asset(
        name=name,
        deps=[tables],
        partitions_def=DAYS,
        pool=POOL,
        retry_policy=RETRIES,
        kinds={"postgres"},
    )
    def asset(context: dg.AssetExecutionContext) -> None:
        window = context.partition_key_range
        days = "--".join(sorted({window.start, window.end}))
        meltano_run(context, [name], window, f"{name}-{days}")

    return asset


first = dg.define_asset_job("first", selection=[tables])
days = dg.define_asset_job("days", selection=REPORTS, partitions_def=DAYS)


@dg.schedule(job=days, cron_schedule="0 6 * * *", execution_timezone="UTC")
def refresh(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Request yesterday and the earlier days that Kayzen may have restated."""
    now = context.scheduled_execution_time
    return [
        dg.RunRequest(run_key=f"{now:%F} {day}", partition_key=day)
        for day in DAYS.get_partition_keys(now)[-1 - RESTATED :]
    ]


defs = dg.Definitions(
    assets=[tables, *map(report, REPORTS)],
    jobs=[first, days],
    schedules=[refresh],
    # A run has one step; a process for it would only cost memory.
    executor=dg.in_process_executor,
)
