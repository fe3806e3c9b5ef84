"""Kayzen syncs with Airflow: a daily sync, and backfills by ranges of days.

Each task is one `meltano run` with its own state. README.md shows how to use it.
"""

from __future__ import annotations

import json
import os
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException

PROJECT = Path(
    os.environ.get("MELTANO_PROJECT_ROOT") or Path(__file__).resolve().parents[2]
).resolve()
"""The Meltano project: its meltano.yml, and its plugins in `.meltano`."""

REPORTS = ["campaign_performance"]
"""Streams that read reports: a task each in the daily sync."""

LISTS = [
    "app_lists",
    "balance",
    "campaigns",
    "creatives",
    "orders",
    "reports",
    "tags",
    "tracker_assets",
]
"""Streams that are not reports. Without a range of days, they have nothing to split."""

# Meltano keeps a run's catalog and state in files named after the tap, so parallel runs
# need a system directory each. The state itself goes to a place that all runs share.
MELTANO_RUN = """\
set -e
export MELTANO_SYS_DIR_ROOT="$(mktemp -d)"
trap 'rm -rf "$MELTANO_SYS_DIR_ROOT"' EXIT
ln -s "$PWD/.meltano/extractors" "$PWD/.meltano/loaders" "$MELTANO_SYS_DIR_ROOT"
export MELTANO_STATE_BACKEND_URI="${MELTANO_STATE_BACKEND_URI:-file://$PWD/.meltano/state}"
meltano run --no-install tap-kayzen target-postgres
"""

OPTIONS: dict[str, Any] = {
    "bash_command": MELTANO_RUN,
    "cwd": str(PROJECT),
    # Secrets come from the worker's environment or the project's `.env`. Airflow stores
    # and shows `env`, so it must not hold any.
    "append_env": True,
    "do_xcom_push": False,
    # Limits parallel runs, over all DAGs; pools.json sets its size.
    "pool": "kayzen",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}
"""Arguments of all tasks that run Meltano."""


def reading(streams: list[str], state: str, **settings: str) -> dict[str, str]:
    """Return the environment of a run.

    Args:
        streams: What to read.
        state: Suffix of Meltano's state ID.
        settings: Further variables.
    """
    return {
        "TAP_KAYZEN__SELECT": json.dumps([f"{name}.*" for name in streams]),
        "MELTANO_RUN_STATE_ID_SUFFIX": state,
        **settings,
    }


def ranges(first: date, last: date, days: int) -> list[tuple[date, date]]:
    """Split days into ranges, the newest first.

    Args:
        first: First day.
        last: Last day, inclusive.
        days: Length of each range; the oldest may be shorter.
    """
    length = timedelta(days)
    ends = [last - number * length for number in range((last - first) // length + 1)]
    return [(max(first, end - length + timedelta(1)), end) for end in ends]


with DAG(
    "kayzen_daily",
    doc_md=__doc__,
    schedule="0 6 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    # The bookmark in the state covers missed days: one run reads them all.
    catchup=False,
    max_active_runs=1,
):
    BashOperator(task_id="lists", env=reading(LISTS, "lists"), **OPTIONS)
    for report in REPORTS:
        BashOperator(task_id=report, env=reading([report], report), **OPTIONS)


with DAG(
    "kayzen_backfill",
    doc_md=__doc__,
    schedule=None,
    is_paused_upon_creation=False,
    max_active_runs=1,
    # One slot of the pool stays free for the daily sync.
    max_active_tasks=3,
    params={
        "first_day": Param(type="string", format="date", title="First day"),
        "last_day": Param(type="string", format="date", title="Last day, inclusive"),
        "days_per_task": Param(7, type="integer", minimum=1, title="Days per task"),
        "reports": Param(
            REPORTS, type="array", examples=REPORTS, minItems=1, title="Reports"
        ),
    },
):

    @task
    def split() -> list[dict[str, str]]:
        """Return the environments of all runs: each report and range of days."""
        params = get_current_context()["params"]
        first = date.fromisoformat(params["first_day"])
        last = date.fromisoformat(params["last_day"])
        days = params["days_per_task"]
        if first > last:
            message = f"first_day ({first}) must not be after last_day ({last})"
            raise AirflowFailException(message)
        if unknown := sorted(set(params["reports"]) - set(REPORTS)):
            message = f"reports: {', '.join(unknown)} not in {', '.join(REPORTS)}"
            raise AirflowFailException(message)
        return [
            reading(
                [report],
                f"{report}-{start}--{end}",
                TAP_KAYZEN_START_DATE=str(start),
                TAP_KAYZEN_END_DATE=str(end),
                # Reads a range that was complete from its first day again.
                TAP_KAYZEN_LOOKBACK_DAYS=str(days),
            )
            for start, end in ranges(first, last, days)
            for report in params["reports"]
        ]

    BashOperator.partial(
        task_id="days",
        map_index_template="{{ task.env['MELTANO_RUN_STATE_ID_SUFFIX'] }}",
        **OPTIONS,
    ).expand(env=split())
