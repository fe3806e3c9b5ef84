"""The models of examples/dbt, and their chart, on what Meltano really loaded."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chart_values
import demo
import psycopg
import pytest
import yaml
from databases import without_schemas
from dbt_package import CREATIVE_ENTRY, ENTITIES, staged
from project import DEFAULT_REPORTS

from tap_kayzen.reports.definition import Report
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.report_calls import request_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from support import Sandbox

pytestmark = pytest.mark.xdist_group("dbt")

TODAY = date(2025, 3, 12)
DAYS = [str(TODAY - timedelta(age)) for age in range(10, 0, -1)]
ADVERTISERS = [DEFAULT_ADVERTISER, DEFAULT_ADVERTISER + 1]
REPORTS = [*DEFAULT_REPORTS, CREATIVE_ENTRY]
EVERYTHING = {
    "kayzen_schema": demo.SCHEMA,
    "kayzen_streams": sorted(ENTITIES),
    "kayzen_creative_report": CREATIVE_ENTRY["name"],
}
"""Variables of dbt that turn all models on."""

SQL_TYPES = {
    "integer": "bigint",
    "number": "numeric",
    "boolean": "boolean",
    "string": "text",
    "date": "date",
    "date-time": "timestamp without time zone",
    "object": "jsonb",
}


@pytest.fixture
def campaigns() -> int:
    return 60


@pytest.fixture
def database(sandbox: Sandbox, server: str, tmp_path: Path) -> str:
    """Load ten days of two advertisers; one of the campaigns is then deleted."""
    without_schemas(server, demo.SCHEMA, demo.MODELS_SCHEMA)
    sandbox.dataset.today = TODAY
    code = demo.meltano(
        *demo.LOAD,
        api_url=sandbox.url,
        database=server,
        environment={
            "MELTANO_DATABASE_URI": f"sqlite:///{tmp_path}/meltano.db",
            "TAP_KAYZEN__SELECT": json.dumps([f"{each}.*" for each in ENTITIES]),
            "TAP_KAYZEN_REPORTS": json.dumps(REPORTS),
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


def with_everything(*arguments: str, environment: Mapping[str, str]) -> int:
    """Run dbt with all models turned on; return its exit code."""
    options = ("--warn-error", *arguments, "--vars", yaml.safe_dump(EVERYTHING))
    return demo.run(demo.DBT, *options, folder=demo.MODELS, environment=environment)


def failed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the states of what is not fine after a run of dbt, by name."""
    results = Path(environment["DBT_TARGET_PATH"], "run_results.json")
    return {
        each["unique_id"].split(".")[2]: each["status"]
        for each in json.loads(results.read_text(encoding="utf-8"))["results"]
        if each["status"] not in {"success", "pass", "no-op", "skipped"}
    }


def type_of(definition: Mapping[str, Any]) -> str:
    given = definition["type"]
    (kind,) = {given} if isinstance(given, str) else {*given} - {"null"}
    if kind == "array":
        return "ARRAY" if "items" in definition else "jsonb"
    return SQL_TYPES[definition.get("format", kind)]


def columns(database: str) -> set[tuple[str, str, str]]:
    """Return table, name, and type of each column of the models."""
    rows = query(
        database,
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        f" WHERE table_schema = '{demo.MODELS_SCHEMA}'",
    )
    return {(table, column, kind) for table, column, kind in rows}


def described(environment: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Yield model and name of each column with a description."""
    manifest = Path(environment["DBT_TARGET_PATH"], "manifest.json")
    for node in json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values():
        if node["resource_type"] == "model":
            for column in node["columns"].values():
                if column["description"]:
                    yield node["name"], column["name"]


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


def close_to(values: list[Any]) -> Any:  # noqa: ANN401
    return pytest.approx([*map(float, values)], rel=1e-3)


def test_the_models_match_the_truth(
    sandbox: Sandbox, database: str, tmp_path: Path
) -> None:
    truth = reported(sandbox)
    gone = truth[0]["campaign_id"]
    # As the target does.
    change(database, f"UPDATE campaigns SET _sdc_deleted_at = now() WHERE id = {gone}")
    environment = demo.dbt_variables(database)
    assert with_everything("build", environment=environment) == 0
    assert failed(environment) == {}
    assert with_everything("source", "freshness", environment=environment) == 0

    # Each column of the tap's schemas, and no model has one without a description.
    present = columns(database)
    assert {each for each in present if each[0].startswith("stg_")} == {
        (each.model, each.renamed(name), type_of(definition))
        for each in staged()
        for name, definition in each.columns.items()
    }
    assert {each[:2] for each in present} == {*described(environment)}

    # The target writes JSON's null where a record has no `_extra`.
    listed = sum(len(sandbox.dataset.campaigns[each]) for each in ADVERTISERS)
    nulls = f"SELECT count(*) FROM {demo.SCHEMA}.campaigns WHERE _extra = 'null'"
    assert query(database, nulls) == [(listed,)]
    orders = sum(len(sandbox.dataset.lists("orders")[each]) for each in ADVERTISERS)
    for table, condition in (
        ("stg_kayzen__{}", "extra IS NOT NULL"),
        (f"{demo.SCHEMA}.{{}}", "jsonb_typeof(_extra) = 'object'"),
    ):
        for stream, count in (("campaigns", 0), ("orders", orders)):
            found = f"SELECT count(*) FROM {table.format(stream)} WHERE {condition}"
            assert query(database, found) == [(count,)]

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
    sums = {
        name: [sum(row[name] for row in truth if row["day"] == day) for day in DAYS]
        for name in METRICS
    }
    spend, installs, roas = chart_values.panels(chart)
    assert spend.days == installs.days == DAYS
    assert spend.values == close_to(sums["advertiser_spend"])
    assert installs.values == close_to(sums["installs"])
    ratios = zip(sums["revenue_ltv"], sums["advertiser_spend"], strict=True)
    assert roas.values == close_to([revenue / cost for revenue, cost in ratios])
    for panel in (spend, installs, roas):
        assert max(panel.values) <= panel.highest_tick
    incomplete = "last 8 days: installs and revenue are incomplete"
    assert incomplete in chart_values.texts(chart)

    # Loaded again, without `advertiser_ids`: the models stay unchanged. Tables
    # of streams that are not read by default do not matter.
    change(database, AGAIN)
    for stream in ("campaign_changelogs", "creative_performance"):
        change(database, f"DROP TABLE {stream} CASCADE")
    assert demo.dbt("build", environment=environment) == 1
    assert failed(environment) == {"assert_campaigns_have_one_advertiser": "fail"}
    assert {row[:2]: row[2:] for row in query(database, FACTS)} == facts
