"""The dbt package, installed as its README says, on DuckDB."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import dbt_package
import demo
import pytest
import yaml
from project import DEFAULT_REPORTS
from support import ROOT, SAMPLE_CONFIG, run_process
from watchdog import finished

from tap_kayzen.cli.check import selecting_all
from tap_kayzen.reports.definition import Report
from tap_kayzen.sandbox.data import DEFAULT_ADVERTISER
from tap_kayzen.sandbox.report_calls import request_of
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support import Sandbox

PACKAGE = ROOT / "examples" / "dbt"
PYTHON = demo.DBT.with_name("python")
DAYS = {"start_date": "2026-09-01", "end_date": "2026-09-09"}
TODAY = date(2026, 9, 10)
REPORTS = [*DEFAULT_REPORTS, dbt_package.CREATIVE_ENTRY]
QUERY = """
import duckdb, json, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
print(json.dumps(connection.execute(sys.argv[2]).fetchall(), default=str))
"""
DBT = """
import sys
from dbt.cli.main import dbtRunner
for command in sys.argv[1:]:
    if not dbtRunner().invoke(["--warn-error", *command.split()]).success:
        sys.exit(1)
"""
SQL_TYPES = {
    "integer": "BIGINT",
    "number": "DECIMAL(38,12)",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "date": "DATE",
    "date-time": "TIMESTAMP",
    "object": "JSON",
}


@pytest.fixture
def campaigns() -> int:
    return 40


class Warehouse:
    """A folder with a DuckDB file, the tap's state, and a dbt project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "warehouse.duckdb"
        self.state = folder / "state.json"
        self.project = folder / "project"

    def sync(self, sandbox: Sandbox) -> None:
        settings = {
            **SAMPLE_CONFIG,
            **DAYS,
            "api_url": sandbox.url,
            "reports": REPORTS,
            "emit_activate_version_messages": True,
        }
        catalog = selecting_all(TapKayzen(config=settings).catalog_dict)
        catalog["streams"] = [
            entry
            for entry in catalog["streams"]
            if entry["tap_stream_id"] in dbt_package.ENTITIES
        ]
        files = {"config": settings, "catalog": catalog}
        arguments: list[str | Path] = []
        for option, content in files.items():
            path = self.folder / f"{option}.json"
            path.write_text(json.dumps(content), encoding="utf-8")
            arguments += [f"--{option}", path]
        if self.state.exists():
            arguments += ["--state", self.state]
        run = run_process(*arguments)
        assert run.code == 0, run.stderr
        loader = (PYTHON, PACKAGE / "load_duckdb.py", self.database, self.state)
        finished(loader, given=run.stdout, check=True)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        command = (PYTHON, "-c", QUERY, self.database, statement)
        return [tuple(row) for row in json.loads(finished(command, check=True).stdout)]

    def install(self, package: Mapping[str, str], **variables: object) -> None:
        """Make a dbt project with the package, by the README's own words."""
        self.project.mkdir()
        (project,) = blocks("vars", "models")
        project["vars"] |= variables
        project |= {"name": "warehouse", "profile": "warehouse"}
        project["flags"] = {"send_anonymous_usage_stats": False}
        (profile,) = blocks("warehouse")
        profile["warehouse"]["outputs"]["dev"]["path"] = f"../{self.database.name}"
        for name, content in (
            ("packages", {"packages": [package]}),
            ("dbt_project", project),
            ("profiles", profile),
        ):
            path = self.project / f"{name}.yml"
            path.write_text(yaml.safe_dump(content), encoding="utf-8")

    def dbt(self, *commands: str) -> None:
        """Run commands of dbt in one process, as most of a run is its start."""
        call: tuple[str | Path, ...] = (PYTHON, "-c", DBT, *commands)
        done = finished(call, cwd=self.project, limit=demo.COMMAND_SECONDS or 0)
        assert done.returncode == 0, done.stdout


def blocks(*keys: str) -> list[dict[str, Any]]:
    """Return the YAML of the README that has these keys."""
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    contents: list[dict[str, Any]] = [yaml.safe_load(each) for each in found]
    return [each for each in contents if each.keys() == {*keys}]


def truth(sandbox: Sandbox, entry: dict[str, Any]) -> list[dict[str, Any]]:
    request = request_of({**Report.from_config(entry).body, **DAYS})
    return sandbox.dataset.report_rows(DEFAULT_ADVERTISER, request)


def type_of(definition: Mapping[str, Any]) -> str:
    if "items" in definition:
        return f"{type_of(definition['items'])}[]"
    kinds = {*definition["type"]} if isinstance(definition["type"], list) else set()
    (kind,) = kinds - {"null"} or {definition["type"]}
    return SQL_TYPES.get(definition.get("format", kind), "JSON")


def test_all_models_are_built_on_what_the_tap_wrote(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    warehouse = Warehouse(tmp_path)
    sandbox.dataset.today = TODAY
    warehouse.sync(sandbox)
    # Between the syncs, because their versions are whole seconds and must differ.
    warehouse.install(
        {"local": str(PACKAGE)},
        kayzen_streams=sorted(dbt_package.ENTITIES),
        kayzen_creative_report="creative_performance",
    )
    warehouse.dbt("deps")
    campaigns = sandbox.dataset.campaigns[DEFAULT_ADVERTISER]
    rows, by_creative = (truth(sandbox, entry) for entry in REPORTS)
    # Deleted and changed before the second sync.
    gone = rows[0]["campaign_id"]
    assert sandbox.dataset.delete_campaign(gone)
    campaigns[0]["name"] = 'Zoë\'s\n"name"'
    warehouse.sync(sandbox)
    warehouse.dbt("build", "source freshness")

    columns = warehouse.query(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'analytics_kayzen' AND table_name LIKE 'stg_%'"
    )
    assert sorted(columns) == sorted(
        (each.model, each.renamed(name), type_of(definition))
        for each in dbt_package.staged()
        for name, definition in each.columns.items()
    )
    facts = warehouse.query(
        "SELECT day, campaign_id, spend, revenue, installs"
        " FROM analytics_kayzen.fct_campaign_days"
    )
    kept = {(r["day"], r["campaign_id"]): r for r in rows}
    assert len(facts) == len(kept)
    for day, campaign, spend, revenue, installs in facts:
        row = kept[day, campaign]
        amounts = row["advertiser_spend"], row["revenue_ltv"]
        assert (Decimal(spend), Decimal(revenue)) == amounts
        assert installs == row["installs"]
    listed = warehouse.query(
        "SELECT campaign_id, campaign_name FROM analytics_kayzen.dim_campaigns"
        " WHERE is_listed"
    )
    assert sorted(listed) == [(each["id"], each["name"]) for each in campaigns]
    assert warehouse.query(
        "SELECT campaign_id FROM analytics_kayzen.dim_campaigns WHERE NOT is_listed"
    ) == [(gone,)]
    spent: Counter[int | None] = Counter()
    for row in by_creative:
        spent[row["creative_id"]] += row["advertiser_spend"]
    creatives = warehouse.query(
        "SELECT creative_id, sum(spend) FROM analytics_kayzen.fct_creative_days"
        " GROUP BY creative_id"
    )
    assert {creative: Decimal(amount) for creative, amount in creatives} == spent
    # The newest change of each campaign leads to its present budget.
    budgets = dict(
        warehouse.query(
            "SELECT campaign_id, new_amount FROM analytics_kayzen.fct_budget_changes"
            " WHERE budget = 'day_budget' AND valid_to IS NULL"
        )
    )
    assert len(budgets) > len(campaigns) / 2
    present = {each["id"]: each["day_budget"] for each in campaigns}
    for campaign, amount in budgets.items():
        assert campaign == gone or Decimal(amount) == present[campaign]


def test_the_package_comes_from_a_folder_or_from_git(tmp_path: Path) -> None:
    folder, repository = (entry["packages"] for entry in blocks("packages"))
    assert [package.keys() for package in folder] == [{"local"}]
    (package,) = repository
    server = tmp_path / "server"
    copy = server / package["subdirectory"]
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("target", "logs"))
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    for command in (
        ("init", "--quiet"),
        ("add", "."),
        (*identity, "commit", "--quiet", "--message=x"),
        ("tag", package["revision"]),
    ):
        finished(["git", *command], cwd=server, check=True)
    warehouse = Warehouse(tmp_path)
    warehouse.install({**package, "git": str(server)})
    warehouse.dbt("deps", "parse")
    manifest = warehouse.project / "target" / "manifest.json"
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    assert nodes["model.kayzen.fct_campaign_days"]["schema"] == "analytics_kayzen"


def test_a_file_named_like_the_schema_is_refused(tmp_path: Path) -> None:
    loader = (PYTHON, PACKAGE / "load_duckdb.py", "kayzen.duckdb", "state.json")
    done = finished(loader, given="", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "DuckDB mistakes kayzen.duckdb for the schema kayzen: rename the file\n"
    )
    assert not (tmp_path / "kayzen.duckdb").exists()
