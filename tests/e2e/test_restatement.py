"""Restatement on real parts: three daily runs of Meltano into a PostgreSQL."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import demo
import psycopg
import pytest
from databases import without_schemas
from project import DEFAULT_REPORTS

from tap_kayzen.reports.definition import Report
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.report_calls import request_of

if TYPE_CHECKING:
    from pathlib import Path

    from support import Sandbox

pytestmark = pytest.mark.xdist_group("restatement")

DAY = timedelta(days=1)
FIRST = date(2025, 3, 1)
TODAYS = [date(2025, 3, 10), date(2025, 3, 11), date(2025, 3, 12)]
BY_COUNTRY: dict[str, Any] = {
    "name": "by country",
    "metrics": ["impressions", "installs", "advertiser_spend", "advertiser_ecpi"],
    "group_by": ["day", "country", "os"],
    "time_zone": "America/New_York",
    "window_days": 3,
}
REPORTS: list[dict[str, Any]] = [DEFAULT_REPORTS[0], BY_COUNTRY]


@pytest.fixture(autouse=True)
def _own_meltano_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MELTANO_DATABASE_URI", f"sqlite:///{tmp_path}/meltano.db")


@pytest.fixture
def database(server: str) -> str:
    return without_schemas(server, demo.SCHEMA)


def load(sandbox: Sandbox, database: str, today: date) -> None:
    sandbox.dataset.today = today
    code = demo.meltano(
        "run",
        "tap-kayzen",
        "target-postgres",
        api_url=sandbox.url,
        database=database,
        environment={
            "TAP_KAYZEN__SELECT": '["campaign_performance.*", "by_country.*"]',
            "TAP_KAYZEN_REPORTS": json.dumps(REPORTS),
            "TAP_KAYZEN_START_DATE": str(FIRST),
            "TAP_KAYZEN_END_DATE": str(today - DAY),
        },
    )
    assert code == 0


def in_warehouse(database: str, report: Report) -> list[tuple[Any, ...]]:
    columns = ", ".join(names_of(report)).replace("day", "day::text")
    with psycopg.connect(database) as connection:
        statement = f"SELECT {columns} FROM kayzen_demo.{report.name}"
        return sorted(connection.execute(statement.encode()), key=repr)


def in_sandbox(sandbox: Sandbox, report: Report, today: date) -> list[tuple[Any, ...]]:
    days = {"start_date": str(FIRST), "end_date": str(today - DAY)}
    request = request_of({**report.body, **days})
    rows = sandbox.dataset.report_rows(DEFAULT_ADVERTISER, request)
    names = names_of(report)
    return sorted((tuple(row[name] for name in names) for row in rows), key=repr)


def names_of(report: Report) -> list[str]:
    """Return the columns without names: older days keep their names."""
    every = [*report.group_by, *report.metrics]
    return [name for name in every if name != "campaign_name"]


def test_the_warehouse_matches_the_truth_after_each_of_three_days(
    sandbox: Sandbox, database: str
) -> None:
    reports = [Report.from_config(entry) for entry in REPORTS]
    campaign = sandbox.dataset.campaigns[DEFAULT_ADVERTISER][0]
    seen = []
    for today in TODAYS:
        load(sandbox, database, today)
        for report in reports:
            ours = in_warehouse(database, report)
            truth = in_sandbox(sandbox, report, today)
            # Exact: numerics and decimals compare by value, digit for digit.
            assert [*map(repr_of, ours)] == [*map(repr_of, truth)]
            assert len(ours) > 50
        seen.append({row[:2]: row[4] for row in in_warehouse(database, reports[0])})
        # A new name must not duplicate the rows of reread days.
        campaign["name"] += " renamed"
    # Days have really been restated, and rows without a country are among them.
    restated = [key for key in seen[0] if seen[0][key] != seen[2][key]]
    assert len(restated) > 10
    assert any(row[1] is None for row in in_warehouse(database, reports[1]))


def repr_of(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Normalise decimals, whose trailing zeros do not matter."""
    return tuple(
        value.normalize() if hasattr(value, "normalize") else value for value in row
    )
