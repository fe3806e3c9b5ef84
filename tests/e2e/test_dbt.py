"""The models of examples/dbt, and their chart, on what Meltano really loaded."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import demo
import psycopg
import pytest
from project import DEFAULT_REPORTS

from tap_kayzen.reports.definition import Report
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.report_calls import request_of

if TYPE_CHECKING:
    from pathlib import Path

    from support import Sandbox

pytestmark = pytest.mark.xdist_group("dbt")

TODAY = date(2025, 3, 12)
DAYS = [str(TODAY - timedelta(age)) for age in range(10, 0, -1)]
ADVERTISERS = [DEFAULT_ADVERTISER, DEFAULT_ADVERTISER + 1]


@pytest.fixture
def database(sandbox: Sandbox, server: str, tmp_path: Path) -> str:
    """Load ten days of two advertisers; one of the campaigns is then deleted."""
    with psycopg.connect(server) as connection:
        for schema in (demo.SCHEMA, demo.MODELS_SCHEMA):
            connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())
    sandbox.dataset.today = TODAY
    code = demo.meltano(
        *demo.LOAD,
        api_url=sandbox.url,
        database=server,
        environment={
            "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/meltano.db",
            "TAP_KAYZEN__SELECT": '["campaigns.*", "campaign_performance.*"]',
            "TAP_KAYZEN_ADVERTISER_IDS": json.dumps(ADVERTISERS),
            "TAP_KAYZEN_START_DATE": DAYS[0],
            "TAP_KAYZEN_END_DATE": DAYS[-1],
        },
    )
    assert code == 0
    return server


def query(database: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        connection.execute(f"SET search_path TO {demo.MODELS_SCHEMA}".encode())
        return connection.execute(statement.encode()).fetchall()


def change(database: str, statement: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(f"SET search_path TO {demo.SCHEMA}".encode())
        connection.execute(statement.encode())


def reported(sandbox: Sandbox) -> list[dict[str, Any]]:
    days = {"start_date": DAYS[0], "end_date": DAYS[-1]}
    request = request_of({**Report.from_config(DEFAULT_REPORTS[0]).body, **days})
    return [
        row
        for advertiser in ADVERTISERS
        for row in sandbox.dataset.report_rows(advertiser, request)
    ]


METRICS = (
    *("impressions", "clicks", "installs", "conversions"),
    *("advertiser_spend", "revenue_ltv"),
)
FACTS = """
SELECT day::text, campaign_id,
    impressions, clicks, installs, conversions, spend, revenue
FROM fct_campaign_days
"""
LATEST = """
SELECT DISTINCT ON (campaign_id) campaign_id, spend_to_date
FROM fct_budget_pacing ORDER BY campaign_id, day DESC
"""
AGAIN = """
INSERT INTO campaign_performance (_key, day, campaign_id, advertiser_spend)
SELECT 'own ' || _key, day, campaign_id, advertiser_spend FROM campaign_performance
"""


def heights(chart: Path) -> dict[str, float]:
    """Measure the bars of a chart, by metric and day."""
    found = {}
    for element in ET.parse(chart).iter():  # noqa: S314
        name = element.get("id", "")
        if name.startswith(("spend-", "installs-")):
            outline = element[0].get("d", "")
            rows = [float(y) for _, y in re.findall(r"([\d.]+) ([\d.]+)", outline)]
            found[name] = max(rows) - min(rows)
    return found


def test_the_models_are_the_truth(
    sandbox: Sandbox, database: str, tmp_path: Path
) -> None:
    truth = reported(sandbox)
    gone = truth[0]["campaign_id"]
    # As the target does.
    change(database, f"UPDATE campaigns SET _sdc_deleted_at = now() WHERE id = {gone}")
    environment = demo.dbt_variables(database)
    assert demo.dbt("--warn-error", "build", environment=environment) == 0

    # Decimals are equal by value, to the last digit.
    facts = {row[:2]: row[2:] for row in query(database, FACTS)}
    assert facts == {
        (row["day"], row["campaign_id"]): tuple(row[name] for name in METRICS)
        for row in truth
    }
    spent: dict[int, Decimal] = defaultdict(Decimal)
    for row in truth:
        spent[row["campaign_id"]] += row["advertiser_spend"]
    assert dict(query(database, LATEST)) == spent
    unlisted = (
        "SELECT campaign_id, campaign_name FROM dim_campaigns WHERE NOT is_listed"
    )
    assert query(database, unlisted) == [(gone, truth[0]["campaign_name"])]
    restated = "SELECT DISTINCT day::text FROM fct_campaign_days WHERE may_be_restated"
    assert sorted(day for (day,) in query(database, restated)) == DAYS[-8:]

    chart = tmp_path / "charts" / "chart.svg"
    assert demo.draw(chart, environment) == 0
    bars = heights(chart)
    for metric, column in (("spend", "advertiser_spend"), ("installs", "installs")):
        sums = [sum(r[column] for r in truth if r["day"] == day) for day in DAYS]
        drawn = {day: bars.pop(f"{metric}-{day}") for day in DAYS}
        parts = [float(each / max(sums)) for each in sums]
        assert [h / max(drawn.values()) for h in drawn.values()] == pytest.approx(
            parts, abs=1e-3
        )
    assert not bars

    # Loaded once more, without `advertiser_ids`: the models stay as they were.
    change(database, AGAIN)
    assert demo.dbt("build", environment=environment) == 1
    assert {row[:2]: row[2:] for row in query(database, FACTS)} == facts
